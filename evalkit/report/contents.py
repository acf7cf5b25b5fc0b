"""What a report is made of: the evidence, the tables that passed the disclosure gate, the figures drawn from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from evalkit.evidence.schema import Evidence
from evalkit.report.figures.canvas import Figure


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything that the pages show, from a fresh run or read back from a bundle.

    Attributes
    ----------
    evidence
        The standardized summary.
    figures
        In the order to be shown.
    estimates, event_study, diagnostics
        Columns as :mod:`evalkit.report.columns` declares them; withheld cells are missing.
    disclosure
        What the gate withheld, in plain types.
    study_yaml
        The resolved config.
    provenance
        See :func:`evalkit.report.provenance.provenance`.
    """

    evidence: Evidence
    figures: tuple[Figure, ...]
    estimates: pd.DataFrame
    event_study: pd.DataFrame
    diagnostics: pd.DataFrame
    disclosure: Mapping[str, Any]
    study_yaml: str
    provenance: Mapping[str, Any]
