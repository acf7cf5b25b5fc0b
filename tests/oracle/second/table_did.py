"""Comparisons of two-way fixed effects and of the estimators of staggered roll-outs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from tests.oracle.panels import Persons, Small, draw, draw_persons, with_eligibility, with_switching
from tests.oracle.second import cohorts, counts, doses, extended, persons, read, saturated, stacks, two_way
from tests.oracle.second.compare import Case

World = Callable[[int], Small]
Settings = dict[str, Any]
DERIVATIVE = 1e-6  # the oracle's errors are difference quotients


def pick(world: Small | Persons, **options: list[Any]) -> Settings:
    """One value of each option, chosen by the panel's seed."""
    rng = world.rng(6)
    return {name: values[int(rng.integers(len(values)))] for name, values in options.items()}


def case(
    name: str,
    settings: Callable[[Small], Settings],
    plain: Callable[..., Mapping[str, float]],
    world: World = draw,
    further: Callable[[Small], Settings] = lambda world: {"covariates": world.names},
    **more: Any,
) -> Case:
    """A comparison: `further` settings mean nothing to the oracle."""

    def ours(seed: int) -> Mapping[str, float]:
        small = world(seed)
        panel = small.panel()
        fitted = read.fitted(name.split(",", maxsplit=1)[0], panel, settings(small) | further(small))
        return read.figures(fitted, panel)

    def slow(seed: int) -> Mapping[str, float]:
        small = world(seed)
        return plain(small, **settings(small))

    return Case(name, ours, slow, **more)


def located(seed: int) -> Small:
    """A panel whose units lie somewhere."""
    world = draw(seed)
    rng = world.rng(5)
    return replace(world, place=np.column_stack([rng.uniform(40.0, 44.0, world.n), rng.uniform(-5.0, 0.0, world.n)]))


def exposed(seed: int) -> Small:
    """Counts, every third panel with an exposure."""
    world = draw(seed, outcome="counts")
    return world if seed % 3 else replace(world, exposure=np.asarray(world.rng(8).uniform(0.5, 2.0, world.y.shape)))


def binary(seed: int) -> Small:
    """Yes or no, with units enough that some cells have both."""
    return draw(seed, outcome="shares", units=(20, 36), periods=(4, 6))


def switching(seed: int) -> Small:
    """Two of three panels with a dose that changes up and down."""
    world = draw(seed)
    world = replace(world, x=world.x[:, :, :0])
    return with_switching(world) if seed % 3 else world


def eligible(seed: int) -> Small:
    """Half of each cohort eligible."""
    world = draw(seed, units=(20, 32))
    return with_eligibility(replace(world, x=world.x[:, :, :0]))


def _errors(errors: str) -> Case:
    def settings(world: Small) -> Settings:
        chosen = {"errors": errors, **pick(world, anticipation=[0, 1])}
        if errors == "conley":
            chosen |= {"distance_km": 150.0, **pick(world, kernel=["bartlett", "uniform"])}
        return chosen

    def further(world: Small) -> Settings:
        chosen: Settings = {"covariates": world.names, "engine": "compiled" if world.seed % 2 else "linearmodels"}
        return chosen | ({"latitude": "latitude", "longitude": "longitude"} if errors == "conley" else {})

    name = f"two_way_fixed_effects, errors={errors}"
    short, panels = (15, 260) if errors == "clustered" else (6, 130)
    world = located if errors == "conley" else draw
    return case(name, settings, two_way.figures, world, further, panels=panels, short=short)


def _callaway(world: Small) -> Settings:
    return pick(
        world, method=["dr", "ipw", "reg"], comparison=["never_treated", "not_yet_treated"],
        base_period=["varying", "universal"], anticipation=[0, 0, 1],
        unbalanced=["within_pairs", "within_pairs", "drop_incomplete"], cohort_shares=["weighted", "by_count"],
    )  # fmt: skip


def _imputation(world: Small) -> Settings:
    return pick(world, anticipation=[0, 0, 1], shares_known=[None, False], leads=[True, True, False])


def _two_stage(world: Small) -> Settings:
    level = ["unit"] if world.cluster is None else ["unit", "cluster"]
    return {"variance": "gardner", **pick(world, anticipation=[0, 0, 1], effects_by=level)}


def _sun_abraham(world: Small) -> Settings:
    comparison = ["auto", "auto", "last_treated", "never_treated"]
    return pick(world, comparison=comparison, anticipation=[0, 0, 1], shares_known=[False, True])


