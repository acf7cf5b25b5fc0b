"""Values that carry how they came to be: reported, derived, declared, missing or suppressed."""

from __future__ import annotations

import datetime as dt
from typing import Any, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from evalkit.language import mark, phrase
from evalkit.vocabulary import IntervalKind, Provenance

T = TypeVar("T")
ABSENT: tuple[Provenance, ...] = ("missing", "suppressed")
Scale = Literal["identity", "log"]


class Block(BaseModel):
    """A part of the summary: frozen, no unknown keys, and no NaN or infinity, which JSON cannot hold."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, serialize_by_alias=True)


def _absent_means_null(*names: str) -> dict[str, Any]:
    """JSON Schema rule: an absent value is null and says why; a present one is not null."""
    nulls = {name: {"type": "null"} for name in names}
    return {
        "if": {"properties": {"how": {"enum": list(ABSENT)}}},
        "then": {"properties": {**nulls, "reason": {"minLength": 1}}},
        "else": {"properties": {names[0]: {"not": {"type": "null"}}}},
    }


class Tagged(Block, Generic[T]):
    """One value, how it came to be, and why it is not there where it is not.

    Attributes
    ----------
    value
        None exactly when `how` is ``missing`` or ``suppressed``.
    how
        ``reported`` (stands in the data), ``derived`` (computed by the run), ``declared`` (stands in
        the study's config), ``missing`` or ``suppressed``.
    reason
        Required where the value is absent.
    """

    model_config = ConfigDict(json_schema_extra=_absent_means_null("value"))
    value: T | None
    how: Provenance
    reason: str = ""

    @model_validator(mode="after")
    def _absent_with_reason(self) -> Self:
        if (self.value is None) != (self.how in ABSENT):
            raise ValueError(f"value is {self.value!r} but how is '{self.how}'")
        if self.how in ABSENT and not self.reason:
            raise ValueError(f"a {self.how} value needs a reason")
        return self

    @classmethod
    def declared(cls, value: T | None, *, otherwise: str = mark("not declared in the study")) -> Self:
        """From the study's config; missing where the config is silent (None or empty)."""
        if value is None or value in ("", ()):
            return cls(value=None, how="missing", reason=phrase(otherwise))
        return cls(value=value, how="declared")

    @classmethod
    def derived(cls, value: T) -> Self:
        """Computed by the run."""
        return cls(value=value, how="derived")

    @classmethod
    def missing(cls, reason: str) -> Self:
        """Not known, with the reason."""
        return cls(value=None, how="missing", reason=phrase(reason))

    @classmethod
    def suppressed(cls, reason: str) -> Self:
        """Known and withheld to protect people."""
        return cls(value=None, how="suppressed", reason=phrase(reason))


class Number(Tagged[float]):
    """A number.

    Examples
    --------
    >>> Number.missing("no exposure declared").value is None
    True
    """


class Count(Tagged[int]):
    """A whole number of units, clusters, periods or events."""


class Words(Tagged[str]):
    """A text."""


class WordList(Tagged[tuple[str, ...]]):
    """A list of texts."""


class Dates(Tagged[tuple[dt.date, ...]]):
    """A list of days."""


class Moment(Tagged[dt.datetime]):
    """A point in time."""


class Flag(Tagged[bool]):
    """Yes or no."""


class Quantity(Block):
    """An estimated number with its interval.

    Attributes
    ----------
    value, low, high
        Point and bounds at `level`; None exactly when absent.
    level
        Of the interval, e.g. 0.95.
    interval_kind
        ``confidence`` or ``credible``: always said which.
    unit
        Of all three numbers.
    """

    model_config = ConfigDict(json_schema_extra=_absent_means_null("value", "low", "high"))
    value: float | None
    low: float | None
    high: float | None
    level: float | None = Field(default=None, gt=0.0, lt=1.0)
    interval_kind: IntervalKind | None = None
    unit: str = ""
    how: Provenance = "derived"
    reason: str = ""

    @model_validator(mode="after")
    def _whole_or_absent(self) -> Self:
        absent = self.how in ABSENT
        if any((number is None) != absent for number in (self.value, self.low, self.high)):
            raise ValueError(
                f"value, low and high must all be {'absent' if absent else 'given'} when how is {self.how}"
            )
        if absent and not self.reason:
            raise ValueError(f"a {self.how} quantity needs a reason")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"the interval runs from {self.low} down to {self.high}")
        return self

    @classmethod
    def missing(cls, reason: str) -> Self:
        """Not known, with the reason."""
        return cls(value=None, low=None, high=None, how="missing", reason=phrase(reason))

    @classmethod
    def suppressed(cls, reason: str) -> Self:
        """Known and withheld to protect people."""
        return cls(value=None, low=None, high=None, how="suppressed", reason=phrase(reason))
