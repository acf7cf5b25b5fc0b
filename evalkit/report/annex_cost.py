"""The cost of the programme in the annex: every ingredient, the sum, and what one outcome cost."""

from __future__ import annotations

from evalkit.evidence.schema import CostBlock
from evalkit.evidence.values import Quantity
from evalkit.language import mark, phrase, say
from evalkit.report.annex_parts import Section, Table, cell

HOW = mark(
    "Ingredients are quantity times unit cost, in prices of the base year; amounts of other "
    "years are discounted. Cost per outcome is the cost over the outcomes that the effect "
    "stands for, stated only where its interval excludes 0. The share of draws at or below "
    "the threshold comes from the posterior, or from the normal law that the reported "
    "interval implies, and from the ranges of the unit costs."
)


def cost_section(cost: CostBlock) -> Section:
    """The section on costs; of a study that declares some."""
    lines = tuple(
        (
            line.name,
            cell(line.quantity.value),
            line.unit.value or "–",
            cell(line.unit_cost.value),
            cell(line.total.value),
        )
        for line in cost.ingredients
    )
    rows = (
        (phrase("Currency and prices of"), f"{cost.currency.value}, {cell(cost.base_year.value)}"),
        ("Perspective", cost.perspective.value or "–"),
        (phrase("Discount rate"), cell(cost.discount_rate.value)),
        (phrase("Cost in all"), _shown(cost.incremental_cost)),
        (phrase("Cost per outcome"), _shown(cost.cost_per_outcome)),
        (
            phrase("What one outcome may cost"),
            cell(cost.threshold.value) if cost.threshold.value else cost.threshold.reason,
        ),
        (phrase("Why so much"), cost.threshold_rationale.value or "–"),
        (
            phrase("Share of draws at or below it"),
            _or_reason(cost.p_cost_effective.value, cost.p_cost_effective.reason),
        ),
    )
    head = ("Ingredient", "Quantity", "Unit", phrase("Unit cost"), phrase("Present value"))
    tables = (Table("Ingredients", head, lines, frozenset({1, 3, 4})), Table("Cost", ("Item", "Value"), rows))
    return Section("Cost", (phrase(HOW),), tables)


def _shown(quantity: Quantity) -> str:
    if quantity.value is None:
        return f"– ({quantity.reason})"
    span = (
        ""
        if quantity.low == quantity.high
        else say(" ({cell} to {cell_2})", cell=cell(quantity.low), cell_2=cell(quantity.high))
    )
    return f"{cell(quantity.value)} {quantity.unit}{span}"


def _or_reason(value: float | None, reason: str) -> str:
    return f"– ({reason})" if value is None else cell(value)
