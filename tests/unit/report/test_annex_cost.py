from __future__ import annotations

from evalkit.report.annex_cost import cost_section
from tests.unit.evidence import made

COST = {
    "currency": "USD", "base_year": 2024, "threshold": {"value": 3.0, "rationale": "what a call costs the city"},
    "ingredients": [{"name": "lamps", "quantity": 1200, "unit_cost": 100, "unit": "lamp"}],
}  # fmt: skip


def test_every_ingredient_the_sum_and_the_threshold_stand_in_the_annex() -> None:
    found = made.summary(made.estimate(-2.0), made.spec(cost=COST))
    lines, items = cost_section(found.cost).tables
    assert lines.rows == (("lamps", "1,200", "lamp", "100", "120,000"),)
    shown = {row[0]: row[1] for row in items.rows}
    assert shown["Cost in all"] == "120,000 USD"
    assert shown["What one outcome may cost"] == "3"
    assert shown["Why so much"] == "what a call costs the city"
    assert shown["Share of draws at or below it"] not in ("", "–")


def test_what_cannot_be_stated_has_its_reason() -> None:
    found = made.summary(made.estimate(-0.1, 1.0), made.spec(cost=COST))
    shown = {row[0]: row[1] for row in cost_section(found.cost).tables[1].rows}
    assert shown["Cost per outcome"].startswith("– (the interval of the effect includes 0")
