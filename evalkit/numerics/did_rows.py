"""The rows of a fit in long form, as a model written out row by row needs them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.numerics.did_layout import UNTREATED, CellTable
from evalkit.numerics.did_sample import Sample
from evalkit.numerics.did_system import sum_to_zero
from evalkit.vocabulary import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Rows:
    """The n rows of a fit in long form, sorted by unit and period.

    Attributes
    ----------
    outcome
        (n,) less unit and period means and in residual sds for Gaussian and Student-t, counts otherwise.
    unit, period
        (n,) codes.
    group
        (U,) cohort code of each unit.
    cell
        (n,) cell code; K, one past the end, for rows without an effect.
    nuisance
        (n, c) columns with flat effects.
    covariates
        (n, p) at within-unit sd 1.
    offset
        (n,) log exposure; zeros where there is none.
    trials
        (n,) of which `outcome` counts the successes; ones where it does not.
    site
        (n,) position of the unit among those with a deviation of their own; U, one past the end, elsewhere.
    previous, gap
        (n,) row of the unit's previous period and the ordinals between them; 0 and 0 for a unit's first row.
    """

    outcome: FloatArray
    unit: IntArray
    period: IntArray
    group: IntArray
    cell: IntArray
    nuisance: FloatArray
    covariates: FloatArray
    offset: FloatArray
    trials: FloatArray
    site: IntArray
    previous: IntArray
    gap: IntArray


def long_rows(
    sample: Sample,
    outcome: FloatArray,
    offset: FloatArray,
    cells: CellTable,
    nuisance: CellTable | None = None,
    trials: FloatArray | None = None,
) -> Rows:
    """Bring the used rows of a sample into long form.

    Parameters
    ----------
    sample
        Rows used, covariates and cells.
    outcome, offset
        (N, T).
    cells
        Cells with effects.
    nuisance
        Cells with free effects that sum to zero within each cohort.
    trials
        (N, T), for shares.
    """
    layout = sample.layout
    unit, period = np.nonzero(layout.used)
    kept, unit_code = np.unique(unit, return_inverse=True)
    cell = layout.codes(cells)[unit, period]
    columns = np.zeros((len(unit), 0))
    if nuisance is not None:
        free = layout.codes(nuisance)[unit, period]
        columns = np.where((free != UNTREATED)[:, None], sum_to_zero(nuisance)[free], 0.0)
    continues = np.concatenate([[False], unit[1:] == unit[:-1]])
    row = np.arange(len(unit))
    previous = np.where(continues, row - 1, 0)
    acting = np.append(cells.event_time >= 0, False)[cell]
    sites = np.unique(unit[acting])
    site = np.where(acting, np.searchsorted(sites, unit), len(sites))
    ordinal = sample.time[period]
    return Rows(
        outcome=outcome[unit, period],
        unit=unit_code,
        period=np.unique(period, return_inverse=True)[1],
        group=np.unique(layout.group[kept], return_inverse=True)[1],
        cell=np.where(cell == UNTREATED, len(cells), cell),
        nuisance=columns,
        covariates=sample.series[unit, period, 1:],
        offset=offset[unit, period],
        trials=np.ones(len(unit)) if trials is None else trials[unit, period],
        site=site.astype(np.int64),
        previous=previous,
        gap=np.where(continues, ordinal - ordinal[previous], 0),
    )
