"""Ben-Michael, Feller and Rothstein (2021): synthetic control, with a ridge for what its weights leave unfitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from evalkit.data.donor_pool import Pool, donor_pools
from evalkit.data.level import without_level
from evalkit.data.panel import Panel
from evalkit.estimate import Estimate
from evalkit.estimators.base import Needs, PanelEstimator
from evalkit.inference.at_level import at_level
from evalkit.inference.synthetic_estimate import Recipe, estimate_of
from evalkit.inference.time_jackknife import time_jackknife
from evalkit.inference.unit_gaps import Fitted
from evalkit.language import say
from evalkit.numerics.ridge_augmentation import Rule, augmented, choose_penalty
from evalkit.numerics.simplex import simplex_least_squares, weighted_average
from evalkit.vocabulary import Comparison, FloatArray, IntArray, Remark


class AugmentedSyntheticControl(PanelEstimator):
    r"""Synthetic control plus a ridge regression among donors on what the weights leave unfitted (ridge ASCM).

    With outcomes before the start X, centred at the donors' mean, and simplex weights w, the augmented weights are
    ``w + (x1 - X0 w)' (X0 X0' + lambda I)^-1 X0`` (Ben-Michael, Feller and Rothstein 2021, Lemma 1): they
    sum to 1, and may be negative where the treated unit lies outside what donors can average to. Where synthetic
    control fits
    well the two agree; where it does not, bias is traded for weights that extrapolate.

    The penalty lambda is chosen by leaving out one period before the start at a time (section 5.3). Placebos choose
    their own.

    Parameters
    ----------
    penalty
        lambda; chosen by cross-validation by default.
    penalty_rule
        ``one_standard_error``: the largest penalty within one standard error of the least error; ``least_error``.
    inference
        ``auto`` (placebos in space, conformal where there are too few), ``placebo_in_space``, ``conformal``
        (Chernozhukov, Wuthrich and Zhu 2021; a small penalty fits any effect away, and then there is no interval) or
        ``jackknife`` (the jackknife+ over periods of Barber et al. 2021).
    comparison, anticipation, follow_up, placebos, level
        As in :class:`~evalkit.estimators.synthetic_control.SyntheticControl`.

    Examples
    --------
    >>> import evalkit as ek
    >>> panel = ek.testing.staggered_panel(n_units=30, n_periods=24, effect=2.0, noise=0.1, cohorts={15: 0.04}, seed=1)
    >>> estimate = ek.AugmentedSyntheticControl().fit(panel, rng=np.random.default_rng(0))
    >>> round(float(estimate.aggregate("overall").estimate.iloc[0]), 1)
    1.9
    """

    name: ClassVar[str] = "augmented_synthetic_control"
    needs: ClassVar[Needs] = Needs(
        answers=(
            "What treatment did to each treated unit, measured from a weighted average of untreated units, with a "
            "regression for what the average leaves unfitted."
        ),
        never_treated=True,
        pre_periods=4,
        # Weights fit levels, as in synthetic_control: a constant of a unit's own changes who resembles whom.
        laws_without=frozenset({"unit constants change nothing"}),
    )

    comparison: Comparison = "never_treated"
    anticipation: Annotated[int, Field(ge=0)] = 0
    follow_up: Annotated[int, Field(ge=0)] | None = None
    penalty: Annotated[float, Field(gt=0.0)] | None = None
    penalty_rule: Rule = "one_standard_error"
    inference: Literal["auto", "placebo_in_space", "conformal", "jackknife"] = "auto"
    placebos: Annotated[int, Field(ge=1)] = 200
    level: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95

    def fit(self, panel: Panel, *, rng: np.random.Generator) -> Estimate:
        """Weight donors, augment, measure gaps, and put every donor in the place of the treated.

        Raises
        ------
        DesignRefused
            When no treated unit has two donors and three periods before its start; with weights that differ.
        """
        panel, level = without_level(panel)
        pools, remarks = donor_pools(
            panel,
            name=self.name,
            anticipation=self.anticipation,
            comparison=self.comparison,
            follow_up=self.follow_up,
            fewest_fit_periods=3,
        )
        penalties = {pool.unit: self._penalty(panel, pool, pool.unit, pool.donors) for pool in pools}

        def fitter(pool: Pool, row: int, donors: IntArray) -> Fitted:
            chosen = penalties[row] if row in penalties else self._penalty(panel, pool, row, donors)
            others, own = panel.outcome[np.ix_(donors, pool.columns)].T, panel.outcome[row, pool.columns]
            weights = _weights(others[pool.fit], own[pool.fit], chosen)
            return Fitted(weights, weighted_average(others, weights))

        def to_all_periods(pool: Pool, series: FloatArray) -> FloatArray:
            others = pool.donor_series(panel.outcome)
            return weighted_average(others, _weights(others, series, penalties[pool.unit]))

        recipe = Recipe(
            name=self.name,
            settings=self.settings(),
            fitter=fitter,
            refit=to_all_periods,
            method="placebo_in_space" if self.inference == "jackknife" else self.inference,
            level=self.level,
            most_placebos=self.placebos,
        )
        told = (*remarks, *_on_penalty(penalties))
        estimate = at_level(estimate_of(panel, pools, told, recipe, rng), level)
        if self.inference != "jackknife":
            return estimate

        def without(pool: Pool, kept: IntArray) -> FloatArray:
            others, own = pool.donor_series(panel.outcome), pool.treated_series(panel.outcome)
            return weighted_average(others, _weights(others[kept], own[kept], penalties[pool.unit]))

        own, said = time_jackknife(panel, pools, without, level=self.level)
        kept = tuple(remark for remark in estimate.remarks if remark.id != "placebos_uninformative")
        return replace(estimate, own=own, remarks=(*kept, *said))

    def _penalty(self, panel: Panel, pool: Pool, row: int, donors: IntArray) -> float:
        if self.penalty is not None:
            return self.penalty
        fitted = pool.columns[pool.fit]
        X0, x1 = panel.outcome[np.ix_(donors, fitted)].T, panel.outcome[row, fitted]
        return choose_penalty(X0, x1, rule=self.penalty_rule).chosen


def _weights(X0: FloatArray, x1: FloatArray, penalty: float) -> FloatArray:
    w = simplex_least_squares(X0, x1)
    return augmented(X0, x1, w, penalty) if penalty > 0.0 else w


def _on_penalty(penalties: dict[int, float]) -> Sequence[Remark]:
    values = sorted(penalties.values())
    said = f"{values[0]:.3g}" if len(values) == 1 else say("{low:.3g} to {high:.3g}", low=values[0], high=values[-1])
    return (
        Remark(
            "ridge_penalty",
            say(
                "The ridge penalty is {said}: the smaller it is, the further weights may leave the range of "
                "the donors.",
                said=said,
            ),
        ),
    )
