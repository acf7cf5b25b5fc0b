"""The laws that every panel estimator keeps, and a function that runs them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evalkit.data.panel import Panel
from evalkit.errors import DesignRefused
from evalkit.estimate import Estimate
from evalkit.estimators.base import Estimator
from evalkit.testing.simulate import StaggeredDesign, simulate_staggered
from evalkit.vocabulary import FloatArray

TOLERANCE = 1e-9
"""Relative, on effects and standard errors: sums of some thousand terms in another order."""
SHIFT_TOLERANCE = 1e-6
"""After adding 1e9 to the outcome, which itself costs about 1e-7 of each value."""
SEED = 20_240_101


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Which laws held.

    Attributes
    ----------
    held
        Names of the laws that were checked and hold.
    broken
        Law to what was expected and what was found.
    """

    held: tuple[str, ...]
    broken: dict[str, str]

    def raise_if_broken(self) -> None:
        """Raise AssertionError naming every broken law."""
        if self.broken:
            raise AssertionError("\n".join(f"{law}: {found}" for law, found in self.broken.items()))


Fit = Callable[[pd.DataFrame], Estimate]
Law = Callable[[pd.DataFrame, Fit], str | None]


def check_estimator(
    estimator: Estimator, *, frame: pd.DataFrame | None = None, laws: Sequence[str] | None = None
) -> CheckReport:
    """Run the laws on an estimator.

    Parameters
    ----------
    estimator
        With its settings.
    frame
        Long frame with columns unit, period, y, cohort (0 for never), and eligible where the estimator needs it; a
        small simulated one by default, of counts where the estimator needs them.
    laws
        Names of the laws to run; by default all that bind it (:func:`laws_of`).

    Returns
    -------
    CheckReport
        Call ``raise_if_broken()`` in a test.

    Raises
    ------
    TypeError
        If `estimator` is a class, or has no ``fit``.

    Examples
    --------
    >>> import evalkit as ek
    >>> check_estimator(ek.TwoWayFixedEffects(), laws=["same seed, same result"]).broken
    {}
    """
    if not callable(getattr(estimator, "fit", None)) or isinstance(estimator, type):
        raise TypeError(f"check_estimator takes an estimator with its settings, e.g. MyEstimator(). Got {estimator!r}.")
    if frame is None:
        ineligible = 0.5 if estimator.needs.eligibility else 0.0
        periods = 6 if estimator.needs.pre_periods <= 2 else estimator.needs.pre_periods + 6
        design = StaggeredDesign(n_units=36, n_periods=periods, growth=0.3, cohort_gap=0.5, ineligible=ineligible)
        frame = simulate_staggered(design, SEED).frame
        frame = as_counts(frame) if estimator.needs.counts else frame

    def fit(data: pd.DataFrame) -> Estimate:
        weight = "weight" if "weight" in data else None
        covariates = ["eligible"] if "eligible" in data else []
        panel = Panel.from_frame(
            data, unit="unit", period="period", outcome="y", cohort="cohort", covariates=covariates, weight=weight
        )
        return estimator.fit(panel, rng=np.random.default_rng(SEED))

    held: list[str] = []
    broken: dict[str, str] = {}
    for name in laws_of(estimator) if laws is None else laws:
        problem = LAWS[name](frame, fit)
        if problem is None:
            held.append(name)
        else:
            broken[name] = problem
    return CheckReport(tuple(held), broken)


def laws_of(estimator: Estimator) -> tuple[str, ...]:
    """Names of the laws that bind an estimator: models of ratios keep no law about sums, and it names others itself.

    Examples
    --------
    >>> import evalkit as ek
    >>> set(LAWS) - set(laws_of(ek.TwoWayFixedEffects()))
    {'y -> b y leaves log ratios as they are'}
    """
    apart = (OF_LEVELS if estimator.needs.counts else OF_RATIOS) | estimator.needs.laws_without
    return tuple(name for name in LAWS if name not in apart)


