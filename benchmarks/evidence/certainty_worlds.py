"""Worlds with a known effect, as a study finds them: what was assigned how, what the data look like, what is declared.

Every study draws its effect anew: none at all, or 0.5 to 3 points either way, where 1 point is the smallest change that
matters and an outcome's errors have a standard deviation of 1. Worlds differ in what is wrong with them, and in whether
the study says so.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from evalkit.vocabulary import FloatArray, IntArray
from tests.synthetic_worlds import factor_frame

EFFECTS = (0.0, 0.0, 0.5, 1.0, 2.0, 3.0)
LEVEL, LOW_LEVEL = 20.0, 2.0


@dataclass(frozen=True)
class Drawn:
    """The frame of one study and the mean effect over its treated cells."""

    frame: pd.DataFrame
    truth: float


@dataclass(frozen=True)
class World:
    """One kind of study.

    Attributes
    ----------
    about
        In words, for the table.
    draw
        One study's data, given randomness and effect.
    estimator, settings
        The primary estimator.
    spec
        What the study declares beyond the common part.
    """

    about: str
    draw: Callable[[np.random.Generator, float], Drawn]
    estimator: str = "callaway_santanna"
    settings: Mapping[str, Any] = field(default_factory=dict)
    spec: Mapping[str, Any] = field(default_factory=dict)


BIASED = frozenset(
    {
        "trends_differ", "trends_differ_much", "two_years_before", "confounder", "bad_year", "other_event",
        "hidden_event", "dropout", "series_history",
    }
)  # fmt: skip
"""Worlds in which what the design assumes is false, so that intervals, which count chance alone, must miss."""


def rng_of(world: str, number: int) -> np.random.Generator:
    """Randomness of one study, by its world's name and its number, so that adding a world changes no other."""
    return np.random.default_rng([zlib.crc32(world.encode()), number])


def effect_of(rng: np.random.Generator) -> float:
    """The effect of one study."""
    return float(rng.choice(EFFECTS) * rng.choice((-1.0, 1.0)))


def errors(rng: np.random.Generator, units: int, periods: int, rho: float) -> FloatArray:
    """(N, T) errors of standard deviation 1, autocorrelated within units."""
    drawn = rng.standard_normal((units, periods))
    for period in range(1, periods):
        drawn[:, period] = rho * drawn[:, period - 1] + np.sqrt(1.0 - rho**2) * drawn[:, period]
    return drawn


def long(values: FloatArray, first: IntArray, **columns: FloatArray) -> pd.DataFrame:
    """(N, T) outcomes as rows; `first` is the first treated period counted from 1, 0 for never."""
    units, periods = values.shape
    data = {
        "unit": np.repeat(np.arange(units), periods),
        "period": np.tile(np.arange(1, periods + 1), units),
        "y": values.ravel(),
        "cohort": np.repeat(first, periods),
    }
    return pd.DataFrame(data | {name: column.ravel() for name, column in columns.items()})


def rollout(
    rng: np.random.Generator, effect: float, *, waves: Mapping[int, int], never: int, periods: int = 10,
    rho: float = 0.5, drift: float = 0.0, confounded: bool = False, shock: float = 0.0, dropout: float = 0.0,
    level: float = LEVEL, placebo: bool = False,
) -> Drawn:  # fmt: skip
    """Places with their own level, common shocks, autocorrelated errors and effects that differ from place to place.

    `waves` maps first treated periods to numbers of places. `drift` is the standard deviation of a difference in
    trends, a period; `shock` that of another event that reaches the treated alone at the start; `dropout` the chance
    with which a treated place whose outcome falls is no longer seen.
    """
    first = np.array([start for start, count in waves.items() for _ in range(count)] + [0] * never, dtype=np.int64)
    units, clock = first.size, np.arange(1, periods + 1)
    on = (first[:, None] > 0) & (clock >= first[:, None])
    own = effect * (1.0 + 0.25 * rng.standard_normal(units)) if effect else np.zeros(units)
    treated = (first > 0)[:, None]
    x = rng.standard_normal(units) + 0.6 * (first > 0)
    common = level + rng.standard_normal(units)[:, None] * min(2.0, level / 8.0) + 0.5 * rng.standard_normal(periods)
    values = common + errors(rng, units, periods, rho) * (1.0 if level == LEVEL else 0.2)
    values = values + on * own[:, None] + drift * rng.standard_normal() * treated * clock
    values = values + shock * rng.standard_normal() * on + (0.15 * x[:, None] * clock if confounded else 0.0)
    columns = {"x": np.repeat(x[:, None], periods, axis=1)} if confounded else {}
    if placebo:
        columns["other"] = common + errors(rng, units, periods, rho)
    truth = float(np.broadcast_to(own[:, None], on.shape)[on].mean())
    if dropout:
        lost = treated & (clock == periods) & (values - values.mean(axis=1, keepdims=True) < 0.0)
        values = np.where(lost & (rng.random(values.shape) < dropout), np.nan, values)
    frame = long(values, first, **columns)
    return Drawn(frame[frame["y"].notna()], truth)


