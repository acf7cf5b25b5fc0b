"""The PyMC models' log densities, against the same densities written with scipy."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import numpy as np
import pytest
from scipy import special, stats

from evalkit.numerics.did_rows import Rows, long_rows
from evalkit.numerics.did_sample import prepare
from evalkit.numerics.exact_did import Priors
from evalkit.numerics.hierarchical_did import Structure, zero_sum_structure
from evalkit.numerics.pymc_did import build
from evalkit.vocabulary import NEVER, FloatArray

SCALE = 10.0  # prior sd of a covariate's coefficient
START = np.repeat([3, 4, NEVER], 4)
OFFSET = 0.3
Values = dict[str, Any]


def made(family: str) -> tuple[Rows, Structure]:
    rng = np.random.default_rng(0)
    counts = family in ("poisson", "negative_binomial")
    outcome = rng.poisson(5.0, (12, 6)).astype(np.float64) if counts else rng.standard_normal((12, 6))
    outcome[1, 2] = np.nan  # a gap within a unit
    sample = prepare(outcome, rng.standard_normal((12, 6, 1)), np.arange(6), START, 0)
    offset = np.full((12, 6), OFFSET if counts else 0.0)
    cells = sample.layout.effects
    return long_rows(sample, outcome, offset, cells, sample.layout.leads), Priors().structure(cells)


def at_a_point(
    rows: Rows, structure: Structure, family: str, autoregressive: bool = False, **more: float
) -> tuple[FloatArray, Values]:
    """Log density of each row at one point, and all parameters there."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="PyTensor could not link to a BLAS", category=UserWarning)
        model: Any = build(rows, structure, family=family, autoregressive=autoregressive, covariate_scale=SCALE, **more)
        outputs = model.replace_rvs_by_values(model.unobserved_RVs)
        [density] = model.logp(vars=[model["outcome"]], sum=False)
        evaluate = model.compile_fn([density, *outputs], inputs=model.value_vars, mode="FAST_COMPILE")
        rng = np.random.default_rng(1)
        start = model.initial_point(random_seed=0)
        point = {name: value + 0.3 * rng.standard_normal(value.shape) for name, value in start.items()}
        found, *values = evaluate(point)
    names = [variable.name for variable in model.unobserved_RVs]
    return np.asarray(found), dict(zip(names, map(np.asarray, values), strict=True))


def mean_of(rows: Rows, values: Values, scale: float | FloatArray = 1.0) -> FloatArray:
    effects = np.append(values["effects"], 0.0)
    return np.asarray(
        rows.offset
        + values["unit"][rows.unit]
        + values["period"][rows.period]
        + effects[rows.cell]
        + rows.nuisance @ values["nuisance"]
        + rows.covariates @ (SCALE * scale * values["beta"])
    )


@pytest.mark.parametrize("autoregressive", [False, True])
def test_gaussian_rows_have_the_density_of_a_multivariate_normal(autoregressive: bool) -> None:
    rows, structure = made("gaussian")
    found, values = at_a_point(rows, structure, "gaussian", autoregressive)
    residual = rows.outcome - mean_of(rows, values, values["sigma"])
    rho = float(values["rho"]) if autoregressive else 0.0
    expected = 0.0
    for unit in range(len(rows.group)):
        inside = rows.unit == unit
        time = rows.period[inside]
        lag = np.abs(time[:, None] - time[None, :])
        covariance = values["sigma"] ** 2 * (np.power(rho, lag) if rho else (lag == 0).astype(np.float64))
        expected += stats.multivariate_normal(cov=covariance).logpdf(residual[inside])
    assert found.sum() == pytest.approx(expected, rel=1e-9)


def test_student_rows_have_heavy_tails() -> None:
    rows, structure = made("student_t")
    found, values = at_a_point(rows, structure, "student_t")
    law = stats.t(values["degrees"], loc=mean_of(rows, values, values["sigma"]), scale=values["sigma"])
    np.testing.assert_allclose(found, law.logpdf(rows.outcome), rtol=1e-9)
    assert values["degrees"] > 2.0


def test_poisson_rows_have_the_rate_times_exposure_as_mean() -> None:
    rows, structure = made("poisson")
    found, values = at_a_point(rows, structure, "poisson")
    np.testing.assert_allclose(found, stats.poisson(np.exp(mean_of(rows, values))).logpmf(rows.outcome), rtol=1e-9)
    assert (rows.offset == OFFSET).all()


