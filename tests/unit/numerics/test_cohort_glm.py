from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics import cohort_glm
from evalkit.numerics.canonical import FAMILIES, FamilyName
from evalkit.numerics.cohort_glm import (
    CohortRows,
    MomentSums,
    fit_against,
    fit_cells,
    fit_jointly,
    group_positions,
    with_maximum,
)
from evalkit.vocabulary import FloatArray

SAME = 1e-9
N, PERIODS, GROUPS = 30, 4, 3


def rows(family: FamilyName, *, covariates: int = 0, seed: int = 0) -> CohortRows:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((covariates, N, PERIODS))
    index = 0.3 * rng.standard_normal((N, PERIODS)) + (0.2 * x.sum(axis=0) if covariates else 0.0)
    y = {
        "linear": index,
        "poisson": rng.poisson(3.0 * np.exp(index)).astype(float),
        "logit": rng.uniform(0.1, 0.9, (N, PERIODS)),
    }[family]
    return CohortRows(y, np.ones((N, PERIODS)), x, group_positions(np.arange(N) % GROUPS, GROUPS))


def untreated() -> np.typing.NDArray[np.bool_]:
    cells = np.ones((GROUPS, PERIODS), dtype=bool)
    cells[0, 2:] = cells[1, 3:] = False
    return cells


@pytest.mark.parametrize("covariates", [0, 2])
@pytest.mark.parametrize("family", list(FAMILIES))
def test_at_the_maximum_the_scores_of_every_period_and_group_sum_to_zero(family: FamilyName, covariates: int) -> None:
    sums = MomentSums(rows(family, covariates=covariates), FAMILIES[family])
    fit = fit_jointly(sums, untreated())
    assert fit is not None
    gradient = sums.at(fit.index, untreated()).gradient
    assert np.abs(gradient.sum(axis=0)).max() < SAME
    assert np.abs(gradient.sum(axis=1)).max() < SAME


@pytest.mark.parametrize("family", list(FAMILIES))
def test_moments_from_a_table_equal_those_from_the_rows(family: FamilyName) -> None:
    plain = rows(family)
    with_constant = CohortRows(plain.response, plain.size, np.zeros((1, N, PERIODS)), plain.groups)
    index = np.random.default_rng(1).standard_normal((GROUPS, PERIODS, 2))
    table = MomentSums(plain, FAMILIES[family]).at(index[:, :, :1], untreated())
    by_row = MomentSums(with_constant, FAMILIES[family]).at(index, untreated())
    np.testing.assert_allclose(table.value, by_row.value, atol=SAME)
    np.testing.assert_allclose(table.gradient[:, :, 0], by_row.gradient[:, :, 0], atol=SAME)
    np.testing.assert_allclose(table.information[:, :, 0, 0], by_row.information[:, :, 0, 0], atol=SAME)


def test_against_one_group_its_rows_alone_inform_the_periods() -> None:
    sums = MomentSums(rows("poisson"), FAMILIES["poisson"])
    fit = fit_against(sums, untreated(), 2)
    assert fit is not None
    np.testing.assert_allclose(np.exp(fit.index[2, :, 0]), sums.response[2] / sums.size[2], atol=SAME)
    others = sums.at(fit.index, untreated()).gradient[:2]
    assert np.abs(others.sum(axis=1)).max() < SAME


@pytest.mark.parametrize("joint", [True, False])
def test_coefficients_answer_to_scores_as_their_response_says(joint: bool) -> None:
    """Moving one row's outcome by a little moves the index by the response times that row's score."""
    data = rows("poisson", covariates=1)

    def fitted(shift: float) -> tuple[FloatArray, FloatArray]:
        response = data.response.copy()
        response[4, 1] += shift  # unit 4 is of group 1
        moved = MomentSums(CohortRows(response, data.size, data.covariates, data.groups), FAMILIES["poisson"])
        fit = fit_jointly(moved, untreated()) if joint else fit_against(moved, untreated(), 2)
        assert fit is not None
        by_index = np.eye(2)[[0, 1]]
        answer, known = fit.gradients(np.array([0, 0]), np.array([3, 3]), by_index)
        assert known.all()
        z = np.array([1.0, data.covariates[0, 4, 1]])
        moves = answer[:, PERIODS + 1] + fit.informs[1] * answer[:, 1]
        return fit.index[0, 3], np.asarray(moves @ z)

    step = 1e-4
    (up, _), (down, _), (_, expected) = fitted(step), fitted(-step), fitted(0.0)
    np.testing.assert_allclose((up - down) / (2.0 * step), expected, rtol=1e-5)


def test_cells_that_no_row_links_are_not_identified() -> None:
    cells = untreated()
    cells[:, 3] = False
    sums = MomentSums(rows("linear"), FAMILIES["linear"])
    fit = fit_jointly(sums, cells)
    assert fit is not None
    _, known = fit.gradients(np.array([0, 0]), np.array([2, 3]), np.ones((2, 1)))
    assert known.tolist() == [True, False]


