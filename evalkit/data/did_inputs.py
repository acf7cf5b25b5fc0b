"""What the Bayesian difference-in-differences model reads of a panel, refused where it is not what it should be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, DataError, DesignRefused, Reason
from evalkit.numerics.did_engines import Responses
from evalkit.numerics.did_sample import Sample, prepare
from evalkit.numerics.person_cells import person_cells
from evalkit.numerics.response_families import ResponseFamily
from evalkit.numerics.site_did import Noise
from evalkit.vocabulary import BoolArray, FloatArray, IntArray

MOST_SUBGROUPS = 12


@dataclass(frozen=True, slots=True)
class DidInputs:
    """Outcome and covariates by unit and period; repeated cross-sections as groups.

    Attributes
    ----------
    outcome, covariates
        (N, T) and (N, T, p); NaN where not observed.
    first_treated, names
        (N,) ordinals and labels.
    n_rows
        Rows of the data.
    responses
        Counts or successes; None for families on the scale of the outcome.
    noise
        (N, T) relative variances of the outcomes' own noise; None without.
    within, degrees
        Spread of persons within groups and periods, and its degrees of freedom; None and 0 for units.
    people
        (N, T) persons behind each outcome; None for units.
    """

    outcome: FloatArray
    covariates: FloatArray
    first_treated: IntArray
    names: pd.Index[Any]
    n_rows: int
    responses: Responses | None = None
    noise: FloatArray | None = None
    within: FloatArray | None = None
    degrees: int = 0
    people: FloatArray | None = None

    @property
    def reported(self) -> FloatArray:
        """(N, T) outcome on the scale of the effects: per cent for shares."""
        if self.responses is not None and self.responses.family == "binomial":
            return np.asarray(100.0 * self.outcome / self.responses.trials)
        return self.outcome

    def noise_of(self, sample: Sample) -> Noise | None:
        """Noise of the outcomes, in the units of a sample's series."""
        if self.noise is None or self.within is None:
            return None if self.noise is None else Noise(self.noise)
        kept = np.concatenate([[True], sample.kept])
        by = 1.0 / np.concatenate([[1.0], sample.spread])
        return Noise(self.noise, self.within[np.ix_(kept, kept)] * by[:, None] * by[None, :], self.degrees)


def read_inputs(
    panel: Panel, names: tuple[str, ...], standard_error: str | None, family: ResponseFamily | None
) -> DidInputs:
    """Read a panel; persons of repeated cross-sections are summed by group and period.

    Parameters
    ----------
    panel
        The data.
    names
        Covariates that enter linearly.
    standard_error
        Column with the standard errors of the outcomes.
    family
        Of counts or shares; None for the others.

    Raises
    ------
    ConfigError
        For shares without trials.
    DataError
        For counts, trials or standard errors that are none, with the first such row.
    DesignRefused
        For sampling weights, and for groups with one row a period.
    """
    refuse_weights(panel)
    covariates = np.empty((*panel.outcome.shape, len(names)))
    for k, name in enumerate(names):
        covariates[:, :, k] = panel.covariate(name)
    sections = panel.cross_sections
    if sections is None:
        noise = None if standard_error is None else _squared_errors(panel, standard_error)
        seen = None if family is None else _responses(panel, family)
        rows = int(panel.observed.sum())
        return DidInputs(panel.outcome, covariates, panel.first_treated, panel.units, rows, seen, noise)
    values = np.concatenate([panel.outcome, covariates[:, 0]], axis=1)
    found = person_cells(
        values, sections.group, sections.position, panel.first_treated, len(sections.labels), panel.n_periods
    )  # fmt: skip
    if found.degrees < 1:
        raise DesignRefused(
            Reason("Each group has one row a period: these are no repeated cross-sections, but a panel of groups."),
            next_step="Name the group as data.unit instead of data.group.",
        )
    noise = np.divide(1.0, found.count, out=np.zeros_like(found.count), where=found.count > 0.0)
    return DidInputs(
        found.mean[:, :, 0], found.mean[:, :, 1:], found.first_treated, sections.labels, int(found.count.sum()), None,
        noise, found.within, found.degrees, found.count,
    )  # fmt: skip


def prepared(data: DidInputs, time: IntArray, anticipation: int, *, never_treated: bool) -> Sample:
    """Choose rows and refuse designs without an answer.

    Raises
    ------
    DesignRefused
        Where no effect is identified, or never-treated units are asked for and there are none.
    """
    sample = prepare(data.outcome, data.covariates, time, data.first_treated, anticipation)
    layout = sample.layout
    if not (layout.effects.event_time >= 0).any():
        raise DesignRefused(
            Reason(
                "Effects cannot be estimated: no unit becomes treated within the window while another unit, observed "
                "before and after, is still untreated."
            ),
            next_step="Check the cohort column, or add never-treated units or earlier periods.",
        )
    if never_treated and not (layout.group == len(layout.cohorts)).any():
        raise DesignRefused(
            Reason("comparison is never_treated, and this panel has no never-treated unit."),
            next_step="Set comparison: not_yet_treated.",
        )
    return sample


