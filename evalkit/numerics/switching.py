"""Effects of treatment that switches: weighted sums over pairs of periods, and their joint covariance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from evalkit.numerics.switching_covariates import Slopes, adjusted, fit_slopes, gaps_of_covariates
from evalkit.numerics.switching_pairs import Pair, PairFit, chunks, contributions, fit_pair, has_effect, plan_pairs
from evalkit.numerics.switching_sample import SwitchingSample
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

CHUNK = 1 << 14
"""Units whose contributions are held at a time."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What is estimated.

    Attributes
    ----------
    effects, placebos
        Largest exposure of effects, and largest distance of placebos; None for all that the data allow.
    sign
        1 for units whose dose first rises, -1 for those whose first falls, 0 for both.
    same_switchers
        Only units with every effect up to `effects`.
    never
        Compare with units only that do not react within the window.
    """

    effects: int | None = None
    placebos: int | None = None
    sign: int = 0
    same_switchers: bool = False
    never: bool = False


@dataclass(frozen=True, slots=True)
class Switching:
    """Fitted pairs, and sums of them.

    Attributes
    ----------
    sample, allowed
        The units, and (n,) those whose change counts.
    fits
        P pairs with a comparison.
    left_out
        Pairs without one.
    slopes, by_slope
        Of covariates, and (P, Q, p) how totals move with them; None without covariates.
    """

    sample: SwitchingSample
    allowed: BoolArray
    fits: tuple[PairFit, ...]
    left_out: tuple[Pair, ...]
    slopes: Slopes | None = None
    by_slope: FloatArray | None = None

    @property
    def totals(self) -> FloatArray:
        """(P,) sums of weight times S_g DID_{g,l}."""
        return np.array([fit.total for fit in self.fits])

    def covariance(self) -> FloatArray:
        """(P, P) of the totals: contributions are summed within clusters, squared and summed."""
        total = np.zeros((len(self.fits), len(self.fits)))
        for summed in self._cluster_sums():
            total += summed @ summed.T
        return total

    def influence(self, weights: FloatArray) -> FloatArray:
        """(C, K) contributions of clusters, or units, to K weighted sums of totals, weights (P, K).

        Units come in the order of the panel, clusters in that of their codes.
        """
        psi = np.concatenate([summed.T @ weights for summed in self._cluster_sums()])
        return psi if self.sample.cluster is not None else psi[np.argsort(self.sample.position)]

    def _cluster_sums(self) -> Iterator[FloatArray]:
        """(P, c) contributions of some clusters at a time."""
        for rows, begins in chunks(self.sample, CHUNK):
            made = contributions(self.sample, self.fits, self.allowed, rows)
            if self.slopes is not None and self.by_slope is not None:
                level = self.sample.level[rows]
                made -= np.einsum("pnj,nj->pn", self.by_slope[:, level], self.slopes.influence[rows])
            yield made if self.sample.cluster is None else np.add.reduceat(made, begins, axis=1)


def estimate_pairs(
    sample: SwitchingSample, time: IntArray, rules: Rules, covariates: FloatArray | None = None
) -> Switching:
    """Fit all pairs.

    Parameters
    ----------
    sample
        The units.
    time
        (T,) ordinals.
    rules
        What is estimated.
    covariates
        (p, T, n) of the same units and periods, 0 where not usable; None where there are none.
    """
    slopes = None if covariates is None else fit_slopes(sample, covariates, never=rules.never)
    if covariates is not None and slopes is not None:
        sample = adjusted(sample, covariates, slopes)
    pairs = plan_pairs(sample, time, rules.effects, rules.placebos, never=rules.never)
    allowed = sample.sign != 0.0 if rules.sign == 0 else sample.sign == rules.sign
    if rules.same_switchers:
        allowed &= _with_every_effect(sample, pairs, rules.effects)
    fitted = [(pair, fit_pair(sample, pair, allowed)) for pair in pairs]
    fits = tuple(fit for _, fit in fitted if fit is not None)
    by_slope = None if covariates is None else gaps_of_covariates(sample, covariates, fits, allowed)
    return Switching(
        sample, allowed, fits, tuple(pair for pair, fit in fitted if fit is None), slopes, by_slope
    )  # fmt: skip


def _with_every_effect(sample: SwitchingSample, pairs: Sequence[Pair], effects: int | None) -> BoolArray:
    """(n,) units with an outcome and a comparison at every exposure from 1 to `effects`."""
    found = np.zeros(len(sample), dtype=np.int64)
    for pair in pairs:
        if not pair.is_placebo and pair.exposure >= 1:
            found += has_effect(sample, pair)
    return np.asarray(found == effects)
