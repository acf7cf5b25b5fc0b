"""Sums after unit effects are integrated out, against dense matrices."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.panel_moments import gather, moments, within_precision
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

ROUNDING = 1e-10  # sums of some hundred products in another order
TIME = np.array([0, 1, 2, 4, 5])  # a period that nobody was observed in lies between 2 and 4


def dense_projection(time: IntArray, rho: float) -> tuple[FloatArray, float]:
    """P = R^-1 - R^-1 1 1' R^-1 / (1' R^-1 1), and -(log|R| + log 1' R^-1 1) / 2, written out."""
    correlation = np.power(rho, np.abs(time[:, None] - time[None, :])) if rho else np.eye(len(time))
    precision = np.linalg.inv(correlation)
    ones = precision.sum(axis=1)
    projection = precision - np.outer(ones, ones) / ones.sum()
    return projection, float(-0.5 * (np.linalg.slogdet(correlation)[1] + np.log(ones.sum())))


def ragged(seed: int = 0) -> tuple[FloatArray, BoolArray, IntArray]:
    rng = np.random.default_rng(seed)
    series = rng.standard_normal((40, 5, 2))
    used = rng.random((40, 5)) < 0.8
    used[0] = False
    return series, used, rng.integers(-1, 3, 40)


@pytest.mark.parametrize("rho", [-0.6, 0.0, 0.3, 0.9])
def test_precision_of_a_unit_with_gaps_matches_the_dense_inverse(rho: float) -> None:
    mask = np.array(
        [[True, True, False, True, True], [False, True, False, False, True], [False, False, True, False, False]]
    )
    projection, half_log_det = within_precision(mask, TIME, rho)
    for row, seen in enumerate(mask):
        expected, log_det = dense_projection(TIME[seen], rho)
        np.testing.assert_allclose(projection[row][np.ix_(seen, seen)], expected, atol=ROUNDING)
        assert half_log_det[row] == pytest.approx(log_det, abs=ROUNDING)
        assert not projection[row][~seen].any()


@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_sums_match_a_loop_over_units(rho: float) -> None:
    series, used, group = ragged()
    found = moments(gather(series, used, group, 3), TIME, np.array([rho]))
    information, score, cross, log_det = np.zeros((3, 5, 5)), np.zeros((3, 5, 2)), np.zeros((2, 2)), 0.0
    for values, seen, code in zip(series, used, group, strict=True):
        if code < 0 or not seen.any():
            continue
        small, half = dense_projection(TIME[seen], rho)
        projection = np.zeros((5, 5))
        projection[np.ix_(seen, seen)] = small
        information[code] += projection
        score[code] += projection @ values
        cross += values.T @ projection @ values
        log_det += half
    np.testing.assert_allclose(found.information[0], information, atol=ROUNDING)
    np.testing.assert_allclose(found.score[0], score, atol=ROUNDING)
    np.testing.assert_allclose(found.cross[0], cross, atol=ROUNDING)
    assert found.log_det[0] == pytest.approx(log_det, abs=ROUNDING)
    keep = (group >= 0) & used.any(axis=1)
    assert (found.n_units, found.n_observations) == (int(keep.sum()), int(used[keep].sum()))


def test_values_outside_the_used_rows_do_not_matter() -> None:
    series, used, group = ragged()
    spoiled = np.where(used[:, :, None], series, np.nan)
    clean = moments(gather(series, used, group, 3), TIME, np.array([0.4]))
    found = moments(gather(spoiled, used, group, 3), TIME, np.array([0.4]))
    np.testing.assert_array_equal(found.score, clean.score)
    np.testing.assert_array_equal(found.cross, clean.cross)


def test_many_patterns_are_summed_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    series, used, group = ragged()
    whole = moments(gather(series, used, group, 3), TIME, np.array([0.4]))
    monkeypatch.setattr("evalkit.numerics.panel_moments.PATTERNS_AT_ONCE", 3)
    blocks = gather(series, used, group, 3)
    assert len(blocks) > 1
    np.testing.assert_allclose(moments(blocks, TIME, np.array([0.4])).cross, whole.cross, atol=ROUNDING)
