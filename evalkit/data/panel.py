"""The Panel: one outcome by unit and period, ready for any estimator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from evalkit.data.calendar import Calendar
from evalkit.data.cross_section_intake import read_cross_sections
from evalkit.data.cross_sections import CrossSections
from evalkit.data.intake import as_request, read_pieces
from evalkit.errors import ConfigError, Reason, closest
from evalkit.vocabulary import BoolArray, FloatArray, IntArray, Remark, Transform


@dataclass(frozen=True, slots=True)
class ColumnNames:
    """Which columns of the caller's frame the panel came from."""

    unit: str | None
    period: str
    outcome: str
    cohort: str | None = None
    treated: str | None = None
    weight: str | None = None
    cluster: str | None = None
    exposure: str | None = None
    dose: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """N units observed over T periods; units sorted by label, periods by time.

    Repeated cross-sections, in which each row is another person, are the same with one column: arrays
    written (N, T) below are (N, 1), :attr:`when` says the period of each row, and `cross_sections` its group.
    Estimators and checks declare whether they can read them.

    Attributes
    ----------
    outcome
        (N, T) outcome as analysed; NaN where the unit was not observed.
    time
        (T,) ordinals of the periods that occur in the data, strictly increasing; `calendar`
        turns them into labels. Ordinals are consecutive unless a period is missing for every unit.
    first_treated
        (N,) ordinal of the first treated period; ``NEVER`` for never-treated units. May lie
        before ``time[0]`` (always treated) or after ``time[-1]`` (not treated within the window).
    units
        (N,) unit labels.
    calendar
        Ordinals to labels.
    names
        Columns of the caller's frame.
    weight
        (N, T) sampling weights; None when unweighted. Never negative; NaN only where the outcome is.
    covariates
        Name to (N, T) values.
    cluster
        (N,) integer cluster codes 0..C-1; None when each unit is its own cluster.
    exposure
        (N, T) denominators of a rate or offset of a count; None when there is none.
    transform
        ``log`` where the outcome as analysed is the logarithm of the column: estimators for counts refuse it.
    remarks
        What intake did and the reader must know.
    dose
        (N, T) amount of treatment, which may rise and fall; NaN where not known. `first_treated` is then the first
        period in which it differs from the unit's first known dose, ``NEVER`` where it never does. None
        where treatment is 0 or 1 and stays on: `first_treated` says it all.
    cross_sections
        Groups, and the period of each person; None in a panel of units followed over time.
    """

    outcome: FloatArray
    time: IntArray
    first_treated: IntArray
    units: pd.Index[Any]
    calendar: Calendar
    names: ColumnNames
    weight: FloatArray | None = None
    covariates: Mapping[str, FloatArray] = field(default_factory=dict)
    cluster: IntArray | None = None
    exposure: FloatArray | None = None
    transform: Transform = "identity"
    remarks: tuple[Remark, ...] = ()
    dose: FloatArray | None = None
    cross_sections: CrossSections | None = None

    @classmethod
    def from_frame(
        cls,
        df: pd.DataFrame,
        *,
        period: str,
        outcome: str,
        unit: str | None = None,
        group: str | None = None,
        cohort: str | None = None,
        treated: str | None = None,
        covariates: Sequence[str] = (),
        cluster: str | None = None,
        weight: str | None = None,
        exposure: str | None = None,
        never: object = None,
        dose: str | None = None,
        planned: bool = False,
    ) -> Panel:
        """Build a panel from a long frame: one row a unit and period, or one row a person, in any order.

        Parameters
        ----------
        df
            The data; never changed.
        unit
            Who is observed: text, integers or categories, without empty cells. ``"007"`` and ``"NA"`` stay text.
        group
            Instead of `unit`, for repeated cross-sections: each row is another person, observed once, whose
            treatment is that of the group in the period. Every group must have rows in every period.
        period
            When: integers, decimal years (1999.25), dates or pandas periods, regularly spaced by any step.
        outcome
            Numbers, or true/false; empty where unknown.
        cohort
            First treated period of the unit or group, equal in all its rows. Never-treated is written 0 (if periods
            start after 0), empty, ``NaN``/``NaT``, infinite or as empty text; the coding found is stated in a remark.
        treated
            Instead of `cohort`: a 0/1 column, which stays 1 once it is.
        covariates, cluster, weight, exposure
            Further columns. Rows with a missing covariate, weight or exposure are left out and counted by arm.
        never
            Declared code of never-treated in `cohort`, e.g. 9999; no other code is then taken for it.
        dose
            Instead of `cohort`: an amount of treatment by unit and period, which may rise, fall and be 0 again. Rows
            without one are left out and counted. A dose that is 0 until it is 1 for good is the same as `treated`.
        planned
            Accept a panel in which nobody has started yet: for designing a programme, not for evaluating one.

        Raises
        ------
        ConfigError
            Columns that do not exist, or contradictory arguments.
        DataError
            Duplicates, text for numbers, infinite values, a cohort or cluster that varies within a unit, ...
        DesignRefused
            One unit or period, no treated unit, no untreated period, treatment that switches off.

        Examples
        --------
        >>> df = pd.DataFrame({"city": ["A", "A", "B", "B"], "year": [2004, 2008] * 2, "y": [1.0, 3.0, 1.0, 2.0]})
        >>> df["law"] = [2008, 2008, 0, 0]
        >>> panel = Panel.from_frame(df, unit="city", period="year", outcome="y", cohort="law")
        >>> panel.outcome.shape, panel.first_treated[0], panel.calendar.label(1), panel.never_treated.tolist()
        ((2, 2), np.int64(1), 2008, [False, True])
        """
        request = as_request(
            covariates, unit=unit, group=group, period=period, outcome=outcome, cohort=cohort, treated=treated,
            cluster=cluster, weight=weight, exposure=exposure, never=never, dose=dose, planned=planned,
        )  # fmt: skip
        pieces = read_pieces(df, request) if group is None else read_cross_sections(df, request)
        return cls(
            outcome=pieces.outcome,
            time=pieces.time,
            first_treated=pieces.first_treated,
            units=pieces.units,
            calendar=pieces.calendar,
            names=ColumnNames(unit, period, outcome, cohort, treated, weight, cluster, exposure, dose, group),
            weight=pieces.weight,
            covariates=pieces.covariates,
            cluster=pieces.cluster,
            exposure=pieces.exposure,
            remarks=pieces.remarks,
            dose=pieces.dose,
            cross_sections=pieces.cross_sections,
        )

    def covariate(self, name: str) -> FloatArray:
        """(N, T) values of a covariate.

        Raises
        ------
        ConfigError
            When the panel has none of that name, with the closest one.
        """
        if name not in self.covariates:
            near = closest(name, self.covariates)
            raise ConfigError(
                Reason("The covariate '{name}' is not in the panel.", name=name),
                allowed=", ".join(self.covariates) or "none: the panel was built without covariates",
                next_step=f"Did you mean '{near}'?" if near else "List it under data.covariates.",
            )
        return self.covariates[name]

    @property
    def n_units(self) -> int:
        """Number of units N."""
        return int(self.outcome.shape[0])

    @property
    def n_periods(self) -> int:
        """Number of periods T that occur in the data."""
        return len(self.time)

    @property
    def when(self) -> IntArray:
        """Ordinals of the periods of `outcome`, to be broadcast against it: (1, T), or (N, 1) in cross-sections."""
        sections = self.cross_sections
        return self.time[None, :] if sections is None else self.time[sections.position][:, None]

    @property
    def observed(self) -> BoolArray:
        """(N, T) True where the outcome is known."""
        return ~np.isnan(self.outcome)

    @property
    def is_balanced(self) -> bool:
        """Whether every unit is observed in every period."""
        return self.cross_sections is None and not np.isnan(self.outcome).any()

    @property
    def never_treated(self) -> BoolArray:
        """(N,) units with no treated period up to the last one observed."""
        return np.asarray(self.first_treated > self.time[-1])

    @property
    def always_treated(self) -> BoolArray:
        """(N,) units with no untreated period in the window: they show no change at adoption."""
        return np.asarray(self.first_treated <= self.time[0])

    @property
    def treated(self) -> BoolArray:
        """(N, T) True where the unit is under treatment."""
        return self.first_treated[:, None] <= self.when

    @property
    def cohorts(self) -> IntArray:
        """(G,) ordinals of the cohorts first treated within the window (after its first period)."""
        inside = ~self.never_treated & ~self.always_treated
        return np.unique(self.first_treated[inside])

    @property
    def cluster_codes(self) -> IntArray:
        """(N,) cluster code of each unit; units are their own clusters when none was named."""
        return np.arange(self.n_units, dtype=np.int64) if self.cluster is None else self.cluster
