"""What the rating looks at: the study's declarations, the sample, the result and its diagnostics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from evalkit.data.panel import Panel
from evalkit.errors import EvalkitError
from evalkit.estimate import Estimate
from evalkit.evidence.disclosure import Policy, policy, small
from evalkit.evidence.finding import Judged
from evalkit.evidence.ledger import Counted, Ledger, ledger
from evalkit.evidence.levels import natural_shown, overall_level
from evalkit.evidence.natural import Effect
from evalkit.evidence.schema import FindingBlock, NaturalBlock
from evalkit.evidence.schema_plan import PlanBlock
from evalkit.evidence.standard import Design, Standard
from evalkit.evidence.values import Moment, Words
from evalkit.evidence.withhold import in_words
from evalkit.inference.refits import assigned
from evalkit.language import mark, readable, say
from evalkit.numerics.balance import standardized_difference, unit_means
from evalkit.study.spec import Study, StudySpec
from evalkit.study.told import told_outcome
from evalkit.uncertainty import Posterior
from evalkit.vocabulary import BoolArray, Diagnostic

CONTROLLED: Final = "controlled"
"""A model of one series that also reads those of other places sets this fact to 1, one that reads it alone to 0."""
_UNPLANNED: Final = mark("no analysis plan was locked")
NO_PLAN: Final = PlanBlock(
    status="none", url=Words.missing(_UNPLANNED), locked_at=Moment.missing(_UNPLANNED),
    outcome_access_at=Moment.missing(mark("not recorded")), deviations=(),
)  # fmt: skip
"""Where no plan was held against the run."""
PRIMARY_OUTCOME: Final = "primary_outcome"
"""Item of a deviation: the primary outcome is another column than planned, or on another scale."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Counts behind the primary estimate.

    Attributes
    ----------
    treated, comparison
        Units that start within the window; units that they can be compared with.
    clusters, treated_clusters
        Independent clusters in all, and those with a treated unit. In repeated cross-sections the groups by which
        treatment was given, or the clusters where these are fewer: however many people a group has, it started once.
    pre_periods, post_periods
        Usable periods (anticipation excluded) of the cohort that has fewest.
    missing_share
        Share of unit-periods without an outcome.
    attrition_overall, attrition_differential
        Percent of units seen before the first start and not in the last period, and its difference
        between arms in percentage points; None where an arm was not seen before.
    """

    units: int
    treated: int
    comparison: int
    clusters: int
    treated_clusters: int
    pre_periods: int
    post_periods: int
    missing_share: float
    attrition_overall: float | None
    attrition_differential: float | None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a rule may look at."""

    study: Study
    standard: Standard
    panel: Panel
    estimate: Estimate
    effect: Effect
    judged: Judged
    finding: FindingBlock
    sample: Sample
    diagnostics: Mapping[str, Diagnostic]
    other_outcomes: Mapping[str, Estimate | EvalkitError] = field(default_factory=dict)
    plan: PlanBlock = NO_PLAN
    ledger: Ledger = field(default_factory=Ledger)

    @property
    def spec(self) -> StudySpec:
        """The study's declarations."""
        return self.study.spec

    @property
    def design(self) -> Design:
        """Design by mechanism first, by estimator second."""
        return design_of(self.spec, self.estimate, self.standard)

    @property
    def is_bayesian(self) -> bool:
        """Whether the primary estimate is a posterior."""
        return isinstance(self.estimate.uncertainty, Posterior)

    @property
    def rules(self) -> Policy:
        """Whether counts are of persons, and from which size on they may be shown."""
        return policy(self.spec, self.standard)

    @property
    def withholds(self) -> bool:
        """Whether counts of the sample are put in words: one of them is small, or gives a small one away."""
        sample = self.sample
        counts = [sample.treated, sample.comparison]
        if self.panel.cross_sections is None:  # else clusters are groups, each of many people
            counts += [sample.treated_clusters, sample.clusters]
        return self.ledger.hides_arms or any(small(self.rules, each) for each in counts)

    @property
    def level(self) -> str | None:
        """Rule by which the level of the treated may not be shown; None where it may."""
        return overall_level(self.spec.primary_outcome, self.panel, self.rules, self.standard.disclosure)

    def natural(self) -> NaturalBlock:
        """Natural units of the primary outcome, without what would tell of few people."""
        limits = self.standard.disclosure
        outcome = told_outcome(self.spec, self.spec.primary_outcome)
        return natural_shown(self.effect, outcome, self.panel, self.rules, limits)

    def counted(self, count: int) -> str:
        """A count of units or clusters in words."""
        return in_words(count, self.rules) if self.withholds else str(count)

    def found(self, count: int) -> float | str:
        """The count as the number that a step of the rating stores, in words where it is withheld."""
        said = self.counted(count)
        return float(count) if said == str(count) else said

    def ran(self, identifier: str) -> Diagnostic | None:
        """A diagnostic of this id that ran; None otherwise."""
        found = self.diagnostics.get(identifier)
        return None if found is None or found.status == "not_run" else found

    @property
    def exact_inference(self) -> Diagnostic | None:
        """The diagnostic that judged the result without leaning on many clusters; one that fails comes first.

        One that only informs (a wild bootstrap of one or two treated clusters) does not count.
        """
        names = self.standard.required_diagnostics.exact_inference
        judged = [found for found in map(self.ran, names) if found is not None and found.status != "informational"]
        return min(judged, key=lambda found: found.status != "fail", default=None)

    @property
    def holds_with_few_clusters(self) -> str:
        """What the interval is by, where it holds with few clusters; else a check that passes; empty where neither."""
        reported = self.estimate.reported
        if reported is not None and reported.method in self.standard.inference.hold_with_few:
            return say("the interval is by {method}", method=readable(reported.method, lower=True))
        exact = self.exact_inference
        return "" if exact is None or exact.status == "fail" else say("{id} passes", id=readable(exact.id, lower=True))

    @property
    def no_interval(self) -> bool:
        """Whether no method gives an interval that can be relied on."""
        return self.estimate.reported is not None and self.estimate.reported.method == "none"

    def passed(self, identifiers: tuple[str, ...]) -> bool:
        """Whether any of these diagnostics ran and passed."""
        return any(found is not None and found.status == "pass" for found in map(self.ran, identifiers))


