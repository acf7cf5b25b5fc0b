"""The one path from a study to its evidence: no Hydra, no MLflow, no files written."""

from __future__ import annotations

import datetime as dt
import functools
import os
import uuid
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import pandas as pd

import evalkit
from evalkit.checks import registry as checks
from evalkit.checks.base import CheckContext, answer
from evalkit.data.fingerprint import fingerprint
from evalkit.data.panel import Panel
from evalkit.data.quality.report import quality
from evalkit.data.study_panel import Loaded, load, panel_for
from evalkit.errors import ConfigError, DesignRefused, EvalkitError, Reason
from evalkit.estimate import Estimate
from evalkit.estimators import registry
from evalkit.estimators.base import Estimator, refuse_cross_sections, require_absorbing
from evalkit.evidence.equity import GroupResult, Groups
from evalkit.evidence.facts import NO_PLAN, design_of
from evalkit.evidence.finding import finding_of_draws
from evalkit.evidence.outcomes import REPEATED, OutcomeResult, about
from evalkit.evidence.schema import Evidence, Identity
from evalkit.evidence.schema_plan import PlanBlock
from evalkit.evidence.standard import Standard
from evalkit.evidence.summarize import summarize
from evalkit.inference.choose import report
from evalkit.language import phrase, say, speaking
from evalkit.study.spec import Choice, EquityGroup, Study
from evalkit.uncertainty import Posterior
from evalkit.vocabulary import Diagnostic, Finding, FloatArray

FINGERPRINT_KEY = "EVALKIT_FINGERPRINT_KEY"
MOST_GROUPS = 12
"""Groups of one equity grouping: a column with more is hardly one of groups."""


class Progress(Protocol):
    """Told what is going on: a text, and the share done where it is known."""

    def __call__(self, text: str, share: float | None = None, /) -> None:
        """Report one step."""
        ...


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything one study found.

    Attributes
    ----------
    study
        As resolved.
    panel
        The primary outcome, as analysed.
    estimate
        Of the primary estimator on the primary outcome; `estimate.reported` is the interval that is reported.
    robustness
        Label to the other estimators' estimates, or to the reason why one refused.
    other_outcomes
        Name to the primary estimator's estimate of each further outcome, or the reason.
    diagnostics
        Of all checks.
    evidence
        The standardized summary.
    data_fingerprint
        Of the frame as read.
    n_rows
        Of the frame as read.
    """

    study: Study
    panel: Panel
    estimate: Estimate
    robustness: Mapping[str, Estimate | EvalkitError]
    other_outcomes: Mapping[str, Estimate | EvalkitError]
    diagnostics: tuple[Diagnostic, ...]
    evidence: Evidence
    data_fingerprint: str
    n_rows: int


Planned = Callable[[Study, pd.DataFrame, bytes | None], PlanBlock]
"""Holds a locked plan against a study and its frame; with the key of restricted data."""


@dataclass(frozen=True, slots=True)
class Read:
    """A study's data as read, and their fingerprint."""

    loaded: Loaded
    fingerprint: str


def read(study: Study) -> Read:
    """Read a study's data.

    Raises
    ------
    ConfigError, DataError
        When they cannot be read, or are restricted and there is no key for their fingerprint.
    """
    loaded = load(study)
    return Read(loaded, fingerprint(loaded.frame, key=fingerprint_key(study)))


def evaluate(
    study: Study,
    *,
    data: Read | None = None,
    progress: Progress | None = None,
    announce: Callable[[Evidence], None] | None = None,
    planned: Planned | None = None,
) -> Evaluation:
    """Evaluate a study: read, check, fit, cross-check, summarize.

    Parameters
    ----------
    study
        From :func:`evalkit.load_study`.
    data
        From :func:`read`, where somebody has read them already.
    progress
        Called before each step.
    announce
        Given the summary of the primary estimate and its checks as soon as they are done, before
        the slower cross-checks; the final summary may rate it lower.
    planned
        Holds the locked plan against the study and its data (:meth:`evalkit.plan.hold.Planning.against`); without it
        the summary says that no plan was locked.

    Raises
    ------
    DataError, DesignRefused, EstimationFailed
        When the primary analysis cannot be done. A robustness estimator or check that cannot run
        is part of the result, with its reason.
    """
    with speaking(study.language):
        tell = progress or _silent
        tell(phrase("Reading the data"))
        return _evaluated(study, data or read(study), tell, announce, planned)


