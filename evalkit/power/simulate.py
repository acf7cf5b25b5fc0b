"""Power by simulation on a study's own untreated history, through its own estimator and inference."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, DesignRefused, EstimationFailed, EvalkitError, Reason
from evalkit.estimate import Estimate
from evalkit.estimators.base import Estimator
from evalkit.evaluation import Progress, build, require
from evalkit.inference.choose import report
from evalkit.inference.rules import InferenceTable
from evalkit.power import detection, remarks
from evalkit.power.detection import Thresholds
from evalkit.power.history import History, HistoryKind, Placebo, drawer, find_history
from evalkit.power.kernel import Kernel, agrees, find_kernel
from evalkit.power.places import places_of
from evalkit.power.result import Power
from evalkit.power.rule import TestKind, decide, table_of
from evalkit.power.schedule import Schedule, Wishes, schedule_for
from evalkit.power.shortcut import Row, shortcut
from evalkit.study.spec import Study

DRAWS: Final = 1000
PROBES: Final = 3
"""Panels on which it is tried whether y + c D moves an estimate and its interval by c."""
TRIES: Final = 10
"""Panels tried before an estimator's refusal is final."""
MOVES: Final = 0.02
"""Distance, in standard errors, within which they do: least squares to rounding, a wide prior nearly."""
STAGE: Final = 0x504F5745
"""Keys the draws of this stage, so that no other stage's randomness moves with them."""
WORTH_FAILING: Final = 0.05
"""More refused panels than this share, and there is no answer."""


@dataclass(frozen=True, slots=True)
class Method:
    """How thresholds are found: by the estimator's weights, by a closed form, or by fitting (and fitting again)."""

    test: TestKind
    kernel: Kernel | None
    quick: Callable[[Panel], Row] | None
    linear: bool
    log_link: bool


@dataclass(frozen=True, slots=True)
class Task:
    """One design to be simulated.

    Attributes
    ----------
    schedule
        As it fits into the history.
    table, asked
        The rule table of inference, and the method that the study asks for.
    level
        Of the test, e.g. 0.05.
    """

    estimator: Estimator
    history: History
    schedule: Schedule
    table: InferenceTable
    asked: str
    level: float
    draws: int
    seed: int

    def panels(self, *, inflate: bool) -> Callable[[int], Placebo]:
        """Placebo panel number r, the same whenever it is asked for.

        Keyed by its number, so that schedules are compared on the same places.
        """
        draw = drawer(self.history, self.schedule, inflate=inflate)
        return lambda number: draw(np.random.default_rng([STAGE, self.seed, number]))

    def fit(self, panel: Panel, number: int) -> Estimate:
        """Fit the study's estimator."""
        return self.estimator.fit(panel, rng=np.random.default_rng([STAGE, self.seed, number, 1]))


def power(
    study: Study,
    panel: Panel,
    wishes: Wishes | Schedule | None = None,
    *,
    history: HistoryKind = "auto",
    draws: int = DRAWS,
    progress: Progress | None = None,
) -> Power:
    """What a study's design, or another roll-out over the same places, could detect.

    Parameters
    ----------
    study
        As resolved.
    panel
        Of the primary outcome; outcomes that the programme may have touched are masked before they are read.
    wishes
        How the roll-out differs from the study's own; or a whole schedule.
    history
        See :func:`evalkit.power.history.find_history`.
    draws
        Placebo panels.
    progress
        Told how far it is.

    Raises
    ------
    ConfigError, DesignRefused
        For a roll-out that the history or the estimator cannot serve.
    EstimationFailed
        When the estimator refuses more than one in twenty placebo panels.
    """
    made, wished = prepare(study, panel, wishes or Wishes(), history, draws)
    found = run(made, progress)
    return replace(found, remarks=remarks.about(found, wished, panel, made.estimator))


