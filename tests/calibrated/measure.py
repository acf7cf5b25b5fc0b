"""What a Monte Carlo test states while it runs, so that a row of docs/calibration.md can be made of it.

A test asks for the fixture `measured`, tells it what it found, and asserts afterwards: a test that fails leaves its
figures too. Rows travel by pytest's own `record_property`, from workers of xdist as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike

from evalkit.testing.sbc import Uniformity, central_coverage
from evalkit.vocabulary import FloatArray, IntArray

PROPERTY: Final = "measured"
CENTRAL: Final = 0.9
Kind = Literal["interval", "share", "ranks", "figure"]
Range = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a method in a world.

    Attributes
    ----------
    kind
        Intervals that should hold the truth, a share of findings or alarms, ranks of a truth drawn from its prior,
        or another figure.
    method
        Registered name of an estimator; else what was measured.
    rule
        Inference behind the figures, where the estimator has more than one; else empty.
    world
        Where the data come from, in words.
    data_sets
        Simulated data sets (fits).
    asked
        Least and most that the first figure may be; None where it is free on that side.
    figures
        By name: `value` and its Monte Carlo standard `error`, and others of the kind. Shares lie between 0 and 1.
    """

    kind: Kind
    method: str
    world: str
    data_sets: int
    asked: Range
    figures: Mapping[str, float]
    rule: str = ""
    note: str = ""

    @property
    def as_asked(self) -> bool:
        """Whether the first figure lies where it is asked to lie."""
        low, high = self.asked
        value = self.figures["value"]
        return (low is None or value >= low) and (high is None or value <= high)

    @property
    def has_to_fail(self) -> bool:
        """Whether intervals are asked to hold less often than they say: the simulation must be able to tell."""
        low, high = self.asked
        return self.kind == "interval" and low is None and high is not None and high < self.figures["level"]

    def plain(self) -> dict[str, Any]:
        """As built-in types, for files and for workers."""
        return {
            "kind": self.kind, "method": self.method, "rule": self.rule, "world": self.world,
            "data_sets": int(self.data_sets), "asked": [None if end is None else _short(end) for end in self.asked],
            "figures": {name: _short(value) for name, value in self.figures.items()}, "note": self.note,
        }  # fmt: skip


def row_of(plain: Mapping[str, Any]) -> Row:
    """The row that :meth:`Row.plain` wrote.

    Examples
    --------
    >>> row = Row("share", "imputation", "nothing happens", 100, (None, 0.1), {"value": 0.05, "error": 0.02})
    >>> row_of(row.plain()) == row
    True
    """
    low, high = plain["asked"]
    return Row(**{**plain, "asked": (low, high)})


class Repeated(Protocol):
    """(R,) errors and standard errors of repeated estimates."""

    @property
    def error(self) -> FloatArray: ...
    @property
    def std_error(self) -> FloatArray: ...


