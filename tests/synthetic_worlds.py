"""Panels from a factor model: trends are not parallel, and a weighted average of places can follow the treated."""

from __future__ import annotations

import numpy as np
import pandas as pd

import evalkit as ek
from evalkit.data.donor_pool import Pool, donor_pools
from evalkit.inference.unit_gaps import Fitted, Fitter
from evalkit.vocabulary import IntArray


def factor_frame(
    seed: int, *, units: int = 20, periods: int = 36, start: int = 25, effect: float = 0.0, noise: float = 1.0,
    treated: int = 1, factors: int = 2,
) -> pd.DataFrame:  # fmt: skip
    """Long frame; periods from 1, the treated drawn like any other unit, `start` their first treated period.

    Loadings of every unit are drawn from one law, so that who is treated is exchangeable with the donors.
    """
    rng = np.random.default_rng(seed)
    loadings = rng.dirichlet(np.full(factors + 1, 2.0), units)
    paths = np.cumsum(rng.normal(0.0, 1.0, (factors + 1, periods)), axis=1) + rng.normal(0.0, 3.0, (factors + 1, 1))
    y = 20.0 + 3.0 * loadings @ paths + noise * rng.normal(size=(units, periods))
    cohort = np.zeros(units, dtype=int)
    cohort[rng.permutation(units)[:treated]] = start
    y[cohort > 0, start - 1 :] += effect
    unit, period = np.divmod(np.arange(units * periods), periods)
    return pd.DataFrame({"unit": unit, "period": period + 1, "y": y.ravel(), "cohort": cohort[unit]})


def factor_panel(seed: int, **settings: float) -> ek.Panel:
    frame = factor_frame(seed, **settings)  # type: ignore[arg-type]
    return ek.Panel.from_frame(frame, unit="unit", period="period", outcome="y", cohort="cohort")


class mean_fitter:  # noqa: N801 (stands for a module of two functions)
    """Every unit beside the plain mean of its donors: the least that a fitter can be."""

    @staticmethod
    def pools(panel: ek.Panel) -> tuple[Pool, ...]:
        return donor_pools(panel, name="mean")[0]

    @staticmethod
    def of(panel: ek.Panel) -> Fitter:
        def fit(pool: Pool, row: int, donors: IntArray) -> Fitted:
            path = panel.outcome[np.ix_(donors, pool.columns)].mean(axis=0)
            return Fitted(np.full(len(donors), 1.0 / len(donors)), path)

        return fit
