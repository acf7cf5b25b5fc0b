"""Roll-out schedules in words and as a table: what each detects, and what it costs in delay."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from evalkit.evidence.digits import few_digits
from evalkit.evidence.speaking import plural, sentence_case
from evalkit.power.document import POINTS
from evalkit.power.result import Power, Way
from evalkit.power.rollouts import AT_ONCE, RollOutOption, best
from evalkit.power.scale import mid_as_analysed
from evalkit.power.words import Words, often
from evalkit.study.spec import StudySpec


@dataclass(frozen=True, slots=True)
class Comparison:
    """Schedules of one study, compared at one power."""

    spec: StudySpec
    options: tuple[RollOutOption, ...]
    target: float

    @property
    def words(self) -> Words:
        """Of the first schedule that could be simulated: its scale serves all."""
        return Words.of(self.spec, next(option.found for option in self.options if option.found is not None))

    @property
    def way(self) -> Way:
        """The direction that the city wants."""
        return self.words.way

    @property
    def steps(self) -> str:
        """Several periods in words."""
        return plural(self.words.step)

    def headline(self) -> str:
        """Which schedule detects the smallest change, and what it costs."""
        top = best(self.options, self.target, self.way)
        if top is None:
            return f"None of these schedules would detect a change of any size {often(self.target)}."
        others = [o for o in self.options if o is not top and math.isfinite(o.detectable(self.target, self.way))]
        against = ""
        if others:
            worst = max(others, key=lambda option: option.detectable(self.target, self.way))
            against = f", against {self._size(worst)} ({worst.name})"
        return (
            f"{sentence_case(top.name)} detects the smallest change {often(self.target)}: a {self.way} of "
            f"{self._size(top)}{against}."
        )

    def cost(self) -> str:
        """What the best schedule delivers beside all at once."""
        top = best(self.options, self.target, self.way)
        at_once = next((option for option in self.options if option.name.startswith(AT_ONCE)), None)
        if top is None or at_once is None or at_once.waiting:
            return ""
        unit, step = self.spec.assignment.unit, self.steps
        said = f"Within the window it delivers {top.delivered:,} {unit}-{step} of the programme"
        if top.delivered == at_once.delivered:
            return f"{said}, as much as any schedule can."
        less = 100.0 * (1.0 - top.delivered / at_once.delivered)
        waits = (
            f"{few_digits(less)} % less than all at once: on average a {unit} waits "
            f"{few_digits(top.delay)} {self._steps(top.delay)} longer"
        )
        left = f", and {top.waiting} of {top.places} are not served within the window" if top.waiting else ""
        return f"{said}, {waits}{left}."

    def alike(self) -> str:
        """Schedules that this simulation cannot tell from the best one; empty where there are none."""
        top = best(self.options, self.target, self.way)
        if top is None or top.found is None:
            return ""
        high = top.found.detectable(self.target, self.way).high
        near = [o.name for o in self.options if o is not top and o.detectable(self.target, self.way) <= high]
        if not near:
            return ""
        return f"Within the Monte Carlo error of it: {', '.join(near)}. Choose among these by what they deliver."

    def off(self) -> str:
        """Schedules whose test rejects too often without any effect; empty where there are none."""
        flattered = [
            f"{option.name} {100 * option.found.size()[0]:.0f} %"
            for option in self.options
            if option.found is not None and option.found.size_is_off() and option.found.size()[0] > option.found.level
        ]
        if not flattered:
            return ""
        return (
            f"Without any effect the test declares one too often ({', '.join(flattered)}; {100 * self.level:g} % would "
            "be sound): what these schedules detect is flattered."
        )

    @property
    def level(self) -> float:
        """Of the test."""
        return self.words.found.level

    def refused(self) -> list[str]:
        """Schedules that cannot be estimated, with the reason."""
        reasons: dict[str, list[str]] = {}
        for option in self.options:
            if option.found is None:
                reasons.setdefault(option.reason, []).append(option.name)
        return [f"Not estimable ({'; '.join(names)}): {reason}" for reason, names in reasons.items()]

    def table(self) -> pd.DataFrame:
        """One row a schedule: sizes and starts, what is detected, what is delivered and when."""
        rows = []
        mid = mid_as_analysed(self.spec.primary_outcome, self.words.scale, self.way)
        for option in self.options:
            found = option.found
            detected = None if found is None else found.detectable(self.target, self.way)
            rows.append(
                {
                    "schedule": option.name,
                    "cohorts": " + ".join(str(size) for size in option.schedule.sizes),
                    "starts_after": ", ".join(str(offset) for offset in option.schedule.offsets),
                    "held_back": option.waiting,
                    "detectable": self._shown(detected.effect if detected else math.inf),
                    "detectable_low": self._shown(detected.low if detected else math.inf),
                    "detectable_high": self._shown(detected.high if detected else math.inf),
                    "power_at_mid": None if found is None or mid is None else found.power_at(mid, self.way)[0],
                    "size": None if found is None else found.size()[0],
                    "place_periods": option.delivered,
                    "mean_delay": option.delay,
                    "served_by_period": ", ".join(str(count) for count in option.served()),
                    "reason": option.reason,
                }
            )
        return pd.DataFrame(rows)

    def curves(self) -> pd.DataFrame:
        """Power by size for every schedule that could be simulated, on one grid of sizes."""
        ends = [o.found.detectable(0.95, self.way).effect for o in self.options if o.found is not None]
        end = max((value for value in ends if math.isfinite(value)), default=1.0)
        parts = [self._curve(o.name, o.found, end) for o in self.options if o.found is not None]
        return pd.concat(parts, ignore_index=True)

    def to_dict(self) -> dict[str, Any]:
        """Everything in plain types."""
        return {
            "study": self.spec.id,
            "outcome": self.spec.primary_outcome.name,
            "unit": self.words.scale.unit,
            "wanted": self.way,
            "power": self.target,
            "headline": self.headline(),
            "sentences": [text for text in (self.cost(), self.alike(), self.off(), *self.refused()) if text],
            "schedules": self.table().astype(object).where(self.table().notna(), None).to_dict("records"),
        }

    def _curve(self, name: str, found: Power, end: float) -> pd.DataFrame:
        effects = [end * place / (POINTS - 1) for place in range(POINTS)]
        powers = [found.power_at(effect, self.way) for effect in effects]
        return pd.DataFrame(
            {
                "design": name,
                "effect_shown": [self.words.scale.shown(effect, self.way) for effect in effects],
                "power": [share for share, _ in powers],
                "mc_error": [error for _, error in powers],
            }
        )

    def _size(self, option: RollOutOption) -> str:
        return self.words.size_in_words(option.detectable(self.target, self.way))

    def _shown(self, effect: float) -> float | None:
        return self.words.scale.shown(effect, self.way) if math.isfinite(effect) else None

    def _steps(self, count: float) -> str:
        return self.words.step if few_digits(count) == "1" else self.steps
