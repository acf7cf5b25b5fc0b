"""Public tools for researchers: simulators with known truth, and the laws every estimator keeps."""

from __future__ import annotations

from evalkit.testing.check import CheckReport, check_estimator
from evalkit.testing.sbc import central_coverage, ecdf_band, sbc_ranks, uniform
from evalkit.testing.simulate import StaggeredDesign, simulate_staggered, staggered_frame, staggered_panel

__all__ = [
    "CheckReport",
    "StaggeredDesign",
    "central_coverage",
    "check_estimator",
    "ecdf_band",
    "sbc_ranks",
    "simulate_staggered",
    "staggered_frame",
    "staggered_panel",
    "uniform",
]
