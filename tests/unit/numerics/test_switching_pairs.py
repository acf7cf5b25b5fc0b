"""Pairs: which are planned, what one sums to, and contributions in pieces."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from evalkit.numerics import switching_pairs
from evalkit.numerics.switching_pairs import Pair, chunks, contributions, differences, fit_pair, has_effect, plan_pairs
from evalkit.numerics.switching_paths import dose_paths
from evalkit.numerics.switching_sample import SwitchingSample, switching_sample
from tests.switching_worlds import draw


def sample(
    dose: Sequence[Sequence[float]],
    y: list[list[float]],
    time: np.ndarray | None = None,
    cluster: np.ndarray | None = None,
) -> SwitchingSample:
    time = np.arange(len(y[0])) if time is None else time
    paths = dose_paths(np.array(dose, dtype=float), time)
    return switching_sample(np.array(y, dtype=float), None, paths, time, cluster, 0)


def test_placebos_mirror_effects_and_end_where_those_do() -> None:
    made = sample([[0, 0, 0, 1, 1], [0, 0, 0, 0, 0]], np.ones((2, 5)).tolist())
    planned = plan_pairs(made, np.arange(5), None, None)
    assert all(p.until == p.target for p in planned)
    assert {p.until for p in plan_pairs(made, np.arange(5), None, None, never=True)} == {4}
    assert [(p.base, p.period, p.target, p.exposure, p.is_placebo) for p in planned] == [
        (2, 3, 3, 1, False), (2, 4, 4, 2, False), (2, 1, 3, 1, True), (2, 0, 4, 2, True),
    ]  # fmt: skip
    assert [p.period for p in plan_pairs(made, np.arange(5), 1, 1)] == [3, 1]


def test_placebos_without_a_mirrored_period_are_not_planned() -> None:
    time = np.array([0, 1, 2, 3, 5])
    made = sample([[0, 0, 0, 1, 1], [0, 0, 0, 0, 0]], np.ones((2, 5)).tolist(), time)
    assert [(p.period, p.exposure) for p in plan_pairs(made, time, None, None)] == [(3, 1), (4, 3), (1, 1)]


def test_one_pair_by_hand() -> None:
    """Unit 0 rises by 2, unit 1 falls by 1; comparison units changed by 3 and 5 from the base."""
    made = sample([[1, 1, 3], [1, 1, 0], [1, 1, 1], [1, 1, 1]], [[0, 1, 11.0], [0, 2, 4.0], [0, 0, 3.0], [0, 0, 5.0]])
    fit = fit_pair(made, Pair(2, 1, 2, 2, 2, 1), made.sign != 0.0)
    assert fit is not None
    assert fit.total == pytest.approx((10.0 - 4.0) - (2.0 - 4.0))
    assert (fit.mass, fit.units, fit.dose, fit.cumulative) == (2.0, 2, 3.0, 3.0)
    assert fit.level == pytest.approx(11.0 + 4.0)


def test_a_pair_without_a_comparison_is_none() -> None:
    made = sample([[1, 1, 3], [1, 1, 0]], np.ones((2, 3)).tolist())
    assert fit_pair(made, Pair(2, 1, 2, 2, 2, 1), made.sign != 0.0) is None
    assert not has_effect(made, Pair(2, 1, 2, 2, 2, 1)).any()


def test_a_hole_in_either_period_or_in_the_mirrored_one_takes_the_weight() -> None:
    nan = np.nan
    made = sample([[0, 0, 0, 1]] * 2 + [[0, 0, 0, 0]], [[1, 1, 1, nan], [1, nan, 1, 1], [1, 1, 1, 1]])
    effect, placebo = Pair(3, 2, 3, 3, 3, 1), Pair(3, 2, 1, 3, 3, 1)
    for pair, expected in ((effect, [0.0, 1.0]), (placebo, [0.0, 0.0])):
        weight = differences(made, pair, made.of_cohort(3))[1]
        assert weight is not None
        assert weight.tolist() == expected


@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize("size", [3, 7, 1000])
def test_pieces_hold_every_unit_once_and_keep_clusters_whole(clustered: bool, size: int) -> None:
    world = draw(1)
    paths = dose_paths(world.dose, np.arange(7))
    made = switching_sample(world.y, None, paths, np.arange(7), world.cluster if clustered else None, 0)
    seen, clusters = [], []
    for rows, begins in chunks(made, size):
        seen += rows.tolist()
        assert begins[0] == 0
        if made.cluster is not None:
            clusters += made.cluster[rows[begins]].tolist()
    assert sorted(seen) == list(range(len(made)))
    assert made.cluster is None or clusters == sorted(set(made.cluster.tolist()))


def test_contributions_of_all_units_to_a_pair_sum_to_zero_where_every_cohort_has_two() -> None:
    dose = [[0, 0, 1], [0, 0, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0]]
    made = sample(dose, np.random.default_rng(0).standard_normal((5, 3)).tolist())
    fit = fit_pair(made, Pair(2, 1, 2, 2, 2, 1), made.sign != 0.0)
    assert fit is not None
    u = contributions(made, [fit], made.sign != 0.0, np.arange(5))
    assert u[0, made.sign != 0.0].sum() == pytest.approx(0.0, abs=1e-12)
    assert u[0, made.sign == 0.0].sum() == pytest.approx(0.0, abs=1e-12)


def test_distinct_clusters_are_counted_alike_by_table_and_by_sorting(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    group, cluster = rng.integers(0, 5, 200), rng.integers(0, 30, 200)
    by_table = switching_pairs._distinct(group, cluster, 6, 30)
    monkeypatch.setattr(switching_pairs, "TABLE", 0)
    assert switching_pairs._distinct(group, cluster, 6, 30).tolist() == by_table.tolist()
    assert by_table.tolist() == [len(set(cluster[group == g].tolist())) for g in range(6)]
