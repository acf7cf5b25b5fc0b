"""What is asked of the sampler, and the unit in which its draws come back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from scipy import special

from evalkit.numerics import nuts_did
from evalkit.numerics.did_sample import Sample, prepare
from evalkit.numerics.exact_did import Priors, independent_scale, lead_cells
from evalkit.numerics.sampler import Chains, SamplerSettings
from evalkit.vocabulary import NEVER

SETTINGS = SamplerSettings("nutpie", draws=10, tune=10, chains=2, target_accept=0.9, cores=1, seed=1)
START = np.repeat([3, 4, NEVER], 4)
Asked = dict[str, Any]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Stand in for the model and the sampler; every draw is 1."""
    seen: Asked = {}

    def build(rows: Any, structure: Any, **choices: Any) -> None:
        seen.update(choices, rows=rows, structure=structure)

    def run(model: Any, names: Sequence[str], settings: SamplerSettings) -> Chains:
        seen.update(names=list(names), settings=settings)
        rows = seen["rows"]
        sizes = {
            "effects": 5, "unit": len(rows.group), "period": 6, "nuisance": rows.nuisance.shape[1],
            "beta": rows.covariates.shape[1], "site": int(rows.site.max()),
        }  # fmt: skip
        draws = {name: np.ones((2, 10, sizes[name]) if name in sizes else (2, 10)) for name in names}
        return Chains(draws, "nutpie", 0, 1.0, 900.0, 900.0, 0.9)

    monkeypatch.setattr(nuts_did, "build", build)
    monkeypatch.setattr(nuts_did, "run", run)
    return seen


def made() -> tuple[Sample, np.ndarray[Any, np.dtype[np.float64]]]:
    outcome = np.random.default_rng(0).poisson(5.0, (12, 6)).astype(np.float64)
    return prepare(outcome, np.empty((12, 6, 0)), np.arange(6), START, 0), outcome


def effects(family: str, never: bool = False) -> Chains:
    sample, counts = made()
    return nuts_did.sample_effects(
        sample, Priors(), SETTINGS, family=family, counts=counts, offset=np.full((12, 6), 0.3),
        autoregressive=family == "gaussian", never_treated_only=never,
    )  # fmt: skip


def test_gaussian_draws_return_to_the_unit_of_the_outcome(asked: Asked) -> None:
    chains = effects("gaussian")
    sample, _ = made()
    scale = independent_scale(sample, sample.layout.effects, None, Priors())
    assert asked["names"] == ["effects", "sd_event_time", "sd_cohort", "sd_cell", "sigma", "rho"]
    assert {float(chains.draws[name].max()) for name in ("effects", "sd_cell", "sigma")} == {scale}
    assert chains.draws["rho"].max() == 1.0
    assert not asked["rows"].offset.any()


def test_counts_stay_counts_and_keep_their_exposure(asked: Asked) -> None:
    chains = effects("negative_binomial")
    assert asked["names"][-1] == "dispersion"
    assert (asked["rows"].outcome == np.round(asked["rows"].outcome)).all()
    assert (asked["rows"].offset == 0.3).all()
    assert chains.draws["effects"].max() == 1.0


@pytest.mark.parametrize(("never", "columns"), [(False, 0), (True, 5)])
def test_only_a_never_treated_comparison_frees_the_pre_periods(asked: Asked, never: bool, columns: int) -> None:
    effects("student_t", never)
    assert asked["rows"].nuisance.shape[1] == columns


def test_leads_are_sampled_from_untreated_rows_without_pooling(asked: Asked) -> None:
    sample, counts = made()
    cells = lead_cells(sample.layout)
    nuts_did.sample_leads(
        sample, cells, Priors(), SETTINGS, family="poisson", counts=counts, offset=np.zeros((12, 6))
    )  # fmt: skip
    assert asked["names"] == ["effects"]
    assert asked["structure"].group_names == ()
    assert len(asked["rows"].outcome) == 12 * 6 - 4 * 3 - 4 * 2


@pytest.mark.parametrize(("sites", "never", "covariates"), [(False, False, 0), (True, True, 1)])
def test_shares_come_with_the_change_in_percentage_points_of_every_treated_row(
    asked: Asked, sites: bool, never: bool, covariates: int
) -> None:
    """Every draw is 1: the index of a treated row is the sum of its parts, and the effect the share of it."""
    rng = np.random.default_rng(0)
    trials = np.full((12, 6), 40.0)
    sample = prepare(rng.standard_normal((12, 6)), rng.standard_normal((12, 6, covariates)), np.arange(6), START, 0)
    outcome = rng.binomial(40, 0.3, (12, 6)).astype(np.float64)
    priors = Priors(covariate=0.5)
    chains = nuts_did.sample_effects(
        sample, priors, SETTINGS, family="binomial", counts=outcome, trials=trials, autoregressive=False,
        never_treated_only=never, sites=sites,
    )  # fmt: skip
    rows = asked["rows"]
    inside = rows.cell < 5
    chosen = ["unit", "period", *(["nuisance"] if never else []), *(["beta"] if covariates else [])]
    assert asked["names"][-len(chosen) :] == chosen
    assert asked["site_scale"] == (priors.site if sites else None)
    effect = np.full(int(inside.sum()), 2.0 if sites else 1.0)
    index = 2.0 + effect + rows.nuisance[inside].sum(axis=1) + 0.5 * rows.covariates[inside].sum(axis=1)
    expected = 100.0 * (special.expit(index) - special.expit(index - effect))
    np.testing.assert_allclose(chains.draws["response"][1, 3], expected)
    assert not {"unit", "period", "nuisance", "beta"} & chains.draws.keys()