def as_counts(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame whose outcome is a count with the same effects on its logarithm.

    Examples
    --------
    >>> as_counts(pd.DataFrame({"y": [0.0, 1.0]})).y.tolist()
    [20.0, 54.0]
    """
    return frame.assign(y=np.round(20.0 * np.exp(frame["y"])))


def _numbers(estimate: Estimate) -> FloatArray:
    """(2, K) effects and standard errors of the cells, sorted by cohort, period and event time.

    Cells of single units, whose order follows from their names, are sorted by effect within these.
    """
    cells = estimate.cells
    within = () if cells.unit is None else (cells.estimate,)
    order = np.lexsort((*within, cells.event_time, cells.period, cells.cohort))
    table = estimate.to_frame()
    return np.stack([table["estimate"].to_numpy()[order], table["std_error"].to_numpy()[order]])


def _difference(expected: FloatArray, found: FloatArray, tolerance: float) -> str | None:
    if expected.shape != found.shape:
        return f"expected {expected.shape[1]} cells, found {found.shape[1]}"
    scale = np.maximum(np.nanmax(np.abs(expected)), 1e-12)
    gap = float(np.nanmax(np.abs(expected - found)) / scale)
    return None if gap <= tolerance else f"relative difference {gap:.2e} exceeds {tolerance:.0e}"


def _unchanged_by(change: Callable[[pd.DataFrame], pd.DataFrame], tolerance: float = TOLERANCE) -> Law:
    def law(frame: pd.DataFrame, fit: Fit) -> str | None:
        return _difference(_numbers(fit(frame)), _numbers(fit(change(frame))), tolerance)

    return law


def _same_seed(frame: pd.DataFrame, fit: Fit) -> str | None:
    first, second = _numbers(fit(frame)), _numbers(fit(frame))
    return None if np.array_equal(first, second, equal_nan=True) else "two fits with one seed differ"


def _scaled(frame: pd.DataFrame, fit: Fit) -> str | None:
    factor = 8.0
    expected = factor * _numbers(fit(frame))
    return _difference(expected, _numbers(fit(frame.assign(y=3.0 + factor * frame["y"]))), TOLERANCE)


def _rescaled(frame: pd.DataFrame, fit: Fit) -> str | None:
    return _difference(_numbers(fit(frame)), _numbers(fit(frame.assign(y=8.0 * frame["y"]))), TOLERANCE)


def _treatment_shift(frame: pd.DataFrame, fit: Fit) -> str | None:
    treated = (frame["cohort"] > 0) & (frame["period"] >= frame["cohort"])
    if "eligible" in frame:
        treated &= frame["eligible"] == 1
    before, after = fit(frame), fit(frame.assign(y=frame["y"] + 2.0 * treated))
    moved = after.aggregation("overall").estimate - before.aggregation("overall").estimate
    gap = float(abs(moved[0] - 2.0))
    tolerance = TOLERANCE if before.draws is None else 0.02
    return (
        None if gap <= tolerance * 2.0 else f"adding 2 to treated outcomes moved the overall effect by {moved[0]:.12g}"
    )


def _cloned(frame: pd.DataFrame, fit: Fit) -> str | None:
    """A unit of weight 2 counts as two such units; estimators without weights refuse them."""
    doubled = frame["unit"] % 3 == 0
    twins = frame[doubled].assign(unit=frame["unit"] + 10_000)
    try:
        weighted = fit(frame.assign(weight=np.where(doubled, 2.0, 1.0)))
    except DesignRefused:
        return None
    cloned = fit(pd.concat([frame, twins]))
    return _difference(
        np.stack([cloned.aggregation("overall").estimate]),
        np.stack([weighted.aggregation("overall").estimate]),
        TOLERANCE,
    )


def _input_kept(frame: pd.DataFrame, fit: Fit) -> str | None:
    copy = frame.copy(deep=True)
    fit(frame)
    return None if frame.equals(copy) else "fit changed the caller's frame"


def _always_treated(frame: pd.DataFrame, fit: Fit) -> str | None:
    """Heterogeneity-robust estimators ignore units that are treated throughout."""
    base = frame[frame["unit"] % 5 != 0]
    extra = frame[frame["unit"] % 5 == 0].assign(cohort=int(frame["period"].min()))
    wild = extra.assign(y=extra["y"] * 1e6)
    alone = _numbers(fit(base))
    return _difference(alone, _numbers(fit(pd.concat([base, extra]))), TOLERANCE) or _difference(
        alone, _numbers(fit(pd.concat([base, wild]))), TOLERANCE
    )


def _refuses_no_comparison(frame: pd.DataFrame, fit: Fit) -> str | None:
    try:
        fit(frame.assign(cohort=int(frame["period"].min()) + 2))
    except DesignRefused:
        return None
    return "a panel in which all units start at once and nobody is untreated was not refused"


LAWS: dict[str, Law] = {
    "row order does not matter": _unchanged_by(lambda f: f.sample(frac=1.0, random_state=1)),
    "column order does not matter": _unchanged_by(lambda f: f[list(f.columns)[::-1]]),
    "unit names do not matter": _unchanged_by(lambda f: f.assign(unit="place " + (997 - f["unit"]).astype(str))),
    "the calendar's origin does not matter": _unchanged_by(
        lambda f: f.assign(period=f["period"] + 2000, cohort=f["cohort"].where(f["cohort"] == 0, f["cohort"] + 2000))
    ),
    "y -> a + b y scales effects and errors by b": _scaled,
    "y -> b y leaves log ratios as they are": _rescaled,
    "adding 1e9 to the outcome changes nothing": _unchanged_by(lambda f: f.assign(y=f["y"] + 1e9), SHIFT_TOLERANCE),
    "unit constants change nothing": _unchanged_by(lambda f: f.assign(y=f["y"] + 0.25 * f["unit"])),
    "period constants change nothing": _unchanged_by(lambda f: f.assign(y=f["y"] + 4.0 * (f["period"] % 3))),
    "adding c to treated outcomes adds c": _treatment_shift,
    "constant weights change nothing": _unchanged_by(lambda f: f.assign(weight=3.0)),
    "a unit of weight 2 equals the unit twice": _cloned,
    "same seed, same result": _same_seed,
    "the caller's frame is kept": _input_kept,
    "always-treated units change nothing": _always_treated,
    "a design without comparison is refused": _refuses_no_comparison,
}
"""Name to law. A law takes a frame and a fit, and returns what was found when it does not hold."""
OF_LEVELS = frozenset(
    {
        "y -> a + b y scales effects and errors by b",
        "adding 1e9 to the outcome changes nothing",
        "unit constants change nothing",
        "period constants change nothing",
        "adding c to treated outcomes adds c",
    }
)
OF_RATIOS = frozenset({"y -> b y leaves log ratios as they are"})
