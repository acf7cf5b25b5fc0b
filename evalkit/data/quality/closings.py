"""Bulk closures: days on which many times more records end than around them."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from evalkit.data.events.intake import Intake
from evalkit.data.quality.phrases import SAID
from evalkit.data.quality.view import View, found, not_run
from evalkit.vocabulary import BoolArray, CheckStatus, Diagnostic, Exhibit

TIMES: Final = 10.0
FEWEST: Final = 50
"""Closings of a day below which it is no bulk."""
REACH: Final = 45
"""Days on either side that say what is usual."""
SERIOUS: Final = 0.05
"""Share of all closings on such days from which on a duration measures the filing."""


def bulk_closures(view: View, intake: Intake) -> Diagnostic:
    """Days that close far more records than the days around them; serious where an outcome is a duration."""
    if intake.closings is None:
        return not_run("bulk_closures", "not_by_unit" if intake.too_many else "no_ends")
    bins = intake.closings["day"].map(lambda day: intake.bins.ordinal(pd.Timestamp(day).date()))
    seen = intake.closings[view.rows(intake.closings, bins)]
    if seen.empty:
        return not_run("bulk_closures", "nothing_to_see")
    by_day = seen.groupby("day")["records"].sum().sort_index()
    bulk = bulk_days(by_day)
    share = float(by_day[bulk].sum() / by_day.sum())
    exhibit = _exhibit(by_day, bulk, intake)
    if not bulk.any():
        said = SAID.say("no_bulk", times=TIMES)
        return found(
            "bulk_closures", "pass", said, statistic="bulk_share", value=0.0, threshold=SERIOUS, exhibit=exhibit
        )
    durations = {each.name for each in intake.source.measures if each.kind == "duration"}
    matters = any(outcome.column in durations for outcome in view.spec.outcomes)
    status: CheckStatus = "fail" if share > SERIOUS and matters else "warn" if matters else "informational"
    most = pd.Timestamp(str(by_day.idxmax())).date()
    said = SAID.say("bulk", share=100 * share, days=int(bulk.sum()), times=TIMES, day=most.isoformat())
    return found(
        "bulk_closures", status, said, statistic="bulk_share", value=share, threshold=SERIOUS, exhibit=exhibit,
        details={"bulk_days": float(bulk.sum())},
    )  # fmt: skip


def bulk_days(by_day: pd.Series[Any]) -> BoolArray:
    """(n,) days with at least ten times the median of the days with closings within 45 days, and 50 closings.

    Examples
    --------
    >>> days = pd.date_range("2021-01-01", periods=60, freq="D")
    >>> counts = pd.Series(12, index=days)
    >>> counts.iloc[30] = 400
    >>> np.flatnonzero(bulk_days(counts)).tolist()
    [30]
    """
    days = pd.DatetimeIndex(by_day.index).to_numpy().astype("datetime64[D]").astype(np.int64)
    counts = by_day.to_numpy(dtype=np.float64)
    low = np.searchsorted(days, days - REACH)
    high = np.searchsorted(days, days + REACH, side="right")
    bulk = np.zeros(len(counts), dtype=np.bool_)
    for place in np.flatnonzero(counts >= FEWEST):
        around = np.delete(counts[low[place] : high[place]], place - low[place])
        bulk[place] = len(around) > 0 and counts[place] >= TIMES * np.median(around)
    return bulk


def _exhibit(by_day: pd.Series[Any], bulk: BoolArray, intake: Intake) -> Exhibit:
    """Closings by period: those of bulk days apart."""
    bins = [intake.bins.ordinal(pd.Timestamp(str(day)).date()) for day in by_day.index]
    table = pd.DataFrame({"bin": bins, "bulk": bulk, "records": by_day.to_numpy()})
    periods = sorted(set(bins))
    rows = []
    for of_bulk, name in ((False, SAID["other_days"]), (True, SAID["bulk_days"])):
        counts = table[table["bulk"] == of_bulk].groupby("bin")["records"].sum()
        rows += [
            (str(intake.bins.period(each)), name, float(counts.get(each, 0)), of_bulk and each in counts.index,
             int(counts.get(each, 0)))
            for each in periods
        ]  # fmt: skip
    columns = zip(*rows, strict=True)
    keys = ("period", "series", "value", "flagged", "records")
    return Exhibit("data_closures", dict(zip(keys, columns, strict=True)), counts=("records",))
