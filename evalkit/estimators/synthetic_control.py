"""Abadie, Diamond and Hainmueller (2010): each treated unit beside a weighted average of untreated ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from evalkit.data.donor_pool import Pool, donor_pools
from evalkit.data.level import without_level
from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, DesignRefused, Reason
from evalkit.estimate import Estimate
from evalkit.estimators.base import Needs, PanelEstimator
from evalkit.inference.at_level import at_level
from evalkit.inference.synthetic_estimate import Method, Recipe, estimate_of
from evalkit.inference.unit_gaps import Fitted
from evalkit.numerics.predictor_weights import nested_weights, standardized
from evalkit.numerics.simplex import simplex_fit, weighted_average
from evalkit.vocabulary import Comparison, FloatArray, IntArray


class SyntheticControl(PanelEstimator):
    r"""Gap between a treated unit and the convex combination of donors that fits it before the start.

    The series without the programme is ``sum_j w_j Y_jt`` with ``w_j >= 0`` and ``sum_j w_j = 1`` (Abadie, Diamond and
    Hainmueller 2010, section 2.2, under their factor model, eq. 1), the effect ``alpha_1t = Y_1t - sum_j w_j Y_jt``
    after the start. By default weights fit the outcome in every period before the start; with `covariates` or
    `outcome_lags` they fit these predictors, weighted by the diagonal matrix V that makes outcomes before the start fit
    best (section 2.3).

    With several treated units each is fitted by itself, and effects are averaged.

    Inference is by placebos in space (section 3.4): every donor is fitted by the other donors as if it had been
    treated. The
    reported p-value ranks the mean gap after the start over the root mean squared gap before it; its interval holds
    every mean effect that the same
    test does not reject. The ratio of squared gaps after and before the start, as the paper ranks it, is in the check
    ``placebo_in_space``. Where the pool is too small for the level, conformal inference over time takes its place
    (Chernozhukov, Wuthrich and Zhu 2021), if the series is long enough.

    Standard errors by period are the spread of placebo gaps, each scaled to the treated unit's error before the start.

    Parameters
    ----------
    comparison
        ``never_treated``: donors are units untreated through the last period. ``not_yet_treated``: also units that
        start
        later, if untreated through the end of `follow_up`.
    anticipation
        Periods before the start that are not fitted, as effects are allowed in them.
    follow_up
        Last period since the start that is estimated; all by default.
    covariates
        Columns of the panel, averaged over the fitted periods, as predictors.
    outcome_lags
        Periods, as the data label them, whose outcome is a predictor.
    intercept
        Allow a constant distance between the treated unit and its donors (Doudchenko and Imbens 2016; Ferman and Pinto
        2021): for places whose level lies outside that of all donors. Not with predictors.
    inference
        ``auto``, ``placebo_in_space`` or ``conformal``.
    placebos
        Most donors that are fitted in turn.
    treated_among_donors
        Let placebos use the treated unit as a donor; usually they may not, as it carries the effect.
    level
        Of intervals and bands.

    Notes
    -----
    Sampling weights that differ are refused. Donors must be observed whenever the treated unit is.

    Examples
    --------
    >>> import evalkit as ek
    >>> panel = ek.testing.staggered_panel(n_units=30, n_periods=24, effect=2.0, noise=0.1, cohorts={15: 0.04}, seed=1)
    >>> estimate = ek.SyntheticControl().fit(panel, rng=np.random.default_rng(0))
    >>> round(float(estimate.aggregate("overall").estimate.iloc[0]), 1), estimate.own.method
    (1.9, 'placebo_in_space')
    """

    name: ClassVar[str] = "synthetic_control"
    needs: ClassVar[Needs] = Needs(
        answers="What treatment did to each treated unit, measured from a weighted average of untreated units like it.",
        never_treated=True,
        pre_periods=3,
        # Weights of at least 0 that sum to 1 keep to levels between those of the donors: a constant of a unit's own
        # changes who resembles whom. With intercept=True the law holds (tests/unit/estimators).
        laws_without=frozenset({"unit constants change nothing"}),
    )

    comparison: Comparison = "never_treated"
    anticipation: Annotated[int, Field(ge=0)] = 0
    follow_up: Annotated[int, Field(ge=0)] | None = None
    covariates: tuple[str, ...] = ()
    outcome_lags: tuple[str | int | float, ...] = ()
    intercept: bool = False
    inference: Method = "auto"
    placebos: Annotated[int, Field(ge=1)] = 200
    treated_among_donors: bool = False
    level: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95

    def fit(self, panel: Panel, *, rng: np.random.Generator) -> Estimate:
        """Weight donors, measure gaps, and put every donor in the place of the treated.

        Raises
        ------
        ConfigError
            When a covariate or lag is not in the panel, or an intercept is asked for beside predictors.
        DesignRefused
            When no treated unit has two donors and two periods before its start; with weights that differ.
        """
        nested = bool(self.covariates or self.outcome_lags)
        if nested and self.intercept:
            raise ConfigError(
                Reason("synthetic_control fits an intercept to outcomes alone, not beside covariates or outcome_lags."),
                next_step="Leave out one of them.",
            )
        panel, level = without_level(panel)
        covariates = {name: panel.covariate(name) for name in self.covariates}
        pools, remarks = donor_pools(
            panel,
            name=self.name,
            anticipation=self.anticipation,
            comparison=self.comparison,
            follow_up=self.follow_up,
            also_known=tuple(covariates.values()),
        )
        fitter = _Nested(panel, covariates, self._lags(panel)) if nested else _OutcomeOnly(panel, self.intercept)
        recipe = Recipe(
            name=self.name,
            settings=self.settings(),
            fitter=fitter,
            refit=None if isinstance(fitter, _Nested) else fitter.to_all_periods,
            method=self.inference,
            level=self.level,
            most_placebos=self.placebos,
            with_treated=self.treated_among_donors,
        )
        return at_level(estimate_of(panel, pools, remarks, recipe, rng), level)

    def _lags(self, panel: Panel) -> IntArray:
        """Columns of the panel of the declared lags."""
        labels = [panel.calendar.text(int(time)) for time in panel.time]
        missing = [str(lag) for lag in self.outcome_lags if str(lag) not in labels]
        if missing:
            raise ConfigError(
                Reason(
                    "outcome_lags of synthetic_control names {missing}, which is no period of the data.",
                    missing=", ".join(missing),
                ),
                allowed=f"{labels[0]} to {labels[-1]}",
                next_step="Write periods as the data label them.",
            )
        return np.array([labels.index(str(lag)) for lag in self.outcome_lags], dtype=np.int64)


class _OutcomeOnly:
    """Weights that fit the outcome in every period before the start."""

    def __init__(self, panel: Panel, intercept: bool) -> None:
        self._panel, self._intercept = panel, intercept

    def __call__(self, pool: Pool, row: int, donors: IntArray) -> Fitted:
        others = self._panel.outcome[np.ix_(donors, pool.columns)].T
        own = self._panel.outcome[row, pool.columns]
        found = simplex_fit(others[pool.fit], own[pool.fit], intercept=self._intercept)
        return Fitted(found.weights, found.intercept + weighted_average(others, found.weights))

    def to_all_periods(self, pool: Pool, series: FloatArray) -> FloatArray:
        others = pool.donor_series(self._panel.outcome)
        found = simplex_fit(others, series, intercept=self._intercept)
        return found.intercept + weighted_average(others, found.weights)


class _Nested:
    """Weights that fit predictors, themselves weighted by what serves the outcome's fit before the start."""

    def __init__(self, panel: Panel, covariates: Mapping[str, FloatArray], lags: IntArray) -> None:
        self._panel, self._covariates, self._lags = panel, covariates, lags
        self._first: dict[tuple[object, ...], FloatArray] = {}

    def __call__(self, pool: Pool, row: int, donors: IntArray) -> Fitted:
        outcome = self._panel.outcome
        predictors = self._predictors(pool)
        X1, X0 = standardized(predictors[:, row], predictors[:, donors])
        others, own = outcome[np.ix_(donors, pool.columns)].T, outcome[row, pool.columns]
        first = None if row == pool.unit else self._first.get(pool.group)
        found = nested_weights(X1, X0, own[pool.fit], others[pool.fit], first=first)
        if row == pool.unit:  # placebos start from the treated unit's predictor weights
            self._first[pool.group] = found.importance
        return Fitted(found.weights, weighted_average(others, found.weights))

    def _predictors(self, pool: Pool) -> FloatArray:
        """(K, N) means of covariates over the fitted periods, and lags of the outcome."""
        fitted = pool.columns[pool.fit]
        if not np.isin(self._lags, fitted).all():
            raise DesignRefused(
                Reason(
                    "outcome_lags of synthetic_control holds a period that is not before every start and its "
                    "anticipation."
                ),
                next_step="Name periods before the start.",
            )
        outcome = self._panel.outcome
        with np.errstate(invalid="ignore"):
            means = [np.nanmean(values[:, fitted], axis=1) for values in self._covariates.values()]
        return np.array([*means, *(outcome[:, lag] for lag in self._lags)]).reshape(-1, self._panel.n_units)
