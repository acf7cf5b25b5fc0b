"""How two implementations are compared: the same keys, the same numbers, the same refusals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from evalkit.errors import DesignRefused, EstimationFailed
from evalkit.inference.reported import NotComputable
from tests.oracle.plain import MAY_BE_REFUSED, NotIdentified

FLOOR = 1e-2
"""Outcomes have a size of about 1: below this numbers are compared as they are, above it relative to their size."""


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Attributes
    ----------
    name
        What is compared, the estimator's registered name first.
    ours, plain
        The figures of a seed by the package and by the oracle.
    tolerance
        On differences, relative above :data:`FLOOR`; `why` says where it comes from.
    panels
        Seeds 0 to this are compared at length.
    """

    name: str
    ours: Callable[[int], Mapping[str, float]]
    plain: Callable[[int], Mapping[str, float]]
    tolerance: float = 1e-7
    why: str = "sums in another order"
    panels: int = 260
    short: int = 15


@dataclass
class Outcome:
    """What a comparison of many panels found."""

    compared: int = 0
    refused: int = 0
    numbers: int = 0
    largest: dict[str, float] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


def compare(case: Case, seeds: range) -> Outcome:
    """Compare one case on many panels; `wrong` tells every disagreement."""
    found = Outcome()
    for seed in seeds:
        ours = _tried(case.ours, seed)
        plain = _tried(case.plain, seed)
        if isinstance(ours, str) or isinstance(plain, str):
            if isinstance(ours, str) and (isinstance(plain, str) or MAY_BE_REFUSED in plain):
                found.refused += 1
            else:
                told = f"the package refuses: {ours}" if isinstance(ours, str) else f"the oracle refuses: {plain}"
                found.wrong.append(f"{case.name}, seed {seed}: {told}")
            continue
        found.compared += 1
        _numbers(case, seed, ours, plain, found)
    return found


def _numbers(case: Case, seed: int, ours: Mapping[str, float], plain: Mapping[str, float], found: Outcome) -> None:
    plain = {key: value for key, value in plain.items() if key != MAY_BE_REFUSED}
    if set(ours) != set(plain):
        more, fewer = sorted(set(ours) - set(plain)), sorted(set(plain) - set(ours))
        found.wrong.append(f"{case.name}, seed {seed}: the package alone has {more}, the oracle alone {fewer}")
    for key in sorted(set(ours) & set(plain)):
        found.numbers += 1
        difference = abs(ours[key] - plain[key]) / max(abs(plain[key]), FLOOR)
        kind = _kind(key)
        found.largest[kind] = max(found.largest.get(kind, 0.0), difference)
        if not difference <= case.tolerance:
            found.wrong.append(f"{case.name}, seed {seed}: {key} is {ours[key]!r} and {plain[key]!r}")


def _kind(key: str) -> str:
    for word, kind in (("error", "errors"), ("degrees", "degrees of freedom"), ("p-value", "p-values")):
        if word in key:
            return kind
    return "estimates"


def _tried(figures: Callable[[int], Mapping[str, float]], seed: int) -> Mapping[str, float] | str:
    try:
        return figures(seed)
    except (DesignRefused, EstimationFailed, NotComputable, NotIdentified) as refusal:
        return f"{type(refusal).__name__}: {refusal}"
