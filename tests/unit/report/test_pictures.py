from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evalkit.evidence.natural import Link
from evalkit.evidence.schema import Evidence
from evalkit.language import phrase
from evalkit.report.figures.canvas import Figure
from evalkit.report.gallery import Shown
from evalkit.report.page import NO_INTERVAL
from evalkit.report.pictures import LEVELS_LEFT_OUT, in_natural_unit, mid_marks, pictures
from evalkit.report.tables import estimates_table, event_study_table
from tests import report_samples as samples
from tests.long_series import PERIODS, START, fitted

EXACT = 1e-12
"""One exponential."""


def _draw(
    estimates: pd.DataFrame | None = None, by_event_time: pd.DataFrame | None = None, link: Link = "log_outcome"
) -> dict[str, Figure]:
    bare = samples.bare_tables()
    overall = bare[0] if estimates is None else estimates
    drawn = pictures(
        samples.evidence(), overall, bare[1] if by_event_time is None else by_event_time,
        link=link, step="year", reference=-1, window=(-3, 4),
    )  # fmt: skip
    return {figure.id: figure for figure in drawn}


def test_there_are_three_pictures_in_reading_order() -> None:
    assert list(_draw()) == ["counterfactual", "event_study", "forest"]


def test_places_followed_for_long_have_a_sum_and_each_its_own_effect() -> None:
    plain = samples.evidence().model_dump()
    evidence = Evidence.model_validate({**plain, "estimates": [{**plain["estimates"][0], "scale": "identity"}]})
    made = fitted(units=3, bayesian=False)
    drawn = pictures(
        evidence, estimates_table("crime", "main", made, {}, {}),
        event_study_table(made, None, "identity", start=START, adds_up=True), link="identity", step="month",
        reference=None, window=(-START, PERIODS - START - 1), fit=True,
    )  # fmt: skip
    assert [figure.id for figure in drawn] == ["counterfactual", "event_study", "cumulative", "by_unit", "forest"]
    levels = drawn[0].data
    assert levels["counterfactual"].notna().all()
    assert levels["period"].iloc[START] == "1995-01"
    assert "Before the start it is what the method fits" in drawn[0].note
    assert "what its fit leaves over" in drawn[1].note
    assert "average over the time before" not in drawn[1].note


def test_effects_on_logs_are_shown_in_per_cent() -> None:
    bare = samples.bare_tables()[1].set_index("event_time")["estimate"]
    shown = _draw()["event_study"].data.set_index("event_time")["estimate"]
    np.testing.assert_allclose(shown, 100.0 * np.expm1(bare.loc[-3:4]), rtol=EXACT)


def test_effects_in_levels_stay_as_they_are() -> None:
    bare = samples.bare_tables()[1]
    pd.testing.assert_frame_equal(in_natural_unit(bare, log=False), bare)


def test_event_times_outside_the_declared_window_are_left_to_the_table() -> None:
    assert _draw()["event_study"].data["event_time"].agg(["min", "max"]).tolist() == [-3, 4]


def test_withheld_numbers_are_in_no_picture() -> None:
    estimates, by_event_time, _ = samples.bare_tables()
    numbers = [
        "n_treated",
        "estimate",
        "low",
        "high",
        "low_simultaneous",
        "high_simultaneous",
        "observed",
        "counterfactual",
    ]
    by_event_time.loc[by_event_time["event_time"] == 4, numbers] = None
    drawn = _draw(estimates, by_event_time)
    assert drawn["event_study"].data.set_index("event_time").loc[4, "estimate":"high_simultaneous"].isna().all()
    assert 4 not in drawn["counterfactual"].data["event_time"].tolist()


def test_without_effects_by_event_time_only_the_forest_remains() -> None:
    estimates, by_event_time, _ = samples.bare_tables()
    assert list(_draw(estimates, by_event_time.iloc[:0])) == ["forest"]


def test_an_estimate_on_another_scale_does_not_share_the_axis() -> None:
    plain = samples.evidence().model_dump()
    other = {**plain["estimates"][0], "label": "Two-way fixed effects", "role": "robustness", "scale": "identity"}
    evidence = Evidence.model_validate({**plain, "estimates": [*plain["estimates"], other]})
    estimates, by_event_time, _ = samples.bare_tables()
    drawn = pictures(
        evidence, estimates, by_event_time, link="log_outcome", step="year", reference=-1, window=(-3, 4)
    )  # fmt: skip
    row = drawn[-1].data.set_index("label").loc["Two-way fixed effects"]
    assert np.isnan(row["estimate"])
    assert row["reason"] == "Estimated on another scale: see estimates.csv."


