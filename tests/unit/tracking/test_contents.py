from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalkit.tracking.bundle import Bundle
from evalkit.tracking.contents import CALLED, children, choices, dataset, parent, title_of
from tests.unit.tracking.bundles import STUDY_YAML, evidence, number, write_bundle


def _bundle(tmp_path: Path, **blocks: dict[str, object]) -> Bundle:
    return Bundle.read(write_bundle(tmp_path, run_id="u-1", summary=evidence("u-1", **blocks)))


def test_the_study_is_tagged_as_a_finding(tmp_path: Path) -> None:
    run = parent(_bundle(tmp_path))
    assert run.status == "FINISHED"
    assert run.tags["evalkit.finding"] == "inconclusive"
    assert run.tags["evalkit.certainty"] == "Low"
    assert run.tags["evalkit.plan"] == "none"
    assert run.tags["evalkit.git_dirty"] == "false"
    assert run.metrics["effect"] == 0.0194
    assert run.metrics["n_treated"] == 21.0
    assert "p_benefit" not in run.metrics


def test_a_study_without_a_usable_answer_ends_as_failed(tmp_path: Path) -> None:
    run = parent(_bundle(tmp_path, rating={"label": "Not rated", "certainty": None}))
    assert run.status == "FAILED"
    assert run.tags["evalkit.status"] == "not rated"
    assert not {"effect", "effect_low", "p_value"} & set(run.metrics)
    assert run.metrics["n_treated"] == 21.0


def test_the_primary_estimate_of_a_run_that_is_not_rated_shows_no_effect_either(tmp_path: Path) -> None:
    first, second, *_ = children(_bundle(tmp_path, rating={"label": "Not rated", "certainty": None}))
    assert (first.status, first.tags["evalkit.status"], dict(first.metrics)) == ("FAILED", "not rated", {})
    assert second.status == "FINISHED"


def test_an_estimator_that_refused_says_why(tmp_path: Path) -> None:
    refused = children(_bundle(tmp_path))[2]
    assert refused.status == "FAILED"
    assert refused.tags["evalkit.reason"] == "The design refuses it: no never-treated unit."
    assert "effect" not in refused.metrics


def test_each_estimator_is_a_run_of_its_own(tmp_path: Path) -> None:
    assert [(run.part[0], run.name) for run in children(_bundle(tmp_path))] == [
        ("primary", "callaway_santanna"),
        ("robustness", "two_way_fixed_effects"),
        ("robustness", "synthetic_control"),
    ]


def test_sampler_figures_become_metrics(tmp_path: Path) -> None:
    summary = evidence("u-1")
    details = {"ess_bulk": number(812.0), "divergences": number(0.0)}
    gate = {"id": "sampler", "statistic": "r_hat", "value": number(1.004), "details": details}
    summary["diagnostics"] = [gate]
    run = parent(Bundle.read(write_bundle(tmp_path, summary=summary)))
    assert run.metrics["sampler.r_hat"] == 1.004
    assert run.metrics["sampler.ess_bulk"] == 812.0


def test_what_is_wrong_with_the_data_becomes_metrics(tmp_path: Path) -> None:
    summary = evidence("u-1")
    summary["diagnostics"] = [
        {"id": "data_duplicates", "statistic": "copies_share", "value": number(0.07), "status": "warn", "details": {}},
        {"id": "data_files", "statistic": "", "value": None, "status": "pass", "details": {}},
        {"id": "data_unmatched", "statistic": "unmatched_share", "value": number(0.2), "status": "fail", "details": {}},
    ]
    metrics = parent(Bundle.read(write_bundle(tmp_path, summary=summary))).metrics
    assert metrics["data.copies_share"] == 0.07
    assert metrics["data.unmatched_share"] == 0.2
    assert (metrics["data.warnings"], metrics["data.failures"]) == (1, 1)


def test_a_job_of_a_sweep_over_estimators_says_which_in_its_name(tmp_path: Path) -> None:
    alone = parent(Bundle.read(write_bundle(tmp_path)))
    job = {"sweep": "s", "job": 3, "called": "imputation"}
    run = parent(Bundle.read(write_bundle(tmp_path, provenance={"sweep": job})))
    assert run.name == f"{alone.name} (imputation)"
    assert title_of(run.name, run.tags[CALLED]) == alone.name
    assert CALLED not in alone.tags


def test_p_values_that_hold_with_few_clusters_stand_beside_the_clustered_one(tmp_path: Path) -> None:
    summary = evidence("u-1")
    summary["diagnostics"] = [
        {"id": "randomization_inference", "statistic": "randomization_p", "value": number(5 / 27), "details": {}},
        {"id": "wild_bootstrap", "statistic": "wild_bootstrap_p", "value": number(0.46), "details": {}},
    ]
    run = parent(Bundle.read(write_bundle(tmp_path, summary=summary)))
    assert run.metrics["randomization_p"] == 5 / 27
    assert run.metrics["wild_bootstrap_p"] == 0.46


def test_choices_leave_out_texts_and_the_rating_table() -> None:
    chosen = choices(STUDY_YAML)
    assert set(chosen) == {"study", "estimator", "checks", "seed"}
    assert set(chosen["study"]) == {"data", "outcomes", "design"}


def test_a_resolved_study_reads_the_same_under_its_own_name() -> None:
    assert choices(STUDY_YAML.replace("study:", "spec:", 1)) == choices(STUDY_YAML)


@pytest.mark.promise("secure-rows", "trap-06")
def test_the_dataset_is_our_fingerprint_and_no_row(tmp_path: Path) -> None:
    described = dataset(_bundle(tmp_path))
    assert described is not None
    assert described["name"] == "castle"
    assert described["digest"] == "d" * 36
    assert json.loads(described["source"]) == {"kind": "package", "package": "causaldata", "name": "castle"}
    assert json.loads(described["profile"])["n_units"] == 50


def test_a_query_and_its_address_are_not_described(tmp_path: Path) -> None:
    sql = STUDY_YAML.replace(
        "{kind: package, package: causaldata, name: castle}",
        "{kind: sql, url_env: CITY_DB, query: select canary from people}",
    )
    described = dataset(Bundle.read(write_bundle(tmp_path, study_yaml=sql)))
    assert described is not None
    assert "canary" not in str(described)


def test_without_a_fingerprint_there_is_no_dataset(tmp_path: Path) -> None:
    assert dataset(_bundle(tmp_path, identity={"data_sha": ""})) is None


def test_an_interval_that_no_method_gives_is_in_no_metric(tmp_path: Path) -> None:
    summary = evidence("u-1")
    summary["estimates"][0]["inference"] = {"method": "none"}
    run = parent(Bundle.read(write_bundle(tmp_path, run_id="u-1", summary=summary)))
    assert "effect" in run.metrics
    assert not {"effect_low", "effect_high", "p_value"} & set(run.metrics)
