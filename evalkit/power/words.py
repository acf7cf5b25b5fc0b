"""The sentences of a design: what it would detect, beside what matters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from evalkit.evidence.digits import few_digits
from evalkit.evidence.speaking import plural, sentence_case
from evalkit.power.result import Detectable, Power, Way
from evalkit.power.rule import TESTS
from evalkit.power.scale import Scale, mid_as_analysed, scale_for, wanted
from evalkit.study.spec import StudySpec

OFTEN: Final = {0.5: "half of the time", 0.8: "four times in five", 0.9: "nine times in ten", 0.95: "19 times in 20"}


@dataclass(frozen=True, slots=True)
class Words:
    """Speaks of one simulated design."""

    spec: StudySpec
    found: Power
    scale: Scale

    @classmethod
    def of(cls, spec: StudySpec, found: Power) -> Words:
        """With the scale of the study's primary outcome."""
        return cls(spec, found, scale_for(spec.primary_outcome, found))

    @property
    def way(self) -> Way:
        """The direction that the city wants."""
        return wanted(self.spec.primary_outcome)

    @property
    def places(self) -> str:
        """The places in the plural."""
        return plural(self.spec.assignment.unit)

    @property
    def step(self) -> str:
        """One period in words."""
        return self.found.history.panel.calendar.step_name

    def headline(self, power: float) -> str:
        """The first sentence that a reader sees."""
        found = self.found.detectable(power, self.way)
        mid = self.mid_in_words()
        matters = f"the smallest change that matters is {mid}" if mid else "no smallest change that matters is declared"
        if not math.isfinite(found.effect):
            return f"{self._never(power)} {sentence_case(matters)}."
        return (
            f"This design would detect a {self.way} of {self.size_in_words(found.effect)} or more {often(power)}; "
            f"{matters}."
        )

    def verdict(self, power: float) -> str:
        """What that means for the change that matters; empty where none is declared."""
        outcome = self.spec.primary_outcome
        mid = mid_as_analysed(outcome, self.scale, self.way)
        if mid is None:
            return ""
        share, error = self.found.power_at(mid, self.way)
        said = f"It would detect a {self.way} of {self.mid_in_words()} {self.cases(share, error)}."
        if share - 2.0 * error > power:
            return f"{said} It is fit to see what matters."
        if share + 2.0 * error < power:
            return (
                f"{said} A result that includes 0 would then say little: most such changes would be missed."
                if share < 0.5
                else f"{said} It would miss such a change more often than was asked for."
            )
        return said

    def at(self, effect: float) -> str:
        """Power at an effect (as analysed) that was asked about."""
        return (
            f"A {self.way} of {self.size_in_words(effect)} would be detected "
            f"{self.cases(*self.found.power_at(effect, self.way))}."
        )

    def size(self) -> str:
        """How often the test cries wolf."""
        share, error = self.found.size()
        said = (
            f"Without any effect it would declare one in {100 * share:.1f} % of cases (Monte Carlo error "
            f"{100 * error:.1f}); a sound test at this level does so in {100 * self.found.level:g} %."
        )
        if not self.found.size_is_off():
            return said
        if share > self.found.level:
            return f"{said} The interval is too short here, so that power and detectable change are flattered."
        return f"{said} The interval is wider than it needs to be here, which costs power."

    def design(self) -> str:
        """The roll-out in one sentence."""
        made = self.found.schedule
        later = [
            f"{size} after {offset} {self._steps(offset)}"
            for size, offset in zip(made.sizes[1:], made.offsets[1:], strict=True)
        ]
        first = f": {made.sizes[0]} first" if later else " together"
        return (
            f"{made.treated} of {made.total} {self.places} start{', '.join([first, *later])}; {made.before} "
            f"{self._steps(made.before)} before the first start, {made.after} {self._steps(made.after)} from the last "
            "start on."
        )

    def history(self) -> str:
        """What was read."""
        first, last = self.found.history.period_labels
        read = self.found.history
        how = (
            "without the programme throughout"
            if read.kind == "never_treated"
            else f"before anybody could have been affected, in windows of {read.length} {self._steps(read.length)}"
        )
        return (
            f"{read.n_places} {self.places}, {first} to {last}, {how}. No outcome of a place after its start was read."
        )

    def test(self) -> str:
        """How it is decided whether something was detected."""
        return f"{sentence_case(TESTS[self.found.test])}, at the {100 * self.found.level:g} % level."

    def size_in_words(self, effect: float) -> str:
        """An effect as analysed (positive) as people speak of it."""
        return self.scale.words(self.scale.shown(effect, self.way))

    def interval_in_words(self, found: Detectable) -> str:
        """A detectable change with its Monte Carlo interval."""
        if not math.isfinite(found.effect):
            return "not reached at any size"
        ends = [self.scale.shown(end, self.way) if math.isfinite(end) else None for end in (found.low, found.high)]
        low, high = ("no bound" if end is None else few_digits(end, 3) for end in ends)
        return f"{self.size_in_words(found.effect)} (Monte Carlo interval {low} to {high})"

    def mid_in_words(self) -> str:
        """The smallest change that matters, on the shown scale; empty where there is none."""
        mid = mid_as_analysed(self.spec.primary_outcome, self.scale, self.way)
        return "" if mid is None else self.size_in_words(mid)

    @staticmethod
    def cases(share: float, error: float) -> str:
        """A power in words, with its Monte Carlo error."""
        return f"in {100 * share:.0f} % of cases (Monte Carlo error {100 * error:.1f})"

    @staticmethod
    def _never(power: float) -> str:
        return f"This design would detect no change of any size {often(power)}."

    def _steps(self, count: int) -> str:
        return self.step if count == 1 else plural(self.step)


def often(power: float) -> str:
    """A power as a frequency.

    Examples
    --------
    >>> often(0.8), often(0.85)
    ('four times in five', 'in 85 % of cases')
    """
    return OFTEN.get(round(power, 6), f"in {100 * power:g} % of cases")
