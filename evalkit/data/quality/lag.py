"""Reporting lag: how late records are entered, and how much of the last periods is therefore still to come."""

from __future__ import annotations

import datetime as dt
from typing import Final

import numpy as np
import pandas as pd

from evalkit.data.events.account import EARLY, LAGS
from evalkit.data.events.intake import Intake
from evalkit.data.quality.phrases import SAID
from evalkit.data.quality.view import View, found, not_run, two
from evalkit.vocabulary import CheckStatus, Diagnostic, Exhibit, FloatArray

MATURE: Final = 180
"""Days before the extract after which a period counts as complete."""
WARNS, FAILS = 0.98, 0.90
"""Share of the last period's records that had been entered by the extract."""
EARLY_WARNS: Final = 0.01
_EDGES: Final = np.array([*LAGS, 2 * LAGS[-1]], dtype=np.float64)


def reporting_lag(view: View, intake: Intake) -> Diagnostic:
    """Expected completeness of the last period, by the lags of periods that are complete."""
    if intake.lag is None:
        return not_run("reporting_lag", "not_by_unit" if intake.too_many else "no_entry")
    table = intake.lag[view.rows(intake.lag, intake.lag["bin"])]
    if table.empty:
        return not_run("reporting_lag", "nothing_to_see")
    by_bin = table.pivot_table(index="bin", columns="days", values="records", aggfunc="sum", fill_value=0)
    counts = by_bin.reindex(columns=[EARLY, *LAGS], fill_value=0)
    extract = intake.source.extracted or intake.last_record
    ends = np.array([(extract - intake.bins.last_day(int(each))).days for each in counts.index])
    old = counts[ends >= MATURE]
    basis = old if len(old) else counts.iloc[: max(len(counts) // 2, 1)]
    totals = basis.sum().to_numpy(dtype=np.float64)
    entered = np.cumsum(totals[1:]) + totals[0]
    shares = entered / max(entered[-1], 1.0)
    last = intake.first + int(np.flatnonzero(intake.recorded.any(axis=0))[-1])
    complete = completeness(shares, _waited(intake, last, extract))
    early = float(totals[0] / max(totals.sum(), 1.0))
    status: CheckStatus = "fail" if complete < FAILS else "warn" if complete < WARNS or early > EARLY_WARNS else "pass"
    said = SAID.say(
        "lag", half=_within(shares, 0.5), most=_within(shares, 0.9), period=str(intake.bins.period(last)),
        complete=100 * complete,
    )  # fmt: skip
    if early > EARLY_WARNS:
        said = two(said, SAID.say("early", share=100 * early))
    return found(
        "reporting_lag", status, said, statistic="last_period_complete", value=complete, threshold=WARNS,
        exhibit=_exhibit(intake, counts), details={"share_entered_early": early},
    )  # fmt: skip


def completeness(shares: FloatArray, waited: FloatArray) -> float:
    """Share of a period's records that are entered by now, averaged over its days.

    Parameters
    ----------
    shares
        (L,) share of records entered before the upper edge of each class of lag.
    waited
        (D,) days since each day of the period.

    Examples
    --------
    >>> shares = np.ones(len(LAGS))
    >>> completeness(shares, np.array([0.0, 40.0]))
    1.0
    """
    known = np.interp(waited + 1.0, np.r_[0.0, _EDGES[1:]], np.r_[0.0, shares])
    return float(known.mean())


def _waited(intake: Intake, ordinal: int, extract: dt.date) -> FloatArray:
    first, last = intake.bins.first_day(ordinal), intake.bins.last_day(ordinal)
    days = np.arange((last - first).days + 1, dtype=np.float64)
    return np.maximum((extract - first).days - days, 0.0)


def _within(shares: FloatArray, share: float) -> int:
    """Days within which a share of the records is entered, by the upper edge of its class."""
    place = int(np.searchsorted(shares, share - 1e-12))
    return int(_EDGES[min(place + 1, len(_EDGES) - 1)]) - 1


def _exhibit(intake: Intake, counts: pd.DataFrame) -> Exhibit:
    """Share of each period's records entered within a week, a month and three months."""
    total = counts.sum(axis=1)
    rows = []
    for days, name in ((7, SAID["week"]), (30, SAID["month"]), (90, SAID["quarter"])):
        entered = counts[[each for each in (EARLY, *LAGS) if each < days]].sum(axis=1)
        rows += [
            (str(intake.bins.period(int(each))), name, 100 * float(entered[each] / max(total[each], 1)), False,
             int(total[each]))
            for each in counts.index
        ]  # fmt: skip
    keys = ("period", "series", "value", "flagged", "records")
    return Exhibit("data_lag", dict(zip(keys, zip(*rows, strict=True), strict=True)), counts=("records",))
