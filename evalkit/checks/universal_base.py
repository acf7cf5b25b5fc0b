"""Effects before the start, measured from the reference period instead of period on period."""

from __future__ import annotations

import dataclasses

import numpy as np

from evalkit.aggregate import Cells
from evalkit.errors import DesignRefused, Reason
from evalkit.estimate import Estimate
from evalkit.uncertainty import Posterior
from evalkit.vocabulary import FloatArray


def universal_base(estimate: Estimate, reference: int) -> Estimate:
    """The same estimate with every lead measured from one reference period.

    A varying base compares period e with the one before, so its lead is the step of the difference in
    trends, lead_e = delta_e - delta_{e-1}. Steps add up to long differences: with delta = 0 in the
    reference period r,

        delta_{e-1} = -(lead_e + ... + lead_r).

    The map is linear and made within each cohort, so cells, their covariance with each other and with the
    cohort shares carry over exactly. It equals a fit with a universal base wherever both use
    the same units and the same comparison group; with not-yet-treated units the group of
    each step is the one that step was estimated with.

    Parameters
    ----------
    estimate
        With ``leads_from == "previous"`` and a covariance.
    reference
        Event time of the reference, -1 less the anticipation.

    Returns
    -------
    Estimate
        ``leads_from == "reference"``; the reference cells, zero by construction, are left out, as are
        leads that a missing step separates from the reference.

    Raises
    ------
    DesignRefused
        When the estimate is a posterior or its leads are not steps.
    """
    if isinstance(estimate.uncertainty, Posterior) or estimate.leads_from != "previous":
        raise DesignRefused(Reason("Only the steps of a varying base with a covariance add up to a universal base."))
    chosen, to_cells = _long_differences(estimate.cells, reference)
    before = estimate.cells.event_time[chosen] <= reference
    cells = dataclasses.replace(
        estimate.cells,
        cohort=estimate.cells.cohort[chosen],
        period=estimate.cells.period[chosen] - before,
        event_time=estimate.cells.event_time[chosen] - before,
        estimate=to_cells @ estimate.cells.estimate,
        observed=np.where(before, np.nan, estimate.cells.observed[chosen]),
        n_treated=estimate.cells.n_treated[chosen],
        is_reference=np.zeros(len(chosen), dtype=np.bool_),
    )
    old, new, shares = len(estimate.cells), len(chosen), len(estimate.cells.shares)
    whole = np.zeros((new + shares, old + shares))
    whole[:new, :old] = to_cells
    whole[new:, old:] = np.eye(shares)
    uncertainty = dataclasses.replace(
        estimate.uncertainty,
        covariance=whole @ estimate.uncertainty.covariance @ whole.T,
        influence_of=None,
        bootstrap=None,
    )
    return dataclasses.replace(estimate, cells=cells, uncertainty=uncertainty, leads_from="reference")


def _long_differences(cells: Cells, reference: int) -> tuple[list[int], FloatArray]:
    """Cells that stay (a lead stands for the long difference one period earlier) and their map from the steps."""
    chosen: list[int] = []
    rows: list[FloatArray] = []
    for cohort in np.unique(cells.cohort):
        own = {int(cells.event_time[k]): int(k) for k in np.flatnonzero(cells.cohort == cohort)}
        total = np.zeros(len(cells))
        event_time = reference
        while event_time in own:
            total[own[event_time]] = -1.0
            chosen.append(own[event_time])
            rows.append(total.copy())
            event_time -= 1
        for later in sorted(time for time in own if time > reference):
            chosen.append(own[later])
            rows.append(np.eye(1, len(cells), own[later])[0])
    return chosen, np.stack(rows)
