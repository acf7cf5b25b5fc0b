"""`evalkit validate`: config, data and design, before anybody has seen an effect."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evalkit.cli import options
from evalkit.cli.screen import Screen
from evalkit.errors import DesignRefused, EstimationFailed, EvalkitError, Reason
from evalkit.language import current, readable, speaking, why

if TYPE_CHECKING:
    from evalkit.data.panel import Panel
    from evalkit.estimators.base import Estimator
    from evalkit.study.spec import Study
    from evalkit.vocabulary import Diagnostic


@click.command()
@options.overrides
@click.option("--no-data", is_flag=True, help="Check the config alone, as where the data are not.")
@options.together(options.plugin, options.config_dir, options.quiet, options.as_json)
def validate(
    overrides: tuple[str, ...], no_data: bool, plugins: tuple[str, ...], config_dir: Path | None, quiet: bool,
    as_json: bool,
) -> int:  # fmt: skip
    """Check a study's config, data and design; estimate nothing.

    Outcomes of treated units after treatment began are neither read out nor summarized, so that a plan
    can be locked after this.
    """
    from evalkit.cli import plugins as plugin_files
    from evalkit.config import compose

    plugin_files.load(plugins)
    screen = Screen(quiet=quiet, as_json=as_json)
    study = compose(overrides, config_dir).study
    if no_data:
        facts = {"study": study.spec.id, "estimator": study.estimator.name, "to_fill_in": unwritten(study)}
        title = f"{study.spec.id}: the config is sound; the data were not read"
    else:
        with screen.progress() as tell, speaking(study.language):
            panel, of_data = looked_at(study, tell)
            facts = describe(study, panel, of_data)
        title = f"{study.spec.id}: config, data and design are sound"
    rows = {name.replace("_", " ").capitalize(): _in_words(value) for name, value in facts.items()}
    screen.facts(title, rows, facts)
    return 0


def check(study: Study, tell: Callable[..., None] = lambda text: None) -> Panel:
    """Read the data and try the design; return the panel of the primary outcome. See :func:`looked_at`."""
    return looked_at(study, tell)[0]


def looked_at(study: Study, tell: Callable[..., None]) -> tuple[Panel, tuple[Diagnostic, ...]]:
    """Read the data and try the design, the outcome of the primary analysis unseen; its panel, and what is wrong.

    Raises
    ------
    EvalkitError
        For what a run would stumble over.
    """
    from evalkit.data.quality.report import quality
    from evalkit.data.study_panel import load, panel_for

    tell("Reading the data")
    loaded = load(study)
    frame = loaded.frame
    tell("Checking the design")
    panel = panel_for(frame, study.spec, study.spec.primary_outcome)
    for outcome in study.spec.outcomes:
        panel_for(frame, study.spec, outcome)
    _check_design(study, panel)
    tell("Looking for what is wrong with the data")
    return panel, quality(study.spec, panel, loaded.intake, blind=True)


def unwritten(study: Study) -> list[str]:
    """Keys whose text only a person can write, and nobody has yet."""
    from evalkit.workspace.words import FILL_IN

    return [key for key, value in _texts(study.spec.model_dump(mode="json"), "") if value.startswith(FILL_IN)]


def _texts(node: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _texts(value, f"{path}.{key}" if path else str(key))
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _texts(value, f"{path}.{number}")
    elif isinstance(node, str):
        yield path, node


def _check_design(study: Study, panel: Panel) -> None:
    """The primary estimator must be able to run, with the periods that the study asks for."""
    from evalkit.evaluation import build, require

    estimator = build(study.estimator)
    require(estimator, panel)
    rehearse(estimator, panel)
    longest = pre_periods(study, panel)
    if longest and max(longest.values()) < study.spec.design.required_pre_periods:
        raise DesignRefused(
            Reason(
                "No cohort has the {asked} untreated periods that study.design.required_pre_periods asks for; the "
                "most is {most}.",
                asked=study.spec.design.required_pre_periods,
                most=max(longest.values()),
            ),
            next_step="Add earlier periods, or lower it and say why in use.limitations.",
        )


def rehearse(estimator: Estimator, panel: Panel) -> None:
    """Fit the estimator to noise in place of the outcome: what it would refuse, it refuses without seeing an effect.

    The noise is counts above 0, which every outcome family takes. A fit that merely fails on noise says
    nothing about the study.

    Raises
    ------
    DesignRefused, DataError, ConfigError
        As the estimator does.
    """
    import numpy as np

    rng = np.random.default_rng(0)
    noise = np.where(panel.observed, 1.0 + rng.poisson(20.0, panel.outcome.shape), np.nan)
    with contextlib.suppress(EstimationFailed):
        estimator.fit(dataclasses.replace(panel, outcome=noise), rng=rng)


def pre_periods(study: Study, panel: Panel) -> dict[str, int]:
    """Untreated periods before anticipation may begin, by cohort."""
    anticipation = study.spec.design.anticipation
    return {
        panel.calendar.text(int(cohort)): int((panel.time < cohort - anticipation).sum()) for cohort in panel.cohorts
    }


def describe(study: Study, panel: Panel, of_data: Sequence[Diagnostic] = ()) -> dict[str, Any]:
    """Counts, and the outcome before anybody was treated; no outcome of a treated unit after its start."""
    import numpy as np

    first = min((int(cohort) for cohort in panel.cohorts), default=int(panel.time[-1]) + 1)
    before = panel.when < first - study.spec.design.anticipation
    ever = ~panel.never_treated & ~panel.always_treated
    starts = {panel.calendar.text(int(cohort)): int((panel.first_treated == cohort).sum()) for cohort in panel.cohorts}

    def mean_before(arm: Any) -> float | None:
        values = panel.outcome[arm[:, None] & before]
        return float(np.nanmean(values)) if np.isfinite(values).any() else None

    return {
        "study": study.spec.id,
        "estimator": study.estimator.name,
        "outcome": f"{study.spec.primary_outcome.name} ({study.spec.primary_outcome.transform})",
        "units": panel.n_units,
        "periods": panel.n_periods,
        "first_period": panel.calendar.text(int(panel.time[0])),
        "last_period": panel.calendar.text(int(panel.time[-1])),
        "treated_units": int(ever.sum()),
        "never_treated_units": int(panel.never_treated.sum()),
        "always_treated_units": int(panel.always_treated.sum()),
        **({} if panel.cross_sections is None else {"groups": len(panel.cross_sections.labels)}),
        "clusters": len(np.unique(panel.cluster_codes)),
        "units_by_start": starts,
        "pre_periods_by_start": pre_periods(study, panel),
        "share_without_outcome": round(float(1.0 - panel.observed.mean()), 4),
        "mean_before_first_start_treated": mean_before(ever),
        "mean_before_first_start_comparison": mean_before(panel.never_treated),
        "robustness": refusals(study, panel),
        "remarks": [remark.text for remark in panel.remarks],
        "data_quality": {
            _part(found.id): f"{readable(found.status, lower=True)}. {found.reading}" for found in of_data
        },
        "to_fill_in": unwritten(study),
    }


def _part(check: str) -> str:
    """Name of a part of the data-quality report: its code in English, its title in the language spoken elsewhere."""
    from evalkit.data.quality.phrases import PARTS

    name = check.removeprefix("data_")
    return name.replace("_", " ") if current() == "en" else PARTS.get(name, name)


def refusals(study: Study, panel: Panel) -> dict[str, str]:
    """Robustness estimators by label: "can run", or why one cannot."""
    from evalkit.evaluation import build, labelled, require

    found = {}
    for label, choice in labelled(study.robustness).items():
        try:
            require(build(choice), panel)
            found[label] = "can run"
        except EvalkitError as reason:
            found[label] = why(reason)
    return found


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        joint = "\n" if any(isinstance(item, str) for item in value.values()) else "; "
        return joint.join(f"{key}: {item}" for key, item in value.items()) or "none"
    if isinstance(value, list):
        return "\n".join(value) or "none"
    if isinstance(value, float):
        return f"{value:.4g}"
    return "not known" if value is None else str(value)