@dataclass(frozen=True, slots=True)
class Measured:
    """The fixture `measured`.

    Attributes
    ----------
    names
        What the test calibrates, by its marker.
    known
        Registered estimators: a row of one of them needs its name in the marker.
    record
        Pytest's `record_property`.
    """

    names: Collection[str]
    known: Collection[str]
    record: Callable[[str, object], None]
    rows: list[Row] = field(default_factory=list)

    def intervals(
        self, method: str, world: str, held: ArrayLike, *, level: float, asked: Range, rule: str = "", note: str = "",
        data_sets: int | None = None, **others: float | ArrayLike | None,
    ) -> None:  # fmt: skip
        """State how often intervals of a level held the truth.

        Parameters
        ----------
        held
            (R, ...) whether each did, data sets first; or the share alone, with `data_sets`.
        others
            Further figures: shares `above` and `below` (interval wholly on that side of the truth) and `band`
            (simultaneous bands that held); `error` and `std_error`, (R,), for bias and the ratio of mean standard
            error to spread; means of arrays are taken.
        """
        value, error, count = _share(held, data_sets)
        figures: dict[str, float] = {"value": value, "error": error, "level": level}
        error_of, std_error = others.pop("error", None), others.pop("std_error", None)
        if error_of is not None:
            figures |= _bias(np.asarray(error_of, dtype=np.float64), std_error)
        figures |= {name: _mean(each) for name, each in others.items() if each is not None}
        self.state(Row("interval", method, world, count, asked, figures, rule, note))

    def outcomes(
        self, method: str, world: str, found: Repeated, *, level: float, asked: Range, rule: str = "", note: str = ""
    ) -> None:
        """State intervals of repeated estimates, with all that their table of outcomes holds."""
        held = getattr(found, "held", None)
        others = {name: getattr(found, place, None) for name, place in _OTHERS.items()}
        self.intervals(
            method, world, found.covered if held is None else held,  # type: ignore[attr-defined]
            level=level, asked=asked, rule=rule, note=note, error=found.error, std_error=found.std_error, **others,
        )  # fmt: skip

    def share(
        self, method: str, world: str, hit: ArrayLike, *, asked: Range, nominal: float | None = None,
        data_sets: int | None = None, rule: str = "", note: str = "",
    ) -> None:  # fmt: skip
        """State a share of findings: the size of a test, power, false alarms; as hits (R, ...) or as the share."""
        value, error, count = _share(hit, data_sets)
        figures = {"value": value, "error": error} | ({} if nominal is None else {"nominal": nominal})
        self.state(Row("share", method, world, count, asked, figures, rule, note))

    def ranks(self, method: str, world: str, ranks: IntArray, found: Uniformity, n_draws: int) -> None:
        """State simulation-based calibration: how far ranks stray beyond their band, and central coverage."""
        inside = central_coverage(ranks, n_draws, CENTRAL)
        figures = {
            "value": float(found.outside.max()), "quantities": float(len(found.names)), "level": found.band.level,
            "least": float(inside.min()), "most": float(inside.max()),
        }  # fmt: skip
        self.state(Row("ranks", method, world, len(ranks), (None, 0.0), figures, note=", ".join(found.names)))

    def figure(
        self, method: str, world: str, value: float, *, asked: Range, data_sets: int, error: float = math.nan,
        note: str = "",
    ) -> None:  # fmt: skip
        """State another figure; the note says what it is."""
        figures = {"value": value} if math.isnan(error) else {"value": value, "error": error}
        self.state(Row("figure", method, world, data_sets, asked, figures, note=note))

    def state(self, row: Row) -> None:
        """Hand a row over."""
        if row.method in self.known and row.method not in self.names:
            raise ValueError(f"mark the test, @pytest.mark.calibrates({row.method!r}): it states a row of it")
        self.rows.append(row)
        self.record(PROPERTY, row.plain())


def around(share: float, count: int, errors: float) -> tuple[float, float]:
    """A share with so many of its Monte Carlo standard errors on either side.

    Examples
    --------
    >>> around(0.9, 400, 2.0)
    (0.87, 0.93)
    """
    margin = errors * math.sqrt(share * (1.0 - share) / count)
    return round(share - margin, 12), round(share + margin, 12)


_OTHERS: Final = {"band": "band_held", "above": "above", "below": "below"}


def _share(hit: ArrayLike, count: int | None) -> tuple[float, float, int]:
    """Share, Monte Carlo standard error and data sets; hits of one data set are averaged first."""
    table = np.asarray(hit, dtype=np.float64)
    if table.ndim == 0:
        if count is None:
            raise ValueError("a share alone needs data_sets")
        value = float(table)
        return value, math.sqrt(value * (1.0 - value) / count), count
    each = table.reshape(len(table), -1).mean(axis=1)
    return float(each.mean()), float(each.std() / math.sqrt(len(each))), len(each)


def _bias(error: FloatArray, std_error: float | ArrayLike | None) -> dict[str, float]:
    spread = float(error.std(ddof=1))
    found = {"bias": float(error.mean()), "bias_error": spread / math.sqrt(len(error))}
    return found if std_error is None else found | {"ratio": _mean(std_error) / spread}


def _mean(values: float | ArrayLike) -> float:
    return float(np.asarray(values, dtype=np.float64).mean())


def _short(value: float) -> float:
    return float(f"{float(value):.6g}")
