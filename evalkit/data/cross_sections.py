"""Repeated cross-sections: who belongs to which group, and who was seen when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit.vocabulary import BoolArray, IntArray


@dataclass(frozen=True, slots=True)
class CrossSections:
    """What a panel of repeated cross-sections adds: N persons, each seen in one of T periods, in G groups.

    Treatment is a property of groups and periods; every group has rows in every period.

    Attributes
    ----------
    group
        (N,) code 0..G-1 of each person's group.
    labels
        (G,) group labels, sorted.
    position
        (N,) position 0..T-1 of the period in which the person was seen.
    """

    group: IntArray
    labels: pd.Index[Any]
    position: IntArray

    def taken(self, keep: BoolArray) -> CrossSections:
        """Some of the persons, groups without any of them dropped."""
        present, codes = np.unique(self.group[keep], return_inverse=True)
        return CrossSections(codes.astype(np.int64), self.labels[present], self.position[keep])
