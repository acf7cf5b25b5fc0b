"""How well does the model predict an observation that it has not seen, and does one observation rule the rest?"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from evalkit.checks.base import CheckContext, PanelCheck
from evalkit.checks.posterior import predictive_of
from evalkit.language import mark, phrase, say
from evalkit.numerics.pareto_smoothing import largest_k, leave_one_out
from evalkit.uncertainty import Posterior, Predictive
from evalkit.vocabulary import Diagnostic, Domain

IN_A_SERIES = mark(
    " In a series the neighbours of the one left out are still seen: this says how well the "
    "model fills a gap, not how well it forecasts the time after the start."
)


class Loo(PanelCheck):
    """Leave-one-out prediction by Pareto-smoothed importance sampling (Vehtari, Gelman and Gabry 2017).

    The score compares models of the same data; alone it has no good or bad value. The check warns where an
    observation moves the posterior so much that the score cannot be relied on.
    """

    name: ClassVar[str] = "loo"
    null_in_words: ClassVar[str] = mark("No single observation rules the posterior.")
    domain: ClassVar[Domain] = "estimation"
    repeated_cross_sections: ClassVar[bool] = True

    def run(self, context: CheckContext) -> tuple[Diagnostic, ...]:
        """Leave each observation out in turn."""
        predictive = predictive_of(context)
        if not isinstance(predictive, Predictive):
            return self.result(*predictive)
        if predictive.log_likelihood is None:
            return self.result(
                "not_run", phrase("The estimator keeps no likelihood by observation, so none can be left out.")
            )
        found = leave_one_out(predictive.log_likelihood, _efficiency(context))
        size, count = predictive.log_likelihood.shape
        allowed = largest_k(size)
        ruling = int((found.k > allowed).sum())
        worst = float(np.max(found.k))
        one = (
            say(
                "{ruling} of the {count:,} observations move the posterior so much that the score cannot "
                "be relied on (Pareto k up to {worst:.2f}; {allowed:.2f} is allowed): look at them before"
                " the result is used",
                ruling=ruling,
                count=count,
                worst=worst,
                allowed=allowed,
            )
            if ruling
            else say(
                "No single observation rules the posterior (Pareto k at most {worst:.2f}; {allowed:.2f} is allowed)",
                worst=worst,
                allowed=allowed,
            )
        )
        single = len(np.unique(predictive.period)) == count
        return self.result(
            "warn" if ruling else "pass",
            say(
                "{one}. Leave-one-out log score {elpd:.1f} (standard error {std_error:.1f}), with the "
                "work of {p_loo:.1f} free parameters.{in_a_series}",
                one=one,
                elpd=found.elpd,
                std_error=found.std_error,
                p_loo=found.p_loo,
                in_a_series=IN_A_SERIES * single,
            ),
            statistic="pareto_k_max",
            value=worst,
            threshold=allowed,
            elpd_loo=found.elpd,
            elpd_std_error=found.std_error,
            p_loo=found.p_loo,
            n_above=float(ruling),
            n_observations=float(count),
        )


def _efficiency(context: CheckContext) -> float:
    """Effective draws over draws; 1 for independent ones."""
    posterior = context.estimate.uncertainty
    if not isinstance(posterior, Posterior) or posterior.sampler.n_chains == 1:
        return 1.0
    drawn = posterior.sampler.n_chains * posterior.sampler.n_draws
    return float(np.clip(posterior.sampler.ess_bulk_min / drawn, 0.01, 1.0))
