"""The words used everywhere: one for each thing (see GLOSSARY.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

NEVER: Final = int(np.iinfo(np.int64).max)
"""First treated period (ordinal) of a unit that is never treated."""

POOLED: Final = int(np.iinfo(np.int64).min)
"""Cohort, period or event time of a cell that pools over all of them."""

Direction = Literal["higher_better", "lower_better"]
OutcomeFamily = Literal["count", "rate", "proportion", "duration", "continuous"]
OutcomeRole = Literal["primary", "secondary", "harm", "placebo"]
Transform = Literal["identity", "log"]
Mechanism = Literal[
    "random",
    "lottery",
    "random_phase_in",
    "cutoff",
    "policy_choice",
    "volunteer",
    "selected_on_outcome",
    "unknown",
]
Capacity = Literal["performance_management", "procurement", "evaluation", "data_as_a_service"]
Comparison = Literal["never_treated", "not_yet_treated"]
AggregationKind = Literal["overall", "event_study", "cohort", "period", "unit"]
IntervalKind = Literal["confidence", "credible"]
Estimand = Literal["ATT", "ATE", "ITT"]
Finding = Literal["favourable", "unfavourable", "little_or_no_difference", "inconclusive"]
Provenance = Literal["reported", "derived", "declared", "missing", "suppressed"]
CheckStatus = Literal["pass", "warn", "fail", "not_run", "informational"]
Domain = Literal[
    "confounding",
    "selection",
    "classification",
    "deviations",
    "missing_data",
    "measurement",
    "reporting",
    "estimation",
]
OwnMethod = Literal["placebo_in_space", "conformal", "jackknife", "placebo_variance", "bootstrap", "hac"]
"""Inference that belongs to an estimator's own design (:class:`~evalkit.uncertainty.OwnInterval`)."""
InferenceMethod = Literal[
    "credible",
    "clustered",
    "randomization",
    "collapse",
    "conley_taber",
    "ferman_pinto",
    "wild_bootstrap",
    "cr3",
    "placebo_in_space",
    "conformal",
    "jackknife",
    "placebo_variance",
    "bootstrap",
    "hac",
    "none",
]
InferenceChoice = Literal[
    "auto",
    "credible",
    "clustered",
    "randomization",
    "collapse",
    "conley_taber",
    "ferman_pinto",
    "wild_bootstrap",
    "cr3",
]
"""What a study may ask for under `design.inference`; the rule table decides under ``auto``."""
NextStep = Literal["scale", "continue", "modify", "stop", "test_more"]


@dataclass(frozen=True, slots=True)
class Remark:
    """Something done to the data or the design that a reader must know.

    Attributes
    ----------
    id
        Stable name, e.g. ``always_treated_excluded``.
    text
        One sentence in plain words, with the numbers in it.
    treated, comparison
        Units (or rows, as the text says) concerned in each arm.
    """

    id: str
    text: str
    treated: int = 0
    comparison: int = 0


@dataclass(frozen=True, slots=True)
class Exhibit:
    """What a check shows besides its sentence: the rows of one figure, which `report` draws.

    Attributes
    ----------
    kind
        Name of the drawing in :mod:`evalkit.report.gallery`; also the stem of its files.
    table
        Column name to the values of all rows. Effects are in the unit of the outcome as analysed.
    counts
        Columns that count units; the disclosure gate withholds the numbers of rows with few people.
    labels
        Number columns that say which row it is; they stay.
    about
        ``units`` where a row tells of a single one, or of all but one: shown only where these are places.
        Whatever it is about, nothing is shown beside a cohort of few people.
    """

    kind: str
    table: Mapping[str, tuple[object, ...]]
    counts: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    about: Literal["sample", "cohorts", "units"] = "sample"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """The outcome of one check, as the evidence summary stores it.

    Attributes
    ----------
    id
        Stable name, e.g. ``pre_trends``.
    null_in_words
        What the check takes for granted until the data speak against it.
    statistic
        Name of the number in `value`, e.g. ``wald_chi2_p``.
    value, threshold
        The number found and the one it is held against; None where there is none.
    status
        ``pass``, ``warn``, ``fail``, ``not_run`` or ``informational``.
    domain
        Domain of bias (ROBINS-I) that the rating charges.
    reading
        One sentence that a policy reader understands.
    details
        Further figures by name, e.g. what the test could have detected.
    exhibit
        Rows of a figure that shows it; None where words are enough.
    """

    id: str
    null_in_words: str
    statistic: str
    value: float | None
    threshold: float | None
    status: CheckStatus
    domain: Domain
    reading: str
    details: tuple[tuple[str, float], ...] = ()
    exhibit: Exhibit | None = None

    @property
    def passed(self) -> bool | None:
        """True, False, or None where the check only informs or did not run."""
        if self.status in ("pass", "warn"):
            return True
        return False if self.status == "fail" else None
