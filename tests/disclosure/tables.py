"""Tables of simulated people for the attack: several, with shared margins; and how a reader sets up the equations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd

from evalkit.evidence.linked import CountTable
from tests.disclosure.attacker import System

TOTAL = "all"
Group = frozenset[tuple[str, str]]


def people(sizes: Mapping[str, int], count: int, seed: int, skew: float = 1.0) -> pd.DataFrame:
    """So many people with one value of each variable, unevenly spread, and whether something happened to each."""
    rng = np.random.default_rng(seed)
    columns = {}
    for name, size in sizes.items():
        share = rng.dirichlet(np.full(size, 1.0 / skew))
        columns[name] = [f"{name}{value}" for value in rng.choice(size, count, p=share)]
    return pd.DataFrame(columns).assign(hurt=(rng.random(count) < rng.uniform(0.02, 0.9)).astype(int))


def table(frame: pd.DataFrame, keys: Sequence[str], *, shares: bool = False, totals: bool = True) -> CountTable:
    """Counts by these variables with all margins; with shares, of those to whom it happened."""
    rows = []
    for picked in product(*([*sorted(frame[key].unique()), *([TOTAL] if totals else [])] for key in keys)):
        inside = np.ones(len(frame), dtype=bool)
        for key, value in zip(keys, picked, strict=True):
            inside &= True if value == TOTAL else (frame[key] == value).to_numpy()
        n, hurt = int(inside.sum()), int(frame["hurt"][inside].sum())
        rows.append((*picked, n, hurt, hurt / n if n else np.nan))
    made = pd.DataFrame(rows, columns=[*keys, "n", "hurt", "share"])
    if not shares:
        return CountTable(made.drop(columns=["hurt", "share"]), tuple(keys), ("n",))
    return CountTable(made, tuple(keys), ("n",), shares={"share": ("hurt", "n")}, unexported=("hurt",))


def group(row: Mapping[Any, object], keys: Sequence[str]) -> Group:
    """The group that a published row is of."""
    return frozenset((key, str(row[key])) for key in keys if row[key] != TOTAL)


def read(tables: Mapping[str, pd.DataFrame], keys: Mapping[str, Sequence[str]]) -> System:
    """What a reader knows from published tables alone: categories, numbers, and that parts add up."""
    system = System()
    for name, shown in tables.items():
        rows = [dict(zip(shown.columns, row, strict=True)) for row in shown.astype(object).to_numpy().tolist()]
        groups = [group(row, keys[name]) for row in rows]
        for row, of in zip(rows, groups, strict=True):
            system.cell(("n", of))
            if not pd.isna(row["n"]):
                system.publish(("n", of), float(str(row["n"])))
            if "share" in row:
                system.add_up(("n", of), [("hurt", of), ("spared", of)])
                if not pd.isna(row["share"]):
                    system.publish_share(("hurt", of), ("n", of), float(str(row["share"])))
        for measure in ("n", "hurt", "spared") if "share" in shown else ("n",):
            _sums(system, measure, groups)
    return system


def _sums(system: System, measure: str, groups: Sequence[Group]) -> None:
    every = {frozenset(part) for of in groups for size in range(len(of) + 1) for part in combinations(sorted(of), size)}
    for whole in every:
        variables = {name for of in every for name, _ in of} - {name for name, _ in whole}
        for variable in variables:
            parts = [of for of in every if len(of) == len(whole) + 1 and whole < of and variable in dict(of)]
            if parts:
                system.add_up((measure, whole), [(measure, part) for part in parts])
