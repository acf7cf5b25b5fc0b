"""What a season adds to measurements, or multiplies counts and shares by, from the baseline alone."""

from __future__ import annotations

import numpy as np

from evalkit.vocabulary import BoolArray, FloatArray, IntArray


def added(value: FloatArray, position: IntArray, length: int, baseline: BoolArray) -> FloatArray:
    """(T,) what each place in the season adds, beside a straight trend over the baseline; sums to 0 over a season.

    Parameters
    ----------
    value
        (T,) NaN where not observed.
    position
        (T,) place in the season, 0 to `length` - 1.
    length
        Periods in a season.
    baseline
        (T,) periods used.

    Raises
    ------
    ValueError
        When a place in the season has no value in the baseline.

    Examples
    --------
    >>> added(np.array([1.0, 3.0, 1.0, 3.0]), np.array([0, 1, 0, 1]), 2, np.ones(4, dtype=bool)).round(9).tolist()
    [-1.0, 1.0, -1.0, 1.0]
    """
    used = baseline & ~np.isnan(value)
    missing = sorted(set(range(length)) - set(position[used].tolist()))
    if missing:
        raise ValueError(f"no value in the baseline for place {missing[0] + 1} of {length} in the season")
    time = np.arange(len(value), dtype=np.float64)
    columns = np.column_stack([position[:, None] == np.arange(length), time - time[used].mean()])
    found = np.linalg.lstsq(columns[used].astype(np.float64), value[used], rcond=None)[0][:length]
    return np.asarray((found - found.mean())[position])


def factors(
    count: FloatArray, exposure: FloatArray, position: IntArray, length: int, baseline: BoolArray
) -> FloatArray:
    """(T,) factor of each place in the season: its rate over the mean rate of all places, averaging 1.

    A trend within the baseline is taken out first: rates are compared with the mean of the season's length around
    them (ratio to moving average), so that a falling series does not make January look high.

    Raises
    ------
    ValueError
        When a place in the season has no value, or no event, in the baseline.

    Examples
    --------
    >>> n = np.full(8, 100.0)
    >>> factors(np.array([10.0, 30, 10, 30, 10, 30, 10, 30]), n, np.arange(8) % 2, 2, np.ones(8, dtype=bool)).tolist()
    [0.5, 1.5, 0.5, 1.5, 0.5, 1.5, 0.5, 1.5]
    """
    used = baseline & ~np.isnan(count) & (exposure > 0.0)
    window = slice(int(np.flatnonzero(used)[0]), int(np.flatnonzero(used)[-1]) + 1) if used.any() else slice(0, 0)
    trend = np.ones(len(count))
    trend[window] = _around(np.where(used, count, np.nan)[window], np.where(used, exposure, np.nan)[window], length)
    found = np.empty(length)
    for place in range(length):
        here = used & (position == place)
        if not here.any() or not count[here].sum() > 0.0:
            raise ValueError(f"no event in the baseline at place {place + 1} of {length} in the season")
        found[place] = count[here].sum() / (exposure[here] * trend[here]).sum()
    return np.asarray((found / found.mean())[position])


def _around(count: FloatArray, exposure: FloatArray, length: int) -> FloatArray:
    """(T,) rate over one season centred on each period; at the ends, over the first or last whole season."""
    weight = np.ones(length) if length % 2 else np.concatenate([[0.5], np.ones(length - 1), [0.5]])
    known = ~np.isnan(count)
    sums = [np.convolve(np.where(known, each, 0.0), weight, mode="valid") for each in (count, exposure)]
    if len(sums[0]) == 0 or len(count) < len(weight):
        total = np.nansum(count) / np.nansum(exposure)
        return np.full(len(count), total)
    middle = sums[0] / np.where(sums[1] > 0.0, sums[1], np.nan)
    half = len(weight) // 2
    whole = np.concatenate([np.full(half, np.nan), middle, np.full(len(count) - half - len(middle), np.nan)])
    return _held(whole)


def _held(value: FloatArray) -> FloatArray:
    """Gaps take the nearest known value."""
    known = np.flatnonzero(~np.isnan(value))
    nearest = np.clip(np.searchsorted(known, np.arange(len(value))), 0, len(known) - 1)
    before = known[np.maximum(nearest - 1, 0)]
    after = known[nearest]
    here = np.arange(len(value))
    return np.asarray(value[np.where(np.abs(here - before) <= np.abs(after - here), before, after)])
