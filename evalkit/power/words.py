"""The sentences of a design: what it would detect, beside what matters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from evalkit.evidence.digits import few_digits
from evalkit.evidence.speaking import sentence_case
from evalkit.language import Phrases, localized
from evalkit.language.nouns import counted
from evalkit.power.result import Detectable, Power, Way
from evalkit.power.rule import TESTS
from evalkit.power.scale import Scale, mid_as_analysed, scale_for, wanted
from evalkit.study.spec import StudySpec
from evalkit.study.told import told, told_outcome, told_units

_OFTEN: Final = {
    "0.5": "half of the time",
    "0.8": "four times in five",
    "0.9": "nine times in ten",
    "0.95": "19 times in 20",
    "other": "in {share} % of cases",
}
OFTEN: Final = Phrases(_OFTEN)
_SAID: Final = {
    "rise": "a rise of {size}",
    "fall": "a fall of {size}",
    "rise_at": "A rise of {size} would be detected {cases}.",
    "fall_at": "A fall of {size} would be detected {cases}.",
    "headline": "This design would detect {change} or more {often}; {matters}.",
    "headline_never": "This design would detect no change of any size {often}. {matters}.",
    "matters": "the smallest change that matters is {mid}",
    "matters_none": "no smallest change that matters is declared",
    "verdict": "It would detect {change} {cases}.",
    "fit": "It is fit to see what matters.",
    "misses_most": "A result that includes 0 would then say little: most such changes would be missed.",
    "misses_some": "It would miss such a change more often than was asked for.",
    "cases": "in {share:.0f} % of cases (Monte Carlo error {error:.1f})",
    "size": (
        "Without any effect it would declare one in {share:.1f} % of cases (Monte Carlo error {error:.1f}); a sound "
        "test at this level does so in {level:g} %."
    ),
    "size_short": "The interval is too short here, so that power and detectable change are flattered.",
    "size_wide": "The interval is wider than it needs to be here, which costs power.",
    "together": (
        "{treated} of {total} {places} start together; {before} before the first start, {after} from the last start on."
    ),
    "staged": (
        "{treated} of {total} {places} start: {stages}; {before} before the first start, {after} from the last "
        "start on."
    ),
    "stage_first": "{count} first",
    "stage_later": "{count} after {offset}",
    "history_never": (
        "{count} {places}, {first} to {last}, without the programme throughout. No outcome of a place after its "
        "start was read."
    ),
    "history_before": (
        "{count} {places}, {first} to {last}, before anybody could have been affected, in windows of {length}. No "
        "outcome of a place after its start was read."
    ),
    "test": "{test}, at the {level:g} % level.",
    "not_reached": "not reached at any size",
    "no_bound": "no bound",
    "interval": "{size} (Monte Carlo interval {low} to {high})",
}
SAID: Final = Phrases(_SAID)


@dataclass(frozen=True, slots=True)
class Words:
    """Speaks of one simulated design, in the language spoken when it was made."""

    spec: StudySpec
    found: Power
    scale: Scale

    @classmethod
    def of(cls, spec: StudySpec, found: Power) -> Words:
        """With the scale of the study's primary outcome, and its unit as told."""
        return cls(spec, found, scale_for(spec.primary_outcome, found, told_outcome(spec, spec.primary_outcome).unit))

    @property
    def way(self) -> Way:
        """The direction that the city wants."""
        return wanted(self.spec.primary_outcome)

    @property
    def outcome(self) -> str:
        """Name of the outcome, as told."""
        return told_outcome(self.spec, self.spec.primary_outcome).name

    @property
    def place(self) -> str:
        """One place, as told."""
        return told(self.spec).assignment.unit

    @property
    def places(self) -> str:
        """The places in the plural."""
        return told_units(self.spec)

    @property
    def step(self) -> str:
        """One period, as the calendar names it."""
        return self.found.history.panel.calendar.step_name

    def headline(self, power: float) -> str:
        """The first sentence that a reader sees."""
        found = self.found.detectable(power, self.way)
        mid = self.mid_in_words()
        matters = SAID.say("matters", mid=mid) if mid else SAID["matters_none"]
        if not math.isfinite(found.effect):
            return SAID.say("headline_never", often=often(power), matters=sentence_case(matters))
        return SAID.say("headline", change=self.change(found.effect), often=often(power), matters=matters)

    def change(self, effect: float) -> str:
        """An effect as analysed (positive) as a rise or a fall."""
        return SAID.say(self.way, size=self.size_in_words(effect))

    def verdict(self, power: float) -> str:
        """What that means for the change that matters; empty where none is declared."""
        mid = mid_as_analysed(self.spec.primary_outcome, self.scale, self.way)
        if mid is None:
            return ""
        share, error = self.found.power_at(mid, self.way)
        said = SAID.say("verdict", change=self.change(mid), cases=self.cases(share, error))
        if share - 2.0 * error > power:
            return f"{said} {SAID['fit']}"
        if share + 2.0 * error < power:
            return f"{said} {SAID['misses_most' if share < 0.5 else 'misses_some']}"
        return said

    def at(self, effect: float) -> str:
        """Power at an effect (as analysed) that was asked about."""
        cases = self.cases(*self.found.power_at(effect, self.way))
        return SAID.say(f"{self.way}_at", size=self.size_in_words(effect), cases=cases)

    def size(self) -> str:
        """How often the test cries wolf."""
        share, error = self.found.size()
        said = SAID.say("size", share=100 * share, error=100 * error, level=100 * self.found.level)
        if not self.found.size_is_off():
            return said
        return f"{said} {SAID['size_short' if share > self.found.level else 'size_wide']}"

    def design(self) -> str:
        """The roll-out in one sentence."""
        made = self.found.schedule
        stages = [SAID.say("stage_first", count=made.sizes[0])]
        stages += [
            SAID.say("stage_later", count=size, offset=counted(offset, self.step))
            for size, offset in zip(made.sizes[1:], made.offsets[1:], strict=True)
        ]
        return SAID.say(
            "staged" if len(stages) > 1 else "together", treated=made.treated, total=made.total, places=self.places,
            before=counted(made.before, self.step), after=counted(made.after, self.step),
            **({"stages": ", ".join(stages)} if len(stages) > 1 else {}),
        )  # fmt: skip

    def history(self) -> str:
        """What was read."""
        first, last = self.found.history.period_labels
        read = self.found.history
        never = read.kind == "never_treated"
        return SAID.say(
            "history_never" if never else "history_before", count=read.n_places, places=self.places, first=first,
            last=last, **({} if never else {"length": counted(read.length, self.step)}),
        )  # fmt: skip

    def test(self) -> str:
        """How it is decided whether something was detected."""
        return SAID.say("test", test=sentence_case(TESTS[self.found.test]), level=100 * self.found.level)

    def size_in_words(self, effect: float) -> str:
        """An effect as analysed (positive) as people speak of it."""
        return self.scale.words(self.scale.shown(effect, self.way))

    def interval_in_words(self, found: Detectable) -> str:
        """A detectable change with its Monte Carlo interval."""
        if not math.isfinite(found.effect):
            return SAID["not_reached"]
        ends = [self.scale.shown(end, self.way) if math.isfinite(end) else None for end in (found.low, found.high)]
        low, high = (SAID["no_bound"] if end is None else few_digits(end, 3) for end in ends)
        return SAID.say("interval", size=self.size_in_words(found.effect), low=low, high=high)

    def mid_in_words(self) -> str:
        """The smallest change that matters, on the shown scale; empty where there is none."""
        mid = mid_as_analysed(self.spec.primary_outcome, self.scale, self.way)
        return "" if mid is None else self.size_in_words(mid)

    @staticmethod
    def cases(share: float, error: float) -> str:
        """A power in words, with its Monte Carlo error."""
        return SAID.say("cases", share=100 * share, error=100 * error)


def often(power: float) -> str:
    """A power as a frequency.

    Examples
    --------
    >>> often(0.8), often(0.85)
    ('four times in five', 'in 85 % of cases')
    """
    known = f"{round(power, 6):g}"
    return OFTEN[known] if known in OFTEN else OFTEN.say("other", share=localized(f"{100 * power:g}"))
