"""Columns of the exported tables: name, type and meaning, as `datapackage.json` declares them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an exported table (Frictionless types)."""

    name: str
    type: Literal["string", "integer", "number", "boolean"]
    description: str


_EFFECT: Final = (
    Column("n_treated", "integer", "Treated units behind the effect; empty where withheld."),
    Column("estimate", "number", "Effect, in the unit of the outcome as analysed."),
    Column("std_error", "number", "Standard error, or standard deviation of the posterior."),
    Column("low", "number", "Lower end of the interval at `level`."),
    Column("high", "number", "Upper end of the interval at `level`."),
    Column("low_simultaneous", "number", "Lower end of the band that holds for all event times at once."),
    Column("high_simultaneous", "number", "Upper end of the band that holds for all event times at once."),
)

ESTIMATES: Final = (
    Column("outcome", "string", "Name of the outcome."),
    Column("run", "string", "Label of the estimate."),
    Column("role", "string", "primary; robustness; or other_outcome: the primary estimator on a further outcome."),
    Column("estimator", "string", "Registered name of the estimator."),
    Column("aggregation", "string", "overall, event_study, cohort or period."),
    Column("label", "string", "The row's event time, cohort or period; `average` for the summary over the rows."),
    Column("cohort", "string", "First treated period, where the row is one cohort."),
    Column("period", "string", "Period, where the row is one period."),
    Column("event_time", "integer", "Periods since the start; 0 is the first treated one."),
    *_EFFECT,
    Column("p_value", "number", "Two-sided, of 'the effect is 0'; empty for a posterior and for reference rows."),
    Column("level", "number", "Level of the intervals."),
    Column("interval_kind", "string", "confidence or credible."),
    Column("inference", "string", "What low, high and p_value are by: clustered is the estimator's own error."),
    Column("low_clustered", "number", "Lower end of the estimator's own interval, on rows of overall effects."),
    Column("high_clustered", "number", "Upper end of the estimator's own interval, on rows of overall effects."),
    Column("p_value_clustered", "number", "The estimator's own p-value, on rows of overall effects."),
    Column("is_reference", "boolean", "Whether the effect is 0 by construction."),
    Column("reason", "string", "Why there is no estimate; empty where there is one."),
)

EVENT_STUDY: Final = (
    Column("event_time", "integer", "Periods since the start; 0 is the first treated one."),
    Column("period", "string", "Calendar period, where all units start in the same one."),
    *_EFFECT,
    Column("level", "number", "Level of the intervals."),
    Column("is_reference", "boolean", "Whether the effect is 0 by construction."),
    Column("observed", "number", "Mean observed outcome of the treated, in the unit that the estimator reports."),
    Column(
        "counterfactual",
        "number",
        "The same without the programme; empty before the reference period (or the start), "
        "unless the method fits the time before the start.",
    ),
    Column(
        "cumulative", "number", "Effects added up since the start, in the outcome's unit, where sums have a meaning."
    ),
    Column("cumulative_low", "number", "Lower end of the interval of the sum at `level`."),
    Column("cumulative_high", "number", "Upper end of the interval of the sum at `level`."),
)

DIAGNOSTICS: Final = (
    Column("id", "string", "Stable name of the check."),
    Column("status", "string", "pass, warn, fail, not_run or informational."),
    Column("domain", "string", "Domain of bias (ROBINS-I) that the rating charges."),
    Column("null_in_words", "string", "What the check takes for granted until the data speak against it."),
    Column("statistic", "string", "Name of the number in `value`."),
    Column("value", "number", "The number found."),
    Column("threshold", "number", "The number it is held against."),
    Column("reading", "string", "One sentence."),
    Column("details", "string", "Further figures: name=value, separated by semicolons."),
)
