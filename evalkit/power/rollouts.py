"""Roll-out schedules of one programme, compared: what each would detect, and what it costs in delay."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, DesignRefused, EvalkitError, Reason
from evalkit.evaluation import Progress
from evalkit.language import why
from evalkit.power.history import HistoryKind
from evalkit.power.places import places_of
from evalkit.power.result import Power, Way
from evalkit.power.schedule import Schedule, Wishes, schedule_for, shared_out
from evalkit.power.simulate import power
from evalkit.study.spec import Study

PLANNED: Final = "as planned"
AT_ONCE: Final = "all at once"


@dataclass(frozen=True, slots=True)
class RollOutOption:
    """One way to admit the same places, and what it would detect.

    Attributes
    ----------
    name
        In words.
    schedule
        As wished; `found.schedule` is as simulated.
    waiting
        Places held back until after the window.
    found
        Its power; None where it was refused.
    reason
        Why, where it was.
    """

    name: str
    schedule: Schedule
    waiting: int
    found: Power | None
    reason: str = ""

    @property
    def delivered(self) -> int:
        """Place-periods of the programme within the window."""
        return self.schedule.delivered

    def detectable(self, target: float, way: Way) -> float:
        """Size detected with this power, as analysed; infinite where nothing is."""
        return math.inf if self.found is None else self.found.detectable(target, way).effect

    def served(self) -> list[int]:
        """Places that have started, by period since the first start of the comparison (0, 1, ...)."""
        made = self.schedule
        pairs = list(zip(made.sizes, made.offsets, strict=True))
        return [
            sum(size for size, offset in pairs if offset <= period) for period in range(made.offsets[-1] + made.after)
        ]

    @property
    def places(self) -> int:
        """Places that the programme is for: those that start and those held back."""
        return self.schedule.treated + self.waiting

    @property
    def delay(self) -> float:
        """Mean periods that a place waits longer than under all at once; who is held back waits to the window's end."""
        length = self.schedule.offsets[-1] + self.schedule.after
        return length - self.delivered / self.places


def options(planned: Schedule, *, hold_back: float) -> dict[str, tuple[Schedule, int]]:
    """The schedules that are compared: name to schedule and places held back.

    All have the window of the planned one, its total of places and its dates of start. Early-heavy cohorts are in the
    proportions K, ..., 2, 1, late-heavy ones the other way round; the last schedule phases places in at random in equal
    waves and holds a share back until after the window.

    Examples
    --------
    >>> made = options(Schedule((0, 2), (22, 78), total=100, before=5, after=3), hold_back=0.2)
    >>> [(name, schedule.sizes) for name, (schedule, _) in made.items()][2:5]
    [('equal waves', (50, 50)), ('early-heavy', (67, 33)), ('late-heavy', (33, 67))]
    >>> made["equal waves, 20 % held back"][1]
    20
    """
    places, count = planned.treated, len(planned.sizes)
    held = round(hold_back * places)
    if places - held < count:
        raise ConfigError(
            f"{places} places less {held} held back cannot make {count} cohorts.",
            next_step="Give fewer cohorts, or a smaller --hold-back.",
        )

    def staggered(sizes: Sequence[int]) -> Schedule:
        return Schedule(planned.offsets, tuple(sizes), planned.total, planned.before, planned.after)

    rising = [float(k + 1) for k in range(count)]
    length = planned.offsets[-1] + planned.after
    made = {
        PLANNED: (planned, 0),
        AT_ONCE: (Schedule((0,), (places,), planned.total, planned.before, length), 0),
    }
    if count > 1:
        made["equal waves"] = (staggered(shared_out(places, [1.0] * count)), 0)
        made["early-heavy"] = (staggered(shared_out(places, rising[::-1])), 0)
        made["late-heavy"] = (staggered(shared_out(places, rising)), 0)
    if held:
        name = f"{'equal waves' if count > 1 else AT_ONCE}, {100 * hold_back:g} % held back"
        made[name] = (staggered(shared_out(places - held, [1.0] * count)), held)
    return _without_repeats(made)


def _without_repeats(made: dict[str, tuple[Schedule, int]]) -> dict[str, tuple[Schedule, int]]:
    """The plan under its own name where it is one of the standard schedules."""
    plan = made[PLANNED]
    same = [name for name, other in made.items() if name != PLANNED and other == plan]
    if not same:
        return made
    return {
        (f"{name} (as planned)" if name in same else name): other for name, other in made.items() if name != PLANNED
    }


def proposed(study: Study, panel: Panel, wishes: Wishes, *, hold_back: float) -> list[RollOutOption]:
    """The schedules that are compared, not yet simulated.

    Raises
    ------
    ConfigError
        For wishes that contradict each other or the data.
    """
    planned = schedule_for(panel, places_of(panel), wishes, study.spec.design.event_window)
    made = options(planned, hold_back=hold_back)
    return [RollOutOption(name, schedule, waiting, None) for name, (schedule, waiting) in made.items()]


def compare(
    study: Study,
    panel: Panel,
    wishes: Wishes,
    *,
    hold_back: float,
    history: HistoryKind = "auto",
    draws: int,
    progress: Progress | None = None,
) -> tuple[RollOutOption, ...]:
    """Simulate every schedule on the same placebo places.

    A schedule that cannot be estimated (nobody is left to compare with) stays in the table with its reason.

    Raises
    ------
    ConfigError
        For wishes that contradict each other or the data.
    DesignRefused
        Where no schedule at all can be estimated.
    """
    found = []
    for option in proposed(study, panel, wishes, hold_back=hold_back):
        if progress is not None:
            progress(f"Simulating: {option.name}")
        found.append(_simulated(study, panel, option.name, option.schedule, option.waiting, history, draws, progress))
    if not any(option.found for option in found):
        raise DesignRefused(
            Reason("None of the schedules can be estimated. {first}: {why}", first=found[0].name, why=found[0].reason),
            next_step="Give more places in all (--units), or hold some back (--hold-back).",
        )
    return tuple(found)


def _simulated(
    study: Study,
    panel: Panel,
    name: str,
    schedule: Schedule,
    waiting: int,
    history: HistoryKind,
    draws: int,
    progress: Progress | None,
) -> RollOutOption:
    def tell(text: str, share: float | None = None, /) -> None:
        if progress is not None and share is not None:
            progress(f"Simulating: {name}", share)

    try:
        return RollOutOption(
            name, schedule, waiting, power(study, panel, schedule, history=history, draws=draws, progress=tell)
        )
    except ConfigError:
        raise
    except EvalkitError as reason:  # part of the answer: this roll-out leaves nothing to compare
        return RollOutOption(name, schedule, waiting, None, why(reason))


def best(found: Sequence[RollOutOption], target: float, way: Way) -> RollOutOption | None:
    """The schedule that detects the smallest change; None where none detects any."""
    known = {option.name: option.detectable(target, way) for option in found}
    reached = [option for option in found if math.isfinite(known[option.name])]
    return min(reached, key=lambda option: known[option.name], default=None)
