"""Comparisons of the rules of inference that are reported in place of clustered errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from evalkit.data.panel import Panel
from evalkit.inference.collapse import collapse
from evalkit.inference.contrasts import contrasts_of
from evalkit.inference.few_treated import conley_taber, ferman_pinto
from evalkit.inference.jackknife import cr3
from evalkit.inference.randomization import assignments_of, randomization
from evalkit.inference.refits import two_way
from evalkit.inference.reported import Interval
from evalkit.inference.wild_bootstrap import bootstrapped
from tests.oracle.panels import Small, draw_clusters
from tests.oracle.plain import NotIdentified
from tests.oracle.second import rules
from tests.oracle.second.compare import Case

ALPHA = rules.ALPHA
World = Callable[[int], Small]


def few(seed: int) -> Small:
    """Five to eight clusters of one to three units."""
    return draw_clusters(seed, comparison=(4, 6), one_start=False, sizes=True)


def some(seed: int) -> Small:
    """Six to sixteen clusters."""
    return draw_clusters(seed, comparison=(5, 14), one_start=False, sizes=seed % 2 == 1)


def many(seed: int) -> Small:
    """Twenty and more never-treated clusters, now and then one too few; at most two treated."""
    return draw_clusters(seed, comparison=(19, 25), one_start=seed % 4 < 2, sizes=seed % 2 == 1, most=2)


def _figures(found: Interval) -> dict[str, float]:
    figures = {"p-value": found.p_value, "low": found.low, "high": found.high}
    if found.degrees_of_freedom is not None:
        figures |= {"degrees of freedom": found.degrees_of_freedom, "error": found.details["std_error"]}
    return figures


def _case(
    name: str, world: World, ours: Callable[[Panel], Interval], plain: Callable[[Small], Mapping[str, float]],
    *, short: int = 15,
) -> Case:  # fmt: skip
    return Case(
        f"inference, {name}", lambda seed: _figures(ours(world(seed).panel())), lambda seed: plain(world(seed)),
        tolerance=1e-6, why="weights of clusters by refitting", short=short,
    )  # fmt: skip


def _wild(seed: int) -> Mapping[str, float]:
    made = bootstrapped(few(seed).panel(), lead=0, n_draws=1_024, law="rademacher", seed=1)
    low, high = made.draws.interval(ALPHA)
    if not np.isfinite([low, high]).all():
        raise NotIdentified("the interval has no bound")
    return {"p-value": made.draws.p_value(), "low": low, "high": high}


def _randomization(seed: int) -> Mapping[str, float]:
    small = few(seed)
    panel = small.panel()
    found = randomization(panel, two_way(0), assignments_of(panel, 999, 0), alpha=ALPHA, at_once=seed % 2 == 0)
    holds = rules.bounds_hold(small, found.low, found.high)
    return {"p-value": found.p_value, "roll-outs": found.details["n_assignments"], **holds}


def _ferman_pinto(seed: int) -> Interval:
    return ferman_pinto(contrasts_of(many(seed).panel(), two_way(0)), alpha=ALPHA, rng=np.random.default_rng(seed))


CASES = (
    Case("inference, wild cluster bootstrap (all signs)", _wild, lambda seed: rules.wild(few(seed)), 1e-6, short=15),
    Case(
        "inference, randomization (all roll-outs)", _randomization, lambda seed: rules.randomization(few(seed)), 1e-9,
        panels=130, short=15,
    ),
    _case("collapse", some, lambda panel: collapse(contrasts_of(panel, two_way(0)), alpha=ALPHA), rules.collapse),
    _case("jackknife (CR3)", some, lambda panel: cr3(panel, two_way(0), alpha=ALPHA), rules.jackknife),
    _case(
        "Conley and Taber", many,
        lambda panel: conley_taber(contrasts_of(panel, two_way(0)), alpha=ALPHA, rng=np.random.default_rng(0)),
        rules.conley_taber,
    ),
    Case(
        "inference, Ferman and Pinto", lambda seed: _figures(_ferman_pinto(seed)),
        lambda seed: rules.ferman_pinto(many(seed), np.random.default_rng(seed)), 1e-6, short=15,
    ),
)  # fmt: skip