def test_negative_binomial_rows_have_variance_mu_plus_dispersion_squared_mu_squared() -> None:
    rows, structure = made("negative_binomial")
    found, values = at_a_point(rows, structure, "negative_binomial")
    mean, size = np.exp(mean_of(rows, values)), float(values["dispersion"]) ** -2
    law = stats.nbinom(size, size / (size + mean))
    np.testing.assert_allclose(found, law.logpmf(rows.outcome), rtol=1e-9)
    np.testing.assert_allclose(law.var(), mean + mean**2 * float(values["dispersion"]) ** 2, rtol=1e-9)


def test_effects_are_built_from_the_same_parts_as_in_the_exact_engine() -> None:
    rows, structure = made("gaussian")
    _, values = at_a_point(rows, structure, "gaussian")
    scale = np.where(structure.group < 0, structure.fixed_scale, 0.0)
    for index, name in enumerate(structure.group_names[:2]):
        scale[structure.group == index] = values[f"ratio_{name}"]
    parts = structure.basis @ (scale * values["z"]) + values["ratio_cell"] * values["z_cell"]
    np.testing.assert_allclose(values["effects"], values["sigma"] * parts, rtol=1e-12)
    assert values["period"].sum() == pytest.approx(0.0, abs=1e-12)


def test_leads_of_a_sampled_model_sum_to_zero_within_cohorts() -> None:
    rng = np.random.default_rng(0)
    sample = prepare(rng.standard_normal((12, 6)), np.empty((12, 6, 0)), np.arange(6), START, 0)
    leads = sample.layout.leads
    rows = long_rows(sample, sample.series[:, :, 0], np.zeros((12, 6)), leads)
    _, values = at_a_point(rows, zero_sum_structure(leads, 10.0), "student_t")
    np.testing.assert_allclose(np.bincount(leads.group, weights=values["effects"]), 0.0, atol=1e-9)


def test_missing_values_are_refused_before_they_become_parameters() -> None:
    rows, structure = made("gaussian")
    rows.outcome[3] = np.nan
    with pytest.raises(ValueError, match=r"rows\.outcome holds missing"):
        build(rows, structure, family="gaussian", autoregressive=False, covariate_scale=SCALE)


def test_binomial_rows_have_a_share_on_the_log_odds() -> None:
    rng = np.random.default_rng(0)
    sample = prepare(rng.standard_normal((12, 6)), rng.standard_normal((12, 6, 1)), np.arange(6), START, 0)
    trials = rng.integers(5, 40, (12, 6)).astype(np.float64)
    outcome = rng.binomial(trials.astype(np.int64), 0.3).astype(np.float64)
    cells = sample.layout.effects
    rows = long_rows(sample, outcome, np.zeros((12, 6)), cells, sample.layout.leads, trials)
    found, values = at_a_point(rows, Priors().structure(cells), "binomial")
    law = stats.binom(rows.trials.astype(np.int64), special.expit(mean_of(rows, values)))
    np.testing.assert_allclose(found, law.logpmf(rows.outcome), rtol=1e-9)
    level = special.logit((outcome.sum() + 0.5) / (trials.sum() + 1.0))
    assert abs(values["cohort"] - level).max() < 5.0, "cohort levels start at the share of all"


def test_units_deviate_from_their_cells_by_a_spread_of_their_own() -> None:
    rows, structure = made("gaussian")
    found, values = at_a_point(rows, structure, "gaussian", site_scale=0.5)
    own = np.append(values["site"], 0.0)[rows.site]
    law = stats.norm(mean_of(rows, values, values["sigma"]) + own, values["sigma"])
    np.testing.assert_allclose(found, law.logpdf(rows.outcome), rtol=1e-9)
    assert values["sd_site"] == pytest.approx(values["ratio_site"] * values["sigma"])
    np.testing.assert_allclose(values["site"], values["sd_site"] * values["z_site"], rtol=1e-12)


def test_cells_of_a_fixed_spread_need_neither_groups_nor_common_columns() -> None:
    rows, structure = made("gaussian")
    n_cells = len(structure.basis)
    alone = dataclasses.replace(
        structure, basis=np.empty((n_cells, 0)), group=np.empty(0, dtype=np.int64), fixed_scale=np.empty(0),
        group_names=(), group_scales=(), fixed_cell=0.7,
    )  # fmt: skip
    _, values = at_a_point(rows, alone, "gaussian")
    np.testing.assert_allclose(values["effects"], values["sigma"] * 0.7 * values["z_cell"], rtol=1e-12)
