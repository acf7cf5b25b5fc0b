"""Regressors of a structural series: seasons, earlier programmes, calendar, other places' series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from evalkit.errors import Reason
from evalkit.numerics.structural_regression import Series
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

SEASON_SD: Final = 1.5
"""Prior sd of a seasonal or calendar coefficient, in sds of the unexplained change; of a month's effect, five."""
STEP_SD: Final = 10.0
"""Prior sd of the lasting change that an earlier programme brought, in the same unit."""
LEAST_VARIATION: Final = 1e-13
"""Share of its own size below which a column does not vary."""


@dataclass(frozen=True, slots=True)
class Column:
    """A regressor.

    Attributes
    ----------
    name
        As the reader knows it.
    values
        (T,) in all periods.
    prior_sd
        Prior sd of its coefficient in sds of the unexplained change; None where it is learned.
    """

    name: str
    values: FloatArray
    prior_sd: float | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A series ready for the engines, and the way back.

    Attributes
    ----------
    series
        In units of `unit`, centred.
    center, unit
        Outcome = center + unit x value.
    columns
        Names of the columns kept, in order.
    divisors
        (k,) what each column was divided by.
    """

    series: Series
    center: float
    unit: float
    columns: tuple[str, ...]
    divisors: FloatArray


def seasonal_columns(position: IntArray, length: int, harmonics: int | None) -> list[Column]:
    """Effects of a season that sum to zero over it (Harvey 1989, section 2.3.4).

    Parameters
    ----------
    position
        (T,) place in the season.
    length
        Periods in a season.
    harmonics
        Pairs of sine and cosine; None for a free effect of each place.

    Examples
    --------
    >>> len(seasonal_columns(np.arange(24) % 12, 12, None)), len(seasonal_columns(np.arange(24) % 12, 12, 2))
    (11, 4)
    """
    if harmonics is None:
        contrasts = np.zeros((length, length - 1))
        for i in range(1, length):
            contrasts[:i, i - 1] = 1.0
            contrasts[i, i - 1] = -float(i)
            contrasts[:, i - 1] *= np.sqrt(length / (i * (i + 1.0)))
        return [Column(f"season {i + 1}", contrasts[position, i], SEASON_SD) for i in range(length - 1)]
    found = []
    for h in range(1, min(harmonics, length // 2) + 1):
        angle = 2.0 * np.pi * h * position / length
        found.append(Column(f"season cos {h}", np.sqrt(2.0) * np.cos(angle), SEASON_SD))
        if 2 * h < length:
            found.append(Column(f"season sin {h}", np.sqrt(2.0) * np.sin(angle), SEASON_SD))
    return found


def prepare(outcome: FloatArray, used: BoolArray, columns: list[Column], unit: float | None = None) -> Prepared:
    """Centre and scale a series and its regressors.

    A regressor is divided by the sd of its change from one used period to the next, or by its sd over
    the root of the number of periods where that is larger: the prior then speaks of the change it explains.

    Parameters
    ----------
    outcome
        (T,) NaN where unknown.
    used
        (T,) periods that the model is fitted to.
    columns
        Regressors; those that do not vary over the used periods are left out.
    unit
        First guess w of the sd of the unexplained change; None for the one from least squares on changes.

    Raises
    ------
    FloatingPointError
        When the outcome does not change at all.
    """
    center = float(outcome[used].mean())
    kept, scaled, divisors = [], [], []
    for column in columns:
        level = float(column.values[used].mean())
        moved = column.values - level
        size = max(float(np.abs(column.values[used]).max()), 1e-300)
        if float(moved[used].std()) <= LEAST_VARIATION * size:
            continue
        divisor = 1.0
        if column.prior_sd is None:
            divisor = max(float(np.diff(moved[used]).std()), float(moved[used].std()) / np.sqrt(used.sum()))
        kept.append(column)
        divisors.append(divisor)
        scaled.append(moved / divisor)
    matrix = np.column_stack(scaled) if scaled else np.zeros((len(outcome), 0))
    centred = np.where(used, outcome - center, 0.0)
    fixed = np.array([np.nan if column.prior_sd is None else column.prior_sd**2 for column in kept], dtype=np.float64)
    size = first_guess(centred[used], matrix[used]) if unit is None else unit
    return Prepared(
        Series(centred / size, used.astype(np.float64), matrix, fixed),
        center,
        size,
        tuple(column.name for column in kept),
        np.array(divisors),
    )


def first_guess(outcome: FloatArray, columns: FloatArray) -> float:
    """Sd of the changes that regressors leave unexplained, by least squares on changes.

    At most a quarter as many directions as changes are taken out: the leading principal components of the
    regressors' changes, so that many regressors do not explain noise.

    Raises
    ------
    FloatingPointError
        When nothing is left to vary.
    """
    change = np.diff(outcome)
    left = change - change.mean()
    rank = min(columns.shape[1], len(change) // 4)
    if rank:
        moves = np.diff(columns, axis=0)
        basis = np.linalg.svd(moves - moves.mean(axis=0), full_matrices=False)[0][:, :rank]
        left = left - basis @ (basis.T @ left)
    spread = float(np.sqrt(left @ left / max(len(change) - 1 - rank, 1)))
    size = float(np.abs(outcome).max())
    if not spread > 1e-12 * size:
        raise FloatingPointError(Reason("the outcome does not change beyond what the regressors explain exactly"))
    return spread
