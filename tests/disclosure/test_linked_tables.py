"""The attack on tables that leave together: no small count may be known more closely than the rule tells."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalkit.evidence.disclosure import Policy
from evalkit.evidence.linked import CountTable, release
from evalkit.evidence.standard import shipped
from tests.disclosure.attacker import determined
from tests.disclosure.tables import group, people, read, table

LIMITS = shipped().disclosure
MIN_CELL = LIMITS.min_cell
PEOPLE = Policy("persons", MIN_CELL, "counts are of persons")
EXAMPLES, MANY_EXAMPLES = 3, 60
KEYS = {"area": ("area", "age"), "sex": ("area", "sex"), "ages": ("age", "sex")}


def small_counts(tables: dict[str, CountTable]) -> set[tuple[str, object]]:
    """Every count of 1 to 10 that a table was to show, shares' numerators and what is left beside them included."""
    found: set[tuple[str, object]] = set()
    for each in tables.values():
        for row in each.frame.to_dict("records"):
            of = group(row, each.keys)
            numbers = {"n": row["n"]}
            if each.shares:
                numbers |= {"hurt": row["hurt"], "spared": row["n"] - row["hurt"]}
            found |= {(name, of) for name, value in numbers.items() if 0 < value < MIN_CELL}
    return found


@st.composite
def bundles(draw: st.DrawFn) -> dict[str, CountTable]:
    sizes = {"area": draw(st.integers(2, 4)), "age": draw(st.integers(2, 3)), "sex": 2}
    frame = people(sizes, draw(st.integers(30, 400)), draw(st.integers(0, 10_000)), draw(st.floats(0.5, 3.0)))
    shares = draw(st.sampled_from([(), ("area",), ("area", "sex")]))
    chosen = draw(st.sets(st.sampled_from(sorted(KEYS)), min_size=1))
    totals = draw(st.booleans())
    return {name: table(frame, KEYS[name], shares=name in shares, totals=totals) for name in sorted(chosen)}


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(bundles())
def test_no_small_count_is_known_more_closely_than_the_rule_tells(tables: dict[str, CountTable]) -> None:
    attack(tables)


@pytest.mark.calibration
@settings(max_examples=MANY_EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(bundles())
def test_no_small_count_is_known_more_closely_in_many_releases(tables: dict[str, CountTable]) -> None:
    attack(tables)


def attack(tables: dict[str, CountTable]) -> None:
    made = release(tables, PEOPLE, LIMITS)
    system = read(made.tables, {name: each.keys for name, each in tables.items()})
    for name in sorted(small_counts(tables), key=str):
        assert not determined(system.bounds(name), MIN_CELL), name


def test_without_complementary_suppression_the_attacker_wins() -> None:
    """The attack can succeed, or the test above would say nothing."""
    frame = people({"area": 4, "age": 3, "sex": 2}, 300, seed=3, skew=1.5)
    tables = {name: table(frame, keys) for name, keys in KEYS.items()}
    only_small = {
        name: each.frame.assign(n=each.frame["n"].where((each.frame["n"] == 0) | (each.frame["n"] >= MIN_CELL)))
        for name, each in tables.items()
    }
    system = read(only_small, KEYS)
    known = [name for name in small_counts(tables) if determined(system.bounds(name), MIN_CELL)]
    assert len(known) > 3


def test_tables_that_are_safe_alone_are_attacked_together() -> None:
    """Each table judged by itself hides its own small counts; the margins that they share give some back."""
    frame = people({"area": 4, "age": 3, "sex": 2}, 260, seed=11, skew=1.5)
    tables = {name: table(frame, keys) for name, keys in KEYS.items()}
    alone = {name: release({name: each}, PEOPLE, LIMITS).tables[name] for name, each in tables.items()}
    together = release(tables, PEOPLE, LIMITS).tables
    small = small_counts(tables)
    apart, linked = read(alone, KEYS), read(dict(together), KEYS)
    assert any(determined(apart.bounds(name), MIN_CELL) for name in sorted(small, key=str))
    assert not [name for name in small if determined(linked.bounds(name), MIN_CELL)]
