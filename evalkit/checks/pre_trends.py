"""Did the arms move alike before the start, and what could this design have detected?"""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field
from scipy import optimize, stats

from evalkit.aggregate import weights as aggregation_weights
from evalkit.checks.base import CheckContext, PanelCheck
from evalkit.checks.wording import amount
from evalkit.errors import EvalkitError
from evalkit.estimate import Aggregation, Estimate
from evalkit.vocabulary import POOLED, BoolArray, CheckStatus, Diagnostic, Domain, FloatArray


class PreTrends(PanelCheck):
    """Joint Wald test of the pre-period effects, with the trend that it could have detected.

    Only pre-periods inside the study's event window are tested, so the test is declared before
    it is seen. Power follows Roth (2022), section II: under a linear difference in trends the
    Wald statistic is noncentral; the slope detected with the declared power is translated into
    the bias it would put into the overall effect.

    Parameters
    ----------
    alpha
        Level of the test.
    power
        Power at which the detectable trend is stated.
    """

    name: ClassVar[str] = "pre_trends"
    null_in_words: ClassVar[str] = (
        "Before the start, treated and comparison places moved in parallel: all pre-period effects are zero."
    )
    domain: ClassVar[Domain] = "confounding"
    repeated_cross_sections: ClassVar[bool] = True

    alpha: Annotated[float, Field(gt=0.0, lt=0.5)] = 0.05
    power: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.8

    def run(self, context: CheckContext) -> tuple[Diagnostic, ...]:
        """Test the pre-periods of the event study."""
        try:
            study = context.estimate.aggregation("event_study")
        except EvalkitError as error:
            return self.result("not_run", f"The estimate has no event study: {error.what}")
        anticipation = int(context.estimate.settings.get("anticipation", context.spec.design.anticipation))
        first = context.spec.design.event_window[0]
        rows = (study.labels < -anticipation) & (study.labels >= first) & ~study.is_reference
        rows &= np.sqrt(np.clip(np.diag(study.covariance), 0.0, None)) > 0.0
        count = int(rows.sum())
        if count == 0:
            return self.result("not_run", "There is no pre-period beyond the reference to test.", n_pre_periods=0.0)
        effects, covariance = study.estimate[rows], study.covariance[np.ix_(rows, rows)]
        rank = int(np.linalg.matrix_rank(covariance, hermitian=True))
        precision: FloatArray = np.linalg.pinv(covariance, hermitian=True).astype(np.float64)
        wald = float(effects @ precision @ effects)
        value, statistic = self._p_value(study, rows, wald, rank, precision)
        bias = self._detectable_bias(context.estimate, rows, precision, rank, -1 - anticipation)
        status: CheckStatus = "fail" if value < self.alpha else "pass"
        largest = int(np.argmax(np.abs(effects)))
        found = (
            f"Before the start the arms did not move in parallel (joint test p = {value:.2g})."
            if status == "fail"
            else f"No pre-trend detected (joint test p = {value:.2g})."
        )
        least = amount(context, bias, signed=False)
        reading = f"{found} This design would detect a trend that biases the overall effect by {least} or more."
        return self.result(
            status,
            reading,
            statistic=statistic,
            value=value,
            threshold=self.alpha,
            wald=wald,
            degrees_of_freedom=float(rank),
            n_pre_periods=float(count),
            detectable_at_80=bias,
            largest_pre_effect=float(effects[largest]),
            largest_pre_event_time=float(study.labels[rows][largest]),
        )

    def _p_value(
        self, study: Aggregation, rows: BoolArray, wald: float, rank: int, precision: FloatArray
    ) -> tuple[float, str]:
        """Chi-squared, or F where the estimate has degrees of freedom; the posterior's own tail for draws."""
        if study.draws is not None:
            centred = study.draws[:, rows] - study.estimate[rows]
            distance = np.einsum("si,ij,sj->s", centred, precision, centred)
            return float((distance >= wald).mean()), "posterior_tail_share"
        if study.degrees_of_freedom is None:
            return float(stats.chi2.sf(wald, rank)), "wald_chi2_p"
        return float(stats.f.sf(wald / rank, rank, study.degrees_of_freedom)), "wald_f_p"

    def _detectable_bias(
        self, estimate: Estimate, rows: BoolArray, precision: FloatArray, rank: int, reference: int
    ) -> float:
        """Bias of the overall effect under the smallest linear trend that the test finds with `power`."""
        critical = stats.chi2.isf(self.alpha, rank)
        needed = optimize.brentq(lambda nc: stats.ncx2.sf(critical, rank, nc) - self.power, 1e-6, 1e4)
        trend = _trend_as_measured(estimate, reference)
        shape = (aggregation_weights(estimate.cells, "event_study").on_cells.T @ trend)[rows]
        slope = float(np.sqrt(needed / (shape @ precision @ shape)))
        return abs(slope * float(aggregation_weights(estimate.cells, "overall").on_cells[:, 0] @ trend))


def _trend_as_measured(estimate: Estimate, reference: int) -> FloatArray:
    """(K,) what a difference in trends of one unit a period adds to each cell's estimate.

    It depends on what a pre-period is compared with (:attr:`~evalkit.estimate.Estimate.leads_from`).
    """
    cells = estimate.cells
    trend = (cells.event_time - reference).astype(np.float64)
    before = cells.event_time < reference + 1
    if estimate.leads_from == "previous":
        trend[before] = 1.0
    elif estimate.leads_from == "own_mean":
        for cohort in np.unique(cells.cohort):
            own = cells.cohort == cohort
            trend[own] = cells.event_time[own] - cells.event_time[own & before].mean() if (own & before).any() else 0.0
    pooled = cells.event_time == POOLED
    if pooled.any():
        treated = ~pooled & (cells.event_time >= 0)
        trend[pooled] = np.average(trend[treated], weights=cells.n_treated[treated])
    return trend
