"""Monte Carlo of switching treatment: units switch on and off, past doses go on having effects."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import pytest

from evalkit.data.calendar import Calendar
from evalkit.data.panel import ColumnNames, Panel
from evalkit.estimators.switching_did import SwitchingDid
from evalkit.vocabulary import NEVER, FloatArray, IntArray
from tests.calibrated.measure import Measured
from tests.recovery_worlds import assert_honest, run

REPETITIONS = 200
LONG = 2_000
PERIODS = 7
CLOCK = np.arange(PERIODS)
LAGS = (1.0, 0.6, 0.3)
"""Effect of one unit of this period's dose, of the last one's and of the one before."""


@dataclass(frozen=True)
class Switches:
    """Units at 0 or 2 in period one, with trends of their own; some rise, some fall, half of those go back.

    The design is the same in every draw. Outcomes are AR(1) around what past doses did.
    """

    n: int = 240
    cluster_size: int = 1
    missing: float = 0.0
    autocorrelation: float = 0.5
    slope: float = 0.0
    """Of a covariate that moves with the dose."""

    @cached_property
    def dose(self) -> FloatArray:
        """(N, T) doses, whole clusters alike."""
        rng = np.random.default_rng(1)
        groups = self.n // self.cluster_size
        first = 2.0 * (np.arange(groups) % 2)
        dose = np.repeat(first[:, None], PERIODS, axis=1)
        start = np.array([3, 4, 5, PERIODS])[np.arange(groups) // 2 % 4]
        for one in range(groups):
            dose[one, start[one] :] += (1.0 + rng.integers(0, 2)) * (1.0 if first[one] == 0.0 else -1.0)
            if rng.random() < 0.5:
                dose[one, start[one] + 2 :] = first[one]
        return np.repeat(dose, self.cluster_size, axis=0)

    @property
    def change(self) -> FloatArray:
        """(N, T) doses less the unit's first."""
        return self.dose - self.dose[:, :1]

    @property
    def effect(self) -> FloatArray:
        """(N, T) what the changes of dose did."""
        effect = np.zeros(self.dose.shape)
        for lag, size in enumerate(LAGS):
            effect[:, lag:] += size * self.change[:, : PERIODS - lag]
        return effect

    @property
    def start(self) -> IntArray:
        """(N,) first period with another dose; T where there is none."""
        moved = self.change != 0.0
        return np.where(moved.any(axis=1), moved.argmax(axis=1), PERIODS)

    @property
    def sign(self) -> FloatArray:
        """(N,) direction of the first change."""
        return np.where(self.dose[:, 0] == 0.0, 1.0, -1.0)

    def overall(self) -> float:
        """All effects over all changes of dose, from the first change on."""
        after = self.start[:, None] <= CLOCK
        signed = self.sign[:, None] * np.stack([self.effect, self.change])
        return float(signed[0][after].sum() / signed[1][after].sum())

    def at(self, event_times: IntArray) -> FloatArray:
        """Mean signed effect of the units seen at each event time."""
        found = np.zeros(len(event_times))
        for place, e in enumerate(event_times):
            seen = (self.start < PERIODS) & (self.start + e < PERIODS) & (e >= 0)
            if seen.any():
                found[place] = (self.sign * self.effect[np.arange(self.n), (self.start + e) % PERIODS])[seen].mean()
        return found

    def draw(self, seed: int) -> Panel:
        """One sample."""
        rng = np.random.default_rng(seed)
        errors = np.empty((self.n, PERIODS))
        errors[:, 0] = rng.standard_normal(self.n)
        for t in range(1, PERIODS):
            step = np.sqrt(1.0 - self.autocorrelation**2) * rng.standard_normal(self.n)
            errors[:, t] = self.autocorrelation * errors[:, t - 1] + step
        if self.cluster_size > 1:
            errors += np.repeat(rng.standard_normal((self.n // self.cluster_size, PERIODS)), self.cluster_size, axis=0)
        trend = CLOCK * (0.2 + 0.3 * self.dose[:, :1])
        y = rng.standard_normal((self.n, 1)) + trend + errors + self.effect
        x = rng.standard_normal(y.shape) + 0.3 * np.cumsum(self.change, axis=1)
        y += self.slope * (1.0 + self.dose[:, :1]) * x
        y[rng.random(y.shape) < self.missing] = np.nan
        return Panel(
            outcome=y,
            time=CLOCK,
            first_treated=np.where(self.start < PERIODS, self.start, NEVER),
            units=pd.RangeIndex(self.n),
            calendar=Calendar("integer", 0, 1),
            names=ColumnNames("unit", "period", "y", dose="dose"),
            cluster=np.arange(self.n) // self.cluster_size if self.cluster_size > 1 else None,
            dose=self.dose,
            covariates={"x": x},
        )


WORLDS = {
    "units": (Switches(), SwitchingDid(placebos=2)),
    "clusters of three": (Switches(n=480, cluster_size=3), SwitchingDid(placebos=2)),
    "a covariate": (Switches(slope=0.8), SwitchingDid(placebos=2, covariates=("x",))),
}


@pytest.mark.parametrize("name", list(WORLDS))
@pytest.mark.promise("calibration-coverage", "calibration-bias", "calibration-errors")
def test_effects_are_recovered_with_honest_errors_and_bands(name: str) -> None:
    world, estimator = WORLDS[name]
    assert_honest(run(estimator, world, REPETITIONS))


def test_without_the_covariate_effects_are_off() -> None:
    world, _ = WORLDS["a covariate"]
    found = run(SwitchingDid(placebos=2), world, 20)
    assert abs(found.error.mean()) > 0.3


@pytest.mark.promise("calibration-unbalanced")
def test_missing_rows_leave_effects_and_errors_honest() -> None:
    """Which units are seen at an event time differs from draw to draw, and what they would show with it."""
    found = run(SwitchingDid(placebos=2), Switches(n=320, missing=0.2), REPETITIONS)
    assert abs(found.error.mean()) < 0.03
    assert abs(found.std_error.mean() / found.error.std(ddof=1) - 1.0) < 0.2
    assert abs(found.covered.mean() - 0.95) < 0.06


def test_a_two_way_regression_on_the_dose_misses_what_past_doses_did() -> None:
    world = Switches()
    estimates = []
    for seed in range(20):
        outcome = world.draw(seed).outcome
        y, d = (values - values.mean(axis=1, keepdims=True) for values in (outcome, world.dose))
        y, d = y - y.mean(axis=0), d - d.mean(axis=0)
        estimates.append(float((d * y).sum() / (d * d).sum()))
    assert abs(np.mean(estimates) - world.overall()) > 0.2


@pytest.mark.calibration
@pytest.mark.parametrize("name", list(WORLDS))
@pytest.mark.promise("calibration-coverage", "calibration-bias", "calibration-errors")
@pytest.mark.calibrates("switching_did", "clustered")
def test_calibration_at_length(name: str, measured: Measured) -> None:
    world, estimator = WORLDS[name]
    found = run(estimator, world, LONG)
    measured.outcomes("switching_did", name, found, level=0.95, asked=(0.93, 0.97), rule="clustered")
    spread = found.error.std(ddof=1)
    assert abs(found.error.mean()) < 4.0 * spread / np.sqrt(LONG)
    assert 0.95 < found.std_error.mean() / spread < 1.06
    assert abs(found.covered.mean() - 0.95) < 0.02
