"""From gaps of treated units to an estimate with the interval that the design calls for.

Shared by the estimators that weight donors: each supplies how a unit is made from its donors, and how again when all
periods are fitted
(for conformal inference).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from evalkit.data.donor_pool import Pool
from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, DesignRefused, Reason
from evalkit.estimate import Estimate
from evalkit.inference.placebo_space import PlaceboTest, as_own_interval, error_ratios, placebo_test, ratio_rank
from evalkit.inference.synthetic_exhibits import exhibits
from evalkit.inference.unit_gaps import (
    EXACT_FIT,
    Fitter,
    UnitGaps,
    cells_of,
    fit_units,
    fits_are_inexact,
    rows_used,
    sampling_of,
    spread_before,
)
from evalkit.language import mark, phrase, say
from evalkit.numerics.conformal import conformal_interval, conformal_p
from evalkit.uncertainty import OwnInterval
from evalkit.vocabulary import FloatArray, Remark

Method = Literal["auto", "placebo_in_space", "conformal"]
LEANS: Final = mark(
    "Conformal inference takes it that what the weights leave over looks alike throughout. Where places share ups and "
    "downs that wander, and the weights do not follow all of them, its intervals hold less often than they say: 90 % "
    "intervals held in 84 of 100 simulated panels of that kind."
)
Refit = Callable[[Pool, FloatArray], FloatArray]
"""Pool and the treated unit's series (P,) -> the series without the programme, fitted to all periods alike."""
DRAWS: Final = 999
"""Random placebos for several treated units."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an estimator makes a unit from its donors, and how its effects are judged.

    Attributes
    ----------
    name, settings
        Of the estimator.
    fitter, refit
        The fit; the fit to all periods, None where the estimator has none.
    method, level
        Of the interval that is reported.
    most_placebos, with_treated
        Donors fitted in turn, and whether they may use the treated unit.
    """

    name: str
    settings: dict[str, Any]
    fitter: Fitter
    refit: Refit | None
    method: Method
    level: float
    most_placebos: int
    with_treated: bool = False


def estimate_of(
    panel: Panel, pools: Sequence[Pool], remarks: Sequence[Remark], recipe: Recipe, rng: np.random.Generator
) -> Estimate:
    """Fit all treated units and their placebos, and judge the effect.

    Raises
    ------
    DesignRefused
        When a pool has one donor: nothing then says what chance does.
    """
    if min(len(pool.donors) for pool in pools) < 2:
        raise DesignRefused(
            Reason(
                "{name} needs two donors: with one there is nothing to weight, and nothing shows what chance does.",
                name=recipe.name,
            ),
            next_step="Add places without the programme, or use estimator=interrupted_time_series.",
        )
    seed = int(rng.integers(2**53))
    draw = np.random.default_rng(seed)
    units = fit_units(
        panel, pools, recipe.fitter, most_placebos=recipe.most_placebos, with_treated=recipe.with_treated, rng=draw
    )
    scaled = fits_are_inexact(panel, units)
    test = placebo_test(units, scaled=scaled, draws=DRAWS, rng=draw)
    own, said = _own(panel, units, test, recipe, scaled)
    told, facts = (*remarks, *_on_fit(panel, units), *said), _facts(units, test, scaled)
    units = tuple(sorted(units, key=lambda unit: unit.pool.unit))  # fitted in the order of their data, shown by name
    cells = cells_of(panel, units)
    rows = rows_used(units)
    return Estimate(
        estimator=recipe.name,
        settings=recipe.settings,
        cells=cells,
        uncertainty=sampling_of(units, scaled=scaled, n_shares=len(cells.shares)),
        calendar=panel.calendar,
        n_units=len(rows),
        n_treated_units=len(units),
        n_observations=_observations(panel, units),
        seed=seed,
        level=recipe.level,
        remarks=told,
        facts=facts,
        leads_from="fit",
        own=own,
        exhibits=exhibits(panel, units, scaled=scaled),
        unit_names=tuple(str(panel.units[unit.pool.unit]) for unit in units),
    )


def _own(
    panel: Panel, units: Sequence[UnitGaps], test: PlaceboTest, recipe: Recipe, scaled: bool
) -> tuple[OwnInterval | None, list[Remark]]:
    """The interval to report, and what the reader must know of it."""
    said: list[Remark] = []
    if recipe.method != "conformal":
        found = as_own_interval(test, recipe.level, scaled=float(scaled))
        if found is not None:
            return found, said
        said.append(_too_few(test, recipe.level, recipe.method))
        if recipe.method == "placebo_in_space":
            return None, said
    found = _conformal(panel, units, recipe)
    if found is not None:
        said.append(Remark("conformal_leans", phrase(LEANS)))
    if found is None and recipe.method == "conformal":
        periods = len(units[0].gap)
        said.append(
            Remark(
                "conformal_uninformative",
                say(
                    "Conformal inference has no interval at {level:.0f} % here. It needs treated units that start "
                    "together, a smallest p-value (1/{periods}, one over the number of periods) of at most "
                    "{level_2:.2g}, and a fit to all periods that cannot absorb any effect.",
                    level=100 * recipe.level,
                    periods=periods,
                    level_2=1.0 - recipe.level,
                ),
            )
        )
    return found, said


