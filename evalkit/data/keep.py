"""A panel without some of its units."""

from __future__ import annotations

import dataclasses

import numpy as np

from evalkit.data.panel import Panel
from evalkit.vocabulary import BoolArray, FloatArray, IntArray


def keep_units(panel: Panel, keep: BoolArray) -> Panel:
    """The panel without some of its units; periods and calendar stay.

    Parameters
    ----------
    panel
        Never changed.
    keep
        (N,) units that stay.
    """

    def rows(values: FloatArray | None) -> FloatArray | None:
        return None if values is None else values[keep]

    cluster: IntArray | None = None
    if panel.cluster is not None:
        cluster = np.unique(panel.cluster[keep], return_inverse=True)[1].astype(np.int64)
    return dataclasses.replace(
        panel,
        outcome=panel.outcome[keep],
        first_treated=panel.first_treated[keep],
        units=panel.units[keep],
        weight=rows(panel.weight),
        covariates={name: values[keep] for name, values in panel.covariates.items()},
        cluster=cluster,
        exposure=rows(panel.exposure),
        dose=rows(panel.dose),
        cross_sections=None if panel.cross_sections is None else panel.cross_sections.taken(keep),
    )