def _evaluated(
    study: Study, data: Read, tell: Progress, announce: Callable[[Evidence], None] | None, planned: Planned | None
) -> Evaluation:
    loaded = data.loaded
    frame = loaded.frame
    panel = panel_for(frame, study.spec, study.spec.primary_outcome)
    tell(phrase("Looking for what is wrong with the data"))
    of_data = quality(study.spec, panel, loaded.intake, blind=False)
    identity = Identity(
        study_id=study.spec.id,
        run_id=uuid.uuid4().hex,
        config_sha=study.sha(),
        data_sha=data.fingerprint,
        evalkit_version=evalkit.__version__,
        created_at=dt.datetime.now(dt.UTC),
        language=study.language,
    )
    plan = NO_PLAN if planned is None else planned(study, frame, fingerprint_key(study))
    estimator = build(study.estimator)
    require(estimator, panel)
    tell(say("Estimating with {name}", name=estimator.name))
    fit = functools.partial(_fit, estimator, study.seed)
    estimate = _decided(study, fit(panel), panel, fit, tell)
    further = functools.cache(functools.partial(_other_outcome, study, frame, fit, tell))

    def of_outcome(name: str) -> Estimate | EvalkitError:
        found = further(name)
        return found if isinstance(found, EvalkitError) else found.estimate

    context = CheckContext(study.spec, panel, estimate, fit, of_outcome, _finding_of(study, estimate))
    diagnostics = (*of_data, *_checked(study, context, tell))
    if announce is not None:
        announce(summarize(study, panel, estimate, {}, diagnostics, identity, plan=plan))
    results = {outcome.name: further(outcome.name) for outcome in study.spec.outcomes if outcome.role != "primary"}
    others = {name: of_outcome(name) for name in results}
    groups = _by_group(study, frame, fit, tell)
    robustness = {label: _attempt(study, choice, panel, tell) for label, choice in labelled(study.robustness).items()}
    tell(phrase("Writing the summary"))
    evidence = summarize(
        study, panel, estimate, robustness, diagnostics, identity,
        other_outcomes=others, outcome_results=results, groups=groups, plan=plan,
    )  # fmt: skip
    return Evaluation(
        study, panel, estimate, robustness, others, diagnostics, evidence, identity.data_sha, len(frame)
    )  # fmt: skip


def build(choice: Choice) -> Estimator:
    """The estimator that a config names, its settings validated by its class."""
    return registry.get(choice.name)(**choice.settings)


def require(estimator: Estimator, panel: Panel) -> None:
    """Compare what the estimator needs with what the panel offers.

    Raises
    ------
    DesignRefused
        Naming what is missing.
    """
    require_absorbing(estimator, panel)
    needs = estimator.needs
    refuse_cross_sections(estimator, panel)
    if needs.never_treated and not panel.never_treated.any():
        raise DesignRefused(
            Reason("{name} needs never-treated units and this panel has none.", name=estimator.name),
            next_step="Choose an estimator that compares with not-yet-treated units.",
        )
    if needs.comparison_units and panel.n_units == 1:
        raise DesignRefused(
            Reason(
                "{name} compares units, and this panel has one: '{unit}'.", name=estimator.name, unit=panel.units[0]
            ),
            allowed="estimators that read one series by itself: interrupted_time_series, bayesian_time_series",
            next_step="Choose one of them, or add places without the programme.",
        )
    before = [int((panel.time < cohort).sum()) for cohort in panel.cohorts]
    if not before:
        raise DesignRefused(
            Reason("No unit starts treatment within the window: there is no before and after to compare."),
            next_step="Widen the periods so that they include some before and after a start.",
        )
    if max(before) < needs.pre_periods:
        raise DesignRefused(
            Reason(
                "{name} needs {least} periods before the start; no cohort has more than {most}.",
                name=estimator.name,
                least=needs.pre_periods,
                most=max(before),
            ),
            next_step="Add earlier periods, or choose an estimator that needs fewer.",
        )


