"""Public tools for researchers: simulators with known truth, and the laws every estimator keeps."""

from __future__ import annotations

from evalkit.testing.check import CheckReport, check_estimator
from evalkit.testing.counts import CountDesign, simulate_counts
from evalkit.testing.sbc import central_coverage, ecdf_band, sbc_ranks, uniform
from evalkit.testing.simulate import (
    Simulated,
    StaggeredDesign,
    simulate_few_treated,
    simulate_staggered,
    staggered_frame,
    staggered_panel,
)
from evalkit.testing.violations import simulate_spillover, simulate_violated_trends

__all__ = [
    "CheckReport",
    "CountDesign",
    "Simulated",
    "StaggeredDesign",
    "central_coverage",
    "check_estimator",
    "ecdf_band",
    "sbc_ranks",
    "simulate_counts",
    "simulate_few_treated",
    "simulate_spillover",
    "simulate_staggered",
    "simulate_violated_trends",
    "staggered_frame",
    "staggered_panel",
    "uniform",
]
