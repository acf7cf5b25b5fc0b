"""A posterior that a real sampler did not settle: no headline, whichever of its figures says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalkit.cli.main import main
from tests.small_study import study, write_data, write_study

FUNNEL = '''
import dataclasses

from evalkit.estimators.bayesian_did import BayesianDid
from evalkit.numerics import sampler


class Funnel(BayesianDid):
    """Effects as they are, with the figures of a sampler that met Neal's funnel."""

    name = "funnel"

    def fit(self, panel, *, rng):
        import pymc as pm

        with pm.Model() as model:
            v = pm.Normal("v", 0.0, 3.0)
            pm.Normal("x", 0.0, pm.math.exp(v / 2.0), shape=9)
        settings = sampler.SamplerSettings(
            "nutpie", draws=1000, tune=300, chains=4, target_accept=0.6, cores=1, seed=1
        )
        met = sampler.run(model, ["v", "x"], settings)
        estimate = super().fit(panel, rng=rng)
        figures = dataclasses.replace(estimate.uncertainty.sampler, divergences=met.divergences)
        return dataclasses.replace(estimate, uncertainty=dataclasses.replace(estimate.uncertainty, sampler=figures))
'''
pytestmark = [pytest.mark.calibration, pytest.mark.timeout(1800)]


def unrated(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Headline of a run that must not be rated."""
    assert main(["run", "study=lights", "--json", "--quiet", *words]) == 5
    outcome = json.loads(capsys.readouterr().out)
    evidence = json.loads((Path(outcome["bundle"]) / "evidence.json").read_text("utf-8"))
    assert evidence["rating"]["label"] == "Not rated"
    assert evidence["rating"]["certainty"] is None
    page = (Path(outcome["bundle"]) / "brief.html").read_text("utf-8")
    assert "There is no result to report" in page
    return str(outcome["headline"])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_data(write_study(tmp_path, study(checks=["sample_flow"])))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.promise("fault-divergences")
def test_divergences_of_a_posterior_with_a_funnel_leave_no_headline(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "funnel.py").write_text(FUNNEL, encoding="utf-8")
    headline = unrated(folder, capsys, "estimator=funnel", "--plugin", "funnel.py")
    assert "diverge" in headline or "broke down" in headline


@pytest.mark.promise("fault-r-hat", "fault-ess")
def test_chains_that_were_hardly_warmed_up_leave_no_headline(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    short = ("engine=nuts", "tune=100", "draws=100", "chains=4", "cores=1", "target_accept=0.9")
    headline = unrated(folder, capsys, "estimator=bayesian_did", *(f"estimator.{word}" for word in short))
    assert "R-hat" in headline or "agree" in headline
