"""The coefficients of a two-way system once more, from linearmodels' PanelOLS on every row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from evalkit.numerics.demean import two_way_demean
from evalkit.numerics.two_way_system import System
from evalkit.vocabulary import FloatArray


def panel_ols_coefficient(system: System, series: Sequence[FloatArray], regressors: FloatArray) -> FloatArray:
    """(K + p,) coefficients; 0 for regressors left out.

    Unit and period effects are taken out of every row exactly (Frisch and Waugh 1933; Lovell 1963): PanelOLS's
    own absorption of two effects is iterative where the panel is unbalanced. Memory grows with rows x regressors.

    Parameters
    ----------
    system
        Says which cells and regressors enter.
    series
        (N, T) response and covariates of the caller's units; ignored in cells left out.
    regressors
        (K, D, T) shared regressors as given.
    """
    from linearmodels.panel import PanelOLS

    types = system.types
    code = types.code
    weight = types.scale[:, None] * system.weight[code]
    own = np.stack([values[types.order] for values in series])
    rows = np.nonzero(weight > 0.0)
    columns = np.concatenate([regressors[:, code], own[1:]])[system.keep]
    if not len(columns):
        return np.zeros(len(system.keep))
    centre = float(np.average(own[0][rows], weights=weight[rows]))
    demeaned = two_way_demean(np.concatenate([(own[0] - centre)[None], columns]), weight)
    index = pd.MultiIndex.from_arrays(rows, names=["unit", "period"])
    model = PanelOLS(
        pd.Series(demeaned[0][rows], index=index, name="response"),
        pd.DataFrame({f"x{k}": column[rows] for k, column in enumerate(demeaned[1:])}, index=index),
        weights=None if (weight[rows] == 1.0).all() else pd.Series(weight[rows], index=index, name="weight"),
    )
    coefficient = np.zeros(len(system.keep))
    coefficient[system.keep] = np.asarray(model.fit(cov_type="unadjusted").params, dtype=np.float64)
    return coefficient
