"""Simulated cities beside donors: the truth inside the donors' hull, or outside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evalkit.data.panel import Panel
from evalkit.vocabulary import FloatArray


@dataclass(frozen=True)
class DonorWorld:
    """One treated city, J donors with two common factors.

    Attributes
    ----------
    donors, before, after
        Sizes.
    carriers
        Donors that truly make up the city, by weights drawn anew from a flat Dirichlet.
    noise
        Sd of the city's own errors (of the innovations where autocorrelated); donors move with sd 1 a period.
    autocorrelation
        Of the city's own errors.
    shift
        Added to the city throughout: with it the city lies outside the donors' hull.
    effect
        Added after the start.
    """

    donors: int = 15
    before: int = 20
    after: int = 8
    carriers: int = 3
    noise: float = 1.0
    autocorrelation: float = 0.0
    shift: float = 0.0
    effect: float = 0.0

    def series(self, seed: int) -> FloatArray:
        """(T, 1 + J), the city first."""
        rng = np.random.default_rng(seed)
        periods = self.before + self.after
        factors = rng.standard_normal((periods, 2)).cumsum(axis=0)
        donors = 5.0 * rng.standard_normal(self.donors) + factors @ rng.standard_normal((2, self.donors))
        donors = donors + rng.standard_normal((periods, self.donors))
        weights = np.zeros(self.donors)
        weights[: self.carriers] = rng.dirichlet(np.ones(self.carriers))
        errors = np.empty(periods)
        errors[0] = rng.standard_normal() / np.sqrt(1.0 - self.autocorrelation**2)
        for period in range(1, periods):
            errors[period] = self.autocorrelation * errors[period - 1] + rng.standard_normal()
        city = donors @ weights + self.noise * errors + self.shift
        city[self.before :] += self.effect
        return np.column_stack([city, donors])

    def panel(self, seed: int) -> Panel:
        """The same as a panel; the city is unit 0 and starts in period `before`."""
        return wide_panel(self.series(seed), self.before)


def wide_panel(values: FloatArray, start: int, treated: int = 1) -> Panel:
    """A panel from (T, N) series, of which the first `treated` start in period `start`."""
    periods, units = values.shape
    frame = pd.DataFrame(
        {
            "unit": np.repeat(np.arange(units), periods),
            "period": np.tile(np.arange(1, periods + 1), units),
            "y": values.T.ravel(),
            "cohort": np.repeat(np.where(np.arange(units) < treated, start + 1, 0), periods),
        }
    )
    return Panel.from_frame(frame, unit="unit", period="period", outcome="y", cohort="cohort")