def _too_few(test: PlaceboTest, level: float, method: Method) -> Remark:
    count = len(test.others)
    instead = ""
    if method == "auto":
        instead = phrase(" Conformal inference over time is used where the series is long enough.")
    return Remark(
        "placebos_uninformative",
        say(
            "With {count} placebos the smallest p-value that could be reached is 1/{count_2} = "
            "{smallest_p:.2g}, so placebos in space can give no {level:.0f} % interval, whatever the "
            "effect.{instead}",
            count=count,
            count_2=count + 1,
            smallest_p=test.smallest_p,
            level=100 * level,
            instead=instead,
        ),
        comparison=count,
    )


def _conformal(panel: Panel, units: Sequence[UnitGaps], recipe: Recipe) -> OwnInterval | None:
    """Chernozhukov, Wuthrich and Zhu (2021), over the mean of treated units that share their start and periods."""
    if recipe.refit is None:
        if recipe.method == "conformal":
            raise ConfigError(
                Reason(
                    "{name} has no conformal interval with covariates: they are not fitted period by period.",
                    name=recipe.name,
                ),
                next_step="Set inference=placebo_in_space, or fit without covariates.",
            )
        return None
    first = units[0].pool
    if any(unit.pool.start != first.start or not np.array_equal(unit.pool.columns, first.columns) for unit in units):
        return None
    refit, post = recipe.refit, first.post
    series = [unit.pool.treated_series(panel.outcome) for unit in units]

    def residuals(effect: float) -> FloatArray:
        total = np.zeros(len(post))
        for unit, own in zip(units, series, strict=True):
            without = own - effect * post
            total += (without - refit(unit.pool, without)) / len(units)
        return total

    centre = float(np.mean([unit.effect for unit in units]))
    errors = float(np.mean([unit.error for unit in units]))
    width = max(errors, 0.1 * abs(centre), EXACT_FIT * spread_before(panel, units))
    bounds = conformal_interval(residuals, post, level=recipe.level, centre=centre, width=width)
    if bounds is None:
        return None
    return OwnInterval(
        method="conformal",
        low=bounds[0],
        high=bounds[1],
        level=recipe.level,
        p_value=conformal_p(residuals(0.0), post),
        smallest_p=1.0 / len(post),
        details={"periods": float(len(post))},
    )


def _observations(panel: Panel, units: Sequence[UnitGaps]) -> int:
    used = np.zeros(panel.outcome.shape, dtype=bool)
    for unit in units:
        used[np.ix_(np.append(unit.pool.donors, unit.pool.unit), unit.pool.columns)] = True
    return int((used & panel.observed).sum())


def _facts(units: Sequence[UnitGaps], test: PlaceboTest, scaled: bool) -> dict[str, float]:
    """Figures that checks and readers look for."""
    errors = np.array([unit.error for unit in units])
    facts = {
        "rmspe_before": float(np.sqrt((errors**2).mean())),
        "donors": float(max(len(unit.pool.donors) for unit in units)),
        "donors_weighted": float(np.mean([(np.abs(unit.weights) > EXACT_FIT).sum() for unit in units])),
        "placebos": float(len(test.others)),
        "placebo_p": test.p_value(),
        "placebo_smallest_p": test.smallest_p,
    }
    if len(units) == 1 and scaled:
        rank, count = ratio_rank(units[0])
        facts |= {
            "rmspe_ratio": error_ratios(units[0])[0],
            "rmspe_ratio_rank": float(rank),
            "rmspe_ratio_units": float(count),
            "rmspe_ratio_p": rank / count,
        }
    return facts


def _on_fit(panel: Panel, units: Sequence[UnitGaps]) -> list[Remark]:
    """Fits that are exact, and donors that were not all tried as placebos."""
    remarks = []
    exact = [unit for unit in units if unit.error <= EXACT_FIT * spread_before(panel, units)]
    if exact:
        periods = min(int(unit.pool.fit.sum()) for unit in exact)
        remarks.append(
            Remark(
                "exact_fit",
                say(
                    "{count} of {count_2} treated units are fitted exactly before the start, which {periods} "
                    "periods and {count_3} donors can do whatever the truth: the fit says little, and many other "
                    "weights would fit as well (those nearest to equal are taken).",
                    count=len(exact),
                    count_2=len(units),
                    periods=periods,
                    count_3=len(exact[0].pool.donors),
                ),
                treated=len(exact),
            )
        )
    fewer = [unit for unit in units if len(unit.placebos.donors) < len(unit.pool.donors)]
    if fewer:
        remarks.append(
            Remark(
                "placebos_sampled",
                say(
                    "{count} of {count_2} donors, chosen at random, stand in as placebos.",
                    count=len(fewer[0].placebos.donors),
                    count_2=len(fewer[0].pool.donors),
                ),
            )
        )
    if len(units) > 1:
        remarks.append(
            Remark(
                "units_fitted_alone",
                say(
                    "{count} treated units are fitted one by one and then averaged. Their errors are taken to go "
                    "together as far as they share donors, and the reported interval compares their average with "
                    "averages of as many donors.",
                    count=len(units),
                ),
                treated=len(units),
            )
        )
    return remarks
