"""Cross products and scores of clusters over all regressors of a two-way system, period effects included."""

from __future__ import annotations

import numpy as np

from evalkit.numerics.blocks import pieces
from evalkit.numerics.two_way_system import Fitted, System, demeaned_rows
from evalkit.vocabulary import FloatArray, IntArray


def design_rows(system: System, code: IntArray, covariates: FloatArray) -> FloatArray:
    """(n, T, K + p + T) regressors of some units, unit effects taken out: shared, covariates, period dummies.

    The first K + p have no period effects left either; with the dummies they span the same columns.
    """
    weight = system.weight[code]
    n, n_periods = weight.shape
    n_shared, p = len(system.regressors), len(covariates)
    rows = np.zeros((n, n_periods, n_shared + p + n_periods))
    rows[:, :, :n_shared] = (system.regressors * system.keep[:n_shared, None, None])[:, code].transpose(1, 2, 0)
    rows[:, :, n_shared : n_shared + p] = (covariates * system.keep[n_shared:, None, None]).transpose(1, 2, 0)
    total = weight.sum(axis=1)
    share = weight / np.where(total > 0.0, total, 1.0)[:, None]
    rows[:, :, n_shared + p :] = np.eye(n_periods) - share[:, None, :]
    rows[weight == 0.0] = 0.0
    return rows


def gram_by_type(system: System) -> tuple[FloatArray, FloatArray]:
    """(D, T, q) regressors and (D, q, q) cross products of one unit of each type; without covariates.

    Examples
    --------
    >>> from evalkit.numerics.two_way_system import set_up
    >>> from evalkit.numerics.unit_types import sort_into_types
    >>> y = np.array([[0.0, 3.0], [0.0, 1.0], [0.0, 1.0]])
    >>> types = sort_into_types([y], np.array([2, 9, 9]), np.ones((3, 2), bool))
    >>> _, grams = gram_by_type(set_up(types, np.array([[[0.0, 1.0], [0.0, 0.0]]])))
    >>> grams[0].round(3).tolist()
    [[0.222, -0.333, 0.333], [-0.333, 0.5, -0.5], [0.333, -0.5, 0.5]]
    """
    codes = np.arange(len(system.types))
    rows = design_rows(system, codes, np.zeros((0, len(codes), system.weight.shape[1])))
    return rows, np.einsum("dtq,dt,dts->dqs", rows, system.weight, rows, optimize=True)


def moments_by_cluster(fit: Fitted, code: IntArray, n_clusters: int) -> tuple[FloatArray, FloatArray]:
    """(C, q, q) cross products U_j'W_jU_j and (C, q) scores U_j'W_j e_j.

    Parameters
    ----------
    fit
        The regression.
    code
        (n,) cluster 0..C-1 of each unit, in the order of the types.
    n_clusters
        C.
    """
    system = fit.system
    q = len(system.keep) + system.weight.shape[1]
    grams, scores = np.zeros((n_clusters, q, q)), np.zeros((n_clusters, q))
    shared = system.types.code
    for part in pieces(slice(0, len(code))):
        z, error = demeaned_rows(fit, part)
        rows = design_rows(system, shared[part], z)
        weight = system.weight[shared[part]] * system.types.scale[part][:, None]
        np.add.at(grams, code[part], np.einsum("itq,it,its->iqs", rows, weight, rows, optimize=True))
        np.add.at(scores, code[part], np.einsum("itq,it->iq", rows, weight * error))
    return grams, scores
