"""The static coefficient and the event study of repeated cross-sections, with their joint covariance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from evalkit.errors import DesignRefused, Reason
from evalkit.numerics.bacon import forbidden_share
from evalkit.numerics.cross_section_regression import Persons, Regression, homoskedastic, influence_blocks, regress
from evalkit.vocabulary import POOLED, BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class TwoWay:
    """The static coefficient (label ``POOLED``), k event times and the reference, in this order.

    Attributes
    ----------
    labels, effect
        (k + 2,) event times and coefficients; 0 at the reference.
    covariance
        (k + 2, k + 2), corrections included.
    influence_of
        Makes the (persons or clusters, k + 2) influence functions; None for homoskedastic errors.
    degrees_of_freedom
        Of the static regression.
    n_persons
        Usable rows.
    observed, n_treated
        (k + 2,) weighted mean outcome and number of the treated persons behind each.
    absorbed
        (p,) covariates without variation of their own in the static regression.
    anticipated
        Persons in periods of anticipation, left out of the static regression.
    second_reference
        Event time that is 0 as well, where no group is never treated.
    forbidden_share
        Share of the static coefficient's weight on comparisons with groups treated already.
    """

    labels: IntArray
    effect: FloatArray
    covariance: FloatArray
    influence_of: Callable[[], FloatArray] | None
    degrees_of_freedom: float
    n_persons: int
    observed: FloatArray
    n_treated: IntArray
    absorbed: BoolArray
    anticipated: int
    second_reference: int | None
    forbidden_share: float


def fit_two_way(persons: Persons, starts: IntArray, time: IntArray, *, anticipation: int, robust: bool) -> TwoWay:
    """Regress on a dummy of treatment, and on dummies of event time.

    Parameters
    ----------
    persons
        Usable rows; the outcome may have a constant taken off.
    starts, time
        (G,) first treated periods of the groups; (T,) ordinals of the periods.
    anticipation
        Periods before the start that the static regression leaves out; the reference lies before them.
    robust
        Errors from influence functions, clustered where there are clusters; else homoskedastic.

    Raises
    ------
    DesignRefused
        When treatment does not vary once group and period effects are taken out, or there is no reference.
    """
    never = starts > time[-1]
    relative = np.where(never[:, None], POOLED, time[None, :] - np.where(never, 0, starts)[:, None])
    anticipated = (relative >= -anticipation) & (relative < 0)
    count = persons.total()
    static = regress(persons, (relative >= 0)[None].astype(np.float64), ~anticipated)
    if not static.kept[0]:
        raise DesignRefused(
            Reason(
                "Treatment does not vary within groups and periods: once group and period effects and covariates are "
                "taken out, nothing is left of it."
            ),
            next_step="Add groups that start at another time or never, and periods before the start.",
        )
    window = np.broadcast_to((starts > time[0])[:, None], relative.shape)
    times, second = _event_times(relative, window & (count > 0), bool(never.any()), -1 - anticipation)
    dynamic = regress(persons, (relative == times[:, None, None]).astype(np.float64), window)
    times = times[dynamic.kept[: len(times)]]
    labels = np.concatenate([[POOLED], times, [-1 - anticipation]]).astype(np.int64)
    chosen = np.concatenate([[True], dynamic.kept[: dynamic.n_dummies]])
    covariance, influence_of = _uncertainty(static, dynamic, chosen, robust)
    starting = np.where(window, relative, POOLED)  # always-treated groups are comparisons
    size = persons.cell_weight.sum(axis=1)
    treated_share = (time >= starts[:, None]).mean(axis=1)
    return TwoWay(
        labels=labels,
        effect=np.concatenate([static.coefficient[:1], dynamic.coefficient[: dynamic.n_dummies][chosen[1:]], [0.0]]),
        covariance=covariance,
        influence_of=influence_of,
        degrees_of_freedom=_degrees_of_freedom(static, robust),
        n_persons=len(persons),
        observed=np.array([_mean(persons, _cells_of(label, starting)) for label in labels]),
        n_treated=np.array([int(count[_cells_of(label, starting)].sum()) for label in labels], dtype=np.int64),
        absorbed=~static.kept[1:],
        anticipated=int(count[anticipated].sum()),
        second_reference=second,
        forbidden_share=forbidden_share(*_timing_groups(size, treated_share)),
    )


def _event_times(relative: IntArray, inside: BoolArray, has_never: bool, reference: int) -> tuple[IntArray, int | None]:
    """Event times with a dummy, and the second reference where one is needed."""
    times = np.unique(relative[inside & (relative != POOLED)])
    if reference not in times:
        raise DesignRefused(
            Reason(
                "No treated group is observed at event time {reference}, the reference of the event study.",
                reference=reference,
            ),
            next_step="Lower the anticipation, or add periods before the start.",
        )
    times = times[times != reference]
    if has_never:
        return times, None
    # without never-treated groups event time, group and period are collinear: one more reference
    second = int(times.min())
    if second >= reference:
        raise DesignRefused(
            Reason("All groups become treated and have one untreated period only: the event study is not identified."),
            next_step="Add never-treated groups or earlier periods.",
        )
    return times[times != second], second


def _uncertainty(
    static: Regression, dynamic: Regression, chosen: BoolArray, robust: bool
) -> tuple[FloatArray, Callable[[], FloatArray] | None]:
    """Joint covariance with a reference of 0; homoskedastic errors of two regressions are not joined."""
    size = int(chosen.sum()) + 1
    covariance = np.zeros((size, size))
    if not robust:
        covariance[:1, :1] = homoskedastic(static)
        covariance[1:-1, 1:-1] = homoskedastic(dynamic)[np.ix_(chosen[1:], chosen[1:])]
        return covariance, None
    for block in influence_blocks([static, dynamic]):
        psi = block[:, chosen]
        covariance[:-1, :-1] += psi.T @ psi

    def influence() -> FloatArray:
        psi = np.concatenate([block[:, chosen] for block in influence_blocks([static, dynamic])])
        return np.hstack([psi, np.zeros((len(psi), 1))])

    return covariance, influence


def _degrees_of_freedom(static: Regression, robust: bool) -> float:
    if robust and static.persons.cluster is not None:
        return float(static.persons.n_clusters - 1)
    return float(max(static.n_rows - static.n_effects - int(static.kept.sum()), 1))


def _cells_of(label: int, relative: IntArray) -> BoolArray:
    return np.asarray(relative >= 0 if label == POOLED else relative == label)


def _mean(persons: Persons, cells: BoolArray) -> float:
    weight = persons.cell_weight[cells]
    return float(np.average(persons.means[-1][cells], weights=weight)) if weight.sum() > 0.0 else float("nan")


def _timing_groups(size: FloatArray, treated_share: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Groups that start together are one, so that the cost does not grow with the square of the groups."""
    shares, member = np.unique(treated_share, return_inverse=True)
    return np.bincount(member, weights=size) / size.sum(), shares
