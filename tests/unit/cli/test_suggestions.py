from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.cli.suggestions import suggest, suggest_measure
from tests.small_study import study, write_study


def test_a_key_is_completed_up_to_its_next_dot() -> None:
    assert suggest("stu") == ["study=", "study."]
    assert suggest("study.des") == ["study.design."]
    assert "study.design.event_window=" in suggest("study.design.")
    assert "hydra/launcher=" in suggest("hyd")


def test_values_are_the_words_that_a_key_may_hold() -> None:
    assert suggest("study.design.comparison=") == [
        "study.design.comparison=never_treated",
        "study.design.comparison=not_yet_treated",
    ]
    assert suggest("study.priority=public_s") == ["study.priority=public_safety"]
    assert suggest("hydra/launcher=j") == ["hydra/launcher=joblib"]
    assert suggest("seed=") == []


def test_a_list_is_completed_after_its_last_comma() -> None:
    assert suggest("study=castle_doctrine,ent") == ["study=castle_doctrine,enterprise_zones"]


def test_settings_are_those_of_the_estimator_that_was_typed() -> None:
    assert "estimator.engine=" in suggest("estimator.", ["study=castle_doctrine", "estimator=bayesian_did"])
    assert "estimator.engine=" not in suggest("estimator.", ["estimator=sun_abraham"])


def test_settings_are_else_those_of_the_studys_own_estimator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write_study(tmp_path))
    assert suggest("study=lig") == ["study=lights"]
    assert "estimator.engine=" in suggest("estimator.", ["study=lights"])  # two-way fixed effects
    assert "estimator.method=" in suggest("estimator.", [])  # callaway_santanna


def test_the_present_value_of_a_setting_is_suggested_but_no_reference() -> None:
    typed = ["estimator=callaway_santanna"]
    assert suggest("estimator.method=", typed) == ["estimator.method=dr"]
    assert suggest("estimator.covariates=", typed) == []


def test_a_broken_config_suggests_nothing_and_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write_study(tmp_path, "id: [\n"))
    assert suggest("estimator.nothing", ["study=lights"]) == []


def test_languages_and_measures_are_suggested() -> None:
    assert suggest("lang") == ["language="]
    assert suggest("language=p") == ["language=pt"]
    assert suggest_measure("indicator", "language=e") == ["language=en", "language=es"]
    assert "indicator=california_fatal_accidents" in suggest_measure("indicator", "indicator=")
    assert suggest_measure("equality", "se") == ["seed="]


def test_the_option_language_is_completed() -> None:
    from click.shell_completion import ShellComplete

    from evalkit.cli.main import evalkit

    done = ShellComplete(evalkit, {}, "evalkit", "_EVALKIT_COMPLETE")
    for verb in ("portfolio", "compare", "report"):
        assert [item.value for item in done.get_completions([verb, "--language"], "")] == ["en", "es", "pt"]
    assert [item.value for item in done.get_completions(["indicator"], "cali")] == ["california_fatal_accidents"]


def test_a_study_that_names_no_estimator_has_the_settings_of_the_usual_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(write_study(tmp_path, study(defaults=["_self_", {"override /check": "standard"}])))
    assert suggest("estimator.meth", ["study=lights"]) == ["estimator.method="]


def test_settings_within_settings_and_truth_values_are_suggested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(write_study(tmp_path))
    (tmp_path / "configs" / "estimator").mkdir()
    text = "name: mine\nprior: {mean: 0, robust: true}\nempty: {}\n"
    (tmp_path / "configs" / "estimator" / "mine.yaml").write_text(text, encoding="utf-8")
    typed = ["study=lights", "estimator=mine"]
    assert suggest("estimator.", typed) == ["estimator.prior.", "estimator.empty="]
    assert suggest("estimator.prior.", typed) == ["estimator.prior.mean=", "estimator.prior.robust="]
    assert suggest("estimator.prior.robust=", typed) == [
        "estimator.prior.robust=false", "estimator.prior.robust=true"
    ]  # fmt: skip
    assert suggest("estimator.prior.mean=", typed) == ["estimator.prior.mean=0"]
