"""The sampler's gates."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from evalkit.checks.sample_flow import SampleFlow
from evalkit.checks.sampler import Sampler
from evalkit.uncertainty import Posterior, SamplerFigures
from evalkit.vocabulary import Diagnostic
from tests.simulated import context

GOOD = SamplerFigures("nuts", 4, 1000, 0, 1.005, 900.0, 700.0)


def judged(figures: SamplerFigures) -> Diagnostic:
    made = context()
    draws = np.random.default_rng(0).standard_normal((50, len(made.estimate.cells)))
    estimate = dataclasses.replace(made.estimate, uncertainty=Posterior(draws, figures))
    return Sampler().run(dataclasses.replace(made, estimate=estimate))[0]


def test_good_figures_pass() -> None:
    assert judged(GOOD).status == "pass"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rhat_max": 1.02}, "R-hat reaches 1.020"),
        ({"rhat_max": float("nan")}, "R-hat reaches nan"),
        ({"ess_tail_min": 399.0}, "falls to 399"),
        ({"divergences": 1}, "1 transitions diverged"),
    ],
)
def test_each_gate_closes_on_its_own(change: dict[str, float], said: str) -> None:
    found = judged(dataclasses.replace(GOOD, **change))  # type: ignore[arg-type]
    assert found.status == "fail"
    assert said in found.reading


def test_chains_that_hardly_change_energy_warn_and_say_what_that_means() -> None:
    found = judged(dataclasses.replace(GOOD, energy_bfmi_min=0.2))
    assert found.status == "warn"
    assert "E-BFMI 0.20; 0.3 is needed" in found.reading
    assert dict(found.details)["energy_bfmi_min"] == 0.2
    assert judged(dataclasses.replace(GOOD, energy_bfmi_min=0.9)).status == "pass"


def test_a_frequentist_estimate_only_informs() -> None:
    assert Sampler().run(context())[0].status == "informational"


def test_sample_flow_counts_missing_cells_by_arm() -> None:
    details = dict(SampleFlow().run(context(missing=0.2))[0].details)
    assert details["n_units_data"] == 90.0
    assert 0.1 < details["missing_share_treated"] < 0.3