def design_of(spec: StudySpec, estimate: Estimate, standard: Standard) -> Design:
    """Design that the rating table speaks of; a series that is held against those of other places is controlled."""
    if spec.assignment.mechanism in standard.designs.randomized:
        return "randomized"
    found = standard.designs.by_estimator.get(estimate.estimator, standard.designs.otherwise)
    controlled = found == "interrupted_time_series" and estimate.facts.get(CONTROLLED, 0.0) == 1.0
    return "controlled_time_series" if controlled else found


def detail(diagnostic: Diagnostic, name: str) -> float | None:
    """A further figure of a diagnostic; None where absent or not a finite number."""
    value = dict(diagnostic.details).get(name)
    return value if value is not None and np.isfinite(value) else None


def sample_of(panel: Panel, spec: StudySpec, estimate: Estimate) -> Sample:
    """Count what the estimate rests on; always-treated units, which show no start, are left out."""
    treated = ~panel.never_treated & ~panel.always_treated
    codes = assigned(panel)
    cohorts = panel.cohorts
    anticipation = spec.design.anticipation
    pre = [int((panel.time < cohort - anticipation).sum()) for cohort in cohorts]
    post = [int((panel.time >= cohort).sum()) for cohort in cohorts]
    used = ~panel.always_treated
    overall, differential = _attrition(panel, treated, panel.never_treated)
    return Sample(
        units=estimate.n_units,
        treated=int(treated.sum()),
        comparison=0
        if estimate.facts.get(CONTROLLED) == 0.0
        else int(panel.never_treated.sum()) + _not_yet_treated(panel, spec, estimate),
        clusters=int(np.unique(codes[used]).size),
        treated_clusters=int(np.unique(codes[treated]).size),
        pre_periods=min(pre, default=0),
        post_periods=min(post, default=0),
        missing_share=float(1.0 - panel.observed[used].mean()) if used.any() else 1.0,
        attrition_overall=overall,
        attrition_differential=differential,
    )


