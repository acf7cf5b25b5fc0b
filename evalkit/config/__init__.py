"""Configs: compose with Hydra, refuse code, validate, and hand over a `Study`. Hydra is imported here alone.

Names are imported when first used: listing studies needs no model of a study.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from evalkit.config.catalogue import check_settings as check_settings
    from evalkit.config.catalogue import declared_studies as declared_studies
    from evalkit.config.catalogue import measures as measures
    from evalkit.config.catalogue import priorities as priorities
    from evalkit.config.catalogue import studies as studies
    from evalkit.config.folders import Folders as Folders
    from evalkit.config.loading import Composed as Composed
    from evalkit.config.loading import Tracking as Tracking
    from evalkit.config.loading import compose as compose
    from evalkit.config.loading import load_study as load_study
    from evalkit.config.measuring import ComposedMeasure as ComposedMeasure
    from evalkit.config.measuring import compose_measure as compose_measure
    from evalkit.config.measuring import load_equality as load_equality
    from evalkit.config.measuring import load_indicator as load_indicator
    from evalkit.config.resolved import config_sha as config_sha
    from evalkit.config.resolved import read_resolved as read_resolved
    from evalkit.config.resolved import resolved_yaml as resolved_yaml

_WHERE: Final = {
    "catalogue": ("check_settings", "declared_studies", "measures", "priorities", "studies"),
    "folders": ("Folders",),
    "loading": ("Composed", "Tracking", "compose", "load_study"),
    "measuring": ("ComposedMeasure", "compose_measure", "load_equality", "load_indicator"),
    "resolved": ("config_sha", "read_resolved", "resolved_yaml"),
}
_LAZY: Final = {name: f"evalkit.config.{module}" for module, names in _WHERE.items() for name in names}

__all__ = sorted(_LAZY)  # noqa: PLE0605 (names resolve on first use)


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'evalkit.config' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
