"""Two sweeps that start in one second, in one folder, on one fresh store."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.sweeping import command, environment, figures, states, write_cities


@pytest.mark.calibration
@pytest.mark.timeout(1800)
@pytest.mark.promise("trap-09", "trap-01")
def test_two_sweeps_that_start_in_one_second_share_nothing_and_lose_nothing(tmp_path: Path) -> None:
    write_cities(tmp_path, 2)
    estimators = ("two_way_fixed_effects", "callaway_santanna")
    started = [
        subprocess.Popen(
            command("city=glob(*)", f"estimator={name}", "--json", "--quiet"),
            cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for name in estimators
    ]  # fmt: skip
    ended = [(*process.communicate(timeout=1200), process.returncode) for process in started]
    assert [code for _, _, code in ended] == [0, 0], ended
    assert [states(json.loads(said)) for said, _, _ in ended] == [{"done": 2}, {"done": 2}]
    assert {estimator for _, estimator in figures(tmp_path)} == set(estimators)
    assert len(figures(tmp_path)) == 4
    assert len(list((tmp_path / "results" / ".sweeps").glob("*/sweep.csv"))) == 2
    with sqlite3.connect(tmp_path / "mlflow.db") as store:
        query = "select value, status from runs join tags using (run_uuid) where key = 'evalkit.role'"
        found = Counter(store.execute(query).fetchall())
    assert found["study", "FINISHED"] == 4
    assert found["sweep", "FINISHED"] == 2
