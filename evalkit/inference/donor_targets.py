"""Treated units, or the means of those that start together, as series beside their donors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from evalkit.aggregate import Cells
from evalkit.data.donor_pool import Pool
from evalkit.data.panel import Panel
from evalkit.errors import DesignRefused, Reason
from evalkit.numerics.donor_model import Series
from evalkit.vocabulary import FloatArray

EXACT: Final = 1e-9
"""Relative size of a difference that is rounding."""


@dataclass(frozen=True)
class Target:
    """One series to be explained: a treated unit, or the mean of `size` units that start together."""

    pool: Pool
    size: int
    series: Series

    @property
    def over(self) -> FloatArray:
        """(T,) weights of the mean over treated periods."""
        post = self.pool.post
        return np.asarray(post / post.sum())


def targets_of(
    panel: Panel, pools: Sequence[Pool], covariates: Sequence[str], covariate_weight: float, *, merged: bool
) -> list[Target]:
    """Series to be explained, in an order that no name decides.

    Parameters
    ----------
    panel, pools
        The data, at any level of the outcome, and periods and donors of each treated unit.
    covariates, covariate_weight
        Columns whose means before the start are matched, and how many periods each counts for.
    merged
        Average units that start together and are observed in the same periods; of several such groups of one start the
        largest is taken.
    """
    groups: dict[tuple[object, ...], list[Pool]] = {}
    for each in pools:
        groups.setdefault(each.group if merged else (each.unit,), []).append(each)
    chosen = list(groups.values())
    if merged:
        largest: dict[int, list[Pool]] = {}
        for group in chosen:
            if len(group) > len(largest.get(group[0].start, ())):
                largest[group[0].start] = group
        chosen = list(largest.values())
    targets = [
        Target(group[0], len(group), _series(panel, group, covariates, covariate_weight)) for group in chosen
    ]  # fmt: skip
    # By what changes from period to period, which no level and no common shock moves.
    return sorted(targets, key=lambda target: (target.pool.start, target.series.unit_sd))


def _series(panel: Panel, group: Sequence[Pool], covariates: Sequence[str], weight: float) -> Series:
    first = group[0]
    donors = first.donor_series(panel.outcome)
    own = np.mean([each.treated_series(panel.outcome) for each in group], axis=0)
    levels = np.append(own[first.fit].mean(), donors[first.fit].mean(axis=0))
    fitted = first.columns[first.fit]
    rows = []
    for name in covariates:
        values = panel.covariate(name)
        mine = np.mean([np.nanmean(values[each.unit, fitted]) for each in group])
        known = np.append(mine, np.nanmean(values[np.ix_(first.donors, fitted)], axis=1))
        if np.ptp(known) > EXACT * np.abs(known).max():  # else it tells no donor from another
            rows.append((known - known.mean()) * np.sqrt(weight) * levels.std() / known.std())
    predictors = np.array(rows).reshape(len(rows), len(levels))
    return Series(own, donors, panel.time[first.columns], first.fit, predictors)


def refuse(panel: Panel, targets: Sequence[Target], name: str, *, intercept: bool) -> None:
    """Refuse series whose errors have no scale.

    Raises
    ------
    DesignRefused
        With fewer than two donors, where nothing changes before the start, or where a donor is the treated unit.
    """
    for target in targets:
        who = (
            Reason("'{unit}'", unit=panel.units[target.pool.unit])
            if target.size == 1
            else Reason("the mean of {count} treated units", count=target.size)
        )
        if len(target.pool.donors) < 2:
            raise DesignRefused(
                Reason("{name} needs two donors for {who}: with one there is nothing to weight.", name=name, who=who),
                next_step="Add places without the programme, or use estimator=bayesian_time_series.",
            )
        distance = target.series.distance
        used = panel.outcome[np.ix_(np.append(target.pool.donors, target.pool.unit), target.pool.columns)]
        size = float(np.abs(used).max())  # rounding is that of the outcome at its own level
        if not target.series.unit_sd > EXACT * size * np.sqrt(np.finfo(np.float64).eps / EXACT):
            raise DesignRefused(
                Reason(
                    "Before the start nothing changes between {who} and its donors: the outcome says nothing of how "
                    "well they compare.",
                    who=who,
                ),
                next_step="Check that the outcome column is the one meant.",
            )
        if intercept:
            distance = distance - distance.mean(axis=0)
        nearest = int(np.argmin(np.abs(distance).max(axis=0)))
        if np.abs(distance[:, nearest]).max() <= EXACT * target.series.unit_sd:
            raise DesignRefused(
                Reason(
                    "Before the start the donor '{donor}' is {who} itself, to the last digit: the fit has no error, "
                    "and no interval can be given.",
                    donor=panel.units[target.pool.donors[nearest]],
                    who=who,
                ),
                next_step="Leave that donor out, or check whether one series was copied from the other.",
            )


def cells_of(targets: Sequence[Target], estimate: Sequence[FloatArray], *, by_unit: bool) -> Cells:
    """Cells of every period: gaps before the start too.

    Parameters
    ----------
    targets
        The series.
    estimate
        (T,) effects of each.
    by_unit
        Whether cells are of units or of whole cohorts.
    """
    starts = np.array([target.pool.start for target in targets], dtype=np.int64)
    sizes = np.array([target.size for target in targets], dtype=np.int64)
    cohorts, place = np.unique(starts, return_inverse=True)
    of_cohort = np.bincount(place, weights=sizes)
    lengths = [len(target.series.own) for target in targets]
    period = np.concatenate([target.series.time for target in targets])
    cohort = np.repeat(starts, lengths)
    return Cells(
        cohort=cohort,
        period=period,
        event_time=period - cohort,
        estimate=np.concatenate(list(estimate)),
        observed=np.concatenate([target.series.own for target in targets]),
        n_treated=np.repeat(sizes, lengths),
        is_reference=np.zeros(len(period), dtype=np.bool_),
        share_cohorts=cohorts,
        shares=of_cohort / of_cohort.sum(),
        unit=np.repeat(np.arange(len(targets)), lengths) if by_unit else None,
        fraction=np.repeat(sizes / of_cohort[place], lengths) if by_unit else None,
    )
