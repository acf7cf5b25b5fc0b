"""The main job from the command line, on the small study."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evalkit.cli.main import main
from evalkit.config import read_resolved
from tests.small_study import EFFECT, study, write_study

EVALKIT = str(Path(sys.executable).with_name("evalkit"))
TOLERANCE = 0.5  # the study's own standard error is 0.2; a wrong sign or scale is off by 2 or more
PLUGIN = '''
from typing import ClassVar

from evalkit.estimators.base import Needs, PanelEstimator
from evalkit.estimators.two_way_fixed_effects import TwoWayFixedEffects


class Mine(PanelEstimator):
    """Delegates to two-way fixed effects, or fails when asked to."""

    name: ClassVar[str] = "mine"
    needs: ClassVar[Needs] = Needs(answers="Mine.")
    fail: bool = False

    def fit(self, panel, *, rng):
        if self.fail:
            raise RuntimeError("this estimator is faulty")
        return TwoWayFixedEffects().fit(panel, rng=rng)
'''


def runs(folder: Path) -> list[tuple[str, str]]:
    """Status and role of each run in the folder's local store, oldest first."""
    with sqlite3.connect(folder / "mlflow.db") as store:
        query = (
            "select runs.status, tags.value from runs join tags using (run_uuid) "
            "where tags.key = 'evalkit.role' order by runs.start_time"
        )
        return [(str(status), str(role)) for status, role in store.execute(query)]


def the_bundle(folder: Path) -> Path:
    """The one bundle of the study."""
    (bundle,) = (path for path in (folder / "results" / "lights").iterdir() if path.is_dir())
    return bundle


def test_a_run_in_an_empty_folder_ends_with_headline_certainty_and_paths(city: Path) -> None:
    done = subprocess.run([EVALKIT, "run", "study=lights"], cwd=city, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name in ("Headline", "Certainty", "Brief", "Bundle", "MLflow"):
        assert name in done.stdout
    assert "`evalkit ui`, then http://evalkit.localhost:5000/#/experiments/" in done.stdout
    assert "Estimating with two_way_fixed_effects" in done.stderr
    bundle = the_bundle(city)
    assert (bundle / "COMPLETE").is_file()
    assert (bundle / "SYNCED").is_file()
    assert (bundle / "brief.html").is_file()
    assert sorted(path.name for path in city.iterdir() if not path.name.startswith(".")) == [
        "configs",
        "data",
        "mlartifacts",
        "mlflow.db",
        "results",
    ]
    assert ("FINISHED", "study") in runs(city)


def test_json_holds_the_outcome_and_the_effect_is_the_simulated_one(
    city: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "study=lights", "--json", "--quiet", "--out", "elsewhere"]) == 0
    shown = capsys.readouterr()
    outcome = json.loads(shown.out)
    assert shown.err == ""
    bundle = Path(outcome["bundle"])
    assert bundle.parts[:2] == ("elsewhere", "lights")
    evidence = json.loads((bundle / "evidence.json").read_text(encoding="utf-8"))
    assert abs(evidence["estimates"][0]["effect"]["value"] - EFFECT) < TOLERANCE
    assert outcome["headline"] == evidence["sentences"]["headline"]
    resolved = read_resolved(bundle / "study.yaml")
    assert resolved.sha() == evidence["identity"]["config_sha"]


