"""Configs: compose with Hydra, refuse code, validate, and hand over a `Study`. Hydra is imported here alone."""

from evalkit.config.catalogue import check_settings, declared_studies, priorities, studies
from evalkit.config.folders import Folders
from evalkit.config.loading import Composed, Tracking, compose, load_study
from evalkit.config.resolved import config_sha, read_resolved, resolved_yaml

__all__ = [
    "Composed",
    "Folders",
    "Tracking",
    "check_settings",
    "compose",
    "config_sha",
    "declared_studies",
    "load_study",
    "priorities",
    "read_resolved",
    "resolved_yaml",
    "studies",
]
