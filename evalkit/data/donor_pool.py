"""Donors and periods of each treated unit, for estimators that fit it by others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evalkit.data.panel import Panel
from evalkit.errors import DesignRefused, Reason
from evalkit.language import say
from evalkit.language.nouns import quoted
from evalkit.vocabulary import BoolArray, Comparison, FloatArray, IntArray, Remark

NAMED = 8
"""Donors left out that are named; more are counted."""
MOST_EFFECTS = 5_000
"""Unit-periods beyond which effects of single units and their covariance (200 MB) are refused."""


@dataclass(frozen=True, slots=True)
class Pool:
    """One treated unit with its donors.

    Attributes
    ----------
    unit
        Row of the panel.
    start
        Ordinal of its first treated period.
    donors
        (J,) rows of the panel: untreated, and observed, in all of `columns`; in the order of :func:`by_data`.
    columns
        (P,) columns of the panel in which the treated unit is observed, up to the end of follow-up.
    event_time
        (P,) period minus start.
    fit
        (P,) periods before the start and before any anticipation: the donors are weighted to fit these.
    """

    unit: int
    start: int
    donors: IntArray
    columns: IntArray
    event_time: IntArray
    fit: BoolArray

    @property
    def post(self) -> BoolArray:
        """(P,) periods under treatment."""
        return np.asarray(self.event_time >= 0)

    @property
    def group(self) -> tuple[object, ...]:
        """Equal for treated units whose placebos are the same."""
        return self.start, self.donors.tobytes(), self.columns.tobytes()

    def treated_series(self, values: FloatArray) -> FloatArray:
        """(P,) of the treated unit."""
        series: FloatArray = values[self.unit, self.columns]
        return series

    def donor_series(self, values: FloatArray) -> FloatArray:
        """(P, J) of the donors, one column each."""
        series: FloatArray = values[np.ix_(self.donors, self.columns)].T
        return series


def by_data(panel: Panel) -> IntArray:
    """(N,) rows of the panel in an order that their data alone decide: by outcome in the first period, and so on.

    Where many weights fit as well, a solver's pick depends on the order of donors, and so do random draws; names must
    decide neither. The order is the same after a shift or a change of unit of the outcome, and after a constant is
    added to all units in a period. Units with the same data are interchangeable.
    """
    keys = [*panel.outcome.T, panel.first_treated, *(column for each in panel.covariates.values() for column in each.T)]
    return np.lexsort([np.nan_to_num(key, nan=np.inf, posinf=np.inf) for key in reversed(keys)])


def donor_pools(
    panel: Panel,
    *,
    name: str,
    anticipation: int = 0,
    comparison: Comparison = "never_treated",
    follow_up: int | None = None,
    fewest_fit_periods: int = 2,
    also_known: Sequence[FloatArray] = (),
) -> tuple[tuple[Pool, ...], tuple[Remark, ...]]:
    """Donors and periods of each treated unit; treated units, too, in the order of :func:`by_data`.

    Parameters
    ----------
    panel
        Units with weights that differ are refused: a weighted average of donors has no place for them.
    name
        Of the estimator, for its refusals.
    anticipation
        Periods before the start that are not fitted, as effects are allowed in them.
    comparison
        ``never_treated``: donors are units untreated through the panel's last period. ``not_yet_treated``: also units
        that start later, if untreated (anticipation included) through the end of follow-up.
    follow_up
        Last event time of interest; None for all periods.
    fewest_fit_periods
        Treated units with fewer periods to fit are left out.
    also_known
        Each (N, T): further values that donors and treated units must have in the fitted periods.

    Raises
    ------
    DesignRefused
        Without a treated unit that has donors and periods to fit; with weights that differ.
    """
    _refuse(panel, name)
    order = by_data(panel)
    inside = order[~(panel.never_treated | panel.always_treated)[order]]
    found: list[Pool] = []
    short: list[int] = []
    gone: set[int] = set()
    for unit in inside:
        start = int(panel.first_treated[unit])
        event_time = panel.time - start
        columns = np.flatnonzero(panel.observed[unit] & (event_time <= (np.inf if follow_up is None else follow_up)))
        fit = event_time[columns] < -anticipation
        clean = _untreated(panel, comparison, anticipation, event_time, columns)
        whole = clean & panel.observed[:, columns].all(axis=1)
        for values in also_known:
            whole &= ~np.isnan(values[:, columns[fit]]).all(axis=1)
        gone |= {int(row) for row in np.flatnonzero(clean & ~whole)}
        enough = fit.sum() >= fewest_fit_periods and (event_time[columns] >= 0).any()
        if not enough or not whole.any():
            short.append(int(unit))
            continue
        found.append(Pool(int(unit), start, order[whole[order]], columns, event_time[columns], fit))
    if not found:
        raise _no_pool(panel, name, inside, fewest_fit_periods, anticipation)
    effects = sum(len(pool.columns) for pool in found)
    if effects > MOST_EFFECTS:
        raise DesignRefused(
            Reason(
                "{name} fits each treated unit by itself: {count} treated units have {effects} effects by period, "
                "and the most it takes is {most}.",
                name=name,
                count=len(found),
                effects=effects,
                most=MOST_EFFECTS,
            ),
            next_step="Use synthetic_did or imputation, or average the units by place.",
        )
    return tuple(found), tuple(_remarks(panel, sorted(short), sorted(gone), fewest_fit_periods))


def _refuse(panel: Panel, name: str) -> None:
    if panel.weight is not None and np.ptp(panel.weight[panel.observed]) > 0.0:
        raise DesignRefused(
            Reason("{name} takes no sampling weights: its donors are weighted to fit the treated.", name=name),
            next_step="Build the panel without weight (data.weight).",
        )


def _untreated(
    panel: Panel, comparison: Comparison, anticipation: int, event_time: IntArray, columns: IntArray
) -> BoolArray:
    """(N,) units untreated in all periods of interest; units that start soon after the window may react within it."""
    last = int(panel.time[columns[-1]]) if comparison == "not_yet_treated" and columns.size else int(panel.time[-1])
    starts = np.minimum(panel.first_treated, np.iinfo(np.int64).max - anticipation)
    return np.asarray((starts - anticipation > last) | (panel.first_treated == np.iinfo(np.int64).max))


def _no_pool(panel: Panel, name: str, inside: IntArray, fewest: int, anticipation: int) -> DesignRefused:
    if not inside.size:
        return DesignRefused(
            Reason("No unit starts treatment within the window: there is no before and after to compare."),
            next_step="Widen the periods so that they include some before and after a start.",
        )
    if not (panel.first_treated > panel.time[-1]).any():
        return DesignRefused(
            Reason("{name} has no donors: every unit is treated by the last period.", name=name),
            allowed="units that stay untreated through the window",
            next_step="Add places without the programme, or set comparison=not_yet_treated and a follow_up.",
        )
    return DesignRefused(
        Reason(
            "{name} can fit no treated unit: it needs at least {fewest} periods before the start and its anticipation "
            "of {anticipation}, and a donor observed whenever the treated is."
            if anticipation
            else "{name} can fit no treated unit: it needs at least {fewest} periods before the start, and a donor "
            "observed whenever the treated is.",
            name=name,
            fewest=fewest,
            anticipation=anticipation,
        ),
        next_step="Add earlier periods, or fill the gaps of the comparison places.",
    )


def _remarks(panel: Panel, short: list[int], gone: list[int], fewest: int) -> list[Remark]:
    remarks = []
    always = int(panel.always_treated.sum())
    if always:
        remarks.append(
            Remark(
                "always_treated_excluded",
                say("{always} units are treated throughout and take no part.", always=always),
                treated=always,
            )
        )
    if short:
        remarks.append(
            Remark(
                "treated_not_fitted",
                say(
                    "{count} treated units were left out: fewer than {fewest} periods to fit, or no donor "
                    "observed whenever they are ({short}).",
                    count=len(short),
                    fewest=fewest,
                    short=quoted([str(panel.units[row]) for row in short], limit=NAMED),
                ),
                treated=len(short),
            )
        )
    if gone:
        remarks.append(
            Remark(
                "donors_left_out",
                say(
                    "{count} comparison units were left out as donors, as they are not observed in every period "
                    "that is compared ({gone}).",
                    count=len(gone),
                    gone=quoted([str(panel.units[row]) for row in gone], limit=NAMED),
                ),
                comparison=len(gone),
            )
        )
    return remarks