def _finding_of(study: Study, estimate: Estimate) -> Callable[[FloatArray], Finding]:
    outcome, level = study.spec.primary_outcome, study.spec.design.level
    return functools.partial(finding_of_draws, outcome, estimate, level)


def fingerprint_key(study: Study) -> bytes | None:
    """Key of a restricted source's fingerprint: an unkeyed hash would let anyone test a guess of its rows.

    Raises
    ------
    ConfigError
        When the data are restricted and the environment holds no key.
    """
    if not study.spec.data.restricted:
        return None
    key = os.environ.get(FINGERPRINT_KEY, "")
    if not key:
        raise ConfigError(
            f"The data are restricted and {FINGERPRINT_KEY} is not set: their fingerprint needs a secret key.",
            next_step=f"Set {FINGERPRINT_KEY} to a secret kept by the data's steward; runs compare only under one key.",
        )
    return key.encode()


def labelled(choices: tuple[Choice, ...]) -> dict[str, Choice]:
    """Choices by label: the declared one, or the name, numbered where it repeats."""
    found: dict[str, Choice] = {}
    for choice in choices:
        label = base = choice.label or choice.name
        number = 2
        while label in found:
            label, number = f"{base} ({number})", number + 1
        found[label] = choice
    return found


def stage_rng(seed: int, stage: str) -> np.random.Generator:
    """Randomness of one stage, keyed by its name so that adding a stage changes no other."""
    return np.random.default_rng(np.random.SeedSequence([seed, zlib.crc32(stage.encode())]))


def _checked(study: Study, context: CheckContext, tell: Progress) -> tuple[Diagnostic, ...]:
    return _answers(_chosen(study, context.estimate), context, tell)


def _chosen(study: Study, estimate: Estimate) -> list[Choice]:
    """Checks that the study lists, and those that the estimate gets in any case."""
    listed = {choice.name for choice in study.checks}
    also = (*_of_every_posterior(estimate), *_of_every_fit(study, estimate))
    return [*study.checks, *(Choice(name=name) for name in also if name not in listed)]


def _answers(choices: Sequence[Choice], context: CheckContext, tell: Progress) -> tuple[Diagnostic, ...]:
    found: list[Diagnostic] = []
    for choice in choices:
        tell(f"Checking: {choice.name.replace('_', ' ')}")
        found.extend(answer(checks.get(choice.name)(**choice.settings), context))
    return tuple(found)


def _of_every_fit(study: Study, estimate: Estimate) -> tuple[str, ...]:
    """Checks of a design that fits the treated before the start: the rating requires them, listed or not."""
    standard = Standard.from_config(study.evidence)
    if design_of(study.spec, estimate, standard) != "synthetic_control":
        return ()
    return standard.required_diagnostics.synthetic_control


def _of_every_posterior(estimate: Estimate) -> tuple[str, ...]:
    """Checks that run on a posterior, listed or not: those that the rating reads, where there is something to read."""
    posterior = estimate.uncertainty
    if not isinstance(posterior, Posterior):
        return ()
    predictive = posterior.predictive
    if predictive is None:
        return ("sampler",)
    prior = ("prior_predictive",) if predictive.prior_replicated is not None else ()
    scaled = ("prior_sensitivity",) if predictive.log_prior is not None else ()
    return ("sampler", "posterior_predictive", *prior, *scaled)


