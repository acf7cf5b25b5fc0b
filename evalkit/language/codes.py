"""Codes as words: "policy_choice" as "Policy choice", in the language spoken; and the short words of tables."""

from __future__ import annotations

from typing import Final

from evalkit.language.spoken import current
from evalkit.language.templates import Phrases, phrase

_CODES: Final = {
    "roles and families": (
        "Primary", "Secondary", "Harm", "Placebo", "Robustness", "Other outcome", "Count", "Rate", "Proportion",
        "Duration", "Continuous", "Higher better", "Lower better", "Identity", "Log",
    ),
    "mechanisms": (
        "Random", "Lottery", "Random phase in", "Cutoff", "Policy choice", "Volunteer", "Selected on outcome",
        "Unknown", "Never treated", "Not yet treated",
    ),
    "designs": (
        "Difference in differences", "Synthetic control", "Interrupted time series", "Controlled time series",
        "Randomized",
    ),
    "how a value came to be": ("Reported", "Derived", "Declared", "Missing", "Suppressed"),
    "states of rules and checks": (
        "Applied", "Not triggered", "Not applicable", "Not run", "Pass", "Warn", "Fail", "Informational", "Passes",
        "Fails",
    ),
    "findings": ("Favourable", "Unfavourable", "Little or no difference", "Inconclusive", "Not rated"),
    "domains and judgements": (
        "Confounding", "Selection", "Classification", "Deviations", "Missing data", "Measurement", "Reporting",
        "Estimation", "Overall", "Low", "Moderate", "Serious", "Critical", "No information", "High",
    ),
    "loss of units": ("Low under optimistic assumptions",),
    "independence, plans, next steps": (
        "Internal", "Partner", "Independent", "None", "Internal lock", "Public", "Scale", "Continue", "Modify", "Stop",
        "Test more",
    ),
    "capacities": ("Performance management", "Procurement", "Evaluation", "Data as a service"),
    "priorities": (
        "Evidence", "Public safety", "Permits", "Homelessness", "Housing", "Overdose", "Public health", "Youth jobs",
        "Education", "Economic development", "Mobility", "Climate", "City services", "Equity",
    ),
    "inference": (
        "Clustered", "Credible", "Confidence", "Randomization", "Collapse", "Conley taber", "Ferman pinto",
        "Wild bootstrap", "Cr3", "Placebo in space", "Conformal", "Jackknife", "Placebo variance", "Bootstrap", "Hac",
    ),
    "estimators": (
        "Callaway-Sant'Anna", "Sun-Abraham", "Two-way fixed effects", "Extended two-way fixed effects",
        "Poisson with fixed effects", "Stacked difference-in-differences", "Switching difference-in-differences",
        "Synthetic difference-in-differences", "Bayesian difference-in-differences", "Imputation",
        "Interactive fixed effects", "Augmented synthetic control", "Bayesian synthetic control",
        "Bayesian time series", "Triple difference",
    ),
    "rules": (
        "Start", "Floor", "Domain limit", "Sampler gate", "Cap no comparison", "Cap time series", "Cap not randomized",
        "Cap single unit", "Few pre periods", "Short series", "Pre trends", "Pre fit", "Honest", "Baseline",
        "Regression to the mean", "Concurrent event", "Attrition", "Spillover", "Measurement change", "Few clusters",
        "Imprecision", "Disagreement", "Indirectness", "Prior", "Posterior predictive", "Required diagnostic",
        "Failed check", "Large effect",
    ),
    "checks": (
        "Anticipation scan", "Balance", "Goodman bacon", "Leave one cohort out", "Leave one unit out", "Loo",
        "Placebo dates", "Placebo outcomes", "Placebo period", "Pre trend power", "Prior predictive",
        "Prior sensitivity", "Randomization inference", "Residual autocorrelation", "Sample flow", "Sampler",
        "Specification curve", "Twfe weights",
    ),
    "parts of the report on data quality, as checks and as figures": (
        "Data files", "Data dates", "Data duplicates", "Data unmatched", "Data missing periods", "Data spikes",
        "Data bulk closures", "Data definition changes", "Data reporting lag",
    ),
    "fields of the summary": (
        "Title", "Programme", "Priority", "Capacity", "Population", "Intervention", "Comparator", "Outcome", "Setting",
        "Theory of change", "City", "Mechanism", "Unit", "Selection rule", "Concurrent events", "Dates", "Dose",
        "Take up", "Fidelity", "Contamination", "Anticipation", "Evaluator independence", "Funder", "Contact",
        "Ethics review", "Status", "Url", "Locked at", "Locked by", "Lock sha",
        "Outcome access at", "N units", "N treated units", "N clusters",
        "N treated clusters", "N observations", "N events", "Pre periods", "Post periods", "Missing share",
        "Attrition overall", "Attrition differential", "Study id", "Run id", "Schema version", "Created at", "Language",
        "Config sha", "Data sha", "Git sha", "Evalkit version",
    ),
    "columns": (
        "Event time", "Estimate", "Std error", "P value", "Low simultaneous", "High simultaneous", "Is reference",
        "Period", "Cohort", "Label", "Run", "Estimator", "Inference", "Reason", "N treated", "Level", "Interval kind",
        "Observed", "Counterfactual", "Counterfactual low", "Counterfactual high", "Cumulative", "Cumulative low",
        "Cumulative high", "Low clustered", "High clustered", "P value clustered", "Check", "Taken for granted",
        "Statistic", "Value", "Threshold", "Reading", "Details", "Domain", "Group", "Weight", "Type", "Place", "Share",
        "Ratio", "Donor", "Treated", "Comparison", "Name", "Effect", "Average",
    ),
    "columns of indicators and equality trees": (
        "Count", "Out of", "Adjusted", "Centre", "Z", "Moving range", "In baseline", "Signal", "Forecast",
        "Forecast low", "Forecast high", "City", "Theme", "Topic", "Indicator", "Year", "Kind", "Value low",
        "Value high", "Compared with", "Other", "Other low", "Other high", "Gap", "Gap low", "Gap high", "Ratio low",
        "Ratio high", "Score low", "Score high", "Earlier", "Target",
    ),
    "heads of tables": (
        "Field", "How", "Role", "Family", "Wanted", "Rule", "State", "Trigger", "Found", "Limit", "Points", "Cap",
        "Measure", "Without", "Reference", "Score", "Scale", "Why", "Judgement", "Step", "What", "Limitation", "Item",
        "Trail", "Crosswalk", "Sample", "Question", "Assignment", "Delivery", "Governance", "Plan", "Outcomes",
        "Estimates", "Groups", "Checks", "Limitations", "Settings", "Provenance", "Cost", "Certainty", "Finding",
        "Yes", "No",
    ),
}  # fmt: skip
CODES: Final = Phrases(_CODES)
"""English words of codes, by what they are codes of."""


_WORDS: Final = frozenset(word for words in _CODES.values() for word in words)


def coded(value: str) -> str:
    """A value of a table: as it is in English, where codes are read as they stand; a known code in words elsewhere.

    Examples
    --------
    >>> coded("not_run")
    'not_run'
    >>> from evalkit.language import speaking
    >>> with speaking("pt"):
    ...     coded("not_run"), coded("Recife")
    ('não executada', 'Recife')
    """
    words = value.replace("_", " ")
    known = current() != "en" and words[:1].upper() + words[1:] in _WORDS
    return readable(value, lower=True) if known else value


def readable(code: str, *, lower: bool = False) -> str:
    """A code, or the name of a field, as words; in English where it is none of those known.

    Examples
    --------
    >>> readable("policy_choice"), readable("policy_choice", lower=True)
    ('Policy choice', 'policy choice')
    >>> from evalkit.language import speaking
    >>> with speaking("es"):
    ...     readable("not_run")
    'No ejecutada'
    """
    words = code.replace("_", " ")
    said = phrase(words[:1].upper() + words[1:])
    return said[:1].lower() + said[1:] if lower else str(said)
