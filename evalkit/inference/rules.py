"""The rule table of inference: which method is reported, as `configs/evidence/standard.yaml` declares it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from evalkit.vocabulary import OwnMethod

TableMethod = Literal[
    "credible", "clustered", "randomization", "collapse", "conley_taber", "ferman_pinto", "wild_bootstrap", "cr3",
    "of_design",
]  # fmt: skip
"""``of_design`` is the interval that the estimator's own design calls for, whatever its method."""


class Row(BaseModel):
    """One row: a method, and what it needs beyond what it checks itself.

    Attributes
    ----------
    method
        Name of the method.
    treated, comparison, total
        Fewest treated clusters, clusters to compare with, and clusters in all.
    draws
        Random roll-outs or multiplier vectors.
    only_if_asked
        Never taken by itself; a study may ask for it (`design.inference`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: TableMethod
    treated: Annotated[int, Field(ge=0)] = 0
    comparison: Annotated[int, Field(ge=0)] = 0
    total: Annotated[int, Field(ge=0)] = 0
    draws: Annotated[int, Field(ge=99)] = 999
    only_if_asked: bool = False


class InferenceTable(BaseModel):
    """The table, read from the top: the first row that applies and can be computed decides.

    Attributes
    ----------
    rows
        In order.
    hold_with_few
        Methods that the rating accepts where clusters are few.
    refit_cells, cheap_refit_cells
        Most refits times cells (unit-periods) that a method may cost: for the primary estimate and further
        outcomes, and for robustness estimates, which keep their own interval beyond it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: Annotated[tuple[Row, ...], Field(min_length=1)]
    hold_with_few: tuple[TableMethod | OwnMethod, ...]
    refit_cells: Annotated[float, Field(gt=0)]
    cheap_refit_cells: Annotated[float, Field(gt=0)]

    @model_validator(mode="after")
    def _each_method_once(self) -> Self:
        names = [row.method for row in self.rows]
        if len(set(names)) != len(names):
            raise ValueError("a method stands in the table twice")
        if "clustered" not in names:
            raise ValueError("the table needs a row for 'clustered'")
        return self

    def row(self, method: str) -> Row | None:
        """The row of a method; None where the table has none."""
        return next((row for row in self.rows if row.method == method), None)
