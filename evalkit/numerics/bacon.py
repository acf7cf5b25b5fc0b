"""Weights of the two-by-two comparisons inside static two-way fixed effects."""

from __future__ import annotations

from evalkit.vocabulary import FloatArray


def forbidden_share(cohort_size: FloatArray, treated_share: FloatArray) -> float:
    """Share of the static coefficient's weight on comparisons with already-treated units.

    Goodman-Bacon (2021), eqs. 10a to 10g, on a balanced calendar: a comparison is forbidden when
    its comparison group is treated already (later against earlier adopters; anyone against the
    always-treated).

    Parameters
    ----------
    cohort_size
        (G,) share of units in each timing group; never-treated and always-treated included.
    treated_share
        (G,) share of the window that the group is under treatment: 0 for never, 1 for always.

    Returns
    -------
    float
        Between 0 and 1; 0 when no comparison carries weight.

    Examples
    --------
    >>> import numpy as np
    >>> forbidden_share(np.array([0.5, 0.5]), np.array([0.0, 0.4]))
    0.0
    >>> round(forbidden_share(np.array([1.0, 1.0]), np.array([0.25, 0.75])), 3)
    0.5
    """
    total = forbidden = 0.0
    for early in range(len(cohort_size)):
        for late in range(len(cohort_size)):
            d_early, d_late = float(treated_share[early]), float(treated_share[late])
            if d_early <= d_late:
                continue
            n_early, n_late = float(cohort_size[early]), float(cohort_size[late])
            if n_early + n_late == 0.0:
                continue
            mix = n_early / (n_early + n_late)
            pair = (n_early + n_late) ** 2 * mix * (1.0 - mix)
            # earlier as treated, later as comparison (eq. 10c; eq. 10b when the later is never treated)
            total += pair * (d_early - d_late) * (1.0 - d_early)
            # later as treated, earlier, already treated, as comparison (eq. 10d)
            against_treated = pair * d_late * (d_early - d_late)
            total += against_treated
            forbidden += against_treated
    return forbidden / total if total > 0.0 else 0.0
