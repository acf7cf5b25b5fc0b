"""From an estimate and its checks to what the rating and the sentences look at, for any outcome of a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from evalkit.data.panel import Panel
from evalkit.errors import EstimationFailed, EvalkitError, Reason
from evalkit.estimate import Estimate
from evalkit.evidence.disclosure import Policy, policy
from evalkit.evidence.facts import NO_PLAN, Facts, ledger_of, sample_of
from evalkit.evidence.finding import find, judge
from evalkit.evidence.ledger import Ledger
from evalkit.evidence.natural import effect_of
from evalkit.evidence.schema_plan import PlanBlock
from evalkit.evidence.standard import Standard
from evalkit.evidence.withhold import checks_shown
from evalkit.inference.refits import counted_as_treated
from evalkit.study.spec import Study
from evalkit.vocabulary import Diagnostic


def facts_of(
    study: Study,
    panel: Panel,
    estimate: Estimate,
    diagnostics: Sequence[Diagnostic],
    other_outcomes: Mapping[str, Estimate | EvalkitError],
    plan: PlanBlock = NO_PLAN,
) -> Facts:
    """Everything a rule may look at, about the primary outcome of the study as given.

    Raises
    ------
    EstimationFailed
        When the overall effect or its interval is not a finite number.
    """
    spec, outcome = study.spec, study.spec.primary_outcome
    panel = counted_as_treated(panel, estimate)
    standard = Standard.from_config(study.evidence)
    effect = effect_of(outcome, estimate, estimate.aggregation("overall", level=spec.design.level))
    if not np.isfinite([effect.value, effect.low, effect.high]).all():
        raise EstimationFailed(
            Reason(
                "{estimator} gives no finite overall effect with an interval (value {value}, {low} to {high}).",
                estimator=estimate.estimator,
                value=effect.value,
                low=effect.low,
                high=effect.high,
            ),
            next_step="Look at estimates by cohort and period: some cell rests on too few units, or on none.",
        )
    judged = judge(effect, outcome)
    sample = sample_of(panel, spec, estimate)
    book = ledger_of(panel, spec, standard, estimate, sample)
    return Facts(
        study=study,
        standard=standard,
        panel=panel,
        estimate=estimate,
        effect=effect,
        judged=judged,
        finding=find(judged, outcome, no_interval=_no_interval(estimate)),
        sample=sample,
        diagnostics=_by_id(diagnostics, panel, policy(spec, standard), book),
        other_outcomes=other_outcomes,
        plan=plan,
        ledger=book,
    )


def _no_interval(estimate: Estimate) -> bool:
    return estimate.reported is not None and estimate.reported.method == "none"


def _by_id(diagnostics: Sequence[Diagnostic], panel: Panel, rules: Policy, book: Ledger) -> dict[str, Diagnostic]:
    """Diagnostics by id, without small counts; a check that reports several of one id gets them numbered."""
    found: dict[str, Diagnostic] = {}
    for diagnostic in checks_shown(diagnostics, panel, rules, book):
        name, count = diagnostic.id, 2
        while name in found:
            name, count = f"{diagnostic.id}_{count}", count + 1
        found[name] = diagnostic
    return found
