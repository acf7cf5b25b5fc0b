"""Parts of clusters with their own multipliers, and the interval that is reported."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

import evalkit as ek
from evalkit.inference import wild_bootstrap as of_inference
from evalkit.inference.reported import NotComputable
from evalkit.inference.wild_bootstrap import bootstrapped, wild_interval
from evalkit.numerics.static_two_way import fit_static_two_way
from evalkit.numerics.wild_bootstrap import wild_bootstrap
from evalkit.testing.simulate import staggered_panel
from evalkit.vocabulary import FloatArray

SAME = 1e-9
"""Relative: two exact solutions of one least-squares problem."""


def grouped(treated: int, clusters: int = 12, size: int = 4, **settings: Any) -> ek.Panel:
    """Clusters of `size` units, the first `treated` of which start together."""
    made = staggered_panel(
        n_units=clusters * size, n_periods=6, cohorts={4: treated / clusters}, **{"seed": 9, **settings}
    )
    order = np.argsort(made.first_treated, kind="stable")
    cluster = np.empty(made.n_units, dtype=np.int64)
    cluster[order] = np.arange(made.n_units) // size
    return dataclasses.replace(made, cluster=cluster)


def slow_t(made: ek.Panel, v: FloatArray) -> float:
    """Bootstrap t under beta = 0 by regressing the sample on unit and period dummies, clustered by cluster."""
    n, t = made.outcome.shape
    rows = np.divmod(np.arange(n * t), t)
    effects = np.hstack([np.eye(n)[rows[0]], np.eye(t)[rows[1]]])
    y, d = made.outcome.ravel(), made.treated.ravel().astype(float)
    restricted = effects @ np.linalg.lstsq(effects, y, rcond=None)[0]
    sample = restricted + (y - restricted) * v[rows[0]]
    x = np.column_stack([d, effects])
    coefficient = np.linalg.lstsq(x, sample, rcond=None)[0]
    residual, codes = sample - x @ coefficient, made.cluster_codes[rows[0]]
    bread = np.linalg.pinv(x.T @ x)
    sums = np.stack([x[codes == g].T @ residual[codes == g] for g in np.unique(codes)])
    return abs(float(coefficient[0] / np.sqrt((bread @ sums.T @ sums @ bread)[0, 0])))


def test_each_draw_by_parts_is_that_of_a_regression_on_its_bootstrap_sample() -> None:
    made = grouped(2)
    fit = fit_static_two_way(made.outcome, made.treated, made.cluster_codes)
    assert fit is not None
    draws = np.random.default_rng(1).choice([-1.0, 1.0], size=(8, made.n_units))
    boot = wild_bootstrap(fit, [draws], exact=False, parts=np.arange(made.n_units))
    squares = float((fit.weights * fit.treatment**2).sum())
    found = np.abs(boot.deviation[0]) / np.sqrt(boot.squares[0]) * squares
    assert found == pytest.approx([slow_t(made, v) for v in draws], rel=SAME)


def test_parts_that_are_whole_clusters_change_nothing() -> None:
    made = grouped(3)
    fit = fit_static_two_way(made.outcome, made.treated, made.cluster_codes)
    assert fit is not None
    draws = np.random.default_rng(1).choice([-1.0, 1.0], size=(50, fit.n_clusters))
    whole, parts = (wild_bootstrap(fit, [draws], exact=False, parts=codes) for codes in (None, made.cluster_codes))
    assert parts.deviation == pytest.approx(whole.deviation, rel=SAME)
    assert parts.squares == pytest.approx(whole.squares, rel=SAME)


@pytest.mark.parametrize(("treated", "parts"), [(1, 1.0), (2, 1.0), (3, 0.0), (4, 0.0)])
def test_fewer_than_three_treated_clusters_are_bootstrapped_by_parts(treated: int, parts: float) -> None:
    made = grouped(treated, effect=2.0)
    found = wild_interval(made, lead=0, n_draws=999, law="auto", seed=0, alpha=0.05)
    assert found.details["subcluster"] == parts
    assert found.low < 2.0 < found.high
    assert (found.p_value <= 0.05) == (not found.low <= 0.0 <= found.high)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_an_interval_is_bounded_in_any_unit_of_the_outcome(scale: float) -> None:
    made = grouped(4, effect=2.0)
    settings: dict[str, Any] = {"lead": 0, "n_draws": 999, "law": "auto", "seed": 0, "alpha": 0.05}
    base = wild_interval(made, **settings)
    scaled = wild_interval(dataclasses.replace(made, outcome=scale * made.outcome), **settings)
    assert (scaled.low / scale, scaled.high / scale) == pytest.approx((base.low, base.high), rel=1e-7)


def test_clusters_of_one_unit_have_no_parts_and_two_clusters_nothing_to_multiply() -> None:
    made = staggered_panel(n_units=20, n_periods=6, cohorts={4: 0.05}, seed=1)
    with pytest.raises(NotComputable, match="no parts"):
        wild_interval(made, lead=0, n_draws=999, law="auto", seed=0, alpha=0.05)
    with pytest.raises(NotComputable, match="nothing to multiply"):
        bootstrapped(grouped(1, clusters=2), lead=0, n_draws=999, law="auto", seed=0)


def test_a_dose_is_refused_and_so_is_an_interval_without_a_bound() -> None:
    made = grouped(4)
    with pytest.raises(NotComputable, match="starts once"):
        bootstrapped(
            dataclasses.replace(made, dose=made.treated.astype(np.float64)), lead=0, n_draws=99, law="auto", seed=0
        )
    with pytest.raises(NotComputable, match="no bound"):  # 16 vectors of signs: no p-value is below 1/16
        wild_interval(grouped(3, clusters=5), lead=0, n_draws=999, law="rademacher", seed=0, alpha=0.05)


def test_draws_that_come_in_blocks_are_as_many_as_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    made = grouped(5, clusters=24)
    for cells in (1, 7 * 24, 10**9):
        monkeypatch.setattr(of_inference, "BLOCK_CELLS", cells)
        found = wild_interval(made, lead=0, n_draws=500, law="rademacher", seed=3, alpha=0.05)
        assert found.details["n_draws"] == 500.0
