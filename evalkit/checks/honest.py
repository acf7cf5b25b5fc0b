"""How far may trends differ after the start before the finding is lost?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field
from scipy import stats

from evalkit.checks.base import CheckContext, PanelCheck, exhibiting
from evalkit.checks.universal_base import universal_base
from evalkit.checks.wording import amount
from evalkit.errors import EvalkitError, Reason
from evalkit.estimate import Aggregation, Estimate
from evalkit.language import mark, phrase, say, why
from evalkit.numerics.honest_did import breakdown, robust_interval
from evalkit.numerics.smooth_trends import Problem, largest_change, problem, smooth_breakdown, smooth_interval
from evalkit.uncertainty import Posterior
from evalkit.vocabulary import CheckStatus, Diagnostic, Domain, Exhibit, FloatArray

MOST = 16.0
"""Largest M-bar looked at: no one argues over a violation that many times the largest one seen."""
FINE = 500.0
"""The breakdown value of the smoothness restriction is found to this part of its unit."""
SMOOTHNESS = "honest_smoothness"
BENDS_NO_MORE = mark(
    "The finding does not hang on exactly parallel trends: it holds where their difference is"
    " a line that bends after the start as much as it did before."
)
AVERAGE, FIRST = "", "first_"
"""Prefix of the details about the average over the window's periods after the start, and about the first."""


@dataclass(frozen=True, slots=True)
class _EventStudy:
    """Consecutive effects around the reference, which is left out: n_pre before it, the rest after.

    Attributes
    ----------
    event_time, effects
        (n_pre + P,).
    covariance
        (n_pre + P, n_pre + P).
    """

    event_time: list[int]
    effects: FloatArray
    covariance: FloatArray
    n_pre: int

    def target(self, first_only: bool) -> FloatArray:
        """(P,) weights of theta: the periods from the start on, alike, or the first alone."""
        after = np.array(self.event_time[self.n_pre :])
        chosen = after == 0 if first_only else after >= 0
        return np.asarray(chosen / chosen.sum(), dtype=np.float64)

    def std_error(self, target: FloatArray) -> float:
        """Of target'tau where trends are parallel."""
        return float(np.sqrt(target @ self.covariance[self.n_pre :, self.n_pre :] @ target))

    def original(self, alpha: float) -> tuple[float, float]:
        """Interval of the average effect where trends are parallel."""
        target = self.target(first_only=False)
        centre, half = float(target @ self.effects[self.n_pre :]), float(stats.norm.isf(alpha / 2.0))
        return centre - half * self.std_error(target), centre + half * self.std_error(target)


