"""What each run of a bundle holds in MLflow: its tags, metrics, params and dataset."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from evalkit.tracking import fields
from evalkit.tracking.bundle import Bundle, plain

DIGEST_CHARACTERS: Final = 36
SHA_CHARACTERS: Final = 12
"""Of a hash, as people read it; whole hashes stand in the artifact evidence.json."""
SWEEP: Final = "evalkit.sweep"
SWEEP_JOB: Final = "evalkit.sweep_job"
CALLED: Final = "evalkit.called"
_STUDY_CHOICES: Final = ("data", "outcomes", "design")
_RUN_CHOICES: Final = ("estimator", "robustness", "checks", "seed")
_OF_DATA: Final = "data_"
_SAMPLER: Final = ("sampler", "sampler_gate")
_OWN: Final = ("clustered", "credible")
_SHARES: Final = ("std_error", "p_value", "p_benefit", "p_mid", "p_within_mid", "p_worse_mid", "effect_size_g")
_BESIDE: Final = ("smallest_p", "clustered_low", "clustered_high", "clustered_p")
_EXACT: Final = ("randomization_inference", "wild_bootstrap")


@dataclass(frozen=True, slots=True)
class RunContents:
    """One MLflow run, checked and ready to be sent.

    Attributes
    ----------
    part
        Role, label and outcome: which of its bundle's runs this is.
    label, name
        Label of the estimator; name of the run in the pages.
    status
        ``FINISHED``, or ``FAILED`` where there is no answer that may be used.
    """

    part: tuple[str, str, str]
    label: str
    name: str
    status: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    dataset: Mapping[str, str] | None = None


def parent(bundle: Bundle) -> RunContents:
    """Return the run of the study."""
    metrics, left = fields.metrics(_study_metrics(bundle))
    called = str(bundle.sweep.get("called") or "")
    tags = {
        **_common_tags(bundle, "study"),
        "evalkit.headline": bundle.headline,
        "evalkit.finding": bundle.text("finding", "label"),
        "evalkit.certainty": bundle.certainty,
        "evalkit.estimator": str(bundle.primary.get("estimator", "")),
        "evalkit.inference": str((bundle.primary.get("inference") or {}).get("method") or ""),
        "evalkit.plan": plan_status(bundle),
        "evalkit.status": "done" if bundle.is_rated else "not rated",
        "evalkit.unlogged": "; ".join(left),
        SWEEP: str(bundle.sweep.get("sweep", "")),
        SWEEP_JOB: str(bundle.sweep.get("job", "")),
        CALLED: called,
    }
    return RunContents(
        part=("study", "", ""),
        label=bundle.study_id,
        name=run_name(bundle.text("question", "title"), called),
        status="FINISHED" if bundle.is_rated else "FAILED",
        metrics=metrics,
        params=fields.params(choices(bundle.study_yaml)),
        tags=fields.tags(tags),
        dataset=dataset(bundle),
    )


def run_name(title: str, called: str) -> str:
    """Name of a study's run: its title, and what tells it from other jobs of its sweep with the same title.

    Examples
    --------
    >>> run_name("Night buses in Austin", "imputation")
    'Night buses in Austin (imputation)'
    >>> run_name("Night buses in Austin", "")
    'Night buses in Austin'
    """
    return f"{title}{_suffix(called)}"


def title_of(name: str, called: str) -> str:
    """The title of the study that a run is named after, without what `run_name` added.

    Examples
    --------
    >>> title_of("Night buses in Austin (imputation)", "imputation")
    'Night buses in Austin'
    """
    return name.removesuffix(_suffix(called))


def _suffix(called: str) -> str:
    return f" ({called})" if called else ""


def plan_status(bundle: Bundle) -> str:
    """``exploratory`` where the run departs from its plan unexplained; else whether a plan was locked, and where."""
    exploratory = bundle.text("plan", "analysis") == "exploratory"
    return "exploratory" if exploratory else bundle.text("plan", "status")


def children(bundle: Bundle) -> list[RunContents]:
    """Return the runs of the estimators, the primary first."""
    return [_child(bundle, row) for row in bundle.estimates]


def _child(bundle: Bundle, row: Mapping[str, Any]) -> RunContents:
    role = str(row.get("role", "robustness"))
    label = str(row.get("label") or row.get("estimator"))
    outcome = str(row.get("outcome", ""))
    effect = row.get("effect") or {}
    refused = effect.get("value") is None
    unrated = role == "primary" and not bundle.is_rated  # whoever looks for the cause finds its numbers in a table
    metrics, left = fields.metrics({} if unrated else _estimate_metrics(row))
    tags = {
        **_common_tags(bundle, role),
        "evalkit.estimator": str(row.get("estimator", "")),
        "evalkit.label": label,
        "evalkit.outcome": outcome,
        "evalkit.inference": str((row.get("inference") or {}).get("method") or ""),
        "evalkit.status": "refused" if refused else "not rated" if unrated else "done",
        "evalkit.reason": str(effect.get("reason", "")),
        "evalkit.unlogged": "; ".join(left),
    }
    estimator = {key: row[key] for key in ("estimator", "estimand", "weights", "scale") if row.get(key) is not None}
    return RunContents(
        part=(role, label, outcome),
        label=label,
        name=label,
        status="FAILED" if refused or unrated else "FINISHED",
        metrics=metrics,
        params=fields.params(estimator),
        tags=fields.tags(tags),
    )


def _common_tags(bundle: Bundle, role: str) -> dict[str, str | None]:
    dirty = plain(bundle.provenance.get("git_dirty"))
    return {
        "evalkit.study": bundle.study_id,
        "evalkit.role": role,
        "evalkit.priority": bundle.priority,
        "evalkit.config_sha": short_sha(bundle.text("identity", "config_sha")),
        "evalkit.data_sha": short_sha(bundle.text("identity", "data_sha")),
        "evalkit.git_dirty": None if dirty is None else str(dirty).lower(),
        "mlflow.source.git.commit": bundle.text("identity", "git_sha"),
        "mlflow.source.name": "evalkit",
        "mlflow.source.type": "LOCAL",
    }


def short_sha(sha: str) -> str:
    """Shorten a hash to what people read, without the name of its method.

    Examples
    --------
    >>> short_sha("sha256:44a74b40ca21e0c7b31f8273e7096")
    '44a74b40ca21'
    """
    return sha.rpartition(":")[2][:SHA_CHARACTERS]


def _estimate_metrics(row: Mapping[str, Any]) -> dict[str, float | int | None]:
    """Effect, interval and p-value as reported; beside an interval of another kind the estimator's own."""
    effect, inference = row.get("effect") or {}, row.get("inference") or {}
    found = {
        "effect": effect.get("value"),
        "effect_low": effect.get("low"),
        "effect_high": effect.get("high"),
        **{key: plain(row.get(key)) for key in _SHARES},
    }
    if inference.get("method") in (None, *_OWN):
        return found
    if inference["method"] == "none":
        return {key: value for key, value in found.items() if key not in ("effect_low", "effect_high", "p_value")}
    return {**found, **{key: plain(inference.get(key)) for key in _BESIDE}}


