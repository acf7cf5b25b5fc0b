"""From a study to its data: read, derive, and one panel an outcome."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from evalkit.data.columns import name_rows, read_numbers, require_columns
from evalkit.data.derive import derive
from evalkit.data.panel import Panel
from evalkit.data.sources import describe, read
from evalkit.errors import DataError, DesignRefused
from evalkit.study.spec import Outcome, Study, StudySpec


def load_frame(study: Study) -> pd.DataFrame:
    """Read a study's source and add its derived columns.

    Unit, cluster and group columns of a CSV file are text to the letter; other columns as
    :mod:`evalkit.data.schema` says.

    Raises
    ------
    ConfigError, DataError
        As :func:`evalkit.data.sources.read` and :func:`evalkit.data.derive.derive` do.
    """
    data = study.spec.data
    groups = [group.column for group in study.spec.equity]
    identifiers = [name for name in (data.unit, data.cluster, *groups) if name is not None and name != data.period]
    frame = derive(
        read(data.source, root=Path(study.data_root), identifiers=identifiers), data.derive, data.unit, data.period
    )
    for group in study.spec.equity:
        require_columns(frame, {f"equity group '{group.name}'": group.column})
    return frame


def panel_for(df: pd.DataFrame, spec: StudySpec, outcome: Outcome) -> Panel:
    """Build the panel of one outcome, on the scale that it is analysed on.

    The outcome is transformed as declared, and never rescaled: `per` is the unit it is written in, and an exposure
    goes into the panel as it is.

    Raises
    ------
    ConfigError, DataError, DesignRefused
        As :meth:`Panel.from_frame` does, with the source named; DataError for the logarithm of values that have none.
    """
    data = spec.data
    try:
        frame = _transformed(df, outcome)
        return Panel.from_frame(
            frame,
            unit=data.unit,
            period=data.period,
            outcome=outcome.column,
            cohort=data.cohort,
            treated=data.treated,
            covariates=data.covariates,
            cluster=data.cluster,
            weight=data.weight,
            exposure=outcome.exposure if outcome.family in ("rate", "count") else None,
            never=data.never,
            dose=data.dose,
        )
    except (DataError, DesignRefused) as error:
        what = f"In {describe(data.source)}: {error.what}"
        raise type(error)(what, allowed=error.allowed, next_step=error.next_step) from None


def _transformed(df: pd.DataFrame, outcome: Outcome) -> pd.DataFrame:
    """The frame with the outcome's column transformed; the frame itself where there is nothing to do."""
    if outcome.transform == "identity":
        return df
    require_columns(df, {"outcome": outcome.column})
    values = read_numbers(df, outcome.column, "outcome")
    without = values <= 0
    if without.any():
        raise DataError(
            f"The outcome '{outcome.column}' is 0 or negative in {name_rows(df.index, without)}, so that its logarithm "
            f"does not exist.",
            allowed="values above 0 with transform: log",
            next_step="Use transform: identity, or for counts a model that allows zeros "
            "(estimator=bayesian_did estimator.family=negative_binomial).",
        )
    return df.assign(**{outcome.column: np.log(values)})
