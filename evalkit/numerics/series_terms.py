"""Coefficients of interrupted series by name, and the degrees of freedom of what is made of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from evalkit.numerics.autoregression import FLATTEST, fit_series
from evalkit.numerics.newey_west import Calibrated, calibrate
from evalkit.numerics.series_model import Fitted
from evalkit.vocabulary import Exhibit, FloatArray

Interval = Callable[[FloatArray, float], float]
CHANGE: Final = ("level", "slope")
RESIDUE: Final = 1e-9
"""Share of the weights that must be left on residuals for them to count."""


def shown(each: Fitted, others: Collection[str]) -> list[str]:
    """The programme's coefficients and those of the other programmes, as far as they are estimated."""
    names = [name for name in CHANGE if name in each.design.names]
    return names + [name for name in each.design.names if name in others]


def trusted(each: Fitted, combination: FloatArray, lags: int | None, factor: float) -> Calibrated:
    """How a combination of coefficients is to be tested.

    Parameters
    ----------
    each
        The fit.
    combination
        (p,).
    lags
        Of Newey-West errors, whose bias is then corrected; None where the errors' own model is trusted.
    factor
        What the Newey-West variance was multiplied by already.
    """
    if lags is None:
        return Calibrated(1.0, each.fit.degrees_of(combination))
    design = each.design.columns if each.root is None else each.root[:, None] * each.design.columns
    outcome = design @ each.fit.coefficient + each.fit.innovation
    auto = fit_series(outcome, design, each.time, "reml")
    information = FLATTEST if auto.nearby is None else auto.nearby[2]
    found = calibrate(design, each.time, combination, lags, auto.rho, information)
    return Calibrated(found.factor / factor, found.degrees)


def exhibit(each: Fitted, covariance: FloatArray, others: Collection[str], interval: Interval) -> Exhibit:
    """Change of level and slope, and the other programmes beside them.

    Parameters
    ----------
    each, covariance
        The fit, and the (p, p) covariance of its coefficients.
    others
        Names of the other programmes' columns.
    interval
        Half the width of the interval of a combination of coefficients, from its (p,) weights and standard error.
    """
    names = shown(each, others)
    place = [each.design.names.index(name) for name in names]
    value, error = each.fit.coefficient[place], np.sqrt(np.diag(covariance)[place])
    unit = np.eye(len(each.design.names))
    width = np.array([interval(unit[at], float(size)) for at, size in zip(place, error, strict=True)])
    columns = {"estimate": value, "std_error": error, "low": value - width, "high": value + width}
    table: dict[str, tuple[object, ...]] = {"term": tuple(names)}
    return Exhibit("series_coefficients", table | {name: tuple(found.tolist()) for name, found in columns.items()})


def facts(fitted: Sequence[Fitted], covariances: Sequence[FloatArray], others: Collection[str]) -> dict[str, float]:
    """Coefficients with their errors, and figures of the errors; means over places where there are several."""
    found: dict[str, list[float]] = {}
    for each, covariance in zip(fitted, covariances, strict=True):
        for name in shown(each, others):
            at = each.design.names.index(name)
            found.setdefault(name, []).append(float(each.fit.coefficient[at]))
            if len(fitted) == 1:
                found.setdefault(f"{name}_std_error", []).append(float(np.sqrt(covariance[at, at])))
        found.setdefault("rho", []).append(each.fit.rho)
        found.setdefault("dispersion", []).append(each.fit.variance)
        found.setdefault("coefficients", []).append(float(len(each.design.names)))
    return {name: float(np.mean(values)) for name, values in found.items()}


@dataclass(frozen=True, slots=True)
class Degrees:
    """Degrees of freedom of linear combinations of cells and shares.

    Attributes
    ----------
    fitted, covariances
        One a series, whose cells stand one after the other.
    n_cells
        Of all of them.
    """

    fitted: tuple[Fitted, ...]
    covariances: tuple[FloatArray, ...]
    n_cells: int

    def __call__(self, gradient: FloatArray) -> FloatArray:
        """(L,) Satterthwaite's where residuals average out, as they do overall; else those of the regression."""
        return np.array([self._of(column[: self.n_cells]) for column in gradient.T])

    def _of(self, weights: FloatArray) -> float:
        start, variances, degrees, noisy = 0, [], [], False
        for each, covariance in zip(self.fitted, self.covariances, strict=True):
            own = weights[start : start + len(each.cells.gap)]
            start += len(each.cells.gap)
            if not own.any():
                continue
            combination = each.cells.of_model.T @ own
            noisy = noisy or bool(np.abs(each.cells.of_residual.T @ own).max() > RESIDUE * np.abs(own).max())
            variances.append(float(combination @ covariance @ combination))
            degrees.append(each.fit.degrees_of(combination))
        if not variances:
            return float("inf")
        if noisy or sum(variances) <= 0.0:
            return float(min(each.fit.degrees for each in self.fitted))
        return float(sum(variances) ** 2 / sum(v**2 / d for v, d in zip(variances, degrees, strict=True)))
