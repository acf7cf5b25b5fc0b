"""The laws that every panel estimator keeps, and a function that runs them.

A law that does not hold is shown on the smallest panel that a search finds (:mod:`evalkit.testing.smallest`).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, DesignRefused, closest
from evalkit.estimate import Estimate
from evalkit.estimators.base import Estimator
from evalkit.testing.simulate import StaggeredDesign, simulate_staggered
from evalkit.testing.smallest import as_table, smallest
from evalkit.vocabulary import FloatArray

TOLERANCE = 1e-9
"""Relative, on effects and standard errors: sums of some thousand terms in another order."""
SHIFT_TOLERANCE = 1e-6
"""After adding 1e9 to the outcome, which itself costs about 1e-7 of each value."""
SEED = 20_240_101
TRIES = 200
"""Panels tried for a smaller example."""
CLEARLY = 1e-3
"""Relative difference that an example shows, where the whole panel shows as much: digits that a person sees."""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Which laws held.

    Attributes
    ----------
    estimator
        Class that was checked.
    held
        Names of the laws that were checked and hold.
    broken
        Law to what was expected and what was found.
    examples
        Law that is broken to the smallest frame found that breaks it, in the form that ``check_estimator`` takes.
    """

    estimator: str
    held: tuple[str, ...]
    broken: dict[str, str]
    examples: dict[str, pd.DataFrame] = field(default_factory=dict)

    def __str__(self) -> str:
        """What broke with its examples, or how many laws held."""
        if not self.broken:
            return f"{self.estimator} keeps {_laws(len(self.held))}."
        parts = [f"{self.estimator} breaks {len(self.broken)} of {_laws(len(self.held) + len(self.broken))}."]
        for law, found in self.broken.items():
            parts.append(f"{law}: {found}")
            if law in self.examples:
                parts[-1] += f"\n{as_table(self.examples[law])}"
        parts.append("Again: check_estimator(estimator, frame=report.examples[law], laws=[law])")
        return "\n\n".join(parts)

    def raise_if_broken(self) -> None:
        """Raise AssertionError naming every broken law, each with its smallest example."""
        if self.broken:
            raise AssertionError(str(self))


def _laws(count: int) -> str:
    return f"{count} law{'s' * (count != 1)}"


@dataclass(frozen=True, slots=True)
class Broken:
    """How a law was found not to hold.

    Attributes
    ----------
    what
        In words.
    gap
        Relative difference; infinite where it is not a matter of size.
    kind
        Words that stay the same while the panel shrinks: an example has to break the law in the same way.
    """

    what: str
    gap: float = np.inf
    kind: str = "differs"


Fit = Callable[[pd.DataFrame], Estimate]
Law = Callable[[pd.DataFrame, Fit], Broken | None]


def check_estimator(
    estimator: Estimator,
    *,
    frame: pd.DataFrame | None = None,
    laws: Sequence[str] | None = None,
    tries: int = TRIES,
) -> CheckReport:
    """Run the laws on an estimator; for each that does not hold, look for a panel small enough to read.

    Parameters
    ----------
    estimator
        With its settings.
    frame
        Long frame with columns unit, period, y, cohort (0 for never), and eligible where the estimator needs it; a
        small simulated one by default, of counts where the estimator needs them.
    laws
        Names of the laws to run; by default all that bind it (:func:`laws_of`).
    tries
        Panels that are tried in the search for a smaller one, for each broken law; 0 keeps the whole panel.

    Returns
    -------
    CheckReport
        ``print(report)`` says what holds; call ``report.raise_if_broken()`` in a test.

    Raises
    ------
    TypeError
        If `estimator` is a class, or has no ``fit``.
    ConfigError
        For a name that no law has.
    EvalkitError
        Whatever the estimator says when it refuses the frame as it is: give it one that suits it.

    Examples
    --------
    >>> import evalkit as ek
    >>> report = check_estimator(ek.TwoWayFixedEffects(), laws=["same seed, same result"])
    >>> print(report)
    TwoWayFixedEffects keeps 1 law.
    >>> report.broken
    {}
    """
    if not callable(getattr(estimator, "fit", None)) or isinstance(estimator, type):
        raise TypeError(f"check_estimator takes an estimator with its settings, e.g. MyEstimator(). Got {estimator!r}.")
    for name in laws or ():
        if name not in LAWS:
            near = closest(name, list(LAWS))
            raise ConfigError(
                f"There is no law '{name}'.",
                allowed="; ".join(LAWS),
                next_step=f"Did you mean '{near}'?" if near else None,
            )
    frame = _suitable(estimator) if frame is None else frame
    held: list[str] = []
    broken: dict[str, str] = {}
    examples: dict[str, pd.DataFrame] = {}
    for name in laws_of(estimator) if laws is None else laws:
        found = _verdict(estimator, LAWS[name], frame)
        if found is None:
            held.append(name)
            continue
        examples[name] = smallest(frame, _breaks_alike(estimator, LAWS[name], found), tries)
        last = _verdict(estimator, LAWS[name], examples[name]) or found
        broken[name] = last.what
    return CheckReport(type(estimator).__name__, tuple(held), broken, examples)