def prepare(
    study: Study, panel: Panel, wishes: Wishes | Schedule, history: HistoryKind, draws: int
) -> tuple[Task, Schedule]:
    """The task, whose schedule fits the history, and the schedule as it was wished."""
    if draws < 100:
        raise ConfigError(
            f"{draws} draws are too few to tell a power.", allowed="100 or more", next_step="--draws 1000"
        )
    if panel.cross_sections is not None:
        raise DesignRefused(
            Reason(
                "These are repeated cross-sections: nobody is followed over time, so there are no histories to draw."
            ),
            next_step="Average the data by group and period, and name the group as data.unit.",
        )
    if panel.dose is not None:
        raise DesignRefused(
            Reason("Treatment comes in doses that change, and a roll-out says only who starts when."),
            next_step="Design with a 0/1 treatment: data.cohort or data.treated in place of data.dose.",
        )
    estimator = build(study.estimator)
    refuse_sampling(estimator)
    if estimator.needs.eligibility:
        raise DesignRefused(
            Reason(
                "{name} compares eligible with ineligible units of the same places, and a roll-out says only which "
                "units start when: an effect on all that start would cancel out.",
                name=estimator.name,
            ),
            next_step="State the power of a comparison of the eligible alone (estimator=callaway_santanna).",
        )
    design = study.spec.design
    anticipation = max(design.anticipation, int(getattr(estimator, "anticipation", 0)))
    places = places_of(panel)
    wished = wishes if isinstance(wishes, Schedule) else schedule_for(panel, places, wishes, design.event_window)
    needed = max(estimator.needs.pre_periods, anticipation + 1)
    least = max(needed, min(design.required_pre_periods, wished.before))
    level = round(1.0 - design.level, 10)
    found, fitted = find_history(
        panel, places, wished, kind=history, anticipation=anticipation, least_before=least, needed=needed, level=level
    )  # fmt: skip
    asked = str(getattr(design, "inference", "auto"))
    return Task(estimator, found, fitted, table_of(study), asked, level, draws, study.seed), wished


def refuse_sampling(estimator: Estimator) -> None:
    """A model that is sampled for each of a thousand panels would take a day.

    Raises
    ------
    ConfigError
        Naming the exact engine.
    """
    engine, family = getattr(estimator, "engine", "exact"), getattr(estimator, "family", "gaussian")
    if engine == "nuts" or (engine == "auto" and family != "gaussian"):
        raise ConfigError(
            f"{estimator.name} would sample a posterior for every placebo panel.",
            allowed="estimators that fit in less than a second",
            next_step="Use estimator.engine=exact, or state the power of another estimator (estimator=...).",
        )


def run(task: Task, progress: Progress | None = None) -> Power:
    """Simulate one design."""
    tell = progress or _silent
    plain = task.panels(inflate=False)
    require(task.estimator, plain(0).panel)
    probes = _probes(task, plain)
    _, first, estimate = probes[0]
    log_link = bool(estimate.facts.get("log_link"))
    linear = _is_linear(task, probes)
    panels = task.panels(inflate=linear)
    refit = functools.partial(task.fit, number=0)
    test = decide(estimate, first.panel, refit, task.table, alpha=task.level, asked=task.asked)
    kernel = None
    if test in ("permutation", "collapse") and linear:
        tell("Learning the estimator's weights")
        kernel = _kernel(task, panels)
    if test == "permutation" and kernel is None:
        test = "placebo"
    quick = shortcut(estimate, first.panel, task.level) if linear else None
    method = Method(test, kernel, quick, linear, log_link)
    thresholds, failed = _thresholds(task, panels, method, tell)
    if failed > WORTH_FAILING * task.draws:
        raise EstimationFailed(
            Reason(
                "{name} refused {failed} of {draws} placebo panels.",
                name=task.estimator.name,
                failed=failed,
                draws=task.draws,
            ),
            next_step="Use a roll-out with more places or periods, or another estimator.",
        )
    return Power(
        task.schedule, task.history, thresholds, test, task.level, linear, log_link, failed, task.schedule.distinct
    )


def _probes(task: Task, panels: Callable[[int], Placebo]) -> list[tuple[int, Placebo, Estimate]]:
    """The first panels that the estimator takes, with their numbers and estimates.

    Raises
    ------
    EvalkitError
        The estimator's own reason, where it takes none of ten.
    """
    taken: list[tuple[int, Placebo, Estimate]] = []
    reason: EvalkitError | None = None
    for number in range(TRIES):
        placebo = panels(number)
        try:
            taken.append((number, placebo, task.fit(placebo.panel, number)))
        except EvalkitError as refused:  # one unlucky draw; all of them are counted below
            reason = reason or refused
        if len(taken) == PROBES:
            break
    if not taken and reason is not None:
        raise reason
    return taken


