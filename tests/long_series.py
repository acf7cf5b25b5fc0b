"""Estimates of places that start together, followed for a long time before and after."""

from __future__ import annotations

import dataclasses

import numpy as np

from evalkit.aggregate import Cells
from evalkit.data.calendar import Calendar
from evalkit.estimate import Estimate
from evalkit.uncertainty import Posterior, SamplerFigures, Sampling
from tests import report_samples as samples

START, PERIODS, DRAWS = 72, 108, 400
MONTHS = Calendar(kind="date", origin=228, step=1, frequency="M")  # January 1989 on
YEARS = Calendar(kind="integer", origin=1970, step=1)


def fitted(*, bayesian: bool = True, calendar: Calendar = MONTHS, units: int = 1, effect: float = -4.0) -> Estimate:
    """Gaps of a fit before the start and effects that build up after it, each unit by itself."""
    rng = np.random.default_rng(3)
    time = np.tile(np.arange(PERIODS), units)
    unit = np.repeat(np.arange(units), PERIODS)
    built_up = effect * (1.0 + 0.3 * unit) * np.clip((time - START + 1) / 12.0, 0.0, 1.0)
    size = len(time)
    spread = np.where(time < START, 0.8, 1.2 + 0.02 * (time - START))
    cells = Cells(
        cohort=np.full(size, START),
        period=time,
        event_time=time - START,
        estimate=built_up + np.where(time < START, 0.8, 0.3) * rng.standard_normal(size),
        observed=60.0 - 0.1 * time + 6.0 * np.sin(time / 12.0 * 2.0 * np.pi) + built_up,
        n_treated=np.ones(size, dtype=np.int64),
        is_reference=np.zeros(size, dtype=np.bool_),
        share_cohorts=np.array([START]),
        shares=np.array([1.0]),
        unit=unit,
        fraction=np.full(size, 1.0 / units),
    )
    common = np.exp(-np.abs(time[:, None] - time) / 6.0) * (unit[:, None] == unit)
    covariance = spread[:, None] * common * spread
    if bayesian:
        draws = rng.multivariate_normal(cells.estimate, covariance, DRAWS, method="cholesky")
        figures = SamplerFigures("exact", 1, DRAWS, 0, 1.0, float(DRAWS), float(DRAWS))
        cells = dataclasses.replace(cells, estimate=draws.mean(axis=0))
        uncertainty: Posterior | Sampling = Posterior(draws, figures)
    else:
        whole = np.zeros((size + 1, size + 1))
        whole[:size, :size] = covariance
        uncertainty = Sampling(whole, n_clusters=20)
    return dataclasses.replace(
        samples.estimate(),
        estimator="synthetic_control",
        settings={},
        cells=cells,
        uncertainty=uncertainty,
        calendar=calendar,
        n_treated_units=units,
        leads_from="fit",
        unit_names=tuple(f"City {chr(65 + u)}" for u in range(units)),
    )
