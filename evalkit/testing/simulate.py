"""Simulators whose true effects are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from evalkit.data.panel import Panel
from evalkit.vocabulary import FloatArray, IntArray

COVARIATES = ("x", "eligible", "latitude", "longitude")
"""Columns of simulated frames that become covariates of a panel."""


@dataclass(frozen=True, slots=True)
class StaggeredDesign:
    """A staggered roll-out with unit and period effects.

    Attributes
    ----------
    n_units, n_periods
        Size; periods are numbered from 1.
    cohorts
        First treated period to share of units; the rest is never treated. By default a third
        starts in the middle, a third one period later.
    effect
        Effect in the first treated period.
    growth
        Added to the effect with each further period.
    cohort_gap
        Added to the effect with each later cohort: differing effects across cohorts.
    noise
        Standard deviation of the errors.
    autocorrelation
        AR(1) coefficient of the errors within a unit.
    trend_gap
        Linear trend of eventually treated units relative to the others: violates parallel trends.
    covariate_slope
        Effect of a standard normal unit covariate ``x`` on the trend; adopters have larger ``x``.
    missing
        Share of cells that are missing at random.
    ineligible
        Share of units that are not eligible: no effect in any cohort. The frame then has the 0/1 column ``eligible``.
    """

    n_units: int = 120
    n_periods: int = 8
    cohorts: Mapping[int, float] = field(default_factory=dict)
    effect: float = 1.0
    growth: float = 0.0
    cohort_gap: float = 0.0
    noise: float = 1.0
    autocorrelation: float = 0.0
    trend_gap: float = 0.0
    covariate_slope: float = 0.0
    missing: float = 0.0
    ineligible: float = 0.0

    def cohort_shares(self) -> dict[int, float]:
        """First treated period to share."""
        middle = self.n_periods // 2 + 1
        return dict(self.cohorts) if self.cohorts else {middle: 1 / 3, middle + 1: 1 / 3}

    def effects(self, first_treated: IntArray) -> FloatArray:
        """(N, T) true effect of each unit (first treated period, 0 for never) in each period."""
        periods = np.arange(1, self.n_periods + 1)
        rank = {cohort: position for position, cohort in enumerate(sorted(self.cohort_shares()))}
        gap = np.array([self.cohort_gap * rank.get(int(g), 0) for g in first_treated])
        since = periods[None, :] - first_treated[:, None]
        on = (first_treated[:, None] > 0) & (since >= 0)
        return np.where(on, self.effect + gap[:, None] + self.growth * since, 0.0)


@dataclass(frozen=True, slots=True)
class Simulated:
    """A simulated frame and its truth.

    Attributes
    ----------
    frame
        Long, one row a unit and period that was observed: unit, period (from 1), y, cohort (first treated period, 0
        for never), and further columns that the simulator names.
    overall
        True mean effect over the treated cells, in units of y unless the simulator says otherwise.
    truths
        Further true values by name.
    """

    frame: pd.DataFrame
    overall: float
    truths: Mapping[str, float] = field(default_factory=dict)

    def panel(self) -> Panel:
        """The frame as estimators take it: (N, T) outcomes, with exposure and covariates where there are any.

        Examples
        --------
        >>> simulate_staggered(StaggeredDesign(n_units=10), seed=1).panel().outcome.shape
        (10, 8)
        """
        return Panel.from_frame(
            self.frame,
            unit="unit",
            period="period",
            outcome="y",
            cohort="cohort",
            covariates=[name for name in COVARIATES if name in self.frame],
            exposure="exposure" if "exposure" in self.frame else None,
        )


def simulate_staggered(design: StaggeredDesign, seed: int) -> Simulated:
    """Draw one data set from a design.

    Returns
    -------
    Simulated
        ``frame`` has N T rows less the missing ones, the covariate ``x``, a ``cluster`` of three units each, and
        ``eligible`` (0/1) where some are not.

    Examples
    --------
    >>> simulated = simulate_staggered(StaggeredDesign(n_units=30, effect=2.0), seed=1)
    >>> simulated.overall
    2.0
    """
    rng = np.random.default_rng(seed)
    n, t = design.n_units, design.n_periods
    first = np.zeros(n, dtype=np.int64)
    position = 0
    for cohort, share in design.cohort_shares().items():
        count = round(share * n)
        first[position : position + count] = cohort
        position += count
    errors = np.empty((n, t))
    errors[:, 0] = rng.standard_normal(n)
    rho = design.autocorrelation
    for period in range(1, t):
        errors[:, period] = rho * errors[:, period - 1] + np.sqrt(1.0 - rho**2) * rng.standard_normal(n)
    x = rng.standard_normal(n) + 0.5 * (first > 0)
    place = np.arange(n)
    eligible = np.floor((place + 1) * design.ineligible) == np.floor(place * design.ineligible)
    effects = design.effects(first) * eligible[:, None]
    clock = np.arange(1, t + 1)
    y = (
        rng.standard_normal(n)[:, None]
        + 0.3 * np.sin(clock)[None, :]
        + design.trend_gap * (first > 0)[:, None] * clock
        + design.covariate_slope * x[:, None] * clock
        + effects
        + design.noise * errors
    )
    frame = pd.DataFrame(
        {
            "unit": np.repeat(np.arange(n), t),
            "period": np.tile(clock, n),
            "y": y.ravel(),
            "cohort": np.repeat(first, t),
            "x": np.repeat(x, t),
            "cluster": np.repeat(np.arange(n) // 3, t),
        }
    )
    if design.ineligible > 0.0:
        frame["eligible"] = np.repeat(eligible.astype(np.int64), t)
    if design.missing > 0.0:
        frame = frame[rng.random(len(frame)) >= design.missing].reset_index(drop=True)
    on = (first[:, None] > 0) & (clock[None, :] >= first[:, None]) & eligible[:, None]
    return Simulated(frame, float(effects[on].mean()))


def simulate_few_treated(
    n_treated: int = 1, *, seed: int, n_units: int = 50, n_periods: int = 20, effect: float = 0.0,
    autocorrelation: float = 0.8,
) -> Simulated:  # fmt: skip
    """One to a few treated units that start together in the middle: clustered errors are far too small here.

    The design of Bertrand, Duflo and Mullainathan (2004) and MacKinnon and Webb (2020): errors of variance 1 that
    persist. With one treated unit of 50 and no effect, a clustered t test at 5 % rejects in most samples.

    Parameters
    ----------
    n_treated
        Treated units, at least 1 and fewer than `n_units`.
    seed
        Of the draw.
    n_units, n_periods
        N and T; the programme starts in period T // 2 + 1.
    effect
        In every treated cell.
    autocorrelation
        AR(1) coefficient of the errors within a unit.

    Raises
    ------
    ValueError
        If `n_treated` leaves nobody treated, or nobody to compare with.

    Examples
    --------
    >>> simulated = simulate_few_treated(2, seed=1, n_units=20, n_periods=6)
    >>> int((simulated.panel().first_treated == 3).sum())
    2
    """
    if not 1 <= n_treated < n_units:
        raise ValueError(f"n_treated must be from 1 to {n_units - 1}, one fewer than n_units; got {n_treated}")
    design = StaggeredDesign(
        n_units=n_units, n_periods=n_periods, cohorts={n_periods // 2 + 1: n_treated / n_units}, effect=effect,
        autocorrelation=autocorrelation,
    )  # fmt: skip
    return simulate_staggered(design, seed)


def staggered_frame(*, seed: int = 0, **settings: object) -> pd.DataFrame:
    """Long frame of :class:`StaggeredDesign` with the given settings.

    Examples
    --------
    >>> list(staggered_frame(n_units=10, seed=1).columns)
    ['unit', 'period', 'y', 'cohort', 'x', 'cluster']
    """
    return simulate_staggered(StaggeredDesign(**settings), seed).frame  # type: ignore[arg-type]


def staggered_panel(*, seed: int = 0, **settings: object) -> Panel:
    """Panel of :class:`StaggeredDesign` with the given settings.

    Examples
    --------
    >>> staggered_panel(n_units=10, seed=1).n_units
    10
    """
    return simulate_staggered(StaggeredDesign(**settings), seed).panel()  # type: ignore[arg-type]