def _suitable(estimator: Estimator) -> pd.DataFrame:
    """A small simulated frame that offers what the estimator needs."""
    ineligible = 0.5 if estimator.needs.eligibility else 0.0
    periods = 6 if estimator.needs.pre_periods <= 2 else estimator.needs.pre_periods + 6
    design = StaggeredDesign(n_units=36, n_periods=periods, growth=0.3, cohort_gap=0.5, ineligible=ineligible)
    frame = simulate_staggered(design, SEED).frame
    return as_counts(frame) if estimator.needs.counts else frame


def _verdict(estimator: Estimator, law: Law, frame: pd.DataFrame) -> Broken | None:
    """What a law says; an error after the frame as it is was taken is a broken law, and one before it is not."""
    taken = 0

    def fit(data: pd.DataFrame) -> Estimate:
        nonlocal taken
        weight = "weight" if "weight" in data else None
        covariates = ["eligible"] if "eligible" in data else []
        panel = Panel.from_frame(
            data, unit="unit", period="period", outcome="y", cohort="cohort", covariates=covariates, weight=weight
        )
        estimate = estimator.fit(panel, rng=np.random.default_rng(SEED))
        if not isinstance(estimate, Estimate):
            raise TypeError(f"fit returned {type(estimate).__name__}; it has to return evalkit.estimate.Estimate")
        taken += 1
        return estimate

    try:
        return law(frame, fit)
    except Exception as error:
        if not taken:
            raise
        kind = type(error).__name__
        return Broken(f"the frame as it is was taken, and after the change fit raised {kind}: {error}", kind=kind)


def _breaks_alike(estimator: Estimator, law: Law, found: Broken) -> Callable[[pd.DataFrame], bool]:
    """Whether a smaller frame breaks the law in the same way, and by far more than rounding does."""
    enough = min(found.gap, CLEARLY)

    def breaks(frame: pd.DataFrame) -> bool:
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):  # tiny panels divide by zero: no news here
                warnings.simplefilter("ignore")
                now = _verdict(estimator, law, frame)
        except Exception:  # noqa: BLE001 (a frame that the estimator cannot take at all is no example of anything)
            return False
        return now is not None and now.kind == found.kind and now.gap >= enough

    return breaks


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
    """(2, K) effects and standard errors of the cells, by cohort, period and event time.

    Cells of single units come in the order of their names, so effects and errors within one of these are sorted, each
    by itself: units with the same effect have no order that a change of names would leave alone.
    """
    cells = estimate.cells
    table = estimate.to_frame()
    rows = table["estimate"].to_numpy(), table["std_error"].to_numpy()
    keys = (cells.event_time, cells.period, cells.cohort)
    return np.stack([row[np.lexsort(keys if cells.unit is None else (row, *keys))] for row in rows])


