"""Which test decides: the same rule table that says what a finished study reports."""

from __future__ import annotations

from typing import Final, Literal

from evalkit.data.panel import Panel
from evalkit.errors import DesignRefused
from evalkit.estimate import Estimate
from evalkit.evidence.standard import shipped
from evalkit.inference.choose import report
from evalkit.inference.refits import Fit, cluster_counts, comparison_clusters
from evalkit.inference.rules import InferenceTable, Row
from evalkit.language import Phrases
from evalkit.numerics.reassignment import roll_out
from evalkit.study.spec import Study
from evalkit.uncertainty import Posterior

TestKind = Literal[
    "interval",
    "of_design",
    "permutation",
    "placebo",
    "collapse",
    "wild_bootstrap",
    "cr3",
    "conley_taber",
    "ferman_pinto",
]
_TESTS: Final = {
    "interval": "the estimate's own interval",
    "of_design": "the interval of the estimator's own design",
    "permutation": "a permutation test of the roll-out over places",
    "placebo": "the placebo estimates",
    "collapse": "a t test of one change a place",
    "wild_bootstrap": "the wild cluster bootstrap",
    "cr3": "the interval from leaving out one place at a time (CR3)",
    "conley_taber": "the interval of Conley and Taber (2011)",
    "ferman_pinto": "the interval of Ferman and Pinto (2019)",
}
TESTS: Final = Phrases(_TESTS)
"""Each test in words."""


def table_of(study: Study) -> InferenceTable:
    """The study's rule table; the shipped one where the study's standard has none."""
    declared = study.evidence.get("inference")
    return shipped().inference if declared is None else InferenceTable.model_validate(declared)


def decide(
    estimate: Estimate, panel: Panel, fit: Fit, table: InferenceTable, *, alpha: float, asked: str = "auto"
) -> TestKind:
    """Which test decides about an estimate on a panel of this design.

    The rows are read as :func:`evalkit.inference.choose.report` reads them. Randomization inference stands here
    as ``permutation``: what matters is whether its smallest p-value can reach `alpha`.

    Parameters
    ----------
    estimate, panel, fit
        Of one placebo panel.
    table
        The rule table.
    alpha
        Level of the test.
    asked
        The method that the study asks for; ``auto`` for the table's choice.
    """
    if isinstance(estimate.uncertainty, Posterior):
        return "interval"
    rows = [row for row in table.rows if (row.method == asked if asked != "auto" else not row.only_if_asked)]
    for row in rows:
        if row.method == "credible" or not _enough(row, estimate, panel):
            continue
        if row.method == "clustered":
            return "interval"
        if row.method == "randomization":
            if smallest_p(panel, row.draws) <= alpha + 1e-12:
                return "permutation"
            continue
        try:
            report(estimate, panel, fit, table, level=1.0 - alpha, asked=row.method)
        except DesignRefused:  # not computable on this design: the next row
            continue
        return row.method
    return "interval"


def smallest_p(panel: Panel, draws: int) -> float:
    """The least p-value that giving the roll-out to other places can reach; 1 where nothing can be given."""
    plan = roll_out(panel.first_treated, panel.cluster_codes, panel.always_treated)
    if plan is None or plan.distinct < 2:
        return 1.0
    return plan.mirrors / plan.distinct if plan.distinct <= draws + 1 else 1.0 / (1 + draws)


def _enough(row: Row, estimate: Estimate, panel: Panel) -> bool:
    """Whether the clusters are as many as a row asks for."""
    treated, total = cluster_counts(panel)
    later = estimate.settings.get("comparison") != "never_treated"
    others = comparison_clusters(panel, later_cohorts=later)
    return treated >= row.treated and others >= row.comparison and total >= row.total