class Honest(PanelCheck):
    """Sensitivity to differing trends (Rambachan and Roth 2023), by relative magnitudes and by smoothness.

    Parallel trends are allowed to fail: from one period to the next the difference in trends may
    move, after the start, by up to M-bar times the most it moved before. The check reports robust
    intervals of the average effect over the event window's periods after the start, and the
    breakdown value: the smallest M-bar at which that interval includes 0.

    A second diagnostic, ``honest_smoothness``, lets the difference in trends be a line whose slope changes by
    at most M from one period to the next. It passes or warns; the rating reads the first one.

    Parameters
    ----------
    m_bar
        Where intervals are reported.
    fail, warn
        A breakdown value below `fail` fails, below `warn` is a warning.
    smoothness
        Where intervals under smoothness are reported: M in multiples of the largest change of slope seen
        before the start or, with a single period before the reference, of the effect's standard error. Empty for none.

    Notes
    -----
    Confidence sets are, for relative magnitudes, the conditional least-favourable hybrid of Andrews, Roth and
    Pakes (2023) and, for smoothness, the shortest fixed-length interval: the defaults of R HonestDiD, with their
    normal reference. Periods are those of the event
    window that follow each other without a gap. With anticipation, the anticipation periods count
    as periods after the reference, with effects of their own and no weight in the average.
    """

    name: ClassVar[str] = "honest"
    null_in_words: ClassVar[str] = mark(
        "The finding does not hang on exactly parallel trends: it holds where they differ after "
        "the start as much as they did before."
    )
    domain: ClassVar[Domain] = "confounding"
    repeated_cross_sections: ClassVar[bool] = True

    m_bar: tuple[Annotated[float, Field(ge=0.0, le=MOST)], ...] = (0.0, 0.5, 1.0, 1.5, 2.0)
    fail: Annotated[float, Field(gt=0.0)] = 0.5
    warn: Annotated[float, Field(gt=0.0)] = 1.0
    smoothness: tuple[Annotated[float, Field(ge=0.0, le=MOST)], ...] = (0.0, 0.25, 0.5, 0.75, 1.0)

    def run(self, context: CheckContext) -> tuple[Diagnostic, ...]:
        """Find the robust intervals and the breakdown value."""
        estimate = context.estimate
        if isinstance(estimate.uncertainty, Posterior):
            return self.result(
                "not_run",
                phrase(
                    "The robust intervals are confidence intervals, which a posterior does not have; run a "
                    "frequentist estimator beside it."
                ),
            )
        try:
            study = _event_study(context)
        except EvalkitError as error:
            return self.result(
                "not_run", say("There is no event study with one reference period: {what}", what=why(error))
            )
        if isinstance(study, str):
            return self.result("not_run", study)
        alpha = 1.0 - context.spec.design.level
        try:
            details = self._intervals(study, alpha, AVERAGE) | self._intervals(study, alpha, FIRST)
        except ValueError as error:
            return self.result(
                "not_run", say("The event study's covariance is degenerate: {error}.", error=why(Reason.of(error)))
            )
        value, excludes = details["breakdown"], bool(details["excludes_zero"])
        result = self.result(
            self._status(value, excludes),
            _reading(value, excludes),
            statistic="breakdown_m_bar",
            value=value,
            threshold=self.fail,
            **details,
            n_pre_periods=float(study.n_pre),
        )
        original = study.original(alpha)
        result = exhibiting(result, _exhibit("relative", original, details, self.m_bar, value))
        return (*result, *self._smoothness(context, study, original, alpha)) if self.smoothness else result

    def _smoothness(
        self, context: CheckContext, study: _EventStudy, original: tuple[float, float], alpha: float
    ) -> tuple[Diagnostic, ...]:
        """The second diagnostic: how far the difference in trends may bend."""
        seen = largest_change(study.effects, study.n_pre)
        target = study.target(first_only=False)
        unit = seen or study.std_error(target)
        average = problem(study.effects, study.covariance, study.n_pre, target)
        first = problem(study.effects, study.covariance, study.n_pre, study.target(first_only=True))
        details = self._bends(average, unit, alpha, AVERAGE) | self._bends(first, unit, alpha, FIRST)
        value, excludes = details["breakdown"], bool(details["excludes_zero"])
        found = not original[0] <= 0.0 <= original[1]
        (made,) = self.result(
            _smooth_status(value / unit, excludes, found, bool(seen)),
            _smooth_reading(context, value, unit, excludes, found, bool(seen)),
            statistic="breakdown_m",
            value=value,
            **details,
            breakdown_multiple=value / unit,
            largest_change_seen=seen,
            unit=unit,
        )
        made = replace(made, id=SMOOTHNESS, null_in_words=BENDS_NO_MORE)
        return exhibiting((made,), _exhibit("smooth", original, details, self.smoothness, value / unit))

    def _bends(self, given: Problem, unit: float, alpha: float, prefix: str) -> dict[str, float]:
        """Breakdown value, whether 0 is excluded by a straight line, and both ends at each multiple."""
        value = smooth_breakdown(given, alpha, most=MOST * unit, tolerance=unit / FINE)
        found = {f"{prefix}breakdown": value, f"{prefix}excludes_zero": float(value > 0.0)}
        for multiple in self.smoothness:
            low, high = smooth_interval(given, multiple * unit, alpha)
            found |= {f"{prefix}low_at_{multiple:g}": low, f"{prefix}high_at_{multiple:g}": high}
        return found

    def _intervals(self, study: _EventStudy, alpha: float, prefix: str) -> dict[str, float]:
        """Breakdown value, whether 0 is excluded at M-bar 0, and both ends at each M-bar."""
        given = (study.effects, study.covariance, study.n_pre, study.target(first_only=prefix == FIRST))
        value = breakdown(*given, alpha=alpha, most=MOST)
        found = {f"{prefix}breakdown": value, f"{prefix}excludes_zero": float(value > 0.0)}
        for m_bar in self.m_bar:
            low, high = robust_interval(*given, m_bar=m_bar, alpha=alpha)
            found |= {f"{prefix}low_at_{m_bar:g}": low, f"{prefix}high_at_{m_bar:g}": high}
        return found

    def _status(self, value: float, excludes: bool) -> CheckStatus:
        if not excludes:
            return "informational"
        return "fail" if value < self.fail else "warn" if value < self.warn else "pass"


def _reading(value: float, excludes: bool) -> str:
    """In plain words; always with a decimal, so that no multiple is taken for a count of people and withheld."""
    if not excludes:
        return phrase(
            "The interval of the average effect over the event window includes zero even where trends"
            " are exactly parallel, so there is no finding to put under strain."
        )
    survived = phrase("The finding would survive a violation of parallel trends")
    if value >= MOST:
        return say("{survived} {most:.1f} times the largest one seen before the start.", survived=survived, most=MOST)
    size = f"{value:.2f}" if value < 1.0 else f"{value:.1f}"
    return say(
        "{survived} up to {size} times the largest one seen before the start; beyond that the "
        "interval of the average effect includes zero.",
        survived=survived,
        size=size,
    )


