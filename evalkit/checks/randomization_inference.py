"""Would the same starts, given to other places, have looked like an effect as well?"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable, Iterable
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from evalkit.checks.base import CheckContext, PanelCheck
from evalkit.checks.headline import anticipation, excludes_zero, survival, treated_clusters
from evalkit.checks.wording import NO_ONE_START
from evalkit.data.panel import Panel
from evalkit.errors import EvalkitError
from evalkit.estimate import Estimate
from evalkit.numerics.reassignment import RollOut, randomization_p, roll_out
from evalkit.numerics.static_two_way import fit_static_two_way
from evalkit.uncertainty import Posterior
from evalkit.vocabulary import NEVER, Diagnostic, Domain, FloatArray, IntArray

Statistic = Callable[[IntArray], tuple[float, float]]
"""First treated periods (N,) to an effect and its standard error; NaN where it cannot be estimated."""


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
    null_in_words: ClassVar[str] = "The programme changed nothing in any place, so who started when made no difference."
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
        plan = roll_out(panel.first_treated, panel.cluster_codes, panel.always_treated)
        if plan is None:
            return self.result(
                "not_run",
                "Some clusters hold units that started at different times: a cluster has no one start that could have "
                "gone to another.",
            )
        if plan.distinct < 2:
            return self.result("not_run", "No other roll-out was possible: every place that could swap started alike.")
        two_way = self._uses_two_way(context.estimate)
        statistic = _two_way(context) if two_way else _primary(context)
        observed = statistic(panel.first_treated)
        if not np.isfinite(observed[0]):
            return self.result("not_run", "The two-way coefficient of this panel cannot be estimated.")
        exact = plan.distinct <= self.draws + 1
        others = np.array([statistic(starts) for starts in self._assignments(plan, context.estimate.seed, exact)])
        failed = int(np.isnan(others[:, 0]).sum())
        if 2 * failed > len(others):
            return self.result("not_run", f"{failed} of {len(others)} other roll-outs could not be estimated.")
        return self._report(context, observed, others, exact, "two-way coefficient" if two_way else "effect")

    def _uses_two_way(self, estimate: Estimate) -> bool:
        if self.statistic != "auto":
            return self.statistic == "two_way"
        return isinstance(estimate.uncertainty, Posterior) or is_static_two_way(estimate)

    def _assignments(self, plan: RollOut, seed: int, exact: bool) -> Iterable[IntArray]:
        if exact:
            return plan.every()
        # keyed by the check's name, so that other checks do not move its draws
        return plan.drawn(self.draws, np.random.default_rng([seed, zlib.crc32(f"check:{self.name}".encode())]))

    def _report(
        self, context: CheckContext, observed: tuple[float, float], others: FloatArray, exact: bool, what: str
    ) -> tuple[Diagnostic, ...]:
        errors = np.append(others[~np.isnan(others[:, 0]), 1], observed[1])
        studentized = self.studentized and bool((errors > 0.0).all())
        value = observed[0] / observed[1] if studentized else observed[0]
        with np.errstate(invalid="ignore"):
            compared = others[:, 0] / others[:, 1] if studentized else others[:, 0]
        p = randomization_p(value, compared, exact=exact)
        smallest = 1.0 / len(others) if exact else 1.0 / (1 + len(others))
        excluded = excludes_zero(context)
        status, verdict = survival(p, self.alpha, smallest, excluded)
        count = len(others) if exact else 1 + len(others)
        beyond = round(p * count)
        among = f"all {count} possible" if exact else f"{count} randomly drawn"
        measured = f"{what}, divided by its error," if studentized else what
        failed = int(np.isnan(others[:, 0]).sum())
        trouble = f" {failed} could not be estimated and count as at least as far." if failed else ""
        return self.result(
            status,
            f"Among {among} roll-outs of the same starts over the same places, {beyond}, the real one included, put "
            f"the {measured} at least as far from 0 (p = {p:.3g}; the smallest that could be reached is "
            f"{smallest:.3g}).{trouble} {verdict}",
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
            n_treated_clusters=float(treated_clusters(context)),
            interval_excludes_zero=float(excluded),
        )


def is_static_two_way(estimate: Estimate) -> bool:
    """Whether the overall effect is the static two-way coefficient with clustered errors and no covariates."""
    settings = estimate.settings
    plain = not settings.get("covariates") and settings.get("errors") == "clustered"
    return estimate.estimator == "two_way_fixed_effects" and plain


def _primary(context: CheckContext) -> Statistic:
    """The primary estimator's overall effect, fitted again."""

    def fitted(starts: IntArray) -> tuple[float, float]:
        try:
            overall = context.fit(dataclasses.replace(context.panel, first_treated=starts)).aggregation("overall")
        except EvalkitError:  # this roll-out has no estimate; randomization_p counts it against the finding
            return float("nan"), float("nan")
        return float(overall.estimate[0]), float(overall.std_error[0])

    return fitted


def _two_way(context: CheckContext) -> Statistic:
    """The static two-way coefficient, anticipated periods left out of the comparison."""
    panel, lead = context.panel, anticipation(context)

    def fitted(starts: IntArray) -> tuple[float, float]:
        found = fit_static_two_way(
            panel.outcome,
            starts[:, None] <= panel.time[None, :],
            panel.cluster_codes,
            weights=panel.weight,
            left_out=anticipated(panel, starts, lead),
        )
        return (float("nan"), float("nan")) if found is None else (found.coefficient, found.std_error)

    return fitted


def anticipated(panel: Panel, starts: IntArray, lead: int) -> np.typing.NDArray[np.bool_]:
    """(N, T) cells within `lead` periods before a start inside the window."""
    inside = starts <= panel.time[-1]
    relative = panel.time[None, :] - np.where(inside, starts, 0)[:, None]
    return np.asarray(inside[:, None] & (relative < 0) & (relative >= -lead) & (starts != NEVER)[:, None])
