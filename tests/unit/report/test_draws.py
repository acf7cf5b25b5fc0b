from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from evalkit.report.draws import draws_netcdf
from tests import report_samples as samples

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)  # ArviZ announces its next major version at import
    import arviz


def _open(content: bytes | None, folder: Path) -> Any:
    assert content is not None
    path = folder / "draws.nc"
    path.write_bytes(content)
    return arviz.from_netcdf(str(path))  # type: ignore[no-untyped-call]


def test_arviz_opens_the_posterior_with_the_cells_named(tmp_path: Path) -> None:
    estimate = samples.estimate(bayesian=True)
    posterior = _open(draws_netcdf(estimate), tmp_path).posterior
    assert posterior["att"].dims == ("chain", "draw", "cell")
    assert posterior["cohort"].values.tolist() == estimate.to_frame()["cohort"].astype(str).tolist()
    assert posterior["event_time"].values.tolist() == estimate.cells.event_time.tolist()
    drawn = estimate.draws
    assert drawn is not None
    np.testing.assert_array_equal(posterior["att"].values.reshape(drawn.shape), drawn)


def test_no_observed_data_and_no_likelihood_leave_with_the_draws(tmp_path: Path) -> None:
    assert _open(draws_netcdf(samples.estimate(bayesian=True)), tmp_path).groups() == ["posterior"]


def test_parameters_stay_behind_for_a_restricted_source(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole = _open(draws_netcdf(samples.estimate(bayesian=True)), tmp_path / "a").posterior
    restricted = _open(draws_netcdf(samples.estimate(bayesian=True), with_parameters=False), tmp_path / "b").posterior
    assert "tau" in whole
    assert list(restricted.data_vars) == ["att"]


def test_withheld_cells_are_not_in_the_file(tmp_path: Path) -> None:
    estimate = samples.estimate(bayesian=True)
    shown = estimate.cells.n_treated >= 11
    posterior = _open(draws_netcdf(estimate, shown=shown), tmp_path).posterior
    assert set(posterior["n_treated"].values.tolist()) == {12}
    assert posterior.sizes["cell"] == int(shown.sum())


def test_without_a_cell_that_may_be_shown_there_is_no_file() -> None:
    estimate = samples.estimate(bayesian=True)
    assert draws_netcdf(estimate, shown=np.zeros(len(estimate.cells), dtype=bool), with_parameters=False) is None


def test_a_frequentist_estimate_has_no_draws() -> None:
    assert draws_netcdf(samples.estimate()) is None


def test_the_same_draws_give_the_same_bytes() -> None:
    assert draws_netcdf(samples.estimate(bayesian=True)) == draws_netcdf(samples.estimate(bayesian=True))