def chosen_after_a_bad_year(rng: np.random.Generator, effect: float) -> Drawn:
    """The 20 of 60 places that did worst in the last year before the start get the programme."""
    units, periods, start = 60, 10, 7
    values = LEVEL + rng.standard_normal((units, 1)) + errors(rng, units, periods, 0.3)
    first = np.zeros(units, dtype=np.int64)
    first[np.argsort(values[:, start - 2])[:20]] = start
    on = (first[:, None] > 0) & (np.arange(1, periods + 1) >= start)
    return Drawn(long(values + effect * on, first), effect)


def factors(rng: np.random.Generator, effect: float) -> Drawn:
    """One treated place of 20 that move by common factors, so that trends are not parallel."""
    frame = factor_frame(int(rng.integers(2**31)), units=20, periods=30, start=22, effect=effect, noise=0.5)
    return Drawn(frame, effect)


def series(
    rng: np.random.Generator,
    effect: float,
    *,
    before: int = 40,
    after: int = 20,
    rho: float = 0.3,
    history: float = 0.0,
) -> Drawn:
    """One place; `history` is the standard deviation of another change of level at the same time."""
    clock = np.arange(before + after)
    values = LEVEL + 0.02 * clock + errors(rng, 1, before + after, rho)[0]
    on = clock >= before
    shifted = values + on * (effect + history * rng.standard_normal())
    return Drawn(long(shifted[None, :], np.array([before + 1])), effect)


def rolled_out(**settings: Any) -> Callable[[np.random.Generator, float], Drawn]:
    """:func:`rollout` with these settings."""
    return functools.partial(rollout, **settings)


def one_series(**settings: Any) -> Callable[[np.random.Generator, float], Drawn]:
    """:func:`series` with these settings."""
    return functools.partial(series, **settings)


def assigned(mechanism: str, **further: Any) -> dict[str, Any]:
    """A study's word on how the programme was assigned."""
    return {"assignment": {"mechanism": mechanism, "unit": "city", **further}}


POLICY = assigned("policy_choice")
TWO_WAVES = {"waves": {6: 15, 7: 15}, "never": 50}
ONE_WAVE = {"waves": {6: 30}, "never": 50}
ALONE: dict[str, Any] = {
    "estimator": "interrupted_time_series", "settings": {"change": "step", "season": "none"},
    "spec": {**POLICY, "checks": ["residual_autocorrelation"]},
}  # fmt: skip

WORLDS: dict[str, World] = {
    "phase_in": World(
        "Roll-out in random order, 60 places in three waves", rolled_out(waves={5: 20, 7: 20, 9: 20}, never=0),
        spec=assigned("random_phase_in"),
    ),
    "lottery": World("Lottery among 60 places", rolled_out(waves={6: 30}, never=30), spec=assigned("lottery")),
    "lottery_few": World(
        "Lottery among 12 places, 4 drawn", rolled_out(waves={6: 4}, never=8), spec=assigned("lottery")
    ),
    "many_treated": World("30 of 80 places chose, trends alike", rolled_out(**TWO_WAVES), spec=POLICY),
    "few_treated": World("3 of 24 places chose, trends alike", rolled_out(waves={6: 3}, never=21), spec=POLICY),
    "one_treated": World("1 of 21 places chose, trends alike", rolled_out(waves={6: 1}, never=20), spec=POLICY),
    "trends_differ": World("30 of 80 places chose, trends differ", rolled_out(**TWO_WAVES, drift=0.15), spec=POLICY),
    "trends_differ_much": World(
        "30 of 80 places chose, trends differ much", rolled_out(**TWO_WAVES, drift=0.5), spec=POLICY
    ),
    "two_years_before": World(
        "30 of 80 places chose, two periods before, trends differ",
        rolled_out(waves={3: 30}, never=50, periods=7, drift=0.15), spec=POLICY,
    ),
    "confounder": World(
        "A declared confounder drives trends and is not adjusted for", rolled_out(**ONE_WAVE, confounded=True),
        settings={"covariates": []}, spec={**POLICY, "data_covariates": ["x"]},
    ),
    "bad_year": World("Chosen after a bad year", chosen_after_a_bad_year, spec=assigned("selected_on_outcome")),
    "other_event": World(
        "Another event reached the treated alone, declared", rolled_out(**ONE_WAVE, shock=1.0),
        spec=assigned("policy_choice", concurrent_events=["a tax"], concurrent_events_treated_only=True),
    ),
    "hidden_event": World(
        "Another event reached the treated alone, not declared", rolled_out(**ONE_WAVE, shock=0.5), spec=POLICY
    ),
    "dropout": World("Treated places that did badly are lost", rolled_out(**ONE_WAVE, dropout=0.7), spec=POLICY),
    "unknown": World("Nobody knows who was chosen and why", rolled_out(**ONE_WAVE), spec=assigned("unknown")),
    "large_effect": World(
        "Levels no larger than the effect, a placebo outcome",
        rolled_out(waves={6: 15}, never=30, level=LOW_LEVEL, placebo=True), spec={**POLICY, "placebo": True},
    ),
    "factor_model": World(
        "Synthetic control, one place of 20, common factors", factors, estimator="synthetic_control",
        spec={**POLICY, "checks": ["pre_fit"]},
    ),
    "series": World("One series, 40 periods before and 20 after", one_series(), **ALONE),
    "series_history": World("One series, something else happened at the start", one_series(history=1.0), **ALONE),
    "series_short": World("One series, 10 periods before and 8 after", one_series(before=10, after=8), **ALONE),
}  # fmt: skip
