"""What starts together: clusters where the study's starts go by cluster, single units otherwise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.data.panel import Panel
from evalkit.numerics.reassignment import roll_out
from evalkit.vocabulary import BoolArray, IntArray


@dataclass(frozen=True, slots=True)
class Places:
    """P places of a panel.

    Attributes
    ----------
    code
        (N,) place 0..P-1 of each unit.
    starts
        (P,) first treated period (ordinal) of each place.
    always
        (P,) places treated from the first period on.
    by_cluster
        Whether places are clusters of several units.
    """

    code: IntArray
    starts: IntArray
    always: BoolArray
    by_cluster: bool

    def units(self, place: int) -> IntArray:
        """Units of one place."""
        return np.flatnonzero(self.code == place)

    def all_of(self, flags: BoolArray) -> BoolArray:
        """(P,) places of which every unit has the flag (N,)."""
        without = np.bincount(self.code, weights=~flags, minlength=len(self.starts))
        return np.asarray(without == 0)


def places_of(panel: Panel) -> Places:
    """Places of a panel.

    Examples
    --------
    >>> import evalkit as ek
    >>> places_of(ek.testing.staggered_panel(n_units=12, seed=1)).by_cluster
    False
    """
    made = roll_out(panel.first_treated, panel.cluster_codes, panel.always_treated)
    grouped = made is not None and len(made.starts) < panel.n_units
    if made is None or not grouped:
        return Places(
            np.arange(panel.n_units), panel.first_treated.astype(np.int64), panel.always_treated, by_cluster=False
        )
    return Places(made.codes, made.starts, ~made.movable, by_cluster=True)
