"""From a study to its data: read, derive, and one panel an outcome."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from evalkit.data.columns import read_numbers, require_columns, rows_named
from evalkit.data.columns_as_units import rows_from_columns
from evalkit.data.derive import derive
from evalkit.data.events.build import Names
from evalkit.data.events.intake import Intake
from evalkit.data.panel import Panel
from evalkit.data.sources import describe, read_with_accounts
from evalkit.data.subgroup import in_subgroup
from evalkit.errors import DataError, DesignRefused, Reason
from evalkit.language import phrase, say
from evalkit.study.spec import Outcome, Study, StudySpec
from evalkit.vocabulary import BoolArray, Remark


@dataclass(frozen=True, slots=True)
class Loaded:
    """A study's data as read, with its derived columns; of records also what became of them."""

    frame: pd.DataFrame
    intake: Intake | None


def load_frame(study: Study) -> pd.DataFrame:
    """Read a study's source and add its derived columns; see :func:`load`."""
    return load(study, report=False).frame


def load(study: Study, *, report: bool = True) -> Loaded:
    """Read a study's source and add its derived columns.

    Unit, group, cluster and equity columns of a CSV file, and those held at a text, are text to the letter; other
    columns as :mod:`evalkit.data.schema` says.

    Raises
    ------
    ConfigError, DataError
        As :func:`evalkit.data.sources.read` and :func:`evalkit.data.derive.derive` do.
    """
    data = study.spec.data
    groups = [group.column for group in study.spec.equity]
    texts = [name for name, held in data.held.items() if isinstance(held[0] if isinstance(held, tuple) else held, str)]
    named = (data.unit or data.group, data.cluster, *groups, *texts)
    identifiers = [name for name in named if name is not None and name != data.period]
    if data.wide is not None:
        identifiers = [name for name in identifiers if name != data.unit]
    names = Names(str(data.unit or data.group), data.period, data.cohort)
    frame, intake = read_with_accounts(
        data.source, root=Path(study.data_root), identifiers=identifiers, names=names, report=report
    )
    if data.wide is not None:
        frame = rows_from_columns(frame, unit=str(data.unit), period=data.period, value=data.wide)
    frame = derive(
        frame,
        data.derive,
        str(data.unit or data.group),
        data.period,
    )
    for group in study.spec.equity:
        require_columns(frame, {f"equity group '{group.name}'": group.column})
    return Loaded(frame, intake)


def panel_for(df: pd.DataFrame, spec: StudySpec, outcome: Outcome, *, planned: bool = False) -> Panel:
    """Build the panel of one outcome, on the scale that it is analysed on.

    The outcome is transformed as declared, and never rescaled: `per` is the unit it is written in, and an exposure
    goes into the panel as it is. With `planned`, a panel in which nobody has started yet is accepted.

    Raises
    ------
    ConfigError, DataError, DesignRefused
        As :meth:`Panel.from_frame` does, with the source named; DataError for the logarithm of values that have none.
    """
    data = spec.data
    try:
        keep = in_subgroup(df, data.held) if data.held else None
        frame = _transformed(df if keep is None else df[keep], outcome)
        panel = Panel.from_frame(
            frame,
            unit=data.unit,
            group=data.group,
            period=data.period,
            outcome=outcome.column,
            cohort=data.cohort,
            treated=data.treated,
            covariates=tuple(dict.fromkeys((*data.covariates, *data.attributes))),
            cluster=data.cluster,
            weight=data.weight,
            exposure=outcome.exposure if outcome.family in ("rate", "count", "proportion") else None,
            never=data.never,
            dose=data.dose,
            planned=planned,
        )
    except (DataError, DesignRefused) as error:
        what = Reason(
            "In {source}, rows with {subgroup}: {reason}" if spec.subgroup else "In {source}: {reason}",
            source=describe(data.source),
            subgroup=spec.subgroup,
            reason=error.reason,
        )
        raise type(error)(what, allowed=error.allowed, next_step=error.next_step) from None
    panel = dataclasses.replace(panel, transform=outcome.transform)
    if keep is None:
        return panel
    return dataclasses.replace(panel, remarks=(_left_out(df, keep, panel, spec), *panel.remarks))


def _left_out(df: pd.DataFrame, keep: BoolArray, panel: Panel, spec: StudySpec) -> Remark:
    """Rows outside the subgroup, counted by the arm of their unit or group."""
    sections = panel.cross_sections
    labels = panel.units if sections is None else sections.labels[sections.group]
    treated = panel.first_treated <= panel.time[-1]
    gone = df.loc[~keep, str(spec.data.unit or spec.data.group)]
    counts = int(gone.isin(labels[treated].unique()).sum()), int(gone.isin(labels[~treated].unique()).sum())
    what = phrase("units" if sections is None else "groups")
    rest = len(gone) - sum(counts)
    other = say(", {rest} in {what} without a row in the subgroup", rest=rest, what=what) if rest else ""
    return Remark(
        "subgroup",
        say(
            "Only rows with {subgroup} are analysed; {count} others are left out ({counts} in treated "
            "{what}, {counts_2} in comparison {what}{other}).",
            subgroup=spec.subgroup,
            count=len(gone),
            counts=counts[0],
            what=what,
            counts_2=counts[1],
            other=other,
        ),
        *counts,
    )


def _transformed(df: pd.DataFrame, outcome: Outcome) -> pd.DataFrame:
    """The frame with the outcome's column transformed; the frame itself where there is nothing to do."""
    if outcome.transform == "identity":
        return df
    require_columns(df, {"outcome": outcome.column})
    values = read_numbers(df, outcome.column, "outcome")
    without = values <= 0
    if without.any():
        raise DataError(
            Reason(
                "The outcome '{outcome}' is 0 or negative in {rows}, so that its logarithm does not exist.",
                outcome=outcome.column,
                rows=rows_named(df.index, without),
            ),
            allowed="values above 0 with transform: log",
            next_step="Use transform: identity, or for counts a model that allows zeros "
            "(estimator=bayesian_did estimator.family=negative_binomial).",
        )
    return df.assign(**{outcome.column: np.log(values)})