def _is_linear(task: Task, probes: list[tuple[int, Placebo, Estimate]]) -> bool:
    """Whether y + c D moves the estimate and its interval by c, tried on several panels."""
    for number, placebo, estimate in probes:
        plain = estimate.aggregation("overall", level=1.0 - task.level)
        error = float(plain.std_error[0])
        moved = task.fit(placebo.shifted(2.0 * error), number).aggregation("overall", level=1.0 - task.level)
        for name in ("estimate", "low", "high"):
            gap = float(getattr(moved, name)[0] - getattr(plain, name)[0]) - 2.0 * error
            if not abs(gap) <= MOVES * error:
                return False
    return True


def _kernel(task: Task, panels: Callable[[int], Placebo]) -> Kernel | None:
    """The estimator as weights, tried on panels that it was not learned from."""

    def overall(panel: Panel) -> float:
        return float(task.fit(panel, 0).aggregation("overall").estimate[0])

    first, *others = (placebo for _, placebo, _ in _probes(task, panels))
    found = find_kernel(overall, first, task.schedule)
    if found is None:
        return None
    return found if all(agrees(found.weights, other, overall(other.panel)) for other in others) else None


def _thresholds(task: Task, panels: Callable[[int], Placebo], method: Method, tell: Progress) -> tuple[Thresholds, int]:
    """Thresholds of every placebo panel, and how many panels were refused."""
    rows = np.full((task.draws, 4), np.nan)
    rows[:, :2] = np.inf
    failed = 0
    one = _by_fit(task, method) if method.kernel is None else _by_weights(task, method.kernel, method.test)
    for number in range(task.draws):
        tell("Simulating placebo panels", number / task.draws)
        try:
            rows[number] = one(panels(number), number)
        except EvalkitError:  # counted: a panel without an estimate detects nothing
            failed += 1
    if method.test == "placebo":
        known = ~np.isnan(rows[:, 2])
        made = detection.placebo_thresholds(rows[known, 2], rows[known, 3], task.schedule.distinct, task.level)
        rows[known, 0], rows[known, 1] = made.rise, made.fall
    rise, fall, value, error = (np.ascontiguousarray(column) for column in rows.T)
    return Thresholds(rise, fall, value, error), failed


def _by_weights(task: Task, kernel: Kernel, test: TestKind) -> Callable[[Placebo, int], Row]:
    if test == "collapse":
        return lambda placebo, number: detection.collapsed_thresholds(kernel, placebo, task.level)
    source, exact = detection.reassignments(task.schedule)

    def one(placebo: Placebo, number: int) -> Row:
        others = source(np.random.default_rng([STAGE, task.seed, number, 2]))
        return detection.permutation_thresholds(kernel, placebo, others, exact=exact, alpha=task.level)

    return one


def _by_fit(task: Task, method: Method) -> Callable[[Placebo, int], Row]:
    def one(placebo: Placebo, number: int) -> Row:
        own = method.test in ("interval", "placebo")
        if method.quick is not None and own:
            return method.quick(placebo.panel)
        if not own:
            return _by_report(task, method, placebo, number)
        rise, fall, value, error = detection.interval_thresholds(task.fit(placebo.panel, number), 1.0 - task.level)
        if not method.linear and method.test == "interval":
            refit = functools.partial(task.fit, number=number)
            rise, fall = detection.searched(refit, placebo, (rise, fall), task.level, method.log_link)
        return rise, fall, value, error

    return one


def _by_report(task: Task, method: Method, placebo: Placebo, number: int) -> Row:
    """Thresholds from the interval that a finished study would report."""
    estimate = task.fit(placebo.panel, number)
    value = float(estimate.aggregation("overall").estimate[0])
    refit = functools.partial(task.fit, number=number)
    made = report(estimate, placebo.panel, refit, task.table, level=1.0 - task.level, asked=method.test)
    return detection.reported_thresholds(value, made)


def _silent(text: str, share: float | None = None, /) -> None:
    """Report to nobody."""