def _difference(expected: FloatArray, found: FloatArray, tolerance: float) -> Broken | None:
    """Whether two (rows, K) tables of the same cells agree; the first row holds the effects, the second errors."""
    if expected.shape != found.shape:
        return Broken(f"expected {expected.shape[1]} cells, found {found.shape[1]}", kind="cells")
    if not np.array_equal(np.isnan(expected), np.isnan(found)):
        return Broken("a number is missing in one answer and not in the other", kind="missing")
    known = ~np.isnan(expected)
    scale = np.max(np.abs(expected), where=known, initial=1e-12)
    apart = np.where(known, np.abs(expected - found), 0.0)
    gap = float(apart.max() / scale)
    if gap <= tolerance:
        return None
    row = int(apart[0].max() / scale <= tolerance)  # effects first: what a person checks by hand
    cell = int(apart[row].argmax())
    what = ("the effect", "the standard error")[row]
    return Broken(
        f"{what} is {expected[row, cell]:.6g} and becomes {found[row, cell]:.6g}: "
        f"relative difference {gap:.2e} exceeds {tolerance:.0e}",
        gap,
        kind=what,
    )


def _unchanged_by(change: Callable[[pd.DataFrame], pd.DataFrame], tolerance: float = TOLERANCE) -> Law:
    def law(frame: pd.DataFrame, fit: Fit) -> Broken | None:
        return _difference(_numbers(fit(frame)), _numbers(fit(change(frame))), tolerance)

    return law


def _same_seed(frame: pd.DataFrame, fit: Fit) -> Broken | None:
    first, second = _numbers(fit(frame)), _numbers(fit(frame))
    return None if np.array_equal(first, second, equal_nan=True) else Broken("two fits with one seed differ")


def _scaled(frame: pd.DataFrame, fit: Fit) -> Broken | None:
    factor = 8.0
    expected = factor * _numbers(fit(frame))
    return _difference(expected, _numbers(fit(frame.assign(y=3.0 + factor * frame["y"]))), TOLERANCE)


def _rescaled(frame: pd.DataFrame, fit: Fit) -> Broken | None:
    return _difference(_numbers(fit(frame)), _numbers(fit(frame.assign(y=8.0 * frame["y"]))), TOLERANCE)


def _treatment_shift(frame: pd.DataFrame, fit: Fit) -> Broken | None:
    treated = (frame["cohort"] > 0) & (frame["period"] >= frame["cohort"])
    if "eligible" in frame:
        treated &= frame["eligible"] == 1
    before, after = fit(frame), fit(frame.assign(y=frame["y"] + 2.0 * treated))
    moved = after.aggregation("overall").estimate - before.aggregation("overall").estimate
    gap = float(abs(moved[0] - 2.0))
    tolerance = TOLERANCE if before.draws is None else 0.02
    if gap <= tolerance * 2.0:
        return None
    return Broken(f"adding 2 to treated outcomes moved the overall effect by {moved[0]:.12g}", gap / 2.0)


def _cloned(frame: pd.DataFrame, fit: Fit) -> Broken | None:
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


def _input_kept(frame: pd.DataFrame, fit: Fit) -> Broken | None:
    copy = frame.copy(deep=True)
    fit(frame)
    return None if frame.equals(copy) else Broken("fit changed the caller's frame")


def _always_treated(frame: pd.DataFrame, fit: Fit) -> Broken | None:
    """Heterogeneity-robust estimators ignore units that are treated throughout."""
    base = frame[frame["unit"] % 5 != 0]
    extra = frame[frame["unit"] % 5 == 0].assign(cohort=int(frame["period"].min()))
    wild = extra.assign(y=extra["y"] * 1e6)
    alone = _numbers(fit(base))
    return _difference(alone, _numbers(fit(pd.concat([base, extra]))), TOLERANCE) or _difference(
        alone, _numbers(fit(pd.concat([base, wild]))), TOLERANCE
    )


def _refuses_no_comparison(frame: pd.DataFrame, fit: Fit) -> Broken | None:
    fit(frame)  # the frame has to suit the estimator, or its refusal would say nothing
    try:
        fit(frame.assign(cohort=int(frame["period"].min()) + 2))
    except DesignRefused:
        return None
    return Broken("a panel in which all units start at once and nobody is untreated was not refused")


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