def refuse_weights(panel: Panel) -> None:
    """Refuse sampling weights that differ."""
    if panel.weight is None:
        return
    known = panel.weight[panel.observed]
    if known.size and np.ptp(known) > 1e-12 * np.abs(known).max():
        raise DesignRefused(
            Reason(
                "bayesian_did takes no sampling weights: a weighted likelihood is not the probability of any data, "
                "and its intervals would be too narrow or too wide by an unknown factor."
            ),
            next_step="Build the panel without weight, or use estimator=callaway_santanna, which weights properly.",
        )


def subgroup_codes(panel: Panel, column: str) -> tuple[IntArray, FloatArray]:
    """(N,) code of each unit and (B,) values of a column that says what each unit is.

    Raises
    ------
    DataError
        Where the column varies within a unit.
    DesignRefused
        When treated units have one value, or more than `MOST_SUBGROUPS`.
    """
    values = np.where(panel.observed, panel.covariate(column), np.nan)
    known = ~np.isnan(values)
    first = np.where(known.any(axis=1), values[np.arange(len(values)), known.argmax(axis=1)], 0.0)
    _refuse_rows(
        panel, panel.observed & (values != first[:, None]),
        Reason("The subgroup column '{column}' must not vary within a unit", column=column),
        "Use a column that says what each unit is.",
    )  # fmt: skip
    levels = np.unique(first[~panel.never_treated & known.any(axis=1)])
    if not 2 <= len(levels) <= MOST_SUBGROUPS:
        raise DesignRefused(
            Reason(
                "The subgroup column '{column}' has {count} values among treated units.",
                column=column,
                count=len(levels),
            ),
            allowed=f"2 to {MOST_SUBGROUPS}",
            next_step="Use a column with few values, or leave subgroup out.",
        )
    return np.searchsorted(levels, first).clip(0, len(levels) - 1).astype(np.int64), levels


def _squared_errors(panel: Panel, column: str) -> FloatArray:
    errors = panel.covariate(column)
    _refuse_rows(
        panel, panel.observed & ~((errors >= 0.0) & np.isfinite(errors)),
        Reason("'{column}' must be a standard error, 0 or more", column=column), "Fill or drop these rows.",
    )  # fmt: skip
    return np.asarray(np.where(panel.observed, errors, 0.0) ** 2)


def _responses(panel: Panel, family: ResponseFamily) -> Responses:
    """Counts or successes with their exposure."""
    used = panel.observed
    known = np.where(used, panel.outcome, 0.0)
    _refuse_rows(
        panel, (known < 0.0) | (known != np.round(known)),
        Reason("The binomial family needs numbers of successes (whole numbers from 0 up)") if family == "binomial"
        else Reason("The {family} family needs counts (whole numbers from 0 up)", family=family),
        "Use the column of counts and name the denominator as exposure, or set family: gaussian.",
    )  # fmt: skip
    zero, one = np.zeros_like(known), np.ones_like(known)
    if panel.exposure is None:
        if family == "binomial":
            raise ConfigError(
                Reason(
                    "The binomial family counts successes out of a number of trials, and the panel has no exposure."
                ),
                allowed="exposure: a column with the number of trials",
                next_step="Name it as the outcome's exposure.",
            )
        return Responses(family, known, zero, one)
    exposure = np.where(used, panel.exposure, 1.0)
    _refuse_rows(
        panel, ~(exposure > 0.0) | ~np.isfinite(exposure), Reason("Exposure must be a positive number"),
        "Fill or drop these rows.",
    )  # fmt: skip
    if family != "binomial":
        return Responses(family, known, np.log(exposure), one)
    _refuse_rows(
        panel, (known > exposure) | (exposure != np.round(exposure)),
        Reason("Exposure must be a whole number of trials, no fewer than the successes"), "Correct these rows.",
    )  # fmt: skip
    return Responses(family, known, zero, exposure)


def _refuse_rows(panel: Panel, wrong: BoolArray, what: Reason, next_step: str) -> None:
    if not wrong.any():
        return
    unit, period = np.argwhere(wrong)[0]
    raise DataError(
        Reason(
            "{what}; {count} rows are not, the first being unit '{unit}' in period {period}: outcome {value:g}."
            if panel.exposure is None
            else "{what}; {count} rows are not, the first being unit '{unit}' in period {period}: outcome {value:g}, "
            "exposure {exposure:g}.",
            what=what,
            count=int(wrong.sum()),
            unit=panel.units[unit],
            period=panel.calendar.text(int(panel.time[period])),
            value=panel.outcome[unit, period],
            exposure=np.nan if panel.exposure is None else panel.exposure[unit, period],
        ),
        next_step=next_step,
    )
