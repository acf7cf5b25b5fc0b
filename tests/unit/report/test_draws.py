from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from evalkit.report.draws import draws_netcdf
from evalkit.uncertainty import Posterior, Predictive
from tests import report_samples as samples
from tests.long_series import fitted

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


def test_cells_of_single_units_are_named_by_unit(tmp_path: Path) -> None:
    estimate = fitted(units=2)
    assert estimate.cells.unit is not None
    posterior = _open(draws_netcdf(estimate), tmp_path).posterior
    assert posterior["unit"].values.tolist() == [estimate.unit_names[unit] for unit in estimate.cells.unit]
    own = posterior["att"].where(posterior["unit"] == "City B", drop=True)
    assert own.sizes["cell"] == len(estimate.cells) // 2
    drawn = estimate.draws
    assert drawn is not None
    np.testing.assert_array_equal(own.values.reshape(len(drawn), -1), drawn[:, estimate.cells.unit == 1])


def test_what_the_checks_of_a_posterior_read_stays_in_memory(tmp_path: Path) -> None:
    """Observed, replicated and prior data and the density's terms: none of their numbers is in the file."""
    mark = 987_654.321
    known = Predictive(
        observed=np.full(5, mark), replicated=np.full((3, 5), mark), period=np.arange(5), before=np.ones(5, bool),
        log_likelihood=np.full((4, 5), mark), log_prior=np.full(4, mark), prior_replicated=np.full((3, 5), mark),
    )  # fmt: skip
    estimate = fitted(units=2)
    assert isinstance(estimate.uncertainty, Posterior)
    posterior = dataclasses.replace(estimate.uncertainty, predictive=known)
    written = draws_netcdf(dataclasses.replace(estimate, uncertainty=posterior))
    assert written == draws_netcdf(estimate)
    for name, values in _open(written, tmp_path).posterior.variables.items():
        assert not (values.dtype.kind == "f" and np.isclose(values.values, mark).any()), name


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


def test_counts_stay_behind_where_they_are_withheld(tmp_path: Path) -> None:
    posterior = _open(draws_netcdf(samples.estimate(bayesian=True), with_counts=False), tmp_path).posterior
    assert "n_treated" not in posterior
    assert "att" in posterior
