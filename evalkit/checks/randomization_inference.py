"""Would the same starts, given to other places, have looked like an effect as well?"""

from __future__ import annotations

import dataclasses
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from evalkit.checks.base import CheckContext, PanelCheck
from evalkit.checks.headline import anticipation, excludes_zero, survival
from evalkit.checks.wording import NO_ONE_START, PLACES_UNKNOWN
from evalkit.estimate import Estimate
from evalkit.inference.randomization import assignments_of
from evalkit.inference.refits import cluster_counts, compares_eligible, is_static_two_way, refitted, two_way
from evalkit.inference.reported import NotComputable
from evalkit.language import mark, phrase, say, why
from evalkit.numerics.reassignment import randomization_p
from evalkit.uncertainty import Posterior
from evalkit.vocabulary import Diagnostic, Domain, FloatArray


class RandomizationInference(PanelCheck):
    """Fisher's randomization test of "nobody was affected"; with one treated unit, the placebo test in space.

    The starts that happened are given to other clusters, each cluster with all its units; the effect is
    estimated again; the p-value is the share of roll-outs whose statistic is at least as far from 0, the
    observed one included. All different roll-outs are used where there are at most ``draws + 1``
    (the p-value is then exact), random ones otherwise. Always-treated clusters keep their start.

    It holds at any number of treated clusters if each roll-out was as likely as the others. Where places
    chose or were chosen, it says how unusual the treated are, not how likely the result was. Clusters of
    differing size or spread make the plain effect unreliable; its t statistic does better (MacKinnon and
    Webb 2020), so the statistic is studentized where all errors are above 0.

    Parameters
    ----------
    draws
        Random roll-outs where there are too many to use all.
    alpha
        Level of the test.
    studentized
        Compare effect over standard error; the effect itself when False.
    statistic
        ``primary`` fits the primary estimator again for every roll-out, ``two_way`` takes the static
        two-way coefficient. ``auto`` is ``primary``, but ``two_way`` for a Bayesian estimate, whose
        model would have to be fitted a thousand times.
    """

    name: ClassVar[str] = "randomization_inference"
    null_in_words: ClassVar[str] = mark(
        "The programme changed nothing in any place, so who started when made no difference."
    )
    domain: ClassVar[Domain] = "estimation"

    draws: Annotated[int, Field(ge=99)] = 999
    alpha: Annotated[float, Field(gt=0.0, lt=0.5)] = 0.05
    studentized: bool = True
    statistic: Literal["auto", "primary", "two_way"] = "auto"

    def run(self, context: CheckContext) -> tuple[Diagnostic, ...]:
        """Reassign, estimate again, compare."""
        panel = context.panel
        if panel.dose is not None:
            return self.result("not_run", NO_ONE_START)
        if compares_eligible(context.estimate) and panel.cluster is None:
            return self.result("not_run", PLACES_UNKNOWN)
        try:
            others = assignments_of(panel, self.draws, context.estimate.seed)
        except NotComputable as reason:
            return self.result("not_run", f"{why(reason)[0].upper()}{why(reason)[1:]}.")
        fast = self._uses_two_way(context.estimate)
        statistic = two_way(anticipation(context)) if fast else refitted(context.fit)
        observed = statistic(panel)
        if not np.isfinite(observed[0]):
            return self.result("not_run", phrase("The two-way coefficient of this panel cannot be estimated."))
        found = [statistic(dataclasses.replace(panel, first_treated=starts)) for starts in others.others()]
        compared = np.array([observed, *found] if others.exact else found)
        failed = int(np.isnan(compared[:, 0]).sum())
        if 2 * failed > len(compared):
            return self.result(
                "not_run",
                say(
                    "{failed} of {compared} other roll-outs could not be estimated.",
                    failed=failed,
                    compared=len(compared),
                ),
            )
        smallest = others.plan.mirrors / len(compared) if others.exact else 1.0 / (1 + len(compared))
        return self._report(
            context, observed, compared, others.exact, smallest, phrase("two-way coefficient") if fast else "effect"
        )

    def _uses_two_way(self, estimate: Estimate) -> bool:
        if self.statistic != "auto":
            return self.statistic == "two_way"
        return isinstance(estimate.uncertainty, Posterior) or is_static_two_way(estimate)

    def _report(
        self,
        context: CheckContext,
        observed: tuple[float, float],
        others: FloatArray,
        exact: bool,
        smallest: float,
        what: str,
    ) -> tuple[Diagnostic, ...]:
        errors = np.append(others[~np.isnan(others[:, 0]), 1], observed[1])
        studentized = self.studentized and bool((errors > 0.0).all())
        value = observed[0] / observed[1] if studentized else observed[0]
        with np.errstate(invalid="ignore"):
            compared = others[:, 0] / others[:, 1] if studentized else others[:, 0]
        p = randomization_p(value, compared, exact=exact)
        excluded = excludes_zero(context)
        status, verdict = survival(p, self.alpha, smallest, excluded)
        count = len(others) if exact else 1 + len(others)
        beyond = round(p * count)
        among = say("all {count} possible", count=count) if exact else say("{count} randomly drawn", count=count)
        measured = say("{what}, divided by its error,", what=what) if studentized else what
        failed = int(np.isnan(others[:, 0]).sum())
        trouble = say(" {failed} could not be estimated and count as at least as far.", failed=failed) if failed else ""
        return self.result(
            status,
            say(
                "Among {among} roll-outs of the same starts over the same places, {beyond}, the real one "
                "included, put the {measured} at least as far from 0 (p = {p:.3g}; the smallest that "
                "could be reached is {smallest:.3g}).{trouble} {verdict}",
                among=among,
                beyond=beyond,
                measured=measured,
                p=p,
                smallest=smallest,
                trouble=trouble,
                verdict=verdict,
            ),
            statistic="randomization_p",
            value=p,
            threshold=self.alpha,
            effect=observed[0],
            observed_statistic=value,
            n_assignments=float(count),
            n_at_least_as_far=float(beyond),
            n_not_estimable=float(failed),
            smallest_p=smallest,
            exact=float(exact),
            studentized=float(studentized),
            n_treated_clusters=float(cluster_counts(context.panel)[0]),
            interval_excludes_zero=float(excluded),
        )
