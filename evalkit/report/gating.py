"""What the tables of a bundle withhold beyond single small counts: differences, levels, averages."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from evalkit.data.panel import Panel
from evalkit.evaluation import Evaluation
from evalkit.evidence.disclosure import Policy, covered, small, unreliable
from evalkit.evidence.ledger import TREATED, Ledger, close
from evalkit.evidence.levels import at_event_time, counted, rounded, telling
from evalkit.evidence.natural import treated_cells
from evalkit.evidence.standard import Disclosure, Standard
from evalkit.evidence.summarize import ledger_for
from evalkit.inference.refits import counted_as_treated
from evalkit.report.exports import without_levels
from evalkit.vocabulary import POOLED, BoolArray, IntArray

Record = dict[str, Any]
LEVELS: Final = ("observed", "counterfactual")
SMALL: Final = "small_count"
COMPLEMENTARY: Final = "complementary"
DIFFERENCE: Final = "difference"
LEVEL: Final = "level_of_people"
MIXTURE: Final = "mixture_of_cohorts"


class Gate:
    """The rules of one bundle, and what they did to each of its tables.

    Attributes
    ----------
    panel
        As the summary counts it.
    ledger
        What the summary withholds; the tables withhold no less.
    records
        Table to what was withheld, for `disclosure.json`. Which of the rows fell to which rule is not told, since that
        would bound their counts.
    """

    def __init__(self, evaluation: Evaluation, rules: Policy) -> None:
        standard = Standard.from_config(evaluation.study.evidence)
        self.rules = rules
        self.limits: Disclosure = standard.disclosure
        self.outcome = evaluation.study.spec.primary_outcome
        self.panel: Panel = counted_as_treated(evaluation.panel, evaluation.estimate)
        self.calendar = evaluation.estimate.calendar
        self.cells = evaluation.estimate.cells
        self.ledger: Ledger = ledger_for(evaluation.study, evaluation.panel, evaluation.estimate)
        self.records: dict[str, Record] = {}

    @property
    def of_people(self) -> bool:
        """Whether counts are of persons."""
        return self.rules.subject == "persons"

    def averages(self, table: pd.DataFrame, name: str) -> pd.DataFrame:
        """Without averages over a withheld row: beside the overall effect it could give that one back."""
        withheld = self.records[name]["withheld"]
        if not withheld:
            return table
        keys = ["outcome", "run", "aggregation"]
        touched = {tuple(row) for row in table.loc[withheld, keys].to_numpy().tolist()}
        inside = pd.Series([tuple(row) in touched for row in table[keys].to_numpy().tolist()], index=table.index)
        return self.rows(table, name, inside & (table["label"] == "average"), COMPLEMENTARY)

    def rows(self, table: pd.DataFrame, name: str, rows: pd.Series[bool], rule: str) -> pd.DataFrame:
        """Without the numbers of these rows."""
        record = self.records[name]
        new = {int(row) for row in table.index[rows]} - set(record["withheld"])
        if not new:
            return table
        shown = table.copy()
        for column in table.select_dtypes("number").columns.difference(["event_time", "level"]):
            shown[column] = shown[column].mask(rows)
        record["withheld"] = sorted({*record["withheld"], *new})
        self._note(name, rule)
        return shown

    def counts(self, table: pd.DataFrame, name: str, expected: Sequence[frozenset[int]]) -> pd.DataFrame:
        """Without counts that miss few of the units that the row stands for, or differ so from another such count.

        Where the summary withholds how many are treated, no row tells it either.

        Parameters
        ----------
        table, name
            The table and its name in the records.
        expected
            For each row what it would count if nobody were missing; several where it may rest on fewer cohorts.
        """
        if not self.of_people:
            return table
        hidden = np.zeros(len(table), dtype=bool)
        seen: dict[frozenset[int], set[float]] = {}
        for row, (count, wholes) in enumerate(zip(table["n_treated"].tolist(), expected, strict=True)):
            if pd.isna(count):
                continue
            others = seen.setdefault(wholes, set())
            short = int(count) not in wholes and close(float(count), {*wholes, *others}, self.rules.min_cell)
            hidden[row] = short or self.ledger.hides(TREATED)
            if not hidden[row] and int(count) not in wholes:
                others.add(float(count))
        return self._column(table, name, "n_treated", hidden, DIFFERENCE)

    def levels(self, table: pd.DataFrame, name: str) -> pd.DataFrame:
        """Without observed levels that count few events beside the number of people, and those that would tell them.

        The levels after the start add up to the level of the summary, so that one withheld alone could be computed.
        """
        times = [int(time) for time in table["event_time"]]
        cells = [at_event_time(self.panel, time, self._cohorts_at(time)) for time in times]
        after = np.array([time >= 0 for time in times], dtype=bool)
        events = np.array([counted(self.outcome, self.panel, each)[0] for each in cells])
        if not self.of_people:
            self._unstable(name, [row for row in range(len(times)) if self._few(cells[row], events[row])])
            return table
        told = [telling(self.outcome, self.panel, each, self.rules, self.limits) for each in cells]
        hidden = np.array([rule is not None for rule in told], dtype=bool)
        overall = telling(self.outcome, self.panel, treated_cells(self.panel), self.rules, self.limits)
        if overall is not None:
            hidden |= after
        for side in (after, ~after):
            hidden |= self._covered(cells, hidden, side)
        for rule in sorted({rule for rule in (*told, overall) if rule is not None}):
            self._note(name, rule)
        shown = table
        for column in LEVELS:
            shown = self._column(shown, name, column, hidden, None)
            shown = shown.assign(**{column: [rounded(value, self.limits.level_digits) for value in shown[column]]})
        self._unstable(name, [row for row in np.flatnonzero(~hidden).tolist() if self._few(cells[row], events[row])])
        return shown

    def exhibit(self, table: pd.DataFrame, name: str, counts: Sequence[str]) -> pd.DataFrame:
        """Rows of a check's figure without levels of people, and counts that differ by few from the summary's."""
        if not self.of_people:
            return table
        shown, any_level = without_levels(table)
        if any_level:
            self._note(name, LEVEL)
        panel = self.panel
        starters = int((~panel.never_treated & ~panel.always_treated).sum())
        published = (starters, int(panel.never_treated.sum()), panel.n_units)
        for column in counts:
            values = shown[column].tolist()
            hidden = np.array([
                not pd.isna(value) and (self.ledger.hides_arms or close(float(value), published, self.rules.min_cell))
                for value in values
            ], dtype=bool)  # fmt: skip
            shown = self._column(shown, name, column, hidden, DIFFERENCE)
        return shown

    def passed(self, name: str, record: Record) -> None:
        """Enter what the gate did to a table."""
        self.records[name] = record

    def refused(self, name: str, rows: int, rule: str) -> None:
        """Enter a table or figure that is withheld whole."""
        self.records[name] = {**blank_record(rows), "withheld": list(range(rows)), "rules": [rule]}

    def _cohorts_at(self, time: int) -> IntArray:
        """Cohorts that the estimate has an effect of at this event time; all where it pools over them."""
        at = (self.cells.event_time == time) & (self.cells.cohort != POOLED)
        return np.unique(self.cells.cohort[at]) if at.any() else self.panel.cohorts

    def _covered(self, cells: Sequence[BoolArray], hidden: BoolArray, side: BoolArray) -> BoolArray:
        """Further rows on one side of the start, so that neither events nor those without one follow from the sum."""
        more = np.zeros(len(cells), dtype=bool)
        rows: list[int] = np.flatnonzero(side).tolist()
        pairs = [counted(self.outcome, self.panel, cells[row]) for row in rows]
        sums = [[part for part, _ in pairs]]
        if all(whole is not None for _, whole in pairs):
            sums.append([(whole or 0.0) - part for part, whole in pairs])
        for values in sums:
            gone = {place for place, row in enumerate(rows) if hidden[row] or more[row]}
            more[[rows[place] for place in covered(np.array(values), gone, self.rules.min_cell)]] = True
        return more

    def _few(self, cells: BoolArray, events: float) -> bool:
        counts_events = self.outcome.family in ("count", "rate", "proportion") and bool(cells.any())
        known = self.of_people or self.outcome.family in ("count", "rate")
        return counts_events and known and events > 0.0 and unreliable(events, self.limits)

    def _column(self, table: pd.DataFrame, name: str, column: str, hidden: BoolArray, rule: str | None) -> pd.DataFrame:
        rows: list[int] = np.flatnonzero(hidden & table[column].notna().to_numpy()).tolist()
        if not rows:
            return table
        shown = table.copy()
        shown[column] = shown[column].mask(pd.Series(hidden, index=table.index))
        cells = self.records[name].setdefault("withheld_cells", {})
        cells[column] = sorted({*cells.get(column, ()), *(int(table.index[row]) for row in rows)})
        if rule is not None:
            self._note(name, rule)
        return shown

    def _note(self, name: str, rule: str) -> None:
        record = self.records[name]
        record["rules"] = sorted({*record["rules"], rule})

    def _unstable(self, name: str, rows: Collection[int]) -> None:
        if rows:
            self.records[name]["unstable"] = sorted(int(row) for row in rows)


def blank_record(rows: int) -> Record:
    """A record of a table of which nothing was withheld."""
    return {"rows": rows, "withheld": [], "rules": [], "homogeneous": [], "escaped": 0}


def expected_sizes(table: pd.DataFrame, gate: Gate) -> list[frozenset[int]]:
    """Treated units that each row counts if none is missing.

    A row at an event time may rest on the cohorts that can be compared there: any that follow each other.
    """
    panel, calendar = gate.panel, gate.calendar
    sizes = {int(cohort): int((panel.first_treated == cohort).sum()) for cohort in panel.cohorts}
    first, last = int(panel.time[0]), int(panel.time[-1])
    cohorts = {calendar.text(cohort): size for cohort, size in sizes.items()}
    periods = {calendar.text(int(period)): int(period) for period in panel.time}

    def of(row: dict[str, Any]) -> frozenset[int]:
        kind, label = row.get("aggregation", "event_study"), str(row.get("label"))
        if kind == "cohort" and label in cohorts:
            return frozenset({cohorts[label]})
        if kind == "period" and label in periods:
            return frozenset({sum(size for cohort, size in sizes.items() if cohort <= periods[label])})
        if kind == "event_study" and not pd.isna(row["event_time"]):
            when = int(row["event_time"])
            return _runs([size for cohort, size in sizes.items() if first <= cohort + when <= last])
        return frozenset({sum(sizes.values())})

    return [of({str(key): value for key, value in row.items()}) for row in table.to_dict("records")]


def _runs(sizes: Sequence[int]) -> frozenset[int]:
    """Sums over every run of cohorts that follow each other."""
    return frozenset(sum(sizes[start:end]) for start in range(len(sizes)) for end in range(start + 1, len(sizes) + 1))


def has_small_side(panel: Panel, rules: Policy) -> bool:
    """Whether those who never start are few."""
    return small(rules, int(panel.never_treated.sum()))
