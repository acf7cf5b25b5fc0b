"""An estimate made of outcomes less their level, with what it shows of outcomes put back at their own."""

from __future__ import annotations

from dataclasses import replace

from evalkit.estimate import Estimate
from evalkit.uncertainty import Posterior, Predictive


def at_level(estimate: Estimate, level: float) -> Estimate:
    """The estimate with observed and replicated outcomes `level` higher; effects and their errors know no level.

    Parameters
    ----------
    estimate
        Of the panel that :func:`~evalkit.data.level.without_level` gave.
    level
        What it took off.
    """
    uncertainty = estimate.uncertainty
    if isinstance(uncertainty, Posterior) and uncertainty.predictive is not None:
        uncertainty = replace(uncertainty, predictive=_raised(uncertainty.predictive, level))
    cells = replace(estimate.cells, observed=estimate.cells.observed + level)
    return replace(estimate, cells=cells, uncertainty=uncertainty)


def _raised(predictive: Predictive, level: float) -> Predictive:
    prior = predictive.prior_replicated
    return replace(
        predictive,
        observed=predictive.observed + level,
        replicated=predictive.replicated + level,
        prior_replicated=None if prior is None else prior + level,
    )
