"""Several tests read together: p-values adjusted for how many there are."""

from __future__ import annotations

import numpy as np

from evalkit.vocabulary import FloatArray


def benjamini_hochberg(p_values: FloatArray) -> FloatArray:
    """P-values adjusted so that rejecting those up to q keeps the expected share of false rejections at q.

    With p_(1) <= ... <= p_(m) the adjusted value of the i-th is min over j >= i of p_(j) m / j, at most 1
    (Benjamini and Hochberg 1995, procedure (1), as Yekutieli and Benjamini 1999 turn it into p-values). It holds for
    independent tests and for positively dependent ones, as outcomes of one domain usually are (Benjamini and
    Yekutieli 2001).

    Parameters
    ----------
    p_values
        (m,) between 0 and 1.

    Returns
    -------
    ndarray
        (m,) in the order given.

    Examples
    --------
    >>> benjamini_hochberg(np.array([0.01, 0.04, 0.03, 0.5])).round(4).tolist()
    [0.04, 0.0533, 0.0533, 0.5]
    """
    count = p_values.size
    order = np.argsort(p_values, kind="stable")
    stepped = p_values[order] * count / np.arange(1, count + 1)
    adjusted = np.empty(count)
    adjusted[order] = np.minimum(np.minimum.accumulate(stepped[::-1])[::-1], 1.0)
    return adjusted
