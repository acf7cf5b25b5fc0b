"""How far may trends differ after the start before the finding is lost?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from evalkit.checks.base import CheckContext, PanelCheck
from evalkit.checks.universal_base import universal_base
from evalkit.errors import EvalkitError
from evalkit.estimate import Aggregation, Estimate
from evalkit.numerics.honest_did import breakdown, robust_interval
from evalkit.uncertainty import Posterior
from evalkit.vocabulary import CheckStatus, Diagnostic, Domain, FloatArray

MOST = 16.0
"""Largest M-bar looked at: no one argues over a violation that many times the largest one seen."""
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


class Honest(PanelCheck):
    """Sensitivity to differing trends, relative magnitudes (Rambachan and Roth 2023).

    Parallel trends are allowed to fail: from one period to the next the difference in trends may
    move, after the start, by up to M-bar times the most it moved before. The check reports robust
    intervals of the average effect over the event window's periods after the start, and the
    breakdown value: the smallest M-bar at which that interval includes 0.

    Parameters
    ----------
    m_bar
        Where intervals are reported.
    fail, warn
        A breakdown value below `fail` fails, below `warn` is a warning.

    Notes
    -----
    Confidence sets are the conditional least-favourable hybrid of Andrews, Roth and Pakes (2023),
    the default of R HonestDiD, with the normal reference of that method. Periods are those of the event
    window that follow each other without a gap. With anticipation, the anticipation periods count
    as periods after the reference, with effects of their own and no weight in the average.
    """

    name: ClassVar[str] = "honest"
    null_in_words: ClassVar[str] = (
        "The finding does not hang on exactly parallel trends: it holds where they differ after the start as much as "
        "they did before."
    )
    domain: ClassVar[Domain] = "confounding"
    repeated_cross_sections: ClassVar[bool] = True

    m_bar: tuple[Annotated[float, Field(ge=0.0, le=MOST)], ...] = (0.0, 0.5, 1.0, 1.5, 2.0)
    fail: Annotated[float, Field(gt=0.0)] = 0.5
    warn: Annotated[float, Field(gt=0.0)] = 1.0

    def run(self, context: CheckContext) -> tuple[Diagnostic, ...]:
        """Find the robust intervals and the breakdown value."""
        estimate = context.estimate
        if isinstance(estimate.uncertainty, Posterior):
            return self.result(
                "not_run",
                "The robust intervals are confidence intervals, which a posterior does not have; run a frequentist "
                "estimator beside it.",
            )
        try:
            study = _event_study(context)
        except EvalkitError as error:
            return self.result("not_run", f"There is no event study with one reference period: {error.what}")
        if isinstance(study, str):
            return self.result("not_run", study)
        alpha = 1.0 - context.spec.design.level
        try:
            details = self._intervals(study, alpha, AVERAGE) | self._intervals(study, alpha, FIRST)
        except ValueError as error:
            return self.result("not_run", f"The event study's covariance is degenerate: {error}.")
        value, excludes = details["breakdown"], bool(details["excludes_zero"])
        return self.result(
            self._status(value, excludes),
            _reading(value, excludes),
            statistic="breakdown_m_bar",
            value=value,
            threshold=self.fail,
            **details,
            n_pre_periods=float(study.n_pre),
        )

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
        return (
            "The interval of the average effect over the event window includes zero even where trends are exactly "
            "parallel, so there is no finding to put under strain."
        )
    survived = "The finding would survive a violation of parallel trends"
    if value >= MOST:
        return f"{survived} {MOST:.1f} times the largest one seen before the start."
    size = f"{value:.2f}" if value < 1.0 else f"{value:.1f}"
    return (
        f"{survived} up to {size} times the largest one seen before the start; beyond that the interval of the average "
        "effect includes zero."
    )


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
        return "No violation can be seen before the start: there is no pre-period beyond the reference."
    if 0 not in after:
        return "No effect at the start can be measured from the reference without a gap."
    kept = [position[label] for label in before + after]
    return _EventStudy(before + after, rows.estimate[kept], rows.covariance[np.ix_(kept, kept)], len(before))


def _from_one_reference(context: CheckContext, reference: int) -> Aggregation | str:
    """The event study with every effect measured from the reference, or why that is not possible."""
    estimate: Estimate = context.estimate
    if estimate.leads_from == "own_mean":
        return "Effects before the start are measured from each cohort's own mean, not from one reference period."
    if any(remark.id == "second_reference" for remark in estimate.remarks):
        return "Without never-treated units two leads are 0 by construction: a steady difference in trends is not seen."
    if estimate.leads_from == "previous":
        if (np.diff(context.panel.time) != 1).any():
            return "Effects before the start are measured from the period before, and the periods have gaps."
        estimate = universal_base(estimate, reference)
    return estimate.aggregation("event_study")
