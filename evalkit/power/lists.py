"""A randomization list: which place starts when, drawn once from a seed, balanced within strata."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Sequence
from typing import Final

import numpy as np
import pandas as pd

from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, closest, quote_names
from evalkit.power.history import blind, limits_of
from evalkit.power.places import places_of
from evalkit.power.schedule import Schedule
from evalkit.vocabulary import IntArray

STAGE: Final = 0x4C495354
"""Keys the draws of this stage."""
HELD_BACK: Final = "held back"
OUTSIDE: Final = "not in the programme"


def randomize(
    labels: Sequence[Hashable], strata: Sequence[str], schedule: Schedule, *, waiting: int, seed: int
) -> pd.DataFrame:
    """Give every place a start, with the same chances for all and the cohorts' shares within each stratum.

    Places are put into a random order within strata and the strata one after the other; cohorts are dealt along
    that line in a sequence in which every stretch holds them in their shares, begun at a random point. Every place
    has the same chance of every cohort, and no stratum's count of one is 2 or more away from its share.

    Parameters
    ----------
    labels, strata
        (N,) places, and the stratum of each.
    schedule
        Sizes and offsets of the cohorts.
    waiting
        Places of the programme that are held back until after the window.
    seed
        Of the draw.

    Returns
    -------
    DataFrame
        place, stratum, arm (``cohort 1``, ..., ``held back``, ``not in the programme``) and starts_after (periods
        from the first start; missing where the place does not start), by place.

    Examples
    --------
    >>> made = randomize(list("abcdef"), ["x"] * 6, Schedule((0, 2), (2, 2), 6, before=3, after=2), waiting=2, seed=1)
    >>> made["arm"].value_counts().to_dict() == {"cohort 1": 2, "cohort 2": 2, "held back": 2}
    True
    """
    count, needed = len(labels), schedule.treated + waiting
    if needed > count:
        raise ConfigError(
            f"The roll-out needs {needed} places and the data have {count} that have not started.",
            next_step="Give smaller cohorts, or add the missing places to the data.",
        )
    rng = np.random.default_rng([STAGE, seed])
    arms = [f"cohort {number}" for number in range(1, len(schedule.sizes) + 1)]
    sizes = [*schedule.sizes, waiting, count - needed]
    names = [*arms, HELD_BACK, OUTSIDE]
    # sorted first, so that the order of the data does not matter
    order = sorted(range(count), key=lambda place: (str(strata[place]), str(labels[place])))
    line = [place for stratum in _shuffled_strata(order, strata, rng) for place in rng.permutation(stratum).tolist()]
    dealt = _dealt(sizes, rng)
    arm = np.empty(count, dtype=np.int64)
    arm[line] = dealt
    offsets = [*schedule.offsets, None, None]
    table = pd.DataFrame(
        {
            "place": [str(label) for label in labels],
            "stratum": list(strata),
            "arm": [names[code] for code in arm],
            "starts_after": pd.array([offsets[code] for code in arm], dtype="Int64"),
        }
    )
    return table.sort_values("place", kind="stable").reset_index(drop=True)


def _shuffled_strata(order: list[int], strata: Sequence[str], rng: np.random.Generator) -> list[list[int]]:
    groups: dict[str, list[int]] = {}
    for place in order:
        groups.setdefault(str(strata[place]), []).append(place)
    names = list(groups)
    return [groups[names[position]] for position in rng.permutation(len(names))]


def _dealt(sizes: Sequence[int], rng: np.random.Generator) -> IntArray:
    """Arms in a sequence in which each stretch holds them in their shares, begun anywhere with the same chance."""
    total = sum(sizes)
    preference = rng.permutation(len(sizes))  # among arms equally far behind
    given, sequence = np.zeros(len(sizes)), np.empty(total, dtype=np.int64)
    share = np.array(sizes) / total
    for position in range(total):
        behind = share * (position + 1) - given
        behind[given >= np.array(sizes)] = -np.inf
        chosen = int(preference[np.argmax(behind[preference])])
        sequence[position] = chosen
        given[chosen] += 1
    return np.roll(sequence, int(rng.integers(total)))


def eligible(panel: Panel) -> IntArray:
    """Places that have not started by the end of the data."""
    places = places_of(panel)
    return np.flatnonzero(places.starts > panel.time[-1]).astype(np.int64)


def place_labels(panel: Panel, chosen: IntArray, frame: pd.DataFrame, cluster: str | None, unit: str) -> list[str]:
    """Names of places: units, or clusters where starts go by cluster."""
    places = places_of(panel)
    if not places.by_cluster or cluster is None:
        return [str(panel.units[place]) for place in chosen]
    by_unit = frame.drop_duplicates(unit).set_index(frame.drop_duplicates(unit)[unit].astype(str))[cluster]
    return [str(by_unit[str(panel.units[int(places.units(int(place))[0])])]) for place in chosen]


def column_strata(panel: Panel, chosen: IntArray, frame: pd.DataFrame, unit: str, column: str) -> list[str]:
    """Stratum of each place from a column that does not vary within it.

    Raises
    ------
    ConfigError
        When there is no such column, or it varies within a place.
    """
    if column not in frame.columns:
        near = closest(column, [str(name) for name in frame.columns])
        raise ConfigError(
            f"--stratify names the column '{column}', which is not in the data.",
            allowed=", ".join(str(name) for name in frame.columns),
            next_step=f"Did you mean '{near}'?" if near else None,
        )
    places = places_of(panel)
    of_unit = {str(label): int(code) for label, code in zip(panel.units, places.code, strict=True)}
    place = frame[unit].astype(str).map(of_unit)
    values = frame[column].astype(object).where(frame[column].notna(), "(empty)").astype(str)
    known = place.notna()
    by_place = values[known].groupby(place[known].astype(int))
    varies = by_place.nunique() > 1
    if varies.any():
        who = quote_names(panel.units[places.units(int(code))[0]] for code in varies.index[varies])
        raise ConfigError(
            f"--stratify needs one value a place, and '{column}' varies within {who}.",
            next_step="Name a column that stays the same, or make one.",
        )
    first = by_place.first()
    return [f"{column}={first[int(code)]}" for code in chosen]


def outcome_strata(panel: Panel, chosen: IntArray, groups: int) -> list[str]:
    """Stratum of each place by its mean untreated outcome: `groups` of about equal size."""
    places = places_of(panel)
    values = blind(panel, limits_of(panel, 0, before_start=False)).outcome
    known = ~np.isnan(values)
    total = np.bincount(places.code, weights=np.where(known, values, 0.0).sum(axis=1))
    mean = (total / np.maximum(np.bincount(places.code, weights=known.sum(axis=1)), 1))[chosen]
    rank = np.argsort(np.argsort(mean, kind="stable"), kind="stable")
    return [f"outcome {1 + int(position) * groups // len(chosen)} of {groups}" for position in rank]


def digest(content: bytes) -> str:
    """SHA-256 of the list's file: who has the seed can draw it again and compare.

    Examples
    --------
    >>> digest(b"")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(content).hexdigest()