def test_a_collinear_covariate_leaves_the_predictions_alone() -> None:
    plain = rows("poisson", covariates=1)
    twice = CohortRows(plain.response, plain.size, np.repeat(plain.covariates, 2, axis=0), plain.groups)
    one = fit_jointly(MomentSums(plain, FAMILIES["poisson"]), untreated())
    two = fit_jointly(MomentSums(twice, FAMILIES["poisson"]), untreated())
    assert one is not None
    assert two is not None
    assert one.n_parameters == two.n_parameters
    np.testing.assert_allclose(two.index[:, :, 1:].sum(axis=2), one.index[:, :, 1], atol=SAME)


@pytest.mark.parametrize("family", list(FAMILIES))
def test_a_cells_own_regression_has_scores_of_zero(family: FamilyName) -> None:
    sums = MomentSums(rows(family, covariates=1), FAMILIES[family])
    cells = ~untreated()
    gradient = sums.at(fit_cells(sums, cells), cells).gradient
    assert np.abs(gradient).max() < 1e-7


def test_groups_and_periods_without_an_event_have_no_maximum() -> None:
    data = rows("poisson")
    response = data.response.copy()
    response[data.groups[0], :2] = 0.0
    response[:, 1] = 0.0
    sums = MomentSums(CohortRows(response, data.size, data.covariates, data.groups), FAMILIES["poisson"])
    kept = with_maximum(sums, untreated(), None)
    assert not kept[0].any()
    assert not kept[:, 1].any()
    assert kept[1, [0, 2]].all()
    assert with_maximum(MomentSums(data, FAMILIES["linear"]), untreated(), None).all() == untreated().all()


def test_separation_by_a_covariate_gives_no_fit() -> None:
    data = rows("logit", covariates=1)
    response = (data.covariates[0] > 0.0).astype(float)
    sums = MomentSums(CohortRows(response, data.size, data.covariates, data.groups), FAMILIES["logit"])
    assert fit_jointly(sums, untreated()) is None


def test_rows_without_weight_say_nothing_however_far_their_index_is() -> None:
    """The mean at an index of 800 is beyond what a number holds, and 0 times it is no number."""
    data = rows("poisson", covariates=1)
    size = data.size.copy()
    size[data.groups[0], 3] = 0.0
    far = np.zeros((GROUPS, PERIODS, 2))
    far[0, 3, 0] = 800.0
    near = np.zeros_like(far)
    response = np.where(size > 0.0, data.response, 0.0)
    sums = MomentSums(CohortRows(response, size, data.covariates, data.groups), FAMILIES["poisson"])
    every = np.ones((GROUPS, PERIODS), dtype=bool)
    for name in ("value", "gradient", "information"):
        np.testing.assert_array_equal(getattr(sums.at(far, every), name), getattr(sums.at(near, every), name))


def steep(seed: int) -> CohortRows:
    """Counts that rise a hundredfold with a covariate of long tails: full Newton steps from its mean overshoot."""
    rng = np.random.default_rng(seed)
    x = rng.standard_t(2.0, (1, N, PERIODS))
    y = rng.poisson(np.exp(np.clip(1.0 + 2.0 * x[0], -5.0, 9.0))).astype(float)
    return CohortRows(y, np.ones((N, PERIODS)), x, group_positions(np.arange(N) % GROUPS, GROUPS))


@pytest.mark.parametrize("seed", range(3))
def test_steps_that_overshoot_are_halved_until_the_scores_vanish(seed: int) -> None:
    sums, cells = MomentSums(steep(seed), FAMILIES["poisson"]), ~untreated()
    events = float(sums.response.sum())
    assert np.abs(sums.at(fit_cells(sums, cells), cells).gradient).max() < 1e-7 * events
    joint = fit_jointly(sums, np.ones((GROUPS, PERIODS), dtype=bool))
    assert joint is not None
    gradient = sums.at(joint.index, joint.cells).gradient
    assert np.abs(gradient.sum(axis=0)).max() < 1e-7 * events


def test_the_comparison_group_alone_informs_periods_and_nothing_else() -> None:
    sums = MomentSums(rows("poisson"), FAMILIES["poisson"])
    cells = untreated() & (np.arange(GROUPS) == 2)[:, None]
    fit = fit_against(sums, cells, 2)
    assert fit is not None
    assert fit.n_parameters == PERIODS
    np.testing.assert_allclose(np.exp(fit.index[2, :, 0]), sums.response[2] / sums.size[2], atol=SAME)
    np.testing.assert_array_equal(fit.index[0], fit.index[2])


def test_rows_without_any_weight_identify_nothing() -> None:
    data = rows("linear")
    empty = MomentSums(CohortRows(data.response, 0.0 * data.size, data.covariates, data.groups), FAMILIES["linear"])
    fit = fit_jointly(empty, untreated())
    assert fit is not None
    assert fit.n_parameters == 0
    assert not fit.response.any()


def test_a_likelihood_that_does_not_settle_gives_no_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    sums = MomentSums(rows("poisson", covariates=1), FAMILIES["poisson"])
    monkeypatch.setattr(cohort_glm, "MAX_STEPS", 1)
    assert fit_jointly(sums, untreated()) is None
