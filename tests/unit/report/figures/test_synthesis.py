"""The forest over studies."""

from __future__ import annotations

import numpy as np

from evalkit.report.figures.synthesis import MOST_ROWS, synthesis_forest
from evalkit.synthesis.entries import newest
from evalkit.synthesis.pooling import groups
from tests.portfolio_samples import city_evidence


def test_rows_are_in_the_order_of_their_effects_and_in_per_cent() -> None:
    made = [city_evidence(f"s{i}", city=f"c{i}", effect=-0.1 * i, std_error=0.05) for i in (2, 1, 3)]
    figure = synthesis_forest(groups(newest(made))[0])
    assert figure.data["label"].tolist() == ["c3", "c2", "c1"]
    np.testing.assert_allclose(figure.data["estimate"], 100 * np.expm1([-0.3, -0.2, -0.1]))
    assert figure.alt.startswith("3 studies of homicides: effects from −26 to −9.5 per cent.")
    assert "Average" in figure.alt


def test_of_many_studies_the_most_precise_are_drawn_and_the_note_says_so() -> None:
    made = [
        city_evidence(f"s{i:02d}", city=f"c{i:02d}", effect=-0.1, std_error=0.01 + 0.001 * i)
        for i in range(MOST_ROWS + 5)
    ]
    figure = synthesis_forest(groups(newest(made))[0])
    assert len(figure.data) == MOST_ROWS
    assert "c44" not in figure.data["label"].tolist()
    assert f"The {MOST_ROWS} most precise studies of {MOST_ROWS + 5} are drawn." in figure.note


def test_a_city_with_two_studies_is_told_apart_by_their_titles() -> None:
    made = [city_evidence(f"s{i}", city="Lima", title=f"Study {i}", effect=-0.1 * i) for i in (1, 2)]
    figure = synthesis_forest(groups(newest(made))[0])
    assert figure.data["label"].tolist() == ["Lima: Study 2", "Lima: Study 1"]
