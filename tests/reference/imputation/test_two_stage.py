"""Figures of pyfixest's did2s on df_het, the data that R's did2s ships: 2.152 (.0476) with state and year effects.

Sources: two_stage.csv and df_het_means.csv, written by make_two_stage.py. pyfixest solves by iteration.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest

from evalkit.data.panel import Panel
from evalkit.estimators.imputation import Imputation
from evalkit.vocabulary import AggregationKind

HERE = Path(__file__).parent
ITERATION = 5e-6  # where pyfixest's solver stops
PEER_ANSWERS = pd.read_csv(HERE / "two_stage.csv")


@pytest.mark.parametrize("kind", ["overall", "event_study"])
@pytest.mark.parametrize(("level", "effects_by"), [("state", "cluster"), ("unit", "unit")])
def test_effects_and_errors_meet_did2s(
    level: str, effects_by: Literal["unit", "cluster"], kind: AggregationKind
) -> None:
    means = pd.read_csv(HERE / "df_het_means.csv")
    means = means.assign(unit=means["state"] * 10_000 + means["g"])
    panel = Panel.from_frame(
        means, unit="unit", period="year", outcome="mean", cohort="g", weight="size", cluster="state"
    )
    estimate = Imputation(variance="gardner", effects_by=effects_by).fit(panel, rng=np.random.default_rng(0))
    rows = estimate.aggregation(kind)
    keep = rows.labels >= 0 if kind == "event_study" else np.array([True])
    theirs = PEER_ANSWERS.query("level == @level and kind == @kind")
    assert len(theirs) == keep.sum()
    np.testing.assert_allclose(rows.estimate[keep], theirs["estimate"], rtol=0.0, atol=ITERATION)
    np.testing.assert_allclose(rows.std_error[keep], theirs["std_error"], rtol=ITERATION)
