"""Standard errors from replicates of a whole fit, for estimators that weight or model comparison units.

Which kind is taken follows one rule: with 10 treated clusters or more the jackknife, below that placebos, and in either
case whichever is defined where the first is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from evalkit.errors import DesignRefused, Reason
from evalkit.estimate import Estimate
from evalkit.language import Phrases
from evalkit.uncertainty import OwnInterval
from evalkit.vocabulary import FloatArray, OwnMethod, Remark

Kind = Literal["jackknife", "placebo", "bootstrap"]
FEWEST_TREATED: Final = 10
"""Treated clusters from which the jackknife is taken by itself; its theory lets their number grow."""
METHOD: Final[Mapping[Kind, OwnMethod]] = {
    "jackknife": "jackknife",
    "bootstrap": "bootstrap",
    "placebo": "placebo_variance",
}
_HOW: Final = {
    "jackknife": "Standard errors leave out one cluster at a time (jackknife, {count} replicates), with Student's t.",
    "placebo": "Standard errors are the spread of {count} placebos: the same starts given to comparison units, with "
    "Student's t. They take it that treated units are as noisy as these.",
    "bootstrap": "Standard errors draw the clusters again and fit anew ({count} bootstrap samples).",
}
HOW: Final = Phrases(_HOW)


@dataclass(frozen=True, slots=True)
class Replicates:
    """How errors are made.

    Attributes
    ----------
    influence
        (R, K + G) deviations whose cross product is the covariance.
    count
        R.
    degrees
        Of the t reference; None for the normal.
    """

    kind: Kind
    influence: FloatArray
    count: int
    degrees: float | None = None

    def remark(self) -> Remark:
        """What the reader must know of them."""
        return Remark("standard_errors", HOW[self.kind].format(count=self.count))


def kind_of(
    asked: str, n_treated: int, offered: tuple[Kind, ...], undefined: Callable[[Kind], Reason | None], name: str
) -> Kind:
    """The kind of errors of a design.

    Parameters
    ----------
    asked
        ``auto`` or a kind.
    n_treated
        Treated clusters.
    offered
        Kinds that the estimator has.
    undefined
        Says why a kind has no standard error here; None where it has one.
    name
        Of the estimator, for the refusal.

    Raises
    ------
    DesignRefused
        When none is defined.
    """
    many: tuple[Kind, ...] = ("jackknife", "placebo", "bootstrap")
    few: tuple[Kind, ...] = ("placebo", "jackknife", "bootstrap")
    order = many if n_treated >= FEWEST_TREATED else few
    wanted = [kind for kind in order if kind in offered and asked in ("auto", kind)]
    why = []
    for kind in wanted:
        reason = undefined(kind)
        if reason is None:
            return kind
        why.append(Reason("{kind}: {reason}", kind=kind, reason=reason))
    raise DesignRefused(
        Reason("{name} has no standard error for this design ({reasons}).", name=name, reasons=why),
        next_step="Add comparison units, or use estimator=synthetic_control, which places each of them in turn.",
    )


def from_jackknife(found: FloatArray, whole: FloatArray, n_treated: int) -> Replicates:
    """Replicates that leave out one cluster each: variance (C-1)/C times their sum of squares around the estimate."""
    n = len(found)
    return Replicates("jackknife", np.sqrt((n - 1) / n) * (found - whole), n, n_treated - 1.0)


def from_placebos(found: FloatArray, n_comparison: int) -> Replicates:
    """Placebos: their variance around their mean, which comparison units less one degrees of freedom know.

    However many ways there are to give starts to comparison units, the spread is that of these units' own noise (as in
    Donald and Lang 2007). Dividing by the number of placebos is right: that each is compared with one unit fewer
    than the treated makes up for it.
    """
    return _around_mean("placebo", found, n_comparison - 1.0)


def from_bootstrap(found: FloatArray) -> Replicates:
    """Bootstrap samples: their variance around their mean, with the normal reference."""
    return _around_mean("bootstrap", found, None)


def _around_mean(kind: Kind, found: FloatArray, degrees: float | None) -> Replicates:
    return Replicates(kind, (found - found.mean(axis=0)) / np.sqrt(len(found)), len(found), degrees)


def with_own(estimate: Estimate, replicates: Replicates) -> Estimate:
    """State the overall effect's interval with its method, so that it is the one reported."""
    overall = estimate.aggregation("overall")
    own = OwnInterval(
        method=METHOD[replicates.kind],
        low=float(overall.low[0]),
        high=float(overall.high[0]),
        level=estimate.level,
        p_value=float(overall.p_values()[0]),
        degrees_of_freedom=replicates.degrees,
        details={"std_error": float(overall.std_error[0]), "replicates": float(replicates.count)},
    )
    return replace(estimate, own=own)
