"""The checks by name: the built-in ones and entry points `evalkit.checks`."""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from evalkit.errors import ConfigError, closest

if TYPE_CHECKING:  # names are listed without numpy and pandas, which the base of the checks reads
    from evalkit.checks.base import Check

BUILT_IN = {
    "anticipation_scan": "evalkit.checks.anticipation_scan:AnticipationScan",
    "balance": "evalkit.checks.balance:Balance",
    "goodman_bacon": "evalkit.checks.goodman_bacon:GoodmanBacon",
    "honest": "evalkit.checks.honest:Honest",
    "leave_one_cohort_out": "evalkit.checks.leave_one_cohort_out:LeaveOneCohortOut",
    "leave_one_unit_out": "evalkit.checks.leave_one_unit_out:LeaveOneUnitOut",
    "loo": "evalkit.checks.loo:Loo",
    "placebo_in_space": "evalkit.checks.placebo_in_space:PlaceboInSpace",
    "placebo_dates": "evalkit.checks.placebo_dates:PlaceboDates",
    "placebo_outcomes": "evalkit.checks.placebo_outcomes:PlaceboOutcomes",
    "placebo_period": "evalkit.checks.placebo_period:PlaceboPeriod",
    "posterior_predictive": "evalkit.checks.posterior_predictive:PosteriorPredictive",
    "pre_fit": "evalkit.checks.pre_fit:PreFit",
    "pre_trend_power": "evalkit.checks.pre_trend_power:PreTrendPower",
    "pre_trends": "evalkit.checks.pre_trends:PreTrends",
    "prior_predictive": "evalkit.checks.prior_predictive:PriorPredictive",
    "prior_sensitivity": "evalkit.checks.prior_sensitivity:PriorSensitivity",
    "randomization_inference": "evalkit.checks.randomization_inference:RandomizationInference",
    "residual_autocorrelation": "evalkit.checks.residual_autocorrelation:ResidualAutocorrelation",
    "sample_flow": "evalkit.checks.sample_flow:SampleFlow",
    "sampler": "evalkit.checks.sampler:Sampler",
    "specification_curve": "evalkit.checks.specification_curve:SpecificationCurve",
    "spillover": "evalkit.checks.spillover:Spillover",
    "twfe_weights": "evalkit.checks.twfe_weights:TwfeWeights",
    "wild_bootstrap": "evalkit.checks.wild_bootstrap:WildBootstrapCheck",
}


def names() -> list[str]:
    """Names of all registered checks, sorted."""
    return sorted({*BUILT_IN, *(point.name for point in entry_points(group="evalkit.checks"))})


def get(name: str) -> type[Check]:
    """Return the check class registered under `name`.

    Raises
    ------
    ConfigError
        With the closest registered name.
    """
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        found: type[Check] = getattr(importlib.import_module(module), attribute)
        return found
    for point in entry_points(group="evalkit.checks", name=name):
        loaded: type[Check] = point.load()
        return loaded
    near = closest(name, names())
    raise ConfigError(
        f"There is no check '{name}'.",
        allowed=", ".join(names()),
        next_step=f"Did you mean '{near}'?" if near else None,
    )
