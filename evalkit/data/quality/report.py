"""The data-quality report: everything that was looked for, in reading order."""

from __future__ import annotations

from typing import Final

from evalkit.data.events.intake import Intake
from evalkit.data.panel import Panel
from evalkit.data.quality.cells import missing_periods, spikes
from evalkit.data.quality.closings import bulk_closures
from evalkit.data.quality.composition import definition_changes
from evalkit.data.quality.lag import reporting_lag
from evalkit.data.quality.records import dates, duplicates, files, unmatched
from evalkit.data.quality.view import View
from evalkit.study.spec import StudySpec
from evalkit.vocabulary import Diagnostic

PREFIX: Final = "data_"
"""Ids of the report's findings begin so."""
OF_RECORDS: Final = (
    "data_definition_changes",
    "data_bulk_closures",
    "data_reporting_lag",
    "data_unmatched",
    "data_dates",
)
"""Findings that change what is measured; the first that fails is what the rating's row on measurement speaks of."""


def quality(spec: StudySpec, panel: Panel, intake: Intake | None, *, blind: bool) -> tuple[Diagnostic, ...]:
    """Look at the data before anything is estimated.

    Parameters
    ----------
    spec
        The study.
    panel
        Of the primary outcome, as analysed.
    intake
        What became of the records; None where the source is a panel already, of which only cells are looked at.
    blind
        Hide outcomes of treated units from their start on, as `evalkit validate` must.

    Returns
    -------
    tuple of Diagnostic
        Ids begin with ``data_``. Empty for repeated cross-sections, which have no cells to follow.
    """
    if panel.cross_sections is not None:
        return ()
    view = View(spec, panel, intake, blind)
    of_cells = (missing_periods(view), spikes(view))
    if intake is None:
        return of_cells
    of_records = (files(intake), dates(intake), duplicates(intake), unmatched(view, intake))
    over_time = (bulk_closures(view, intake), definition_changes(view, intake), reporting_lag(view, intake))
    return (*of_records, *of_cells, *over_time)
