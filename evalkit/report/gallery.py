"""Which drawing shows the rows of which check: one line a kind of figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import pandas as pd

from evalkit.errors import ConfigError
from evalkit.report.figures.anticipation_scan import anticipation_scan
from evalkit.report.figures.autocorrelation import autocorrelation
from evalkit.report.figures.balance import balance
from evalkit.report.figures.canvas import Figure
from evalkit.report.figures.data_quality import data_closures, data_composition, data_lag, data_records
from evalkit.report.figures.donor_posterior import donor_posterior
from evalkit.report.figures.donor_weights import donor_weights
from evalkit.report.figures.error_ratios import error_ratios
from evalkit.report.figures.goodman_bacon import goodman_bacon
from evalkit.report.figures.honest import honest_relative, honest_smooth
from evalkit.report.figures.leave_one_out import leave_one_out
from evalkit.report.figures.placebo_dates import placebo_dates
from evalkit.report.figures.placebo_gaps import placebo_gaps
from evalkit.report.figures.placebo_outcomes import placebo_outcomes
from evalkit.report.figures.pre_trend_power import pre_trend_power
from evalkit.report.figures.predictive_check import predictive_check
from evalkit.report.figures.prior_pull import prior_pull
from evalkit.report.figures.prior_sensitivity import prior_sensitivity
from evalkit.report.figures.series_coefficients import series_coefficients
from evalkit.report.figures.setting import Setting
from evalkit.report.figures.specification_curve import specification_curve
from evalkit.report.figures.spillover import spillover
from evalkit.report.figures.twfe_weights import twfe_weights

Drawing = Callable[[pd.DataFrame, Setting], Figure]

GALLERY: Final[Mapping[str, Drawing]] = {
    "anticipation_scan": anticipation_scan,
    "autocorrelation": autocorrelation,
    "balance": balance,
    "data_closures": data_closures,
    "data_composition": data_composition,
    "data_lag": data_lag,
    "data_records": data_records,
    "donor_weights": donor_weights,
    "error_ratios": error_ratios,
    "donor_posterior": donor_posterior,
    "goodman_bacon": goodman_bacon,
    "honest_relative": honest_relative,
    "honest_smooth": honest_smooth,
    "leave_one_out": leave_one_out,
    "placebo_gaps": placebo_gaps,
    "placebo_dates": placebo_dates,
    "placebo_outcomes": placebo_outcomes,
    "pre_trend_power": pre_trend_power,
    "series_coefficients": series_coefficients,
    "predictive_check": predictive_check,
    "prior_sensitivity": prior_sensitivity,
    "prior_pull": prior_pull,
    "specification_curve": specification_curve,
    "spillover": spillover,
    "twfe_weights": twfe_weights,
}
"""Kind of exhibit to the function that draws it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The rows of one exhibit after the disclosure gate, and its own setting where it is not the common one."""

    kind: str
    table: pd.DataFrame
    setting: Setting | None = None


def drawn(exhibits: Sequence[Shown], setting: Setting) -> tuple[Figure, ...]:
    """Draw each exhibit; a kind that comes more than once is numbered.

    Raises
    ------
    ConfigError
        When a check asks for a drawing that does not exist.
    """
    figures: list[Figure] = []
    seen: dict[str, int] = {}
    for exhibit in exhibits:
        if exhibit.kind not in GALLERY:
            raise ConfigError(f"There is no drawing '{exhibit.kind}' for a check.", allowed=", ".join(sorted(GALLERY)))
        figure = GALLERY[exhibit.kind](exhibit.table, exhibit.setting or setting)
        seen[figure.id] = seen.get(figure.id, 0) + 1
        number = seen[figure.id]
        figures.append(figure if number == 1 else replace(figure, id=f"{figure.id}_{number}"))
    return tuple(figures)
