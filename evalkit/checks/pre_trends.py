"""Did the arms move alike before the start, and what could this design have detected?"""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field
from scipy import stats

from evalkit.checks.base import CheckContext, PanelCheck
from evalkit.checks.linear_trend import FITTED, detectable_in_words, tested_leads
from evalkit.estimate import Aggregation
from evalkit.language import mark, say
from evalkit.numerics.pretest import detectable_slope, passing_joint
from evalkit.vocabulary import BoolArray, CheckStatus, Diagnostic, Domain, FloatArray


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
    null_in_words: ClassVar[str] = mark(
        "Before the start, treated and comparison places moved in parallel: all pre-period effects are zero."
    )
    domain: ClassVar[Domain] = "confounding"
    repeated_cross_sections: ClassVar[bool] = True

    alpha: Annotated[float, Field(gt=0.0, lt=0.5)] = 0.05
    power: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.8

    def run(self, context: CheckContext) -> tuple[Diagnostic, ...]:
        """Test the pre-periods of the event study."""
        leads = tested_leads(context)
        if isinstance(leads, str):
            # where the design fits the treated, its own check (pre_fit) takes the place of this one
            return self.result("informational" if leads == FITTED else "not_run", leads, n_pre_periods=0.0)
        study, rows, effects, covariance = leads.study, leads.rows, leads.effects, leads.covariance
        rank = int(np.linalg.matrix_rank(covariance, hermitian=True))
        precision: FloatArray = np.linalg.pinv(covariance, hermitian=True).astype(np.float64)
        wald = float(effects @ precision @ effects)
        value, statistic = self._p_value(study, rows, wald, rank, precision)
        slope = detectable_slope(passing_joint, leads.shape[rows], covariance, alpha=self.alpha, power=self.power)
        bias = abs(slope * leads.overall_shape)
        status: CheckStatus = "fail" if value < self.alpha else "pass"
        largest = int(np.argmax(np.abs(effects)))
        found = (
            say("Before the start the arms did not move in parallel (joint test p = {value:.2g}).", value=value)
            if status == "fail"
            else say("No pre-trend detected (joint test p = {value:.2g}).", value=value)
        )
        reading = f"{found} {detectable_in_words(context, bias)}."
        return self.result(
            status,
            reading,
            statistic=statistic,
            value=value,
            threshold=self.alpha,
            wald=wald,
            degrees_of_freedom=float(rank),
            n_pre_periods=float(rows.sum()),
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