def test_what_matters_is_marked_on_both_sides_in_the_unit_of_the_picture() -> None:
    np.testing.assert_allclose(mid_marks(samples.evidence()), [100 * np.expm1(-0.05), 100 * np.expm1(0.05)], rtol=EXACT)
    assert mid_marks(_declared("%", "log")) == (-0.05, 0.05)
    assert mid_marks(_declared("", "identity")) == (-0.05, 0.05)


@pytest.mark.parametrize(("unit", "scale"), [("%", "identity"), ("homicides per 100,000 residents", "log")])
def test_what_matters_in_another_unit_than_the_picture_is_not_marked(unit: str, scale: str) -> None:
    assert mid_marks(_declared(unit, scale)) == ()


def _declared(unit: str, scale: str) -> Evidence:
    """The sample summary with its MID in this unit and its effect on this scale."""
    plain = samples.evidence().model_dump()
    mid = plain["outcomes"][0]["mid"]
    outcomes = [{**plain["outcomes"][0], "mid": {**mid, "unit": {**mid["unit"], "value": unit}}}]
    estimates = [{**plain["estimates"][0], "scale": scale}]
    return Evidence.model_validate({**plain, "outcomes": outcomes, "estimates": estimates})


def test_differences_of_percentages_are_in_percentage_points() -> None:
    plain = samples.evidence().model_dump()
    outcome = {**plain["outcomes"][0], "family": "proportion", "unit": "% of residents", "analysed_as": "identity"}
    summary = Evidence.model_validate({**plain, "outcomes": [outcome]})
    bare = samples.bare_tables()
    drawn = pictures(summary, bare[0], bare[1], link="identity", step="year", reference=-1, window=(-3, 4))
    assert "percentage points" in drawn[1].alt


def test_beside_a_model_of_ratios_the_two_way_coefficient_keeps_the_unit_of_the_outcome() -> None:
    rows = pd.DataFrame(
        {
            "type": ["all", "against never-treated"],
            "treated": ["", "2005"],
            "comparison": ["", "never treated"],
            "n_treated": [20, 12],
            "n_units": [50, 42],
            "weight": [1.0, 1.0],
            "estimate": [-9_000.0, 2_000.0],
        }
    )
    overall, by_event_time, _ = samples.bare_tables()
    drawn = pictures(
        samples.evidence(), overall, by_event_time, link="log_link", step="year", reference=-1, window=(-3, 4),
        exhibits=[Shown("goodman_bacon", rows)],
    )  # fmt: skip
    assert drawn[-1].id == "goodman_bacon"
    unit = samples.evidence().outcomes[0].unit
    assert f"9,000 {unit}" in drawn[-1].alt


def test_where_no_method_gives_an_interval_the_forest_says_so() -> None:
    plain, bare = samples.evidence().model_dump(), samples.bare_tables()
    absent = {"value": None, "how": "missing", "reason": "not known"}
    names = (
        "p_value",
        "smallest_p",
        "clustered_low",
        "clustered_high",
        "clustered_p",
        "n_treated_clusters",
        "n_clusters",
    )
    own = dict.fromkeys((*names, "degrees_of_freedom"), absent)
    estimates = [{**plain["estimates"][0], "inference": {"method": "none", "reason": "few treated", **own}}]
    drawn = pictures(
        Evidence.model_validate({**plain, "estimates": estimates}), bare[0], bare[1], link="log_outcome", step="year",
        reference=-1, window=(-3, 4),
    )  # fmt: skip
    note = next(figure.note for figure in drawn if figure.id == "forest")
    assert "With few treated, intervals are by" not in note
    assert note.endswith(f"{phrase(NO_INTERVAL)}.")


def test_levels_that_are_all_withheld_are_told_of_at_the_effects() -> None:
    bare = samples.bare_tables()
    drawn = pictures(
        samples.evidence(), bare[0], bare[1].assign(observed=np.nan), link="log_outcome", step="year", reference=-1,
        window=(-3, 4), withheld=[0],
    )  # fmt: skip
    assert [figure.id for figure in drawn] == ["event_study", "forest"]
    assert drawn[0].note.endswith(LEVELS_LEFT_OUT["all"])
    assert drawn[0].alt.endswith(LEVELS_LEFT_OUT["all"])
