"""One ATT(g, t) from repeated cross-sections: four samples of different people, two arms in two periods.

Sant'Anna and Zhao (2020), section 2 and eqs. 3.7 to 3.12, logit and least squares as R `DRDID` has them
(``drdid_rc``, ``drdid_rc1``, ``std_ipw_did_rc``, ``reg_did_rc``). With D the treated arm, r the odds p / (1 - p) of the
propensity score, m_d,t the regression of the outcome in arm d and period t, and averages weighted in each sample:

    traditional        E_11[y - m_01] - E_10[y - m_00] - (E^r_01[y - m_01] - E^r_00[y - m_00])
    locally efficient  adds  (E_D - E_11)[m_11 - m_01] - (E_D - E_10)[m_10 - m_00]

E_1t averages the treated seen in period t, E_D the treated of both periods, E^r_0t the comparison arm
reweighted. Both take for granted that who is in an arm does not change between the periods (assumption 1(b)).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from evalkit.numerics.doubly_robust import OVERLAP_LIMIT, TRIMMED_FROM, Method
from evalkit.numerics.least_squares import cross_products, independent_columns, inverse_on
from evalkit.numerics.logit import fit_logit, scores
from evalkit.vocabulary import BoolArray, FloatArray

Form = Literal["locally_efficient", "traditional"]
Place = tuple[bool, bool]
"""Whether treated arm, whether the later period."""
PLACES: tuple[Place, ...] = ((True, True), (True, False), (False, True), (False, False))


@dataclass(frozen=True, slots=True)
class Sample:
    """Persons of one arm seen in one period.

    Attributes
    ----------
    X
        (n, p) regressors, constant first.
    weight
        (n,) above 0.
    outcome
        (n,) outcomes.
    """

    X: FloatArray
    weight: FloatArray
    outcome: FloatArray


@dataclass(frozen=True, slots=True)
class Sums:
    """What one sample says, by weighted sums.

    Attributes
    ----------
    gram, moment
        (p, p) X'WX; (p,) X'Wy.
    n
        Persons.
    """

    gram: FloatArray
    moment: FloatArray
    n: int

    @property
    def total(self) -> float:
        """Sum of weights."""
        return float(self.gram[0, 0])

    @property
    def average(self) -> FloatArray:
        """(p,) means of the regressors."""
        means: FloatArray = self.gram[0] / self.total
        return means

    @property
    def mean(self) -> float:
        """Mean of the outcome."""
        return float(self.moment[0]) / self.total


@dataclass(frozen=True, slots=True)
class Refused:
    """Why there is no estimate.

    Attributes
    ----------
    reason
        ``collinear``: regressors that one sample cannot tell apart; ``too_few``: no more persons than regressors;
        ``no_overlap``: the propensity score tells the arms apart.
    place
        The sample; None where it is all four together.
    dropped
        (p,) True for regressors that those before them explain.
    """

    reason: Literal["collinear", "too_few", "no_overlap"]
    place: Place | None
    dropped: BoolArray


@dataclass(frozen=True, slots=True)
class Contrast:
    """One effect with what its influence functions need. Mappings hold the samples that play the part.

    Attributes
    ----------
    effect
        The ATT.
    level, total, centre
        (p,) coefficients that go off the outcome; sum of the (re)weighted weights; mean of what is left.
    slope, through
        (p,) least squares within a sample; (p,) gradient of the effect with respect to it, times (X'WX)^-1.
    gain, average_gain, treated_total
        (p,) modelled gain averaged over the treated of both periods, its average, their sum of weights.
    gamma, score
        (p,) propensity score, None without one; (p,) gradient through it, times the inverse information.
    """

    effect: float
    level: Mapping[Place, FloatArray]
    total: Mapping[Place, float]
    centre: Mapping[Place, float]
    slope: Mapping[Place, FloatArray]
    through: Mapping[Place, FloatArray]
    gain: FloatArray
    average_gain: float
    treated_total: float
    gamma: FloatArray | None
    score: FloatArray

    def influence(self, sample: Sample, place: Place) -> FloatArray:
        """(n,) influence functions of some persons of a sample; the variance is the sum of all their squares."""
        treated, later = place
        X, weight = sample.X, sample.weight
        psi = np.zeros(len(X))
        fitted = psi if self.gamma is None else scores(X, self.gamma)
        if place in self.total:
            share = weight if treated else _odds(weight, fitted)
            psi = share / self.total[place] * (sample.outcome - X @ self.level[place] - self.centre[place])
            if treated != later:
                psi = -psi
        if treated:
            psi = psi + weight / self.treated_total * (X @ self.gain - self.average_gain)
        if place in self.slope:
            psi = psi + weight * (sample.outcome - X @ self.slope[place]) * (X @ self.through[place])
        if self.gamma is not None:
            psi = psi + weight * ((1.0 if treated else 0.0) - fitted) * (X @ self.score)
        return psi


def sums_of(sample: Sample) -> Sums:
    """Cross-products of one sample."""
    gram, moment = cross_products(sample.X, sample.weight, sample.outcome[:, None])
    return Sums(gram, moment[:, 0], len(sample.X))


def fit_contrast(
    samples: Mapping[Place, Sample],
    sums: Mapping[Place, Sums],
    method: Method,
    form: Form,
    start: FloatArray | None = None,
) -> Contrast | Refused:
    """Estimate one ATT from four samples.

    Parameters
    ----------
    samples, sums
        By arm and period.
    method
        ``dr``, ``ipw`` or ``reg``; one and the same without covariates.
    form
        Of the doubly robust estimator.
    start
        (p,) first guess of the propensity score's coefficients.
    """
    p = len(sums[PLACES[0]].moment)
    if p == 1:
        method = "reg"
    lines = _lines(sums, _regressed(method, form))
    if isinstance(lines, Refused):
        return lines
    zero = np.zeros(p)
    slope = {place: bread @ sums[place].moment for place, bread in lines.items()}
    treated_total = sum(sums[True, later].total for later in (True, False))
    average = sum(sums[True, later].gram[0] for later in (True, False)) / treated_total
    gain, gradient = zero, dict.fromkeys(lines, zero)
    level = {(True, later): zero for later in (True, False)}
    if method == "reg":
        gain = slope[False, False] - slope[False, True]
        gradient = {(False, True): -average, (False, False): average}
    elif method == "dr" and form == "traditional":
        level = {(True, later): slope[False, later] for later in (True, False)}
        gradient = {(False, True): -sums[True, True].average, (False, False): sums[True, False].average}
    elif method == "dr":
        level = {(True, later): slope[True, later] for later in (True, False)}
        gain = slope[True, True] - slope[True, False] - slope[False, True] + slope[False, False]
        gradient = {
            (True, True): average - sums[True, True].average,
            (True, False): sums[True, False].average - average,
            (False, True): -average,
            (False, False): average,
        }
    centre = {place: sums[place].mean - float(sums[place].average @ line) for place, line in level.items()}
    base = Contrast(
        effect=centre[True, True] - centre[True, False] + float(average @ gain),
        level=level,
        total={place: sums[place].total for place in level},
        centre=centre,
        slope=slope,
        through=gradient,
        gain=gain,
        average_gain=float(average @ gain),
        treated_total=treated_total,
        gamma=None,
        score=zero,
    )
    whole = base if method == "reg" else _reweight(base, samples, sums, start)
    return whole if isinstance(whole, Refused) else _through(whole, lines)


def _regressed(method: Method, form: Form) -> tuple[Place, ...]:
    """Samples with a regression of their own."""
    if method == "ipw":
        return ()
    return PLACES if method == "dr" and form == "locally_efficient" else ((False, True), (False, False))


def _lines(sums: Mapping[Place, Sums], places: tuple[Place, ...]) -> dict[Place, FloatArray] | Refused:
    """(X'WX)^-1 of the samples with a regression; a minimum-norm solution is never taken."""
    found = {}
    for place in places:
        gram = sums[place].gram
        kept = independent_columns(gram)
        if not kept.all() or sums[place].n <= len(kept) > 1:
            return Refused("too_few" if kept.all() else "collinear", place, ~kept)
        found[place] = inverse_on(gram, kept)
    return found


def _reweight(
    base: Contrast, samples: Mapping[Place, Sample], sums: Mapping[Place, Sums], start: FloatArray | None
) -> Contrast | Refused:
    """Take off the change of the comparison arm, reweighted by the odds of the propensity score."""
    kept = independent_columns(np.sum([each.gram for each in sums.values()], axis=0))
    if not kept.all():
        return Refused("collinear", None, ~kept)
    own, other = (
        [
            np.concatenate([getattr(samples[treated, later], name) for later in (True, False)])
            for name in ("X", "weight")
        ]
        for treated in (True, False)
    )
    fit = fit_logit(own[0], own[1], other[0], other[1], start)
    if fit is None or not fit.largest < OVERLAP_LIMIT:
        return Refused("no_overlap", None, ~kept)
    level, total, centre, through = dict(base.level), dict(base.total), dict(base.centre), dict(base.through)
    effect, pull = base.effect, np.zeros(len(kept))
    for later, sign in ((True, -1.0), (False, 1.0)):
        place, sample = (False, later), samples[False, later]
        odds = _odds(sample.weight, scores(sample.X, fit.gamma))
        gram, moment = cross_products(sample.X, odds, sample.outcome[:, None])
        if not gram[0, 0] > 0.0:
            return Refused("no_overlap", place, ~kept)
        line = base.slope.get(place, np.zeros(len(kept)))
        left = moment[:, 0] - gram @ line
        level[place], total[place] = line, float(gram[0, 0])
        centre[place] = float(left[0]) / total[place]
        effect += sign * centre[place]
        pull += sign * (left - centre[place] * gram[0]) / total[place]
        if place in through:
            through[place] = through[place] - sign * gram[0] / total[place]
    return replace(
        base, effect=effect, level=level, total=total, centre=centre, through=through, gamma=fit.gamma,
        score=fit.information_inverse @ pull,
    )  # fmt: skip


def _through(contrast: Contrast, breads: Mapping[Place, FloatArray]) -> Contrast:
    """Gradients by coefficient become gradients by score of the least squares."""
    return replace(contrast, through={place: bread @ contrast.through[place] for place, bread in breads.items()})


def _odds(weight: FloatArray, fitted: FloatArray) -> FloatArray:
    """(n,) weights that make the comparison arm look like the treated arm, trimmed as in R `DRDID`."""
    return np.where(fitted < TRIMMED_FROM, weight * fitted / (1.0 - fitted), 0.0)