def _smooth_status(multiple: float, excludes: bool, found: bool, seen: bool) -> CheckStatus:
    """A warning where the bend that was seen is enough; without a finding, or a bend to compare with, it informs."""
    if not found or not seen:
        return "informational"
    return "pass" if excludes and multiple >= 1.0 else "warn"


def _smooth_reading(context: CheckContext, value: float, unit: float, excludes: bool, found: bool, seen: bool) -> str:
    """In plain words; an effect has its unit, and a multiple its decimals."""
    if not found:
        return phrase(
            "The interval of the average effect includes zero where trends are parallel: there is no finding to lose."
        )
    if not excludes:
        return phrase(
            "The finding does not survive a difference in trends that went on in a straight line: net"
            " of the line through the periods before the start, the interval of the average effect "
            "includes zero."
        )
    bend, times = amount(context, value, signed=False), f"{value / unit:.2f}"
    step = phrase("a period")
    if value >= MOST * unit:
        return say(
            "The finding would survive a difference in trends that bends by {bend} {step} or more.",
            bend=bend,
            step=step,
        )
    compared = say(" ({times} times the largest bend seen before the start)", times=times) if seen else ""
    return say(
        "The finding would survive a difference in trends that bends by up to {bend} "
        "{step}{compared}; beyond that the interval of the average effect includes zero.",
        bend=bend,
        step=step,
        compared=compared,
    )


def _exhibit(
    restriction: str, original: tuple[float, float], details: dict[str, float], at: tuple[float, ...], value: float
) -> Exhibit:
    """Intervals against M, the original first; the last row is the breakdown value, which has no interval."""
    rows = [("original", np.nan, *original)]
    rows += [("robust", m, details[f"low_at_{m:g}"], details[f"high_at_{m:g}"]) for m in at]
    rows += [("breakdown", value, np.nan, np.nan)] if 0.0 < value < MOST else []
    columns = ("mark", "m", "low", "high")
    table: dict[str, tuple[object, ...]] = dict(zip(columns, zip(*rows, strict=True), strict=True))
    return Exhibit(f"honest_{restriction}", table, labels=("m",))


def _event_study(context: CheckContext) -> _EventStudy | str:
    """Consecutive effects within the window around the reference, or why there are none."""
    estimate, design = context.estimate, context.spec.design
    anticipation = int(estimate.settings.get("anticipation", design.anticipation))
    reference = -1 - anticipation
    rows = _from_one_reference(context, reference)
    if isinstance(rows, str):
        return rows
    usable = ~rows.is_reference & (np.diag(rows.covariance) > 0.0) & np.isfinite(rows.estimate)
    position = {int(label): k for k, label in enumerate(rows.labels) if usable[k]}
    before: list[int] = []
    after: list[int] = []
    event_time = reference - 1
    while event_time in position and event_time >= design.event_window[0]:
        before.insert(0, event_time)
        event_time -= 1
    event_time = reference + 1
    while event_time in position and event_time <= design.event_window[1]:
        after.append(event_time)
        event_time += 1
    if not before:
        return phrase("No violation can be seen before the start: there is no pre-period beyond the reference.")
    if 0 not in after:
        return phrase("The effect at the start cannot be measured from the reference without a gap.")
    kept = [position[label] for label in before + after]
    return _EventStudy(before + after, rows.estimate[kept], rows.covariance[np.ix_(kept, kept)], len(before))


def _from_one_reference(context: CheckContext, reference: int) -> Aggregation | str:
    """The event study with every effect measured from the reference, or why that is not possible."""
    estimate: Estimate = context.estimate
    if estimate.leads_from == "own_mean":
        return phrase(
            "Effects before the start are measured from each cohort's own mean, not from one reference period."
        )
    if estimate.leads_from == "fit":
        return phrase(
            "Before the start the model was fitted to the treated themselves, so the gaps there are no test of trends."
        )
    if any(remark.id == "second_reference" for remark in estimate.remarks):
        return phrase(
            "Without never-treated units two leads are 0 by construction: a steady difference in trends is not seen."
        )
    if estimate.leads_from == "previous":
        if (np.diff(context.panel.time) != 1).any():
            return phrase("Effects before the start are measured from the period before, and the periods have gaps.")
        estimate = universal_base(estimate, reference)
    return estimate.aggregation("event_study")
