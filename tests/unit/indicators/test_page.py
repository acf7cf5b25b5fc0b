"""Pages and rows of indicators and trees that lack something: an outlook, a score, a target."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest

from evalkit.errors import DataError
from evalkit.indicators.document import IndicatorDocument
from evalkit.indicators.document import document as indicator_document
from evalkit.indicators.equality_document import EqualityDocument, tables
from evalkit.indicators.equality_document import document as tree_document
from evalkit.indicators.equality_result import Equality
from evalkit.indicators.phrases import EQUALITY_HEADINGS, HEADINGS
from evalkit.indicators.tables import periods_table
from evalkit.report.figures.control_chart import WORDS
from evalkit.report.measure_bundle import equality_figures, identity_of, indicator_figures, read_document
from evalkit.report.measure_page import MeasurePage, equality_page, indicator_page
from evalkit.report.portfolio_measures import _indicator, _level
from evalkit.study.equality import EqualitySpec
from tests.equality_worlds import flat_spec
from tests.unit.indicators.conftest import Made
from tests.unit.indicators.test_equality import evaluate, world


def tree_page(found: Equality) -> tuple[EqualityDocument, MeasurePage]:
    scores, gaps, record = tables(found)
    made = tree_document(found, identity_of(found.spec, {}, 1, None), record)
    return made, equality_page(made, scores, gaps, equality_figures(made), "")


def test_a_target_in_the_past_has_a_reading_in_place_of_a_chance(made: Made) -> None:
    target, status = 30.0, "reached"
    found = made(**{"target.value": target, "target.date": "2023-06"})
    table, record = periods_table(found)
    document: IndicatorDocument = indicator_document(found, identity_of(found.spec, {}, 1, None), record)
    outlook, chart = indicator_figures(found, table, document)
    page = indicator_page(document, table, (outlook, chart), "")
    assert (page.dials[2].name, page.dials[2].reading, page.dials[2].beneath) == (
        HEADINGS["outlook"],
        HEADINGS[status],
        (),
    )
    assert math.isnan(outlook.data["forecast"].max())
    assert "2023-06" in outlook.alt
    assert WORDS["note_ranges"] in chart.note, "a measurement has a chart of its moving ranges"
    assert "moving_range" in chart.data
    row = _indicator(document)
    assert row["status"] == status
    assert not {"chance", "forecast"} & set(row)
    assert ("last_signal" in row) == bool(document.chart.signals)


def test_a_tree_without_a_target_has_no_path(tmp_path: Path) -> None:
    found = evaluate(tmp_path, world(1, {2020: [4.0], 2023: [1.5]}), flat_spec("share", 1))
    document, page = tree_page(found)
    assert document.top.path is None
    assert page.dials[-1].reading == EQUALITY_HEADINGS["no_target"]
    assert "target" not in _level(document, document.top)
    assert _level(document, document.top)["score"] == found.city.scores[found.data.now].value


def test_a_target_that_is_reached_asks_for_no_pace(tmp_path: Path) -> None:
    spec = flat_spec("share", 1, target={"score": 30, "date": "2030"})
    _, page = tree_page(evaluate(tmp_path, world(1, {2020: [4.0], 2023: [1.5]}), spec))
    assert page.dials[-1].beneath == (EQUALITY_HEADINGS["reached"],)


def test_scores_that_are_withheld_are_said_to_be_and_nothing_is_drawn(tmp_path: Path) -> None:
    rows = [{"indicator": "i0", "group": group, "year": year, "value": 2.0 if group == "a" else 4.0, "std_error": 0.1}
            for group in "ab" for year in (2020, 2023)]  # fmt: skip
    plain = flat_spec("measurement", 1).model_dump(mode="json")
    data = {**plain["data"], "about": "people", "count": None, "out_of": None}
    document, page = tree_page(
        evaluate(tmp_path, pd.DataFrame(rows), EqualitySpec.model_validate({**plain, "data": data}))
    )
    assert equality_figures(document) == ()
    assert [dial.reading for dial in page.dials] == [EQUALITY_HEADINGS["withheld"]]
    drawn = [table for part in page.parts for table in part.tables]
    drawn += [table for section in page.annex for table in section.tables]
    shown = [cell for table in drawn for row in table.rows for cell in row]
    assert EQUALITY_HEADINGS["withheld"] in shown
    assert not {"score", "change"} & set(_level(document, document.top))


def test_a_folder_without_a_document_is_no_bundle_of_a_measure(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds neither indicator\.json nor equality\.json"):
        read_document(tmp_path)
