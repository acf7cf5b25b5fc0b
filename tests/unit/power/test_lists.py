from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evalkit.data.panel import Panel
from evalkit.errors import ConfigError
from evalkit.power.lists import column_strata, eligible, outcome_strata, place_labels, randomize
from evalkit.power.schedule import Schedule
from tests.designs import long
from tests.designs import panel as simulated

SCHEDULE = Schedule((0, 2), (6, 9), total=40, before=3, after=2)
WAITING = 5
LABELS = [f"city {number:02d}" for number in range(40)]
STRATA = ["north"] * 13 + ["south"] * 20 + ["west"] * 7
REPETITIONS = 600


def drawn(seed: int) -> pd.DataFrame:
    return randomize(LABELS, STRATA, SCHEDULE, waiting=WAITING, seed=seed)


def test_every_place_is_listed_once_and_cohorts_have_their_sizes() -> None:
    made = drawn(1)
    assert made["place"].tolist() == LABELS
    assert made["arm"].value_counts().to_dict() == {
        "cohort 1": 6, "cohort 2": 9, "held back": 5, "not in the programme": 20,
    }  # fmt: skip
    starts = made.groupby("arm")["starts_after"].agg(lambda values: values.dropna().unique().tolist())
    assert starts["cohort 1"] == [0]
    assert starts["cohort 2"] == [2]
    assert starts["held back"] == []


def test_the_list_depends_on_the_seed_alone_not_on_the_order_of_the_places() -> None:
    order = np.random.default_rng(0).permutation(40)
    again = randomize(
        [LABELS[k] for k in order], [STRATA[k] for k in order], SCHEDULE, waiting=WAITING, seed=1
    )  # fmt: skip
    pd.testing.assert_frame_equal(drawn(1), again)
    assert not drawn(1).equals(drawn(2))


def test_every_place_has_the_same_chance_and_strata_have_their_shares() -> None:
    first = np.zeros(40)
    worst = 0.0
    for seed in range(REPETITIONS):
        made = drawn(seed)
        first += (made["arm"] == "cohort 1").to_numpy()
        arms, strata = pd.factorize(made["arm"])[0], pd.factorize(made["stratum"])[0]
        counts = np.zeros((3, 4))
        np.add.at(counts, (strata, arms), 1.0)
        expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / 40
        worst = max(worst, float(np.abs(counts - expected).max()))
    error = np.sqrt(0.15 * 0.85 / REPETITIONS)
    assert np.abs(first / REPETITIONS - 0.15).max() < 4.0 * error
    assert worst < 2.0


def test_more_places_than_there_are_is_refused() -> None:
    with pytest.raises(ConfigError, match="needs 20 places and the data have 10"):
        randomize(LABELS[:10], STRATA[:10], SCHEDULE, waiting=WAITING, seed=1)


def test_places_that_have_started_are_not_listed() -> None:
    made = long(np.random.default_rng(0).normal(size=(10, 6)), {0: 3, 1: 1, 2: 9})
    assert eligible(made).tolist() == [2, 3, 4, 5, 6, 7, 8, 9]


def test_strata_come_from_a_column_that_does_not_vary_within_a_place() -> None:
    made = long(np.random.default_rng(0).normal(size=(4, 3)))
    frame = pd.DataFrame({"unit": np.repeat(np.arange(4), 3), "region": ["a"] * 6 + ["b"] * 3 + [None] * 3})
    frame["year"] = np.tile([1, 2, 3], 4)
    assert column_strata(made, np.arange(4), frame, "unit", "region") == [
        "region=a", "region=a", "region=b", "region=(empty)",
    ]  # fmt: skip
    with pytest.raises(ConfigError, match="'year' varies within"):
        column_strata(made, np.arange(4), frame, "unit", "year")
    with pytest.raises(ConfigError, match="Did you mean 'region'"):
        column_strata(made, np.arange(4), frame, "unit", "regin")


def test_strata_of_the_outcome_are_of_equal_size_and_never_read_treated_outcomes() -> None:
    made = simulated(n_units=40, n_periods=6)
    every = np.arange(40)
    strata = outcome_strata(made, every, 4)
    assert pd.Series(strata).value_counts().tolist() == [10, 10, 10, 10]
    means = pd.Series(np.nanmean(np.where(made.treated, np.nan, made.outcome), axis=1))
    by_stratum = means.groupby(strata).agg(["min", "max"])
    assert (by_stratum["min"].to_numpy()[1:] >= by_stratum["max"].to_numpy()[:-1]).all()


def test_units_are_named_as_in_the_data() -> None:
    made = long(np.random.default_rng(0).normal(size=(4, 3)))
    assert place_labels(made, np.array([1, 3]), pd.DataFrame(), None, "unit") == ["1", "3"]


def test_clusters_are_named_as_in_the_data_where_starts_go_by_cluster() -> None:
    frame = pd.DataFrame({"unit": np.repeat(np.arange(6), 3), "year": np.tile([1, 2, 3], 6), "start": 0})
    frame["school"] = frame["unit"].map(lambda unit: f"school {unit // 2}")
    frame["y"] = np.random.default_rng(0).normal(size=18)
    made = Panel.from_frame(
        frame, unit="unit", period="year", outcome="y", cohort="start", cluster="school", planned=True
    )  # fmt: skip
    assert place_labels(made, np.array([0, 2]), frame, "school", "unit") == ["school 0", "school 2"]
