"""What a Bayesian synthetic control shows besides its effect: the donors' weights, and how far the prior pulls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from evalkit.data.panel import Panel
from evalkit.inference.donor_posterior import Fit
from evalkit.inference.donor_targets import Target
from evalkit.numerics.simplex import simplex_least_squares
from evalkit.vocabulary import Exhibit, FloatArray

LEAST_SHOWN: Final = 0.005
"""Mean weight from which on a donor is shown."""
MOST_SHOWN: Final = 20


@dataclass(frozen=True)
class Shown:
    """Results beside those of other priors.

    Attributes
    ----------
    panel, targets, fit
        What was fitted.
    concentration
        The one used, averaged over targets.
    overall
        (S,) draws of the overall effect.
    pulls
        Concentration to draws of the overall effect under it; empty where not asked for.
    on_cells
        (K,) weights of the overall effect.
    level
        Of intervals.
    intercept
        Whether one was fitted.
    """

    panel: Panel
    targets: Sequence[Target]
    fit: Fit
    concentration: float
    overall: FloatArray
    pulls: Mapping[float, FloatArray]
    on_cells: FloatArray
    level: float
    intercept: bool

    def optimum(self) -> tuple[float, list[FloatArray]]:
        """Overall effect and weights (J,) of each target at the best fit, without any prior."""
        gaps, weights = [], []
        for target in self.targets:
            series = target.series
            predictors = series.predictors
            donors = np.vstack([series.donors[series.fit], predictors[:, 1:]])
            own = np.append(series.own[series.fit], predictors[:, 0])
            if self.intercept:
                level = donors[: series.fit.sum()].mean(axis=0), own[: series.fit.sum()].mean()
                donors, own = donors.copy(), own.copy()
                donors[: series.fit.sum()] -= level[0]
                own[: series.fit.sum()] -= level[1]
            best = simplex_least_squares(donors, own)
            gap = series.own - series.donors @ best
            gaps.append(gap - gap[series.fit].mean() if self.intercept else gap)
            weights.append(best)
        return float(np.concatenate(gaps) @ self.on_cells), weights

    def span(self) -> tuple[float, float, float] | None:
        """Least and largest mean effect over the priors, and the width of the reported interval."""
        if not self.pulls:
            return None
        means = [float(each.mean()) for each in (*self.pulls.values(), self.overall)]
        low, high = self._bounds(self.overall)
        return min(means), max(means), high - low

    def autocorrelation(self) -> float:
        """Correlation of the mean gaps before the start with those one period earlier, averaged over targets."""
        found = []
        for target, gap in zip(self.targets, self.fit.gaps, strict=True):
            left = gap.expected[:, target.series.fit].mean(axis=0)
            left = left - left.mean()
            total = float(left @ left)
            found.append(float(left[1:] @ left[:-1]) / total if total > 0.0 else 0.0)
        return float(np.mean(found))

    def facts(self) -> dict[str, float]:
        """Figures that checks and readers look for."""
        errors = [
            float((gap.expected[:, target.series.fit].mean(axis=0) ** 2).mean())
            for target, gap in zip(self.targets, self.fit.gaps, strict=True)
        ]
        facts = {
            "rmspe_before": float(np.sqrt(np.mean(errors))),
            "donors": float(max(len(target.pool.donors) for target in self.targets)),
            "effective_donors": float(np.mean([(1.0 / (d.weights**2).sum(axis=1)).mean() for d in self.fit.draws])),
            "concentration": self.concentration,
            "optimum_effect": self.optimum()[0],
            "gap_autocorrelation": self.autocorrelation(),
        }
        span = self.span()
        if span is not None:
            facts |= {f"effect_at_concentration_{alpha:g}": float(each.mean()) for alpha, each in self.pulls.items()}
            facts["prior_pull"] = span[1] - span[0]
        if self.fit.spread is not None:
            facts["effects_sd_between_series"] = float(np.median(self.fit.spread))
        return facts

    def exhibits(self) -> tuple[Exhibit, ...]:
        """Donor weights, and the prior's pull where it was asked for."""
        return (self._weights(), *((self._pull(),) if self.pulls else ()))

    def _weights(self) -> Exhibit:
        """Posterior of each donor's weight, averaged over the treated series."""
        count = self.panel.n_units
        total = np.zeros((len(self.overall), count))
        best = np.zeros(count)
        for target, draws, weights in zip(self.targets, self.fit.draws, self.optimum()[1], strict=True):
            total[:, target.pool.donors] += draws.weights / len(self.targets)
            best[target.pool.donors] += weights / len(self.targets)
        mean = total.mean(axis=0)
        order = [int(row) for row in np.argsort(-mean, kind="stable") if mean[row] >= LEAST_SHOWN][:MOST_SHOWN]
        bounds = [self._bounds(total[:, row]) for row in order]
        pool = len({int(row) for target in self.targets for row in target.pool.donors})
        return Exhibit(
            kind="donor_posterior",
            table={
                "donor": tuple(str(self.panel.units[row]) for row in order),
                "weight": tuple(float(mean[row]) for row in order),
                "weight_low": tuple(low for low, _ in bounds),
                "weight_high": tuple(high for _, high in bounds),
                "best_fit": tuple(float(best[row]) for row in order),
                "donors_in_pool": (pool,) * len(order),
            },
            labels=("weight", "weight_low", "weight_high", "best_fit", "donors_in_pool"),
            about="units",
        )

    def _pull(self) -> Exhibit:
        rows = [(f"{alpha:g}", alpha, "other", each) for alpha, each in self.pulls.items()]
        rows.append((f"{self.concentration:.2g}", self.concentration, "used", self.overall))
        rows.sort(key=lambda row: (row[1], row[2]))
        bounds = [self._bounds(each) for *_, each in rows]
        best = self.optimum()[0]
        return Exhibit(
            kind="prior_pull",
            table={
                "prior": (*(row[0] for row in rows), ""),
                "role": (*(row[2] for row in rows), "best_fit"),
                "estimate": (*(float(row[3].mean()) for row in rows), best),
                "low": (*(low for low, _ in bounds), float("nan")),
                "high": (*(high for _, high in bounds), float("nan")),
            },
        )

    def _bounds(self, draws: FloatArray) -> tuple[float, float]:
        tail = (1.0 - self.level) / 2.0
        low, high = np.quantile(draws, [tail, 1.0 - tail])
        return float(low), float(high)