def _study_metrics(bundle: Bundle) -> dict[str, float | int | None]:
    sample = bundle.evidence.get("sample", {})
    counts = {
        "n_units": plain(sample.get("n_units")),
        "n_treated": plain(sample.get("n_treated_units")),
        "n_clusters": plain(sample.get("n_clusters")),
        "n_observations": plain(sample.get("n_observations")),
        "certainty": plain(bundle.evidence["rating"].get("certainty")),
    }
    effect = _estimate_metrics(bundle.primary) if bundle.is_rated else {}
    return {**effect, **counts, **_exact_inference(bundle), **_sampler_metrics(bundle), **_data_metrics(bundle)}


def _data_metrics(bundle: Bundle) -> dict[str, float | int | None]:
    """What the data-quality report measured, and how many of its parts warn and fail."""
    of_data = [each for each in bundle.evidence.get("diagnostics", []) if str(each.get("id")).startswith(_OF_DATA)]
    if not of_data:
        return {}
    measured = {f"data.{each['statistic']}": plain(each.get("value")) for each in of_data if each.get("statistic")}
    states = [each.get("status") for each in of_data]
    return {**measured, "data.warnings": states.count("warn"), "data.failures": states.count("fail")}


def _exact_inference(bundle: Bundle) -> dict[str, float | int | None]:
    """P-values that hold with few clusters, beside the clustered one, which with one treated unit misleads."""
    ran = [check for check in bundle.evidence.get("diagnostics", []) if check.get("id") in _EXACT]
    return {str(check["statistic"]): plain(check.get("value")) for check in ran if check.get("statistic")}


def _sampler_metrics(bundle: Bundle) -> dict[str, float | int | None]:
    """R-hat, effective sample sizes and divergences, where a sampler was used."""
    found: dict[str, float | int | None] = {}
    for check in bundle.evidence.get("diagnostics", []):
        if check.get("id") in _SAMPLER:
            found[str(check.get("statistic"))] = plain(check.get("value"))
            found.update({str(key): plain(value) for key, value in (check.get("details") or {}).items()})
    return {f"sampler.{key}": value for key, value in found.items()}


def choices(study_yaml: str) -> dict[str, Any]:
    r"""Return the choices of a resolved config: how data, outcomes, design, estimator and checks were set.

    The texts of the study and the rating table are left out: they are artifacts, not choices of a run.

    Examples
    --------
    >>> choices("study: {id: a, title: t, design: {anticipation: 1}}\nseed: 7\nevidence: {caps: []}")
    {'study': {'design': {'anticipation': 1}}, 'seed': 7}
    """
    config = yaml.safe_load(study_yaml) or {}
    study = config.get("study") or config.get("spec") or {}
    chosen = {key: study[key] for key in _STUDY_CHOICES if key in study}
    rest = {key: config[key] for key in _RUN_CHOICES if key in config}
    return {**({"study": chosen} if chosen else {}), **rest}


def dataset(bundle: Bundle) -> dict[str, str] | None:
    """Describe the data without a row of them: our own fingerprint, the source's name, the sample's size.

    MLflow's own digest reads the first 10,000 rows only and depends on their order.
    """
    digest = bundle.text("identity", "data_sha")
    if not digest:
        return None
    config = yaml.safe_load(bundle.study_yaml) or {}
    data = (config.get("study") or config.get("spec") or {}).get("data") or {}
    source = data.get("source") or {}
    described = {key: source[key] for key in ("kind", "package", "name", "path", "format", "sha256") if source.get(key)}
    columns = {key: data[key] for key in ("unit", "period", "cohort", "treated", "cluster", "weight") if data.get(key)}
    sample = bundle.evidence.get("sample", {})
    profile = {key: plain(sample.get(key)) for key in ("n_units", "n_treated_units", "n_observations", "pre_periods")}
    return {
        "name": str(source.get("name") or source.get("path") or bundle.study_id)[:500],
        "digest": digest[:DIGEST_CHARACTERS],
        "source_type": str(source.get("kind") or "declared"),
        "source": json.dumps(described),
        "schema": json.dumps({"evalkit_columns": columns, "evalkit_fingerprint": digest}),
        "profile": json.dumps({key: value for key, value in profile.items() if value is not None}),
    }
