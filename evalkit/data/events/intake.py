"""What the panel of records was made from, counted: the material of the quality report."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from evalkit.data.events.bins import Bins
from evalkit.study.events import EventsSource
from evalkit.vocabulary import BoolArray


@dataclass(frozen=True, slots=True)
class Intake:
    """Accounts of one reading.

    Attributes
    ----------
    source
        As declared.
    name
        The source in a few words.
    bins
        The panel's calendar; `first` is the ordinal of its first period.
    units
        (N,) in the panel's order.
    rows
        Rows as read, copies included.
    copies
        Rows that were further copies of a record; None where no identifier is declared.
    filtered, undated, unreadable, future, unmatched
        Records left out, by reason; `undated` have no date, `unreadable` one that does not parse.
    outside
        Usable records in periods that the recording did not cover whole.
    used
        Records in the panel.
    recorded
        (N, T) cells that the recording covered.
    recorded_by
        How that is known.
    accounts
        Measure to counts of records that it could not read, by name.
    not_reached
        Measure to cells in which more than half of the records are still open.
    unmatched_keys
        Keys without a unit that come most often, with their records.
    cells
        unit, bin, records: usable records by unit and period.
    unmatched_by_bin
        bin, records without a unit.
    lag
        unit, bin, days (lower edge of the class; -1: entered before it happened), records; None where not declared.
    closings
        unit, day, records that ended on the day; None where no duration is measured.
    composition
        Column to unit, bin, value, records.
    too_many
        Why the tables by unit were not made; empty where they were.
    pages_without_checksum, cut_off
        As in :class:`~evalkit.data.events.records.Records`.
    """

    source: EventsSource
    name: str
    bins: Bins
    first: int
    units: tuple[str, ...]
    rows: int
    copies: int | None
    filtered: int
    undated: int
    unreadable: int
    future: int
    unmatched: int
    outside: int
    used: int
    recorded: BoolArray
    recorded_by: str
    accounts: Mapping[str, Mapping[str, int]]
    not_reached: Mapping[str, int]
    unmatched_keys: tuple[tuple[str, int], ...]
    cells: pd.DataFrame
    unmatched_by_bin: pd.DataFrame
    first_record: dt.date
    last_record: dt.date
    lag: pd.DataFrame | None = None
    closings: pd.DataFrame | None = None
    composition: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    too_many: str = ""
    pages_without_checksum: int = 0
    cut_off: tuple[str, ...] = ()

    @property
    def judged(self) -> int:
        """Records that the filters let through: what shares are shares of."""
        return self.used + self.outside + self.undated + self.unreadable + self.future + self.unmatched
