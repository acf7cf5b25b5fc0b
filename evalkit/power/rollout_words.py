"""Roll-out schedules in words and as a table: what each detects, and what it costs in delay."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from evalkit.evidence.digits import few_digits
from evalkit.evidence.speaking import sentence_case
from evalkit.language import Phrases, localized
from evalkit.language.nouns import step_of, steps
from evalkit.power.document import POINTS
from evalkit.power.result import Power, Way
from evalkit.power.rollouts import AT_ONCE, PLANNED, RollOutOption, best
from evalkit.power.scale import mid_as_analysed
from evalkit.power.words import Words, often
from evalkit.study.spec import StudySpec

_NAMES: Final = {
    "as planned": "as planned",
    "all at once": "all at once",
    "equal waves": "equal waves",
    "early-heavy": "early-heavy",
    "late-heavy": "late-heavy",
    "held": "{name}, {share} % held back",
    "planned": "{name} (as planned)",
}
NAMES: Final = Phrases(_NAMES)
"""Schedules in words; their English names are codes, by which `--list` and the tables know them."""
_HELD: Final = re.compile(r"(.+), ([\d.]+) % held back")
_SAID: Final = {
    "none": "None of these schedules would detect a change of any size {often}.",
    "best": "{name} detects the smallest change {often}: {change}.",
    "best_against": "{name} detects the smallest change {often}: {change}, against {other} ({other_name}).",
    "delivers": "Within the window it delivers {delivered} {place}-{steps} of the programme.",
    "delivers_most": "That is as much as any schedule can.",
    "delivers_less": "That is {less} % less than all at once: on average a {place} waits {delay} {steps} longer.",
    "waiting": "{waiting} of {places} are not served within the window.",
    "alike": "Within the Monte Carlo error of it: {names}. Choose among these by what they deliver.",
    "off_one": "{name} {share:.0f} %",
    "off": (
        "Without any effect the test declares one too often ({names}; {level:g} % would be sound): what these "
        "schedules detect is flattered."
    ),
    "refused": "Not estimable ({names}): {reason}",
}
SAID: Final = Phrases(_SAID)


def schedule_in_words(name: str) -> str:
    """Name of a schedule in the language spoken.

    Examples
    --------
    >>> schedule_in_words("equal waves, 20 % held back"), schedule_in_words("all at once (as planned)")
    ('equal waves, 20 % held back', 'all at once (as planned)')
    """
    planned = name.removesuffix(f" ({PLANNED})")
    if planned != name:
        return NAMES.say("planned", name=schedule_in_words(planned))
    held = _HELD.fullmatch(name)
    if held:
        return NAMES.say("held", name=schedule_in_words(held[1]), share=localized(held[2]))
    return NAMES.get(name, name)


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
        return steps(self.words.step)

    def headline(self) -> str:
        """Which schedule detects the smallest change, and what it costs."""
        top = best(self.options, self.target, self.way)
        if top is None:
            return SAID.say("none", often=often(self.target))
        others = [o for o in self.options if o is not top and math.isfinite(o.detectable(self.target, self.way))]
        holes = {
            "name": sentence_case(schedule_in_words(top.name)), "often": often(self.target),
            "change": self.words.change(top.detectable(self.target, self.way)),
        }  # fmt: skip
        if not others:
            return SAID.say("best", **holes)
        worst = max(others, key=lambda option: option.detectable(self.target, self.way))
        return SAID.say("best_against", other=self._size(worst), other_name=schedule_in_words(worst.name), **holes)

    def cost(self) -> str:
        """What the best schedule delivers beside all at once."""
        top = best(self.options, self.target, self.way)
        at_once = next((option for option in self.options if option.name.startswith(AT_ONCE)), None)
        if top is None or at_once is None or at_once.waiting:
            return ""
        said = SAID.say("delivers", delivered=localized(f"{top.delivered:,}"), place=self.words.place, steps=self.steps)
        if top.delivered == at_once.delivered:
            return f"{said} {SAID['delivers_most']}"
        less = SAID.say(
            "delivers_less", less=few_digits(100.0 * (1.0 - top.delivered / at_once.delivered)), place=self.words.place,
            delay=few_digits(top.delay), steps=self._steps(top.delay),
        )  # fmt: skip
        left = SAID.say("waiting", waiting=top.waiting, places=top.places) if top.waiting else ""
        return " ".join(text for text in (said, less, left) if text)

    def alike(self) -> str:
        """Schedules that this simulation cannot tell from the best one; empty where there are none."""
        top = best(self.options, self.target, self.way)
        if top is None or top.found is None:
            return ""
        high = top.found.detectable(self.target, self.way).high
        near = [o for o in self.options if o is not top and o.detectable(self.target, self.way) <= high]
        if not near:
            return ""
        return SAID.say("alike", names=", ".join(schedule_in_words(option.name) for option in near))

    def off(self) -> str:
        """Schedules whose test rejects too often without any effect; empty where there are none."""
        flattered = [
            SAID.say("off_one", name=schedule_in_words(option.name), share=100 * option.found.size()[0])
            for option in self.options
            if option.found is not None and option.found.size_is_off() and option.found.size()[0] > option.found.level
        ]
        return SAID.say("off", names=", ".join(flattered), level=100 * self.level) if flattered else ""

    @property
    def level(self) -> float:
        """Of the test."""
        return self.words.found.level

    def refused(self) -> list[str]:
        """Schedules that cannot be estimated, with the reason."""
        reasons: dict[str, list[str]] = {}
        for option in self.options:
            if option.found is None:
                reasons.setdefault(option.reason, []).append(schedule_in_words(option.name))
        return [SAID.say("refused", names="; ".join(names), reason=reason) for reason, names in reasons.items()]

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
        parts = [self._curve(schedule_in_words(o.name), o.found, end) for o in self.options if o.found is not None]
        return pd.concat(parts, ignore_index=True)

    def to_dict(self) -> dict[str, Any]:
        """Everything in plain types."""
        return {
            "study": self.spec.id,
            "outcome": self.words.outcome,
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
        return step_of(self.words.step) if few_digits(count) == "1" else self.steps
