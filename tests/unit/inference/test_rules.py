"""The rule table as it may be written."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from evalkit.evidence.standard import shipped
from evalkit.inference.rules import InferenceTable


def table(rows: list[dict[str, object]]) -> InferenceTable:
    return InferenceTable.model_validate(
        {"rows": rows, "hold_with_few": [], "refit_cells": 1e9, "cheap_refit_cells": 1e6}
    )


@pytest.mark.promise("trap-12")
def test_the_shipped_table_never_reports_bare_clustered_errors_with_few_clusters() -> None:
    row = shipped().inference.row("clustered")
    assert row is not None
    assert (row.treated, row.total) == (10, 20)
    assert [each.method for each in shipped().inference.rows if not each.only_if_asked] == [
        "credible", "of_design", "clustered", "randomization", "collapse", "wild_bootstrap", "cr3",
    ]  # fmt: skip


def test_a_method_stands_once_and_the_usual_one_must_stand() -> None:
    with pytest.raises(ValidationError, match="twice"):
        table([{"method": "clustered"}, {"method": "clustered"}])
    with pytest.raises(ValidationError, match="needs a row for 'clustered'"):
        table([{"method": "collapse"}])
    assert table([{"method": "clustered"}]).row("collapse") is None
