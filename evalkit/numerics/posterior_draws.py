"""Figures of independent draws, without ArviZ."""

from __future__ import annotations

import numpy as np

from evalkit.vocabulary import FloatArray

BLOCKS = 4


def split_rhat(draws: FloatArray) -> float:
    """Largest potential scale reduction over columns, the draws split into four blocks.

    Parameters
    ----------
    draws
        (S, K); columns that do not vary are left out.

    Examples
    --------
    >>> split_rhat(np.random.default_rng(0).standard_normal((4000, 3))) < 1.01
    True
    """
    length = len(draws) // BLOCKS
    blocks = draws[: length * BLOCKS].reshape(BLOCKS, length, -1)
    within = blocks.var(axis=1, ddof=1).mean(axis=0)
    between = blocks.mean(axis=1).var(axis=0, ddof=1)
    varies = within > 0.0
    if not varies.any():
        return 1.0
    ratio = (length - 1.0) / length + between[varies] / within[varies]
    return float(np.sqrt(ratio.max()))
