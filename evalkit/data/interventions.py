"""Other programmes in a place, as columns of a regression: by a date, or by a column of the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, model_validator

from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, Reason
from evalkit.vocabulary import FloatArray


class OtherIntervention(BaseModel):
    """Another programme in the same series: a date from which it holds, or a column that says how much of it there is.

    Attributes
    ----------
    name
        In words; the column's name by default.
    column
        Of the panel: usually 0 and 1, or the share of the period in which it was in force.
    start
        First period, written as the data's calendar does.
    change
        ``step`` or ``step_and_slope``, for a start.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = ""
    column: str | None = None
    start: str | int | float | None = None
    change: Literal["step", "step_and_slope"] = "step"

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.column is None) == (self.start is None):
            raise ValueError("name exactly one of 'column' and 'start'")
        if self.column is not None and self.change != "step":
            raise ValueError("a column enters as it is: 'change' belongs to 'start'")
        return self

    @property
    def label(self) -> str:
        """What figures and facts call it."""
        return self.name or self.column or f"programme of {self.start}"

    def columns(self, panel: Panel, values: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Name to (T,) regressors.

        Parameters
        ----------
        panel
            For its calendar and periods.
        values
            Name to (T,) values of the panel's columns in this place.

        Raises
        ------
        ConfigError
            When the start is no period of the data.
        """
        if self.column is not None:
            return {self.label: values[self.column]}
        try:
            start = panel.calendar.ordinal(str(self.start))
        except ValueError:
            raise ConfigError(
                Reason(
                    "The start '{start}' of '{label}' is no period of the data.", start=self.start, label=self.label
                ),
                allowed=f"periods written as {panel.calendar.text(int(panel.time[0]))}",
            ) from None
        since = (panel.time - start).astype(np.float64)
        found = {self.label: (since >= 0.0).astype(np.float64)}
        return found if self.change == "step" else {**found, slope_of(self.label): np.maximum(since, 0.0)}


def slope_of(label: str) -> str:
    """Name of the column of a programme's change of slope."""
    return f"{label} (slope)"
