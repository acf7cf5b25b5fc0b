"""Repeat the primary analysis with one thing changed: a setting, a unit, another estimator."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from evalkit.aggregate import weights
from evalkit.checks.base import CheckContext
from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, DesignRefused, Reason
from evalkit.estimate import Aggregation, Estimate
from evalkit.estimators import registry
from evalkit.estimators.base import PanelEstimator
from evalkit.uncertainty import Posterior
from evalkit.vocabulary import FloatArray

_ANY = object()


def accepts(name: str, setting: str, value: object = _ANY) -> bool:
    """Whether an estimator has a setting of this name, and takes this value for it.

    Examples
    --------
    >>> accepts("callaway_santanna", "comparison"), accepts("two_way_fixed_effects", "comparison")
    (True, False)
    >>> accepts("callaway_santanna", "comparison", "nobody")
    False
    """
    cls = registry.get(name)
    if not (issubclass(cls, PanelEstimator) and setting in cls.model_fields):
        return False
    if value is _ANY:
        return True
    try:
        cls(**{setting: value})
    except ConfigError:
        return False
    return True


def refit(context: CheckContext, panel: Panel, changes: Mapping[str, Any], *, name: str | None = None) -> Estimate:
    """Fit the primary estimator with some settings changed, or another one by name.

    Randomness is keyed by what is fitted, so that the order of refits changes nothing.

    Raises
    ------
    EvalkitError
        As the estimator does; ConfigError for a setting that it does not have.
    """
    primary = context.estimate.estimator
    settings = dict(changes) if name not in (None, primary) else {**context.estimate.settings, **changes}
    chosen = name or primary
    key = zlib.crc32(f"refit:{chosen}:{sorted(settings.items())!r}".encode())
    return registry.get(chosen)(**settings).fit(panel, rng=np.random.default_rng([context.estimate.seed, key]))


def overall(context: CheckContext, estimate: Estimate) -> Aggregation:
    """The overall effect at the study's level, with the interval that the estimator's own design calls for, if any."""
    level = context.spec.design.level
    found = estimate.aggregation("overall", level=level)
    own = estimate.own
    if own is None or not np.isclose(own.level, level):
        return found
    return replace(found, low=np.array([own.low]), high=np.array([own.high]))


def require_a_start(panel: Panel) -> Panel:
    """The panel, if a unit still starts treatment within it.

    Raises
    ------
    DesignRefused
        When what was left out was all that started.
    """
    if panel.cohorts.size == 0 or bool((~panel.never_treated).all() and panel.cohorts.size == 1):
        raise DesignRefused(Reason("nothing is left to compare"))
    return panel


def influence_on_overall(estimate: Estimate) -> FloatArray | None:
    """(C,) influence of each cluster on the overall effect; its squares add up to the variance. None if unknown."""
    uncertainty = estimate.uncertainty
    if isinstance(uncertainty, Posterior) or uncertainty.influence_of is None:
        return None
    maps = weights(estimate.cells, "overall")
    psi: FloatArray = uncertainty.influence_of() @ np.vstack([maps.on_cells, maps.on_shares])[:, 0]
    return psi


def error_of_difference(one: Estimate, other: Estimate) -> float | None:
    """Standard error of the difference of two overall effects on the same clusters; None where it is not known."""
    first, second = influence_on_overall(one), influence_on_overall(other)
    if first is None or second is None or first.shape != second.shape:
        return None
    return float(np.sqrt(((first - second) ** 2).sum()))