def _extended(family: str) -> Callable[[Small], Settings]:
    def settings(world: Small) -> Settings:
        # without a maximum in a cell's own regression its fitted means have no closed form to compare with
        known = [False, False, True] if family == "linear" or not world.names else [False]
        return pick(
            world, family=[family], scale=["natural"] if family == "linear" else ["natural", "ratio"],
            comparison=["not_yet_treated", "not_yet_treated", "never_treated"], anticipation=[0, 0, 1],
            leads=[True, True, False], shares_known=known,
        )  # fmt: skip

    return settings


def _stacked(world: Small) -> Settings:
    chosen = pick(
        world, method=["stacked", "local_projections"], anticipation=[0, 0, 1], shares_known=[False, True],
        comparison=["not_yet_treated", "not_yet_treated", "never_treated"], weighting=["equal", "variance"],
        base=["last_period", "mean_before"], adjustment=["dr", "reg", "ipw"], event_window=[(-2, 1), (-2, 0), (-3, 1)],
    )  # fmt: skip
    if chosen["method"] == "stacked":
        chosen |= {"base": "last_period"}
        if world.periods < 6:
            chosen |= {"event_window": (-2, 0)}
    return chosen | ({"weighting": "equal"} if world.names else {})


def _poisson(world: Small) -> Settings:
    return pick(world, errors=["clustered", "clustered", "quasi"], anticipation=[0, 0, 1])


def _switching(world: Small) -> Settings:
    return pick(
        world, comparison=["not_yet_treated", "not_yet_treated", "never_treated"],
        anticipation=[0, 0, 1] if world.seed % 2 else [0], normalized=[False] if world.seed % 2 else [False, True],
        switchers=["all"] if world.dose is None else ["all", "all", "in", "out"],
    )  # fmt: skip


def _without_cell_errors(found: Case) -> Case:
    """The oracle states errors by event time alone."""

    def ours(seed: int) -> Mapping[str, float]:
        return {key: value for key, value in found.ours(seed).items() if not key.startswith("error of cohort")}

    return replace(found, ours=ours)


def _triple(combination: str) -> Case:
    def settings(world: Small) -> Settings:
        return {"combination": combination} | pick(
            world, comparison=["never_treated", "not_yet_treated"], method=["dr", "reg", "ipw"],
            base_period=["varying", "universal"], anticipation=[0, 0, 1],
        )  # fmt: skip

    return case(
        f"triple_difference, combination={combination}", settings, doses.triple_difference, eligible, lambda world: {},
        tolerance=DERIVATIVE, why="errors by difference quotient", panels=104, short=3,
    )  # fmt: skip


def _of_persons(name: str, plain: Callable[[Persons], Mapping[str, float]], **more: Any) -> Case:
    def settings(world: Persons) -> Settings:
        further = {"covariates": tuple(f"x{p}" for p in range(world.x.shape[1]))}
        return further | (_sections(world) if name == "callaway_santanna" else {})

    def ours(seed: int) -> Mapping[str, float]:
        world = draw_persons(seed)
        panel = world.panel()
        return read.figures(read.fitted(name, panel, settings(world)), panel)

    return Case(f"{name}, repeated cross-sections", ours, lambda seed: plain(draw_persons(seed)), **more)


def _sections(world: Persons) -> Settings:
    return pick(world, comparison=["never_treated", "not_yet_treated"], method=["dr", "reg", "ipw"])


def _two_way_persons(world: Persons) -> Mapping[str, float]:
    return two_way.in_cross_sections(
        world.y, world.group, world.period, world.start, world.x, world.weight, world.cluster
    )


CASES = (
    *(_errors(errors) for errors in ("clustered", "unadjusted", "cr2", "cr3", "two_way", "conley")),
    _of_persons("two_way_fixed_effects", _two_way_persons),
    case("callaway_santanna", _callaway, cohorts.figures),
    _of_persons(
        "callaway_santanna", lambda world: persons.figures(world, **_sections(world)), tolerance=DERIVATIVE,
        why="errors by difference quotient", panels=26, short=2,
    ),
    case("sun_abraham", _sun_abraham, saturated.sun_abraham),
    case("imputation, Borusyak, Jaravel and Spiess", _imputation, saturated.imputation),
    case("imputation, two stages (Gardner)", _two_stage, saturated.imputation),
    case("extended_twfe, family=linear", _extended("linear"), extended.figures),
    case("extended_twfe, family=poisson", _extended("poisson"), extended.figures, exposed),
    case("extended_twfe, family=logit", _extended("logit"), extended.figures, binary),
    case("stacked_did", _stacked, stacks.figures),
    _without_cell_errors(case("switching_did", _switching, doses.doses, switching)),
    _triple("by_size"),
    _triple("gmm"),
    case("poisson_fixed_effects", _poisson, counts.figures, exposed),
)  # fmt: skip
