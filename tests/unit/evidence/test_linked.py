"""Tables that leave together: what each column may tell."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import ConfigError
from evalkit.evidence import linked
from evalkit.evidence.disclosure import DisclosureRefused, Policy
from evalkit.evidence.linked import CountTable, release
from evalkit.evidence.standard import shipped
from evalkit.numerics.suppression import Linked, Suppression, suppress

LIMITS = shipped().disclosure
PEOPLE = Policy("persons", LIMITS.min_cell, "counts are of persons")
PLACES = Policy("places", LIMITS.min_cell, "units are places")


def ages(n: list[int], **columns: object) -> pd.DataFrame:
    return pd.DataFrame({"age": [f"age {row}" for row in range(len(n))], "n": n, **columns})


def test_a_share_that_counts_few_is_withheld_with_another_and_the_numbers_of_people_stay() -> None:
    frame = ages([40, 50, 60, 150], hurt=[20, 47, 25, 92], share=[0.5, 0.94, 25 / 60, 92 / 150])
    frame.loc[3, "age"] = "all"
    table = CountTable(frame, ("age",), ("n",), shares={"share": ("hurt", "n")}, unexported=("hurt",))
    made = release({"ages": table}, PEOPLE, LIMITS)
    shown, record = made.tables["ages"], made.records["ages"]
    assert "hurt" not in shown
    assert shown["n"].notna().all()
    assert pd.isna(shown["share"].iloc[1])  # 3 of 50 were spared
    assert shown["share"].iloc[:3].isna().sum() == 2
    assert record["rules"] == ["complementary", "small_count"]


@pytest.mark.parametrize("hurt", [0, 50])
def test_a_share_that_says_the_same_of_everybody_is_withheld(hurt: int) -> None:
    frame = ages([40, 50, 60], hurt=[20, hurt, 25], share=[0.5, hurt / 50, 25 / 60])
    table = CountTable(frame, ("age",), ("n",), shares={"share": ("hurt", "n")}, unexported=("hurt",))
    made = release({"ages": table}, PEOPLE, LIMITS)
    assert pd.isna(made.tables["ages"]["share"].iloc[1])
    assert "homogeneous" in made.records["ages"]["rules"]


def test_nobody_in_a_group_may_be_told() -> None:
    made = release({"ages": CountTable(ages([0, 40]), ("age",), ("n",))}, PEOPLE, LIMITS)
    assert made.tables["ages"]["n"].tolist() == [0, 40]


def test_an_amount_that_one_person_makes_up_takes_its_column_along() -> None:
    frame = ages([40, 50], income=[1000.0, 900.0])
    parts = [np.full(40, 25.0), np.array([880.0] + [0.4] * 49)]
    table = CountTable(frame, ("age",), ("n",), amounts={"income": parts})
    made = release({"ages": table}, PEOPLE, LIMITS)
    assert made.tables["ages"]["income"].isna().all()
    assert made.tables["ages"]["n"].tolist() == [40, 50]
    assert made.records["ages"]["rules"] == ["dominance"]


def test_an_amount_that_many_people_make_up_is_shown() -> None:
    frame = ages([40, 50], income=[1000.0, 900.0])
    table = CountTable(frame, ("age",), ("n",), amounts={"income": [np.full(40, 25.0), np.full(50, 18.0)]})
    made = release({"ages": table}, PEOPLE, LIMITS)
    assert made.tables["ages"]["income"].tolist() == [1000.0, 900.0]
    assert made.records["ages"]["rules"] == []


def test_an_amount_without_the_contributions_of_each_row_is_refused() -> None:
    table = CountTable(
        ages([40, 50], income=[1000.0, 900.0]), ("age",), ("n",), amounts={"income": [np.full(40, 25.0)]}
    )
    with pytest.raises(DisclosureRefused, match=r"'income' of table 'ages'.*contributions"):
        release({"ages": table}, PEOPLE, LIMITS)


def test_a_column_that_nobody_declared_is_withheld() -> None:
    frame = ages([40, 50], secret=[3, 4], note=["Ann", "Bo"])
    made = release({"ages": CountTable(frame, ("age",), ("n",))}, PEOPLE, LIMITS)
    assert made.tables["ages"][["secret", "note"]].isna().all(axis=None)
    assert made.records["ages"]["rules"] == ["undeclared"]
    assert made.records["ages"]["withheld"] == {"note": [0, 1], "secret": [0, 1]}


def test_a_table_without_declared_counts_is_refused() -> None:
    with pytest.raises(DisclosureRefused, match="does not say which"):
        release({"ages": CountTable(ages([40]), ("age",), ())}, PLACES, LIMITS)


def test_two_tables_that_disagree_are_refused() -> None:
    other = CountTable(ages([41, 50]), ("age",), ("n",))
    with pytest.raises(ConfigError, match="otherwise"):
        release({"one": CountTable(ages([40, 50]), ("age",), ("n",)), "two": other}, PEOPLE, LIMITS)


def test_a_count_that_nobody_knows_is_refused() -> None:
    frame = pd.DataFrame({"age": ["young", "old"], "n": [40.0, np.nan]})
    with pytest.raises(DisclosureRefused, match=r"'ages', row 1: .*'n'"):
        release({"ages": CountTable(frame, ("age",), ("n",))}, PEOPLE, LIMITS)


def test_a_share_of_more_people_than_there_are_is_refused() -> None:
    frame = ages([40, 50], hurt=[20, 51], share=[0.5, 1.02])
    table = CountTable(frame, ("age",), ("n",), shares={"share": ("hurt", "n")}, unexported=("hurt",))
    with pytest.raises(DisclosureRefused, match="row 1: 'hurt' is above 'n'"):
        release({"ages": table}, PEOPLE, LIMITS)


def test_nothing_leaves_where_no_choice_protects(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(system: Linked, **limits: float) -> Suppression:
        return dataclasses.replace(suppress(system, rounds=1, nodes=1), protects=False)

    monkeypatch.setattr(linked, "suppress", fails)
    with pytest.raises(DisclosureRefused, match="No choice of cells"):
        release({"ages": CountTable(ages([40, 3]), ("age",), ("n",))}, PEOPLE, LIMITS)


def with_total(names: list[str], n: list[int]) -> CountTable:
    """Counts by the service used; the last row is everybody."""
    return CountTable(pd.DataFrame({"service": [*names, "all"], "n": n}), ("service",), ("n",))


def test_people_in_no_row_hide_a_small_count_from_the_total() -> None:
    """68 less 40 leaves 28 people, of whom only 3 stand in the table."""
    made = release({"use": with_total(["bus", "tram"], [40, 3, 68])}, PEOPLE, LIMITS)
    assert made.records["use"]["withheld"] == {"n": [1]}


def test_a_few_people_in_no_row_are_not_computed_from_the_total() -> None:
    """68 less 40 and 25 leaves 3."""
    made = release({"use": with_total(["bus", "tram"], [40, 25, 68])}, PEOPLE, LIMITS)
    assert made.records["use"]["rules"] == ["complementary"]
    assert made.tables["use"]["n"].isna().sum() == 1


def test_rows_that_share_people_do_not_add_up_to_the_total() -> None:
    """Who took the bus may have taken the tram: no total gives the 5 back."""
    made = release({"use": with_total(["bus", "tram", "ferry"], [40, 30, 5, 50])}, PEOPLE, LIMITS)
    assert made.records["use"]["withheld"] == {"n": [2]}


def test_tables_of_places_pass_and_rates_on_few_events_are_flagged() -> None:
    frame = ages([40, 3], hurt=[16, 1], share=[0.4, 1 / 3])
    table = CountTable(frame, ("age",), ("n",), shares={"share": ("hurt", "n")}, unexported=("hurt",))
    made = release({"ages": table}, PLACES, LIMITS)
    assert made.tables["ages"]["n"].tolist() == [40, 3]
    assert made.records["ages"]["unstable"] == {"share": [0, 1]}


def test_numbers_along_with_a_count_go_with_it_and_the_record_is_plain_json_without_them() -> None:
    frame = ages([40, 3, 25, 90], effect=[0.1, 0.9, 0.2, 0.3])
    made = release({"ages": CountTable(frame, ("age",), ("n",), along=("effect",))}, PEOPLE, LIMITS)
    hidden = made.records["ages"]["withheld"]
    assert hidden["effect"] == hidden["n"]
    assert json.loads(json.dumps(made.records["ages"])) == made.records["ages"]
