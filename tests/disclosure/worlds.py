"""Studies of simulated residents, run to a finished bundle: small groups, rare events, people who vanish."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from evalkit.config import load_study, resolved_yaml
from evalkit.data.panel import Panel
from evalkit.evaluation import Evaluation, evaluate
from evalkit.evidence.summarize import summarize
from evalkit.report.bundle import write_bundle
from evalkit.vocabulary import POOLED
from tests import small_study
from tests.disclosure.attacker import System, determined
from tests.disclosure.bundle_reader import PRIMARY, Calendar

YEARS = tuple(range(2010, 2018))


@dataclass(frozen=True)
class World:
    """People who start in each cohort, those who never do, those with a missing year, those who leave, and the risk."""

    cohorts: Mapping[int, int]
    never: int
    missing: int = 0
    leave: int = 0
    risk: float = 0.4

    @property
    def calendar(self) -> Calendar:
        return Calendar(YEARS, tuple(self.cohorts))

    def frame(self, seed: int = 1) -> pd.DataFrame:
        """One row a resident and year; the outcome is 0 or 1."""
        rng = np.random.default_rng(seed)
        starts = [start for start, size in self.cohorts.items() for _ in range(size)] + [0] * self.never
        rows = []
        for number, start in enumerate(starts):
            side = "north" if rng.random() < 0.5 else "south"
            for year in YEARS:
                gone = (number < self.missing and year == 2013) or (number >= len(starts) - self.leave and year > 2015)
                risk = self.risk * (0.7 if start and year >= start else 1.0)
                rows.append((f"r{number:04d}", year, start, side, np.nan if gone else float(rng.random() < risk)))
        return pd.DataFrame(rows, columns=["resident", "year", "start", "side", "hurt"])


WORLDS = {
    "people who vanish and rare events": World({2013: 40, 2015: 30}, 60, missing=3, leave=4, risk=0.15),
    "a small cohort": World({2013: 60, 2014: 6, 2015: 30}, 60),
    "few who never start": World({2013: 40, 2015: 30}, 5),
}


def run(world: World, folder: Path) -> tuple[Evaluation, Path]:
    """Evaluate the study of such a world and write its bundle below `folder`."""
    world.frame().to_csv(folder / "residents.csv", index=False)
    content = small_study.study(
        assignment={"mechanism": "policy_choice", "unit": "resident"},
        data={
            "source": {"kind": "file", "path": "residents.csv"}, "unit": "resident", "period": "year",
            "cohort": "start", "never": 0,
        },
        outcomes=[
            {
                "name": "injuries", "column": "hurt", "unit": "share of residents", "family": "proportion",
                "direction": "lower_better",
            }
        ],
        defaults=[{"override /estimator": "callaway_santanna"}, "_self_"],
        equity=[{"name": "side", "column": "side", "reference": "north"}],
        robustness=[{"name": "two_way_fixed_effects"}],
        checks=["sample_flow", "pre_trends", "leave_one_cohort_out"],
    )  # fmt: skip
    small_study.write_study(folder, content)
    before = Path.cwd()
    os.chdir(folder)
    try:
        study = load_study("lights", config_dir=folder / "configs")
        evaluation = evaluate(study)
        return evaluation, write_bundle(evaluation, folder / "results", provenance={}, study_yaml=resolved_yaml(study))
    finally:
        os.chdir(before)


def small_counts(
    panel: Panel, calendar: Calendar, rests_on: Mapping[int, Sequence[int]], min_cell: int
) -> dict[object, int]:
    """Every count of 1 to 10 people, or of what happened to them, that the reader would like to know.

    `rests_on` has the cohorts behind the effect at each event time; empty where the outcome is not yes or no.
    """
    first = {cohort: panel.first_treated == list(panel.cohorts)[place] for place, cohort in enumerate(calendar.cohorts)}
    treated = ~panel.never_treated
    absent = ~panel.observed
    found: dict[object, int] = {("cohort", cohort): int(rows.sum()) for cohort, rows in first.items()}
    found["never"] = int(panel.never_treated.sum())
    found["missing", "treated"] = int(absent[treated].sum())
    found["missing", "others"] = int(absent[~treated].sum())
    found["missing"] = int(absent.sum())
    found["lost"] = int((~panel.observed[:, -1]).sum())
    for time, cohorts in rests_on.items():
        cells = np.zeros(panel.outcome.shape, dtype=bool)
        for cohort in cohorts:
            cells[first[cohort], cohort + time - calendar.periods[0]] = True
        seen = cells & panel.observed
        events = round(float(panel.outcome[seen].sum()))
        of = (PRIMARY, "event_study", str(time))
        found["absent", *of] = int(cells.sum() - seen.sum())
        found["events", *of], found["spared", *of] = events, int(seen.sum()) - events
    return {name: count for name, count in found.items() if 0 < count < min_cell}


def known(system: System, small: Mapping[object, int], min_cell: int) -> dict[object, tuple[float, float]]:
    """Small counts that the reader knows more closely than the rule tells, with the bounds."""
    found = {}
    for name, count in small.items():
        if name in system.names:
            bounds = system.bounds(name)
            assert bounds[0] <= count + 1e-6, (name, count, bounds)
            if determined(bounds, min_cell):
                found[name] = bounds
    return found


def behind(evaluation: Evaluation, calendar: Calendar) -> dict[int, list[int]]:
    """Cohorts behind the primary effect at each event time."""
    cells = evaluation.estimate.cells
    labels = dict(zip(evaluation.panel.cohorts.tolist(), calendar.cohorts, strict=True))
    found: dict[int, list[int]] = {}
    for cohort, time in zip(cells.cohort.tolist(), cells.event_time.tolist(), strict=True):
        if cohort in labels and time != POOLED:
            found.setdefault(time, []).append(labels[cohort])
    return found


def summarized_again(evaluation: Evaluation) -> Evaluation:
    """The evaluation with its summary made anew, without groups."""
    evidence = summarize(
        evaluation.study, evaluation.panel, evaluation.estimate, evaluation.robustness, evaluation.diagnostics,
        evaluation.evidence.identity, other_outcomes=evaluation.other_outcomes,
    )  # fmt: skip
    return dataclasses.replace(evaluation, evidence=evidence)