def _other_outcome(
    study: Study, frame: pd.DataFrame, fit: Callable[[Panel], Estimate], tell: Progress, name: str
) -> OutcomeResult | EvalkitError:
    """The primary estimator on a further outcome, with the checks of it that need no other fit."""
    outcome = next(each for each in study.spec.outcomes if each.name == name)
    tell(say("Estimating the effect on {name}", name=name))
    try:
        panel = panel_for(frame, study.spec, outcome)
        estimate = _decided(study, fit(panel), panel, fit, tell)
    except EvalkitError as reason:
        return reason
    if outcome.role == "placebo":
        return OutcomeResult(panel, estimate)
    moved = about(study, name)
    context = CheckContext(moved.spec, panel, estimate, fit, finding_of=_finding_of(moved, estimate))
    chosen = [choice for choice in _chosen(study, estimate) if choice.name in REPEATED]
    return OutcomeResult(panel, estimate, _answers(chosen, context, _silent))


def _by_group(study: Study, frame: pd.DataFrame, fit: Callable[[Panel], Estimate], tell: Progress) -> Groups:
    """The primary estimator on the rows of each group of the declared equity groupings."""
    found: dict[str, dict[str, GroupResult | EvalkitError]] = {}
    for grouping in study.spec.equity:
        column = frame[grouping.column]
        values = sorted(column.dropna().unique().tolist(), key=str)
        if len(values) > MOST_GROUPS:
            raise ConfigError(
                f"The equity group '{grouping.name}' has {len(values)} values in column '{grouping.column}'.",
                allowed=f"{MOST_GROUPS} groups or fewer",
                next_step="Name a column of groups, not of units or amounts.",
            )
        found[grouping.name] = {str(value): _of_group(study, frame, grouping, value, fit, tell) for value in values}
    return found


def _of_group(
    study: Study, frame: pd.DataFrame, grouping: EquityGroup, value: str | float, fit: Callable[[Panel], Estimate],
    tell: Progress,
) -> GroupResult | EvalkitError:  # fmt: skip
    tell(say("Estimating the effect on {name} = {value}", name=grouping.name, value=value))
    data = study.spec.data
    rows = frame[grouping.column] == value
    held = data.model_copy(update={"where": {**data.where, grouping.column: value}})
    spec = study.spec.model_copy(update={"data": held})

    try:
        panel = panel_for(frame, spec, spec.primary_outcome)
        require(build(study.estimator), panel)
        estimate = _decided(study, fit(panel), panel, fit, tell)
    except EvalkitError as reason:
        return reason
    clusters = frame.loc[rows, str(data.cluster or data.unit or data.group)]
    return GroupResult(panel, estimate, frozenset(clusters.astype(str)))


def _decided(
    study: Study,
    estimate: Estimate,
    panel: Panel,
    fit: Callable[[Panel], Estimate],
    tell: Progress,
    *,
    robustness: bool = False,
) -> Estimate:
    """The estimate with the interval and p-value that the rule table of inference reports for it."""
    design = study.spec.design
    decided = report(
        estimate,
        panel,
        fit,
        Standard.from_config(study.evidence).inference,
        level=design.level,
        asked="auto" if robustness else design.inference,
        cheap=robustness,
        tell=tell,
    )
    return replace(estimate, reported=decided)


def _fit(estimator: Estimator, seed: int, panel: Panel) -> Estimate:
    return estimator.fit(panel, rng=stage_rng(seed, f"fit:{estimator.name}"))


def _attempt(study: Study, choice: Choice, panel: Panel, tell: Progress) -> Estimate | EvalkitError:
    tell(say("Cross-checking with {value}", value=choice.label or choice.name))

    def run() -> Estimate:
        estimator = build(choice)
        require(estimator, panel)
        fit = functools.partial(_fit, estimator, study.seed)
        return _decided(study, fit(panel), panel, fit, tell, robustness=True)

    return _caught(run)


def _caught(run: Callable[[], Estimate]) -> Estimate | EvalkitError:
    """An estimate, or the reason why there is none: both belong in the evidence."""
    try:
        return run()
    except EvalkitError as reason:
        return reason


def _silent(text: str, share: float | None = None, /) -> None:
    """Report to nobody."""
