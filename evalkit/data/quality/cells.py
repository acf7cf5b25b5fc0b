"""Cells of any panel: outcomes that are missing, and periods that stand far out from those around them."""

from __future__ import annotations

from typing import Final

import numpy as np

from evalkit.data.quality.phrases import SAID
from evalkit.data.quality.view import View, found, two
from evalkit.vocabulary import BoolArray, CheckStatus, Diagnostic, Exhibit, FloatArray

MISSING_WARNS: Final = 0.05
TIMES: Final = 6.0
"""Robust standard deviations: for a normal series one in 500 million."""
REACH: Final = 3
"""Neighbours on either side that say what is usual."""
FEWEST_PERIODS: Final = 8
MOST_CELLS: Final = 2_000_000
COMMON: Final = 0.5
"""Share of units that stand out in one period, from which on it is no matter of single units."""
NORMAL: Final = 1.4826
"""Standard deviations of a normal in one median absolute deviation."""


def missing_periods(view: View) -> Diagnostic:
    """Unit-periods without an outcome, and gaps within a unit's series."""
    observed, seen = view.panel.observed & view.seen, view.seen
    cells = int(seen.sum())
    share = 1.0 - int(observed.sum()) / max(cells, 1)
    before = np.cumsum(observed, axis=1) > 0
    after = np.cumsum(observed[:, ::-1], axis=1)[:, ::-1] > 0
    gaps = int((~observed & seen & before & after).any(axis=1).sum())
    said = SAID["complete"]
    if share > 0:
        said = SAID.say("gaps", share=100 * share, gaps=gaps, units=view.panel.n_units)
    if view.intake is not None:
        said = two(said, SAID.say("recorded_by", how=view.intake.recorded_by))
    status: CheckStatus = "pass" if share == 0 else "informational" if share <= MISSING_WARNS else "warn"
    return found(
        "missing_periods", status, said, statistic="missing_share", value=share, threshold=MISSING_WARNS,
        domain="missing_data", exhibit=_records(view), details={"n_with_gaps": float(gaps)},
    )  # fmt: skip


def _records(view: View) -> Exhibit | None:
    """Records by period, where the panel was made of records."""
    intake = view.intake
    if intake is None or intake.cells.empty:
        return None
    shown = intake.cells[view.rows(intake.cells, intake.cells["bin"])]
    by_bin = shown.groupby("bin")["records"].sum()
    bins = range(intake.first, intake.first + intake.recorded.shape[1])
    counts = [int(by_bin.get(ordinal, 0)) for ordinal in bins]
    recorded = [bool(on) for on in np.any(intake.recorded, axis=0)]
    table = {
        "period": tuple(str(intake.bins.period(ordinal)) for ordinal in bins),
        "series": (SAID["records"],) * len(counts),
        "value": tuple(float(count) if on else np.nan for count, on in zip(counts, recorded, strict=True)),
        "flagged": (False,) * len(counts),
        "records": tuple(counts),
    }
    return Exhibit("data_records", table, counts=("records",))


def spikes(view: View) -> Diagnostic:
    """Single periods of a unit far from the median of their neighbours, on the scale of the unit's own scatter."""
    panel = view.panel
    if panel.outcome.size > MOST_CELLS:
        return found("spikes", "not_run", SAID.say("too_large", cells=MOST_CELLS))
    if panel.n_periods < FEWEST_PERIODS:
        return found("spikes", "not_run", SAID.say("too_short", periods=FEWEST_PERIODS))
    away = standing_out(np.where(view.seen, panel.outcome, np.nan))
    out = np.abs(np.nan_to_num(away)) > TIMES
    judged = int(np.isfinite(away).sum())
    share = int(out.sum()) / max(judged, 1)
    common = _common(out, np.isfinite(away))
    if not out.any():
        said = SAID.say("no_spikes", times=TIMES)
    else:
        row, column = divmod(int(np.argmax(np.where(out, np.abs(np.nan_to_num(away)), 0.0))), away.shape[1])
        period = panel.calendar.text(int(panel.time[column]))
        said = SAID.say("some_spikes", share=100 * share, times=TIMES, unit=str(panel.units[row]), period=period)
    if common is not None:
        said = two(said, SAID.say("common_spike", period=panel.calendar.text(int(panel.time[common]))))
    status: CheckStatus = "warn" if common is not None else "informational" if out.any() else "pass"
    return found("spikes", status, said, statistic="share_standing_out", value=share)


def standing_out(outcome: FloatArray) -> FloatArray:
    """(N, T) distance from the median of the neighbours, over the unit's robust scatter of such distances.

    NaN where the outcome is missing or has fewer than four neighbours, or its unit has few periods or no scatter.

    Examples
    --------
    >>> series = np.array([[5.0, 6, 5, 4, 5, 90, 5, 6, 4, 5, 6, 5]])
    >>> np.flatnonzero(np.abs(standing_out(series)[0]) > 6).tolist()
    [5]
    """
    count, width = outcome.shape
    padded = np.full((count, width + 2 * REACH), np.nan)
    padded[:, REACH : REACH + width] = outcome
    sides = [step for step in range(2 * REACH + 1) if step != REACH]
    near = np.stack([padded[:, step : step + width] for step in sides])
    enough = np.isfinite(near).sum(axis=0) >= 4
    away = np.where(enough, outcome - _median(near, enough), np.nan)
    usable = np.isfinite(away).sum(axis=1) >= FEWEST_PERIODS
    spread = np.full(count, np.nan)
    if usable.any():
        spread[usable] = NORMAL * np.nanmedian(np.abs(away[usable]), axis=1)
    spread[spread <= 0] = np.nan
    return np.asarray(away / spread[:, None])


def _median(near: FloatArray, enough: BoolArray) -> FloatArray:
    """Medians over the first axis; 0 where there are too few neighbours, which are not used."""
    return np.asarray(np.nanmedian(np.where(enough, near, 0.0), axis=0))


def _common(out: BoolArray, judged: BoolArray) -> int | None:
    """The period in which most units stand out, if there is one."""
    units = judged.sum(axis=0)
    share = np.divide(out.sum(axis=0), units, out=np.zeros(len(units)), where=units >= 3)
    return int(np.argmax(share)) if share.max(initial=0.0) >= COMMON else None
