"""What a reader is told about rows and errors."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics import did_remarks as remarks
from evalkit.vocabulary import Remark


def text(remark: Remark | None) -> str:
    assert remark is not None
    return remark.text


@pytest.mark.parametrize(
    "nothing",
    [
        remarks.no_clean_period(np.zeros(3, dtype=bool)),
        remarks.no_comparison([]),
        remarks.missing_covariates(0),
        remarks.constant_covariates([]),
        remarks.clusters_above_units(None, 5),
        remarks.clusters_above_units(np.arange(5), 5),
        remarks.leads_apart(0),
    ],
)
def test_nothing_done_is_not_remarked_on(nothing: Remark | None) -> None:
    assert nothing is None


def test_remarks_carry_their_numbers_and_names() -> None:
    always = remarks.no_clean_period(np.array([True, True, False]))
    assert always is not None
    assert (always.id, always.treated) == ("always_treated_excluded", 2)
    assert "'2008', '2009'" in text(remarks.no_comparison([2008, 2009]))
    assert "7 rows" in text(remarks.missing_covariates(7))
    assert "'income' does not vary" in text(remarks.constant_covariates(["income"]))
    assert "2 clusters of 5 units" in text(remarks.clusters_above_units(np.array([0, 0, 1, 1, 1]), 5))
    assert "12 cells" in text(remarks.leads_apart(12))


def test_independent_errors_are_said_to_be_a_risk() -> None:
    assert "too narrow" in text(remarks.errors_within_units(autoregressive=False))
    assert "autoregression" in text(remarks.errors_within_units(autoregressive=True))
