"""Comparisons of synthetic controls, synthetic difference-in-differences, factor models and interrupted series."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from evalkit.estimate import Estimate
from tests.oracle.panels import Small, draw_donors, draw_series
from tests.oracle.second import donors, read, series
from tests.oracle.second.compare import Case
from tests.oracle.second.table_did import case, pick

Settings = dict[str, Any]
LEVEL = 0.8
SERIES = 1e-5  # a likelihood is flat at its top: rho keeps half its digits, and degrees of freedom are derivatives
NEARLY_FLAT = 1e-5  # the ridge of time weights is a millionth of the noise: solvers differ where periods are alike
SOLVER = 1e-6  # weights by quadratic programme against nonnegative least squares


def with_interval(estimate: Estimate) -> dict[str, float]:
    """The overall effect and the interval by placebos."""
    found = read.overall(estimate)
    found["p-value by placebos"] = estimate.facts["placebo_p"]
    if estimate.own is not None:
        found |= {"low": estimate.own.low, "high": estimate.own.high}
    return found


def _control(name: str, settings: Callable[[Small], Settings], path: Callable[[Settings], donors.Path]) -> Case:
    def ours(seed: int) -> Mapping[str, float]:
        small = _few(seed)
        chosen = {"level": LEVEL, "inference": "placebo_in_space", **settings(small)}
        return with_interval(read.fitted(name, small.panel(), chosen))

    def plain(seed: int) -> Mapping[str, float]:
        small = _few(seed)
        return donors.control(small, path(settings(small)), level=LEVEL)

    return Case(name, ours, plain, tolerance=SOLVER, why="two solvers", panels=200, short=15)


def _intercept(settings: Settings) -> donors.Path:
    return donors.simplex_path_with_intercept if settings["intercept"] else donors.simplex_path


def wide(seed: int) -> Small:
    """More comparison units than periods before the start: time weights are then unique."""
    return draw_donors(seed, donors=(9, 11), before=(4, 7))


def _many(seed: int) -> Small:
    """No gap: a factor model takes them by another algorithm, which tests/unit/numerics compares."""
    return draw_donors(seed, donors=(8, 11), before=(8, 11), holes=False)


def _few(seed: int) -> Small:
    """At most three treated units: all ways to put donors in their place are then compared."""
    return draw_donors(seed, most=3)


def _alone(seed: int) -> Small:
    return replace(_many(seed), cluster=None)


def _completed() -> Case:
    def ours(seed: int) -> Mapping[str, float]:
        small = _alone(seed)
        panel = small.panel()
        settings = {"method": "matrix_completion", "penalty": 0.05, "n_draws": 50}
        found = read.figures(read.fitted("interactive_fixed_effects", panel, settings), panel, events=False)
        return {key: value for key, value in found.items() if "effect" in key}

    return Case(
        "interactive_fixed_effects, matrix completion", ours, lambda seed: donors.completed(_alone(seed), penalty=0.05),
        tolerance=1e-5, why="iterations that end", panels=24, short=1,
    )  # fmt: skip


def _gaussian(world: Small) -> Settings:
    return pick(
        world, errors=["ar1", "prais_winsten", "newey_west", "independent"], change=["step_and_slope", "step"],
        trend=["linear", "quadratic", "none"], comparison=["auto", "none"], anticipation=[0, 0, 2], donut=[0, 0, 1],
        small_sample=[True, False],
    )  # fmt: skip


def _counted(world: Small) -> Settings:
    chosen = pick(
        world, family=["poisson", "quasi_poisson"], errors=["newey_west", "independent"],
        change=["step_and_slope", "step"], trend=["linear", "none"], anticipation=[0, 1], donut=[0, 1],
        small_sample=[True, False],
    )  # fmt: skip
    return chosen | {"comparison": "none"}


def _series(name: str, settings: Callable[[Small], Settings], counts: bool) -> Case:
    def ours(seed: int) -> Mapping[str, float]:
        small = draw_series(seed, counts=counts)
        return read.overall(
            read.fitted("interrupted_time_series", small.panel(), {"season": "none", **settings(small)})
        )

    def plain(seed: int) -> Mapping[str, float]:
        small = draw_series(seed, counts=counts)
        return series.figures(small, **settings(small))

    return Case(
        f"interrupted_time_series, {name}", ours, plain, tolerance=SERIES, why="rho by another search", short=15
    )


CASES = (
    _control("synthetic_control", lambda world: pick(world, intercept=[False, True]), _intercept),
    _control(
        "augmented_synthetic_control",
        lambda world: pick(world, penalty=[0.5, 2.0, 10.0]),
        lambda settings: donors.ridge_path(settings["penalty"]),
    ),
    case(
        "synthetic_did", lambda world: pick(world, anticipation=[0, 0, 1]), donors.synthetic_did, wide,
        lambda world: {"n_draws": 100_000}, tolerance=NEARLY_FLAT, why="two solvers", panels=100, short=3,
    ),
    case(
        "interactive_fixed_effects", lambda world: pick(world, n_factors=[0, 1, 2], anticipation=[0, 1]),
        donors.interactive, _many, lambda world: {"n_draws": 100_000}, panels=120, short=6,
    ),
    _completed(),
    _series("one series", _gaussian, counts=False),
    _series("counts", _counted, counts=True),
)  # fmt: skip
