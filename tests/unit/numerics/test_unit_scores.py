from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics import unit_scores
from evalkit.numerics.unit_scores import ScoreBlock, Scores, cohort_shares, join, with_shares

ROUNDING = 1e-12


def blocks(seed: int, width: int = 3) -> tuple[ScoreBlock, ...]:
    rng = np.random.default_rng(seed)
    units = (np.array([0, 2, 5, 7]), np.array([1, 3, 4]))
    return tuple(ScoreBlock(u, rng.standard_normal((len(u), 2)), rng.standard_normal((2, width))) for u in units)


def psi_by_hand(found: tuple[ScoreBlock, ...], n: int = 8) -> np.ndarray:
    psi = np.zeros((n, found[0].loading.shape[1]))
    for block in found:
        for unit, score in zip(block.units, block.scores, strict=True):
            psi[unit] = score @ block.loading
    return psi


def test_each_unit_has_its_row_and_the_covariance_is_their_cross_product() -> None:
    found = blocks(1)
    scores, expected = Scores(found, None), psi_by_hand(found)
    np.testing.assert_allclose(scores.matrix(), np.delete(expected, 6, axis=0), rtol=0.0, atol=ROUNDING)
    np.testing.assert_allclose(scores.covariance(), expected.T @ expected, rtol=0.0, atol=ROUNDING)
    assert scores.codes().tolist() == [0, 1, 2, 3, 4, 5, 7]


@pytest.mark.parametrize("block_rows", [1, 2, 100])
def test_rows_are_summed_within_clusters_whatever_the_size_of_the_blocks(
    block_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unit_scores, "BLOCK_ROWS", block_rows)
    cluster = np.array([4, 0, 4, 9, 9, 0, 2, 0])
    found = blocks(2)
    expected = np.array([psi_by_hand(found)[cluster == code].sum(axis=0) for code in (0, 4, 9)])
    scores = Scores(found, cluster)
    np.testing.assert_allclose(scores.matrix(), expected, rtol=0.0, atol=ROUNDING)
    np.testing.assert_allclose(scores.covariance(), expected.T @ expected, rtol=0.0, atol=ROUNDING)


def test_joined_blocks_carry_both_estimates_also_where_one_has_no_part() -> None:
    first, second = blocks(3), blocks(4, width=2)[1:]
    both = psi_by_hand(join(first, second))
    np.testing.assert_allclose(both[:, :3], psi_by_hand(first), rtol=0.0, atol=ROUNDING)
    np.testing.assert_allclose(both[:, 3:], psi_by_hand(second), rtol=0.0, atol=ROUNDING)


def test_columns_come_in_the_order_asked_for() -> None:
    (block, _) = blocks(5)
    assert np.array_equal(block.columns(np.array([2, 0])).loading, block.loading[:, [2, 0]])


def test_shares_sum_weights_by_cohort_and_their_influence_has_mean_zero() -> None:
    first = np.array([3, 9, 3, 9, 9, 3, 9, 3])
    weight = np.arange(1.0, 9.0)
    used = np.array([0, 1, 2, 3, 4, 5, 7])
    shares = cohort_shares(first, weight, used, np.array([3]))
    assert shares.value[0] == pytest.approx((1 + 3 + 6 + 8) / weight[used].sum())
    psi = psi_by_hand(with_shares(blocks(6), first, shares, known=False))
    assert psi[:, 3].sum() == pytest.approx(0.0, abs=ROUNDING)
    own = (first[used] == 3) * weight[used] / weight[used].mean()
    np.testing.assert_allclose(psi[used, 3], (own - shares.value[0]) / 7.0, rtol=0.0, atol=ROUNDING)


def test_shares_taken_as_known_add_columns_of_zeros() -> None:
    shares = cohort_shares(np.full(8, 3), np.ones(8), np.arange(8), np.array([3]))
    assert not psi_by_hand(with_shares(blocks(7), np.full(8, 3), shares, known=True))[:, 3].any()


def test_units_that_are_their_own_clusters_are_never_summed() -> None:
    scores = Scores(blocks(8), None)
    with pytest.raises(ValueError, match="nothing to sum"):
        list(scores._cluster_sums())
