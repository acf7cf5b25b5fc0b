"""Public tools for researchers: simulators with known truth, and the laws every estimator keeps."""

from __future__ import annotations

from evalkit.testing.check import CheckReport, check_estimator
from evalkit.testing.simulate import StaggeredDesign, simulate_staggered, staggered_frame, staggered_panel

__all__ = [
    "CheckReport",
    "StaggeredDesign",
    "check_estimator",
    "simulate_staggered",
    "staggered_frame",
    "staggered_panel",
]