@pytest.mark.promise("fault-ess")
def test_a_posterior_of_too_few_draws_has_no_result_anywhere(city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = ["estimator=bayesian_did", "estimator.draws=100", "estimator.chains=2", "study.robustness=[]"]
    assert main(["run", "study=lights", "--json", *few]) == 5
    capsys.readouterr()
    bundle = the_bundle(city)
    summary = json.loads((bundle / "evidence.json").read_text("utf-8"))
    assert summary["rating"]["label"] == "Not rated"
    assert "its draws are worth 200 independent ones (at least 400 are needed)" in summary["sentences"]["headline"]
    page = (bundle / "brief.html").read_text("utf-8")
    assert "There is no result to report" in page
    assert "What would let it be rated" in page
    assert json.loads((bundle / "figures" / "index.json").read_text("utf-8")) == []
    with sqlite3.connect(city / "mlflow.db") as store:
        metrics = {str(key) for (key,) in store.execute("select key from latest_metrics")}
        (note,) = store.execute("select value from tags where key = 'mlflow.note.content'").fetchone()
    assert not metrics & {"effect", "effect_low", "p_benefit", "p_mid"}
    assert "more draws" in note
    assert "not stated" in note


def test_overrides_in_one_word_are_split_as_mlproject_hands_them_over(
    city: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = "seed=7 estimator=callaway_santanna"
    assert main(["run", "study=lights", "--overrides", words, "--json", "--quiet"]) == 0
    outcome = json.loads(capsys.readouterr().out)
    assert outcome["estimator"] == "callaway_santanna"
    assert read_resolved(Path(outcome["bundle"]) / "study.yaml").seed == 7


@pytest.mark.promise("fault-server-start")
def test_a_store_that_cannot_be_reached_costs_a_warning_and_sync_finishes_the_run(
    city: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ana:secret@127.0.0.1:9")
    assert main(["run", "study=lights"]) == 6
    shown = capsys.readouterr()
    assert "Headline" in shown.out
    assert "evalkit sync" in shown.out
    assert "Warning" in shown.err
    assert "secret" not in shown.out + shown.err
    bundle = the_bundle(city)
    assert (bundle / "COMPLETE").is_file()
    assert not (bundle / "SYNCED").exists()
    assert main(["sync", "--json"]) == 6
    assert json.loads(capsys.readouterr().out)["logged"] == []
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert main(["sync", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["logged"]) == 1
    logged = runs(city)
    assert ("FINISHED", "study") in logged
    assert main(["sync", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"logged": [], "failed": {}}
    assert runs(city) == logged


def test_a_server_without_an_address_is_a_config_error(city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "study=lights", "tracking=server"]) == 2
    assert "MLFLOW_TRACKING_URI" in capsys.readouterr().err


def test_a_plug_in_of_the_researcher_runs_as_the_primary_estimator(
    city: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (city / "mine.py").write_text(PLUGIN, encoding="utf-8")
    assert main(["run", "study=lights", "estimator=mine", "--plugin", "mine.py", "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["estimator"] == "mine"


@pytest.mark.promise("trap-11")
def test_a_failed_run_is_closed_as_failed_with_the_reason(city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "study=lights", "study.data.source.path=data/nowhere.csv", "--quiet"]) == 3
    assert "nowhere.csv" in capsys.readouterr().err
    assert runs(city) == [("FAILED", "study")]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.promise("trap-11")
def test_a_run_that_is_stopped_is_closed_as_killed(number: signal.Signals, code: int, city: Path) -> None:
    slow = PLUGIN.replace(
        "if self.fail:", "import time; open('fitting', 'w').close(); time.sleep(120)\n        if True:"
    )
    (city / "mine.py").write_text(slow, encoding="utf-8")
    command = [EVALKIT, "run", "study=lights", "estimator=mine", "--plugin", "mine.py"]
    with subprocess.Popen(command, cwd=city, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 100
        while not (city / "fitting").exists() and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.05)
        os.kill(process.pid, number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    assert "Traceback" not in errors
    assert runs(city) == [("KILLED", "study")]


def test_a_sweep_runs_every_combination_and_logs_each_as_a_study(
    city: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_study(city, study(id="lamps", robustness=["callaway_santanna"]), name="lamps")
    words = ["study=lights,lamps", "estimator=callaway_santanna,two_way_fixed_effects"]
    assert main(["run", "-m", *words, "--json", "--quiet"]) == 0
    jobs = json.loads(capsys.readouterr().out)["jobs"]
    assert [(job["study"], job["estimator"]) for job in jobs] == [
        ("lights", "callaway_santanna"),
        ("lights", "two_way_fixed_effects"),
        ("lamps", "callaway_santanna"),
        ("lamps", "two_way_fixed_effects"),
    ]
    assert all(job["state"] == "done" for job in jobs)
    assert [role for _, role in runs(city)].count("study") == 4
    assert not {"outputs", "multirun"} & {path.name for path in city.iterdir()}


@pytest.mark.parametrize("launcher", ["basic", "joblib"])
@pytest.mark.promise("fault-plug-in")
def test_a_job_that_fails_stops_no_other_and_the_sweep_says_so(
    launcher: str, city: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (city / "mine.py").write_text(PLUGIN, encoding="utf-8")
    (city / "configs" / "estimator").mkdir()
    (city / "configs" / "estimator" / "mine.yaml").write_text("name: mine\nfail: false\n", encoding="utf-8")
    words = ["study=lights", "estimator=mine", "estimator.fail=true,false", f"hydra/launcher={launcher}"]
    assert main(["run", "-m", *words, "--plugin", "mine.py", "--json", "--quiet"]) == 1
    jobs = json.loads(capsys.readouterr().out)["jobs"]
    assert [job["state"] for job in jobs] == ["failed", "done"]
    assert "this estimator is faulty" in jobs[0]["what"]
    assert sorted(runs(city)) == [
        ("FAILED", "study"), ("FAILED", "sweep"), ("FINISHED", "primary"), ("FINISHED", "study")
    ]  # fmt: skip


@pytest.mark.promise("law-no-traceback")
def test_a_sweep_with_a_wrong_word_starts_no_job(city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "-m", "study=lights", "estimator.anticipaton=0,1"]) == 2
    assert "'anticipation'" in capsys.readouterr().err
    assert not (city / "results").exists()


def test_a_study_that_asks_for_more_periods_than_there_are_does_not_validate(
    city: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["validate", "study=lights", "study.design.required_pre_periods=6", "--quiet"]) == 4
    assert "the 6 untreated periods" in (told := capsys.readouterr().err)
    assert "the most is 5" in told
