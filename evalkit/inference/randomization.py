"""Randomization inference: the same starts given to other clusters, with the interval that belongs to it."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from evalkit.data.panel import Panel
from evalkit.errors import Reason
from evalkit.inference.refits import Statistic, assigned, shifted, treated_cells
from evalkit.inference.reported import Interval, NotComputable
from evalkit.numerics.inversion import Family
from evalkit.numerics.reassignment import RollOut, roll_out
from evalkit.numerics.static_two_way_batch import two_way_batch
from evalkit.vocabulary import FloatArray, IntArray

STREAM = zlib.crc32(b"check:randomization_inference")
"""Key of the random assignments: the check of this name and the reported interval compare with the same ones."""
NO_ONE_START = Reason("treatment rises, falls or changes again: it has no one start to be moved or given to others")
LINEAR = 1e-6
"""Relative distance from the straight line (parabola) through three nulls at which a fourth must lie."""
FOURTH = 2.5
"""A null, in units of the error, at which line and parabola are tested."""
TOO_MANY_FAILURES = 0.5
"""Share of assignments that may have no estimate."""


@dataclass(frozen=True, slots=True)
class Assignments:
    """Other roll-outs to compare with, the one that happened left out.

    Attributes
    ----------
    plan
        Which clusters may swap which starts.
    exact
        Whether all different roll-outs are used.
    count
        Other roll-outs, B.
    """

    plan: RollOut
    exact: bool
    count: int
    seed: int

    def others(self) -> Iterator[IntArray]:
        """(N,) first treated periods of each."""
        if not self.exact:
            yield from self.plan.drawn(self.count, np.random.default_rng([self.seed, STREAM]))
            return
        happened = self.plan.starts[self.plan.codes]
        yield from (starts for starts in self.plan.every() if not np.array_equal(starts, happened))


def assignments_of(panel: Panel, draws: int, seed: int) -> Assignments:
    """All different roll-outs where there are at most ``draws + 1``, else random ones.

    Raises
    ------
    NotComputable
        When a cluster has no one start, or no other roll-out was possible.
    """
    if panel.dose is not None:
        raise NotComputable(NO_ONE_START)
    plan = roll_out(panel.first_treated, assigned(panel), panel.always_treated)
    if plan is None:
        raise NotComputable(
            Reason(
                "some clusters hold units that started at different times: a cluster has no one start that could "
                "have gone to another"
            )
        )
    if plan.distinct < 2:
        raise NotComputable(Reason("no other roll-out was possible: every place that could swap started alike"))
    exact = plan.distinct <= draws + 1
    return Assignments(plan, exact, plan.distinct - 1 if exact else draws, seed)


def randomization(
    panel: Panel,
    statistic: Statistic,
    assignments: Assignments,
    *,
    alpha: float,
    studentized: bool = True,
    at_once: bool = False,
) -> Interval:
    """p-value and the interval of all constant effects that the permutation test does not reject.

    For a constant effect c the outcome without the programme is y - c D, so c is tested by repeating the
    test on it. Estimators are linear in the outcome: three refits of each assignment give its statistic
    for every c, and the bounds are roots of polynomials (:mod:`evalkit.numerics.inversion`). A fourth
    refit checks that the estimate is linear and its variance a parabola, and compares plain effects where it is none.

    With one treated cluster this is the placebo test in space (Abadie, Diamond and Hainmueller 2010).

    Parameters
    ----------
    panel
        As analysed.
    statistic
        Effect and error on any panel.
    assignments
        From :func:`assignments_of`.
    alpha
        One minus the level.
    studentized
        Compare effect over error, where all errors are above 0 (MacKinnon and Webb 2020).
    at_once
        The statistic is the static two-way coefficient of a balanced panel without weights and anticipation:
        all assignments are computed as arrays.

    Raises
    ------
    NotComputable
        When no effect, however large, could reach `alpha`; the estimate is not linear in the outcome; or most
        roll-outs cannot be estimated.
    """
    least = assignments.plan.mirrors / assignments.plan.distinct if assignments.exact else 1.0 / (1 + assignments.count)
    if least > alpha + 1e-12:
        raise NotComputable(
            Reason("no data could give a p-value below {least:.2g}: there are too few other roll-outs", least=least)
        )
    center, error = statistic(panel)
    if not np.isfinite(center):
        raise NotComputable(Reason("the statistic cannot be estimated"))
    unit = error if error > 0.0 else abs(center) or 1.0
    added = treated_cells(panel)
    *nulls, fourth = (shifted(panel, -(center + step * unit) * added) for step in (-1.0, 0.0, 1.0, FOURTH))
    happened = np.array([statistic(null) for null in nulls])
    if abs((happened[2, 0] - happened[0, 0]) / (2.0 * unit) + 1.0) > LINEAR:
        raise NotComputable(Reason("the estimator does not give a constant effect back that is added to the outcome"))
    parabola = _require_linear(statistic, nulls, fourth, unit)
    if at_once:
        starts_of_all = np.stack(list(assignments.others()))
        outcomes = np.stack([null.outcome for null in nulls])
        others = two_way_batch(outcomes, starts_of_all, panel.time, panel.cluster_codes)
        return _interval(np.concatenate([happened[None], others]), assignments, center, unit, alpha, studentized)
    rows = [happened]
    for starts in assignments.others():
        moved = [dataclasses.replace(null, first_treated=starts) for null in nulls]
        if len(rows) == 1 and np.isfinite(statistic(moved[0])[0]):
            parabola &= _require_linear(statistic, moved, dataclasses.replace(fourth, first_treated=starts), unit)
        rows.append(np.array([statistic(null) for null in moved]))
    return _interval(np.stack(rows), assignments, center, unit, alpha, studentized and parabola)


def _interval(
    found: FloatArray, assignments: Assignments, center: float, unit: float, alpha: float, studentized: bool
) -> Interval:
    """The interval from (1 + B, 3, 2) effects and errors at the nulls -1, 0 and 1, counted in `unit` from `center`."""
    failed = int(np.isnan(found[1:, :, 0]).any(axis=1).sum())
    if failed > TOO_MANY_FAILURES * assignments.count:
        raise NotComputable(
            Reason(
                "{failed} of {rollouts} other roll-outs could not be estimated",
                failed=failed,
                rollouts=assignments.count,
            )
        )
    family = family_of(found, exact=assignments.exact, studentized=studentized)
    low, high = family.interval(alpha)
    if not np.isfinite([low, high]).all():
        raise NotComputable(Reason("the interval has no bound: some effects can never be rejected with so few places"))
    return Interval(
        low=center + unit * low,
        high=center + unit * high,
        p_value=family.p_value(-center / unit),
        smallest_p=family.smallest_p,
        details={
            "n_assignments": float(1 + assignments.count),
            "exact": float(assignments.exact),
            "studentized": float(family.variance is not None),
            "n_not_estimable": float(failed),
        },
    )


def family_of(found: FloatArray, *, exact: bool, studentized: bool) -> Family:
    """Statistics at the nulls -1, 0 and 1 to statistics at every null.

    Parameters
    ----------
    found
        (B, 3, 2) effect and error at the three nulls, the roll-out that happened first; NaN where there is none.
    exact, studentized
        As of :class:`~evalkit.numerics.inversion.Family`; never studentized where an error is 0.
    """
    below, at, above = found[:, 0], found[:, 1], found[:, 2]
    shift, slope = at[:, 0], 0.5 * (above[:, 0] - below[:, 0])
    known = ~np.isnan(found[:, :, 0]).any(axis=1)
    shift, slope = np.where(known, shift, np.nan), np.where(known, slope, np.nan)
    variance = None
    if studentized and bool((found[known][:, :, 1] > 0.0).all()):
        low, middle, high = (side[:, 1] ** 2 for side in (below, at, above))
        variance = np.stack([middle, 0.5 * (high - low), 0.5 * (high + low) - middle], axis=1)
    return Family(shift, slope, variance, exact)


def _require_linear(statistic: Statistic, nulls: list[Panel], fourth: Panel, unit: float) -> bool:
    """Refuse an estimate that is not linear in the outcome; say whether its variance is a parabola.

    Parameters
    ----------
    statistic, unit
        As above.
    nulls, fourth
        Panels of one assignment at the nulls -1, 0, 1 and :data:`FOURTH`, in units of `unit`.
    """
    found, (effect, error) = np.array([statistic(null) for null in nulls]), statistic(fourth)
    line = found[1, 0] + 0.5 * FOURTH * (found[2, 0] - found[0, 0])
    if abs(effect - line) > LINEAR * unit * FOURTH:
        raise NotComputable(
            Reason("the estimate is not linear in the outcome, so the test has no interval in closed form")
        )
    low, middle, high = found[:, 1] ** 2
    parabola = middle + 0.5 * FOURTH * (high - low) + FOURTH**2 * (0.5 * (high + low) - middle)
    return bool(abs(error**2 - parabola) <= LINEAR * max(error**2, unit**2))
