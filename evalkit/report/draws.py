"""Posterior draws as netCDF: opened by ``arviz.from_netcdf``, free of observed data."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evalkit.estimate import Estimate
from evalkit.uncertainty import Posterior
from evalkit.vocabulary import NEVER, POOLED, BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import xarray as xr


def draws_netcdf(
    estimate: Estimate,
    *,
    shown: BoolArray | None = None,
    with_parameters: bool = True,
    with_counts: bool = True,
) -> bytes | None:
    """The posterior of a Bayesian estimate as a netCDF file; None for a frequentist one, or where no cell may be shown.

    Parameters
    ----------
    estimate
        The estimate.
    shown
        (K,) cells that the disclosure gate lets through; all by default.
    with_parameters
        Also store the model's further parameters. Left out where units are persons or the source is
        restricted: a unit's own effect could be read off them.
    with_counts
        Also store how many treated each cell has. Left out likewise: cells differ by the few who are missing in one.

    Returns
    -------
    bytes or None
        Group ``posterior``: ``att`` (chain, draw, cell) in the unit of the outcome as analysed, with
        the cohort, period, event time and number of treated units of each cell as coordinates, and the unit
        where cells are of single ones. No observed or replicated data, no log likelihood.
    """
    if not isinstance(estimate.uncertainty, Posterior) or (shown is not None and not shown.any()):
        return None
    dataset = _dataset(estimate, estimate.uncertainty, shown, with_parameters)
    if not with_counts:
        dataset = dataset.drop_vars("n_treated")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "draws.nc"
        dataset.to_netcdf(path, group="posterior", engine="h5netcdf")
        return path.read_bytes()


def _dataset(estimate: Estimate, posterior: Posterior, shown: BoolArray | None, with_parameters: bool) -> xr.Dataset:
    import xarray as xr

    cells = estimate.cells
    keep = np.ones(len(cells), dtype=bool) if shown is None else shown
    chains = posterior.sampler.n_chains
    att = posterior.draws[:, keep].reshape(chains, -1, int(keep.sum()))
    units = {} if cells.unit is None else {"unit": ("cell", _names(estimate, cells.unit[keep]))}
    dataset = xr.Dataset(
        {"att": (("chain", "draw", "cell"), att)},
        coords={
            **units,
            "chain": np.arange(chains),
            "draw": np.arange(att.shape[1]),
            "cell": np.arange(int(keep.sum())),
            "cohort": ("cell", _labels(estimate, cells.cohort[keep])),
            "period": ("cell", _labels(estimate, cells.period[keep])),
            "event_time": ("cell", _event_times(cells.event_time[keep])),
            "n_treated": ("cell", cells.n_treated[keep]),
        },
        attrs={
            "estimator": estimate.estimator,
            "estimand": estimate.estimand,
            "sampler": posterior.sampler.engine,
            "unit": "outcome as analysed",
        },
    )
    if with_parameters:
        for name, values in posterior.parameters.items():
            dimensions = ("chain", "draw", *(f"{name}_dim_{axis}" for axis in range(np.ndim(values) - 2)))
            dataset[name] = (dimensions, np.asarray(values))
    return dataset


def _names(estimate: Estimate, units: IntArray) -> np.typing.NDArray[np.str_]:
    return np.array([estimate.unit_names[unit] for unit in units], dtype=np.str_)


def _labels(estimate: Estimate, ordinals: IntArray) -> np.typing.NDArray[np.str_]:
    """Labels as text; ``all`` where the effect pools over them."""
    words = [
        "all" if ordinal == POOLED else "never" if ordinal == NEVER else estimate.calendar.text(int(ordinal))
        for ordinal in ordinals
    ]
    return np.array(words, dtype=np.str_)


def _event_times(ordinals: IntArray) -> FloatArray:
    """Event times as numbers; NaN where the effect pools over them."""
    return np.where(ordinals == POOLED, np.nan, ordinals.astype(np.float64))
