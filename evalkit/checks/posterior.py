"""What the checks of a posterior share: its predictive draws, or the reason why there are none."""

from __future__ import annotations

from evalkit.checks.base import CheckContext
from evalkit.estimate import Estimate
from evalkit.language import mark, say
from evalkit.numerics.predictive_checks import Compared
from evalkit.uncertainty import Posterior, Predictive
from evalkit.vocabulary import CheckStatus, Exhibit, FloatArray

FREQUENTIST = mark("This estimate is frequentist: it has neither prior nor posterior.")


def predictive_of(context: CheckContext) -> Predictive | tuple[CheckStatus, str]:
    """Predictive draws of the primary estimate; or status and reason of a check that has nothing to look at."""
    uncertainty = context.estimate.uncertainty
    if not isinstance(uncertainty, Posterior):
        return "informational", FREQUENTIST
    if uncertainty.predictive is None:
        name = context.estimate.estimator
        return "not_run", say(
            "{name} keeps no predictive draws with these settings, so this cannot be looked at.", name=name
        )
    return uncertainty.predictive


def overall_draws(estimate: Estimate, predictive: Predictive) -> FloatArray:
    """(S,) draws of the overall effect that the terms of the density belong to."""
    draws = estimate.aggregation("overall").draws
    if draws is None:  # pragma: no cover - predictive draws come with a posterior
        raise TypeError(f"{estimate.estimator} has predictive draws and no posterior")
    return draws[:, 0] if predictive.draws_of is None else draws[predictive.draws_of, 0]


def predictive_exhibit(compared: tuple[Compared, ...], level: float, *, fitted: bool) -> Exhibit:
    """Each statistic of the data beside its replications, in sds of the replications from their mean.

    The unit of the outcome is left out: the largest value is that of one unit in one period.
    """
    rows = [_in_sds(each, level) for each in compared]
    return Exhibit(
        "predictive_check",
        {
            "statistic": tuple(each.name for each in compared),
            "observed": tuple(row[0] for row in rows),
            "model_low": tuple(row[1] for row in rows),
            "model_high": tuple(row[2] for row in rows),
            "p": tuple(each.p for each in compared),
            "level": tuple(level for _ in compared),
            "own": tuple(each.own for each in compared),
            "fitted": tuple(fitted for _ in compared),
        },
        labels=("level",),
        about="units",
    )


def _in_sds(compared: Compared, level: float) -> tuple[float, float, float]:
    center, spread = float(compared.replicated.mean()), float(compared.replicated.std())
    low, high = compared.central(level)
    scale = spread if spread > 0.0 else 1.0
    return (compared.observed - center) / scale, (low - center) / scale, (high - center) / scale
