"""Which difference in trends could have gone unseen, and what would it have done to the estimate?"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from evalkit.checks.base import CheckContext, PanelCheck, exhibiting
from evalkit.checks.linear_trend import Leads, detectable_in_words, tested_leads
from evalkit.checks.wording import amount
from evalkit.language import mark, phrase, say
from evalkit.numerics.pretest import Passing, detectable_slope, passing_individual, passing_joint
from evalkit.uncertainty import Posterior
from evalkit.vocabulary import Diagnostic, Domain, Exhibit, FloatArray

TESTS = {"joint": passing_joint, "individual": passing_individual}
HIGH, EVEN = 0.8, 0.5
"""Powers at which the detectable trend is stated: the field's usual one, and as often seen as not."""


class PreTrendPower(PanelCheck):
    """Power of the pre-trend test against a straight difference in trends (Roth 2022).

    The slope that the test finds with 80 and with 50 % power, the bias that it puts into the overall effect, and the
    mean of the overall effect among results that pass although the slope is there and nothing else happened:
    passing selects, so this may lie further from 0 than the bias.

    Parameters
    ----------
    test
        ``joint``: the Wald test of the check `pre_trends`. ``individual``: no single pre-period differs from 0,
        as readers judge an event study by eye, and as R pretrends does.
    alpha
        Level of the test, or of each of its parts.
    share
        It warns where the bias at 80 % power is this share of the estimate or more. It never fails: the
        rating reads the same bias from `pre_trends`.
    """

    name: ClassVar[str] = "pre_trend_power"
    null_in_words: ClassVar[str] = mark(
        "A difference in trends large enough to matter would have been seen before the start."
    )
    domain: ClassVar[Domain] = "confounding"
    repeated_cross_sections: ClassVar[bool] = True

    test: Literal["joint", "individual"] = "joint"
    alpha: Annotated[float, Field(gt=0.0, lt=0.5)] = 0.05
    share: Annotated[float, Field(gt=0.0)] = 0.5

    def run(self, context: CheckContext) -> tuple[Diagnostic, ...]:
        """Find the slopes, their bias, and what passing leaves."""
        if isinstance(context.estimate.uncertainty, Posterior):
            return self.result(
                "not_run", phrase("Power is that of a frequentist test; run such an estimator beside this one.")
            )
        leads = tested_leads(context)
        if isinstance(leads, str):
            return self.result("not_run", leads)
        shape = leads.shape[leads.rows]
        if not np.any(np.linalg.pinv(leads.covariance, hermitian=True) @ shape):
            return self.result(
                "not_run", phrase("The pre-periods of this event study show nothing of a steady difference.")
            )
        effect = float(context.estimate.aggregation("overall").estimate[0])
        # in the direction in which the bias could have made the estimate
        sign = 1.0 if effect * leads.overall_shape >= 0.0 else -1.0
        slopes = {power: sign * self._slope(leads, power) for power in (HIGH, EVEN)}
        bias = {power: slope * leads.overall_shape for power, slope in slopes.items()}
        mean = {power: self._after_passing(leads, slope) for power, slope in slopes.items()}
        weak = abs(bias[HIGH]) >= self.share * abs(effect)
        result = self.result(
            "warn" if weak else "pass",
            say(
                "{detectable_in_words} with 80 % power ({amount} a period), and {amount_2} with 50 % "
                "power. If the smaller one was there, the programme moved nothing and the test passed, "
                "the estimate would be {amount_3} on average; it is {amount_4}.",
                detectable_in_words=detectable_in_words(context, bias[HIGH]),
                amount=amount(context, slopes[HIGH], signed=False),
                amount_2=amount(context, bias[EVEN], signed=False),
                amount_3=amount(context, mean[EVEN]),
                amount_4=amount(context, effect),
            ),
            statistic="bias_at_80",
            value=abs(bias[HIGH]),
            threshold=self.share * abs(effect),
            slope_at_80=abs(slopes[HIGH]),
            slope_at_50=abs(slopes[EVEN]),
            bias_at_50=abs(bias[EVEN]),
            expected_at_80=mean[HIGH],
            expected_at_50=mean[EVEN],
            estimate=effect,
            n_pre_periods=float(leads.rows.sum()),
        )
        return exhibiting(result, self._exhibit(leads, slopes[HIGH], context.spec.design.event_window[1]))

    def _slope(self, leads: Leads, power: float) -> float:
        shape = leads.shape[leads.rows]
        return detectable_slope(TESTS[self.test], shape, leads.covariance, alpha=self.alpha, power=power)

    def _passing(self, leads: Leads, slope: float) -> Passing:
        return TESTS[self.test](slope * leads.shape[leads.rows], leads.covariance, self.alpha)

    def _after_passing(self, leads: Leads, slope: float) -> float:
        """Mean of the overall effect given the slope, no effect, and a test that passed."""
        return slope * leads.overall_shape + float(
            self._moved(leads, slope, leads.with_overall[leads.rows][None])[0]
        )  # fmt: skip

    def _moved(self, leads: Leads, slope: float, with_leads: FloatArray) -> FloatArray:
        """By how much passing moves the mean of what has these covariances with the leads."""
        shift = self._passing(leads, slope).mean - slope * leads.shape[leads.rows]
        return np.asarray(with_leads @ np.linalg.pinv(leads.covariance, hermitian=True) @ shift)

    def _exhibit(self, leads: Leads, slope: float, last: int) -> Exhibit:
        """The event study of the window with the trend of 80 % power, and what passing leaves of it."""
        study = leads.study
        expected = slope * leads.shape + self._moved(leads, slope, study.covariance[:, leads.rows])
        shown = np.flatnonzero((study.labels >= study.labels[leads.rows].min()) & (study.labels <= last))
        known = (study.estimate, study.low, study.high)
        estimate, low, high = (np.where(study.is_reference, 0.0, each) for each in known)
        table: dict[str, tuple[object, ...]] = {
            "event_time": tuple(int(study.labels[k]) for k in shown),
            "n_treated": tuple(int(study.n_treated[k]) for k in shown),
            **{
                name: tuple(float(column[k]) for k in shown)
                for name, column in (("estimate", estimate), ("low", low), ("high", high),
                                     ("trend", slope * leads.shape), ("expected", expected))
            },
        }  # fmt: skip
        return Exhibit("pre_trend_power", table, counts=("n_treated",), labels=("event_time",), about="cohorts")
