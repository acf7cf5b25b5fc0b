"""evalkit: from one config to trustworthy, standardized evidence on whether a programme worked.

Names are imported when first used, so that ``import evalkit`` stays fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evalkit.config import load_study as load_study
    from evalkit.data.panel import Panel as Panel
    from evalkit.estimate import Estimate as Estimate
    from evalkit.estimators.augmented_synthetic_control import AugmentedSyntheticControl as AugmentedSyntheticControl
    from evalkit.estimators.base import Estimator as Estimator
    from evalkit.estimators.base import Needs as Needs
    from evalkit.estimators.bayesian_did import BayesianDid as BayesianDid
    from evalkit.estimators.bayesian_synthetic_control import BayesianSyntheticControl as BayesianSyntheticControl
    from evalkit.estimators.bayesian_time_series import BayesianTimeSeries as BayesianTimeSeries
    from evalkit.estimators.callaway_santanna import CallawaySantAnna as CallawaySantAnna
    from evalkit.estimators.extended_twfe import ExtendedTwfe as ExtendedTwfe
    from evalkit.estimators.imputation import Imputation as Imputation
    from evalkit.estimators.interactive_fixed_effects import InteractiveFixedEffects as InteractiveFixedEffects
    from evalkit.estimators.interrupted_time_series import InterruptedTimeSeries as InterruptedTimeSeries
    from evalkit.estimators.poisson_fixed_effects import PoissonFixedEffects as PoissonFixedEffects
    from evalkit.estimators.registry import estimators as estimators
    from evalkit.estimators.stacked_did import StackedDid as StackedDid
    from evalkit.estimators.sun_abraham import SunAbraham as SunAbraham
    from evalkit.estimators.switching_did import SwitchingDid as SwitchingDid
    from evalkit.estimators.synthetic_control import SyntheticControl as SyntheticControl
    from evalkit.estimators.synthetic_did import SyntheticDid as SyntheticDid
    from evalkit.estimators.triple_difference import TripleDifference as TripleDifference
    from evalkit.estimators.two_way_fixed_effects import TwoWayFixedEffects as TwoWayFixedEffects
    from evalkit.evaluation import Evaluation as Evaluation
    from evalkit.evaluation import evaluate as evaluate

__version__ = "0.1.0"

_LAZY = {
    "AugmentedSyntheticControl": "evalkit.estimators.augmented_synthetic_control",
    "BayesianDid": "evalkit.estimators.bayesian_did",
    "BayesianSyntheticControl": "evalkit.estimators.bayesian_synthetic_control",
    "BayesianTimeSeries": "evalkit.estimators.bayesian_time_series",
    "CallawaySantAnna": "evalkit.estimators.callaway_santanna",
    "Estimate": "evalkit.estimate",
    "Estimator": "evalkit.estimators.base",
    "Evaluation": "evalkit.evaluation",
    "ExtendedTwfe": "evalkit.estimators.extended_twfe",
    "Imputation": "evalkit.estimators.imputation",
    "InteractiveFixedEffects": "evalkit.estimators.interactive_fixed_effects",
    "InterruptedTimeSeries": "evalkit.estimators.interrupted_time_series",
    "Needs": "evalkit.estimators.base",
    "Panel": "evalkit.data.panel",
    "PoissonFixedEffects": "evalkit.estimators.poisson_fixed_effects",
    "StackedDid": "evalkit.estimators.stacked_did",
    "SunAbraham": "evalkit.estimators.sun_abraham",
    "SwitchingDid": "evalkit.estimators.switching_did",
    "SyntheticControl": "evalkit.estimators.synthetic_control",
    "SyntheticDid": "evalkit.estimators.synthetic_did",
    "TripleDifference": "evalkit.estimators.triple_difference",
    "TwoWayFixedEffects": "evalkit.estimators.two_way_fixed_effects",
    "evaluate": "evalkit.evaluation",
    "load_study": "evalkit.config",
}
_MODULES = ("estimators", "testing")

__all__ = ["__version__", "estimators", "testing", *sorted(_LAZY)]  # noqa: PLE0604 (names resolve on first use)


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"evalkit.{name}")
    raise AttributeError(f"module 'evalkit' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
