"""Effects before treatment from a regression on untreated rows alone, apart from the effects after it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.numerics.did_layout import UNTREATED, Layout
from evalkit.numerics.saturated import Contrast, Saturated, fit_saturated
from evalkit.numerics.unit_scores import ScoreBlock
from evalkit.vocabulary import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Leads:
    """M effects before treatment.

    Attributes
    ----------
    cells
        (M,) their positions in `Layout.leads`.
    effect
        (M,) each measured from the mean over its cohort's untreated periods.
    blocks
        Scores and loadings of the M effects.
    """

    cells: IntArray
    effect: FloatArray
    blocks: tuple[ScoreBlock, ...]


def fit_leads(outcome: FloatArray, covariates: FloatArray, weights: FloatArray, layout: Layout) -> Leads | None:
    """Fit one effect a cohort and untreated period (Borusyak, Jaravel and Spiess 2024, section 4.4).

    The comparison is the units that stay untreated or, where there are none, the cohort that starts last,
    which then has no leads.

    Parameters
    ----------
    outcome, covariates, weights
        (N, T), (p, N, T) and (N, T).
    layout
        Rows and cells.

    Returns
    -------
    Leads or None
        None when no cohort has two untreated periods that can be compared.

    Examples
    --------
    >>> from evalkit.numerics.did_layout import lay_out
    >>> outcome = np.array([[0.0, 3.0, 9.0], [2.0, 3.0, 4.0]])
    >>> layout = lay_out(np.ones((2, 3), bool), np.arange(3), np.array([2, 9]))
    >>> fit_leads(outcome, np.empty((0, 2, 3)), np.ones((2, 3)), layout).effect.round(9).tolist()
    [-1.0, 1.0]
    """
    members = [np.flatnonzero(layout.group == k) for k in range(layout.n_groups)]
    if members[-1].size == 0:
        members.pop()
    if len(members) < 2:
        return None
    untreated = np.where(layout.used & (layout.codes(layout.effects) == UNTREATED), weights, 0.0)
    fitted = fit_saturated(outcome, covariates, untreated, comparison=members[-1], cohorts=members[:-1])
    cells: list[int] = []
    contrasts: list[Contrast] = []
    for group in range(len(members) - 1):
        found, columns = _comparable(fitted, layout, group)
        if len(found) < 2:
            continue
        mean = np.zeros(outcome.shape[1])
        mean[columns] = 1.0 / len(columns)
        for cell, column in zip(found, columns, strict=True):
            periods = -mean
            periods[column] += 1.0
            cells.append(int(cell))
            contrasts.append(Contrast(group, periods))
    if not cells:
        return None
    return Leads(np.array(cells, dtype=np.int64), fitted.effects(contrasts), fitted.score_blocks(contrasts))


def _comparable(fitted: Saturated, layout: Layout, group: int) -> tuple[IntArray, IntArray]:
    """Untreated cells of a cohort, and their periods, that are linked with its last one."""
    cells = np.flatnonzero(layout.leads.group == group)
    columns = layout.leads.column[cells]
    linked = np.ones(len(cells), dtype=np.bool_)
    for profile in (fitted.cohorts[group], fitted.comparison):
        component = profile.component[columns]
        linked &= component == component[-1:]
    return cells[linked], columns[linked]