def ledger_of(panel: Panel, spec: StudySpec, standard: Standard, estimate: Estimate, sample: Sample) -> Ledger:
    """Which counts of this summary are withheld."""
    people = panel.cross_sections is None
    counted = Counted(
        used=sample.units,
        treated=estimate.n_treated_units,
        compared=sample.comparison,
        clusters=sample.clusters if people else None,
        treated_clusters=sample.treated_clusters if people else None,
    )
    remarks = (*panel.remarks, *estimate.remarks)
    return ledger(policy(spec, standard), standard.disclosure, panel, counted, remarks)


def _not_yet_treated(panel: Panel, spec: StudySpec, estimate: Estimate) -> int:
    """Units of later cohorts that serve as comparison before their own start."""
    comparison = estimate.settings.get("comparison", spec.design.comparison)
    cohorts = panel.cohorts
    if comparison != "not_yet_treated" or cohorts.size < 2:
        return 0
    return int(np.isin(panel.first_treated, cohorts[1:]).sum())


def _attrition(panel: Panel, treated: BoolArray, comparison: BoolArray) -> tuple[float | None, float | None]:
    if panel.cohorts.size == 0 or panel.cross_sections is not None:
        return None, None
    before = panel.observed[:, panel.time < panel.cohorts[0]].any(axis=1)
    lost = before & ~panel.observed[:, -1]
    seen_treated, seen_comparison = before & treated, before & comparison
    if not seen_treated.any():
        return None, None
    seen = before & (treated | comparison)
    overall = 100.0 * float(lost[seen].mean())
    if not seen_comparison.any():
        return overall, None
    return overall, 100.0 * float(lost[seen_treated].mean() - lost[seen_comparison].mean())


def baseline_differences(panel: Panel, spec: StudySpec) -> dict[str, float]:
    """Hedges g of each declared confounder, before the first start, treated less never-treated.

    Means over the usable periods before the first cohort's start. Confounders that do not vary, or
    arms with fewer than two units, have no entry.
    """
    if panel.cohorts.size == 0:
        return {}
    before = panel.when < panel.cohorts[0] - spec.design.anticipation
    treated = ~panel.never_treated & ~panel.always_treated
    found: dict[str, float] = {}
    for name in spec.data.covariates:
        if name not in panel.covariates or not before.any():
            continue
        means = unit_means(np.where(before, panel.covariates[name], np.nan))
        known = ~np.isnan(means)
        g = standardized_difference(means[treated & known], means[panel.never_treated & known])
        if g is not None:
            found[name] = g
    return found


def outcome_spread(panel: Panel) -> tuple[float, float, int, int] | None:
    """Standard deviations across units after the first start (treated, others) and their numbers.

    Units are averaged over treated periods (treated) or periods after the first start (never-treated),
    so that the spread is that of places (or of persons seen once), not of years. None where an arm has fewer than
    two units.
    """
    if panel.cohorts.size == 0:
        return None
    treated = ~panel.never_treated & ~panel.always_treated
    later = np.broadcast_to(panel.when >= panel.cohorts[0], panel.outcome.shape)
    cells = np.where(treated[:, None], panel.treated, later) & panel.observed
    counts = cells.sum(axis=1)
    means = np.where(cells, np.nan_to_num(panel.outcome), 0.0).sum(axis=1) / np.maximum(counts, 1)
    arms = [means[arm & (counts > 0)] for arm in (treated, panel.never_treated)]
    if min(arm.size for arm in arms) < 2:
        return None
    return float(arms[0].std(ddof=1)), float(arms[1].std(ddof=1)), int(arms[0].size), int(arms[1].size)
