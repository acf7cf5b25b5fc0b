"""Does the two-way coefficient hold when its t statistic is compared with its own bootstrap?"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from scipy import stats

from evalkit.checks.base import CheckContext, PanelCheck
from evalkit.checks.headline import anticipation, excludes_zero, survival
from evalkit.checks.wording import NO_ONE_START, NOT_ALL_THAT_START
from evalkit.inference.refits import cluster_counts, compares_eligible
from evalkit.inference.reported import NotComputable
from evalkit.inference.wild_bootstrap import FEW_TREATED, bootstrapped
from evalkit.language import mark, phrase, say, why
from evalkit.vocabulary import CheckStatus, Diagnostic, Domain


class WildBootstrapCheck(PanelCheck):
    """Restricted wild cluster bootstrap-t (WCR) of the static two-way coefficient, with its interval by inversion.

    Multiplies the residuals of the model in which the programme changed nothing by one random sign a
    cluster, estimates again, and compares t statistics (Cameron, Gelbach and Miller 2008; fast form of
    Roodman et al. 2019). It speaks for the two-way coefficient without covariates, whatever the primary
    estimator is.

    Few clusters in all are what it repairs. With one or two treated ones it errs on the other side and
    hardly ever rejects: a large p-value then only informs, and ``randomization_inference`` has to judge.
    It only informs, too, where the clustered error of the two-way coefficient does not exclude 0 either
    but the primary estimate's interval does.

    Parameters
    ----------
    draws
        Random multiplier vectors where there are too many sign vectors to use all.
    alpha
        Level of the test and, as 1 - alpha, of the interval.
    weights
        ``rademacher`` (signs; all 2^C of them where these are at most `draws`), ``webb`` (six points), or
        ``auto``: Webb below 12 clusters.
    """

    name: ClassVar[str] = "wild_bootstrap"
    null_in_words: ClassVar[str] = mark("The two-way coefficient is zero.")
    domain: ClassVar[Domain] = "estimation"

    draws: Annotated[int, Field(ge=99)] = 9999
    alpha: Annotated[float, Field(gt=0.0, lt=0.5)] = 0.05
    weights: Literal["auto", "rademacher", "webb"] = "auto"

    def run(self, context: CheckContext) -> tuple[Diagnostic, ...]:
        """Bootstrap the t statistic under the null."""
        if context.panel.dose is not None:
            return self.result("not_run", NO_ONE_START)
        if compares_eligible(context.estimate):
            return self.result("not_run", NOT_ALL_THAT_START)
        try:
            found = bootstrapped(
                context.panel,
                lead=anticipation(context),
                n_draws=self.draws,
                law=self.weights,
                seed=context.estimate.seed,
            )
        except NotComputable as reason:
            return self.result("not_run", f"{why(reason)[0].upper()}{why(reason)[1:]}.")
        fit, made, webb = found.fit, found.draws, found.webb
        p, (low, high) = made.p_value(), made.interval(self.alpha)
        excluded, treated = excludes_zero(context), cluster_counts(context.panel)[0]
        status, verdict = survival(p, self.alpha, made.smallest_p, excluded)
        clustered = 2.0 * float(stats.t(fit.n_clusters - 1).sf(abs(fit.coefficient) / fit.std_error))
        if status == "fail":
            status, verdict = _what_it_can_contradict(verdict, treated, clustered <= self.alpha)
        law = "Webb" if webb else "Rademacher"
        of_them = phrase("all of them") if made.exact else say("{n_draws} draws", n_draws=made.n_draws)
        bounds = {name: bound for name, bound in (("low", low), ("high", high)) if np.isfinite(bound)}
        return self.result(
            status,
            say(
                "The two-way coefficient is {coefficient:.3g}; by the wild cluster bootstrap ({law} "
                "multipliers on {n_clusters} clusters, {of_them}) p = {p:.3g} and the {alpha:g} % "
                "interval runs from {bound} to {bound_2}. {verdict}",
                coefficient=fit.coefficient,
                law=law,
                n_clusters=fit.n_clusters,
                of_them=of_them,
                p=p,
                alpha=100 * (1 - self.alpha),
                bound=_bound(low),
                bound_2=_bound(high),
                verdict=verdict,
            ),
            statistic="wild_bootstrap_p",
            value=p,
            threshold=self.alpha,
            coefficient=fit.coefficient,
            std_error=fit.std_error,
            t=fit.coefficient / fit.std_error,
            clustered_p=clustered,
            **bounds,
            n_draws=float(made.n_draws),
            smallest_p=made.smallest_p,
            exact=float(made.exact),
            webb=float(webb),
            n_clusters=float(fit.n_clusters),
            n_treated_clusters=float(treated),
            interval_excludes_zero=float(excluded),
        )


def _what_it_can_contradict(verdict: str, treated: int, coefficient_differs: bool) -> tuple[CheckStatus, str]:
    """Status and sentence where p is above alpha although the headline's interval excludes 0.

    It contradicts the headline only where it has power, and where the coefficient's own clustered error
    says what the bootstrap denies: otherwise it is the model that differs, not the error.
    """
    if treated < FEW_TREATED:
        return "informational", (
            phrase(
                "With one or two treated clusters this test hardly ever rejects, so it speaks neither for"
                " nor against the estimate: see randomization inference."
            )
        )
    if not coefficient_differs:
        return "informational", (
            phrase(
                "The clustered error of this coefficient does not exclude 0 either: it differs from the "
                "estimate, which this test therefore cannot judge."
            )
        )
    return "fail", verdict


def _bound(value: float) -> str:
    return f"{value:.3g}" if np.isfinite(value) else (phrase("minus infinity") if value < 0.0 else "infinity")
