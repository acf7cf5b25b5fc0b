"""The estimators by name: the built-in ones, entry points `evalkit.estimators`, and local files.

Modules are imported when their estimator is asked for, so that listing names stays cheap.
"""

from __future__ import annotations

import importlib
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Final

from evalkit.errors import ConfigError, EvalkitError, closest

if TYPE_CHECKING:  # names are listed without numpy and pandas, which the base of the estimators reads
    from evalkit.estimators.base import Estimator

BUILT_IN = {
    "augmented_synthetic_control": "evalkit.estimators.augmented_synthetic_control:AugmentedSyntheticControl",
    "bayesian_did": "evalkit.estimators.bayesian_did:BayesianDid",
    "bayesian_synthetic_control": "evalkit.estimators.bayesian_synthetic_control:BayesianSyntheticControl",
    "bayesian_time_series": "evalkit.estimators.bayesian_time_series:BayesianTimeSeries",
    "callaway_santanna": "evalkit.estimators.callaway_santanna:CallawaySantAnna",
    "extended_twfe": "evalkit.estimators.extended_twfe:ExtendedTwfe",
    "imputation": "evalkit.estimators.imputation:Imputation",
    "interactive_fixed_effects": "evalkit.estimators.interactive_fixed_effects:InteractiveFixedEffects",
    "interrupted_time_series": "evalkit.estimators.interrupted_time_series:InterruptedTimeSeries",
    "poisson_fixed_effects": "evalkit.estimators.poisson_fixed_effects:PoissonFixedEffects",
    "stacked_did": "evalkit.estimators.stacked_did:StackedDid",
    "sun_abraham": "evalkit.estimators.sun_abraham:SunAbraham",
    "switching_did": "evalkit.estimators.switching_did:SwitchingDid",
    "synthetic_control": "evalkit.estimators.synthetic_control:SyntheticControl",
    "synthetic_did": "evalkit.estimators.synthetic_did:SyntheticDid",
    "triple_difference": "evalkit.estimators.triple_difference:TripleDifference",
    "two_way_fixed_effects": "evalkit.estimators.two_way_fixed_effects:TwoWayFixedEffects",
}
GROUP: Final = "evalkit.estimators"
"""Of the entry points by which installed packages add estimators."""
_plugins: dict[str, type[Estimator]] = {}


def names() -> list[str]:
    """Names of all registered estimators, sorted."""
    return sorted({*BUILT_IN, *_plugins, *(point.name for point in entry_points(group=GROUP))})


def get(name: str) -> type[Estimator]:
    """Return the estimator class registered under `name`.

    Raises
    ------
    ConfigError
        With the closest registered name; or where the package that adds the estimator is at fault.
    """
    if name in _plugins:
        return _plugins[name]
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        found: type[Estimator] = getattr(importlib.import_module(module), attribute)
        return found
    for point in entry_points(group=GROUP, name=name):
        return _loaded(point)
    near = closest(name, names())
    raise ConfigError(
        f"There is no estimator '{name}'.",
        allowed=", ".join(names()),
        next_step=f"Did you mean '{near}'?" if near else None,
    )


def _loaded(point: EntryPoint) -> type[Estimator]:
    """The class that an installed package adds, once it is known to be what it says."""
    package = point.dist.name if point.dist else "the package that adds it"
    where = f"The estimator '{point.name}' of {package} ({point.value})"
    try:
        found = point.load()
    except EvalkitError:
        raise
    except Exception as error:
        raise ConfigError(
            f"{where} cannot be loaded: {type(error).__name__}: {error}.",
            next_step="Install a version of the package that fits, or remove it.",
        ) from error
    named = getattr(found, "name", None)
    if not isinstance(found, type) or named != point.name or not callable(getattr(found, "fit", None)):
        raise ConfigError(
            f"{where} is no estimator of that name.",
            allowed=f"a class with name = '{point.name}', `needs` and `fit(panel, *, rng)`",
            next_step=f"Mend the entry point in group '{GROUP}' of the package.",
        )
    loaded: type[Estimator] = found
    return loaded


def estimators() -> dict[str, type[Estimator]]:
    """All registered estimators: name to class."""
    return {name: get(name) for name in names()}


def register(estimator: type[Estimator]) -> None:
    """Add a researcher's estimator to this process (what ``--plugin`` does)."""
    if estimator.name in BUILT_IN:
        raise ConfigError(f"'{estimator.name}' is a built-in estimator; give yours another name.")
    _plugins[estimator.name] = estimator
