from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import evalkit as ek
from evalkit.config import Folders, compose, load_study, search_path
from evalkit.config.composing import read_alone
from evalkit.config.folders import packaged
from evalkit.errors import ConfigError
from evalkit.estimators import registry
from evalkit.estimators.two_way_fixed_effects import TwoWayFixedEffects
from evalkit.study.spec import Study
from tests.small_study import study, write_study


def test_a_study_is_composed_with_its_own_primary_estimator(folder: Path) -> None:
    loaded = ek.load_study("lights")
    assert isinstance(loaded, Study)
    assert loaded.spec.title == "Street lights and crime"
    assert loaded.estimator.name == "two_way_fixed_effects"
    assert loaded.seed == 0


def test_the_command_line_has_the_last_word_on_the_estimator(folder: Path) -> None:
    assert load_study("lights", ["estimator=callaway_santanna"]).estimator.name == "callaway_santanna"


def test_a_copied_study_that_kept_its_id_is_refused(folder: Path) -> None:
    write_study(folder, name="copied")
    with pytest.raises(ConfigError, match=r"study 'copied' has the id 'lights'(.|\n)*id: \"copied\""):
        load_study("copied")
    assert load_study("copied", ["study.id=copied"]).spec.id == "copied"


def test_overrides_given_as_one_text_are_refused_by_name(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"list of texts(.|\n)*\['seed=7'\]"):
        load_study("lights", "seed=7")


def test_an_estimators_settings_follow_the_studys_design(folder: Path) -> None:
    loaded = load_study("lights", ["study.design.anticipation=2"])
    assert loaded.estimator.settings["anticipation"] == 2


def test_a_default_of_the_models_can_be_referred_to(folder: Path) -> None:
    write_study(folder, study(design=None))
    assert load_study("lights").estimator.settings["anticipation"] == 0


def test_a_key_that_the_studys_file_does_not_spell_out_can_be_set(folder: Path) -> None:
    assert load_study("lights", ["study.design.level=0.9"]).spec.design.level == 0.9
    assert load_study("lights", ["study.design.event_window=[-4,6]"]).spec.design.event_window == (-4, 6)


def test_robustness_runs_take_their_own_defaults_and_keep_declared_settings(folder: Path) -> None:
    further = [{"name": "callaway_santanna", "label": "Never", "settings": {"comparison": "never_treated"}}]
    write_study(folder, study(robustness=further, design={"anticipation": 1}))
    (found,) = load_study("lights", ["estimator.anticipation=0"]).robustness
    assert found.label == "Never"
    assert found.settings["comparison"] == "never_treated"
    assert found.settings["anticipation"] == 1, "settings typed for the primary estimator stay with it"


def test_a_robustness_run_that_repeats_the_primary_one_is_dropped(folder: Path) -> None:
    write_study(folder, study(robustness=["callaway_santanna", "two_way_fixed_effects"]))
    names = [choice.name for choice in load_study("lights", ["estimator=callaway_santanna"]).robustness]
    assert names == ["two_way_fixed_effects"]


def test_two_robustness_runs_of_one_name_need_labels(folder: Path) -> None:
    twice = [{"name": "callaway_santanna"}, {"name": "callaway_santanna", "settings": {"comparison": "never_treated"}}]
    write_study(folder, study(robustness=twice))
    with pytest.raises(ConfigError, match="both called 'callaway_santanna'"):
        load_study("lights")


def test_checks_take_the_standard_settings_where_the_study_says_nothing(folder: Path) -> None:
    write_study(folder, study(checks=["sample_flow", {"name": "pre_trends", "settings": {"alpha": 0.1}}]))
    flow, trends = load_study("lights").checks
    assert flow.settings == {}
    assert trends.settings == {"alpha": 0.1, "power": 0.8}


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("study.desing.anticipation=1", ["study.desing", "'design'"]),
        ("study.design.anticipaton=1", ["study.design.anticipaton", "'anticipation'"]),
        ("estimator.anticipaton=1", ["'anticipaton'", "TwoWayFixedEffects", "'anticipation'"]),
        ("check.pre_trend.alpha=0.1", ["'pre_trend'", "'pre_trends'"]),
        ("check.pre_trends.alfa=0.1", ["'alfa'", "'alpha'"]),
        ("study.checks=[pre_trend]", ["'pre_trend'", "'pre_trends'"]),
        ("study.robustness=[calaway]", ["'calaway'", "'callaway_santanna'"]),
        ("study.priority=safety", ["'safety'", "'public_safety'"]),
        ("study.design.comparison=never", ["study.design.comparison", "'never_treated'"]),
        ("tracking.url=x", ["tracking.url", "'uri'"]),
        ("study.data.source.pth=x", ["study.data.source.pth", "'path'"]),
    ],
)
def test_an_unknown_word_names_its_place_and_the_closest_one(override: str, words: list[str], folder: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_study("lights", [override])
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("change", "value", "seen"),
    [("unit", "NO", "True|False"), ("period", "007", "7"), ("cluster", "12:30", "750"), ("covariates", "[on]", "True")],
)
@pytest.mark.promise("trap-08")
def test_words_that_yaml_changes_must_be_quoted(change: str, value: str, seen: str, folder: Path) -> None:
    content = study()
    content["data"][change] = "@"
    text = yaml.safe_dump(content).replace("'@'", value)
    write_study(folder, text)
    with pytest.raises(ConfigError, match="YAML reads") as caught:
        load_study("lights")
    assert f"study.data.{change}" in caught.value.what
    assert "quote" in caught.value.what
    assert any(f"Got {word} instead" in caught.value.what for word in seen.split("|"))


@pytest.mark.promise("trap-08")
def test_quoted_words_are_kept_as_written(folder: Path) -> None:
    content = study()
    content["equity"] = [{"name": "race", "column": "007", "reference": "NO"}]
    write_study(folder, content)
    (group,) = load_study("lights").spec.equity
    assert (group.column, group.reference) == ("007", "NO")


@pytest.mark.parametrize(
    "change",
    [
        {"robustness": [{"name": "callaway_santanna", "settings": {"_target_": "os.system"}}]},
        {"checks": [{"name": "pre_trends", "settings": {"alpha": {"_target_": "builtins.eval"}}}]},
        {"_target_": "pandas.read_pickle"},
        {"title": "${oc.env:HOME}"},
    ],
)
@pytest.mark.promise("trap-05", "secure-environment")
def test_code_in_a_study_is_refused(change: dict[str, Any], folder: Path) -> None:
    write_study(folder, study(**change))
    with pytest.raises(ConfigError, match="is refused"):
        load_study("lights")


@pytest.mark.parametrize("override", ["estimator._target_=os.system", "study.data.x={_target_:os.system}"])
@pytest.mark.promise("trap-05")
def test_code_on_the_command_line_is_refused(override: str, folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"_target_' is refused"):
        load_study("lights", [override])


@pytest.mark.promise("trap-05")
def test_code_in_the_users_own_estimator_settings_is_refused(folder: Path) -> None:
    file = folder / "configs" / "estimator" / "two_way_fixed_effects.yaml"
    file.parent.mkdir()
    file.write_text("name: two_way_fixed_effects\nerrors: {_target_: os.system}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"estimator\.errors\._target_"):
        load_study("lights")


def test_the_users_estimator_settings_replace_the_packaged_ones(folder: Path) -> None:
    file = folder / "configs" / "estimator" / "two_way_fixed_effects.yaml"
    file.parent.mkdir()
    file.write_text("name: two_way_fixed_effects\nanticipation: 1\n", encoding="utf-8")
    assert load_study("lights").estimator.settings["anticipation"] == 1


def test_several_values_without_m_are_explained(folder: Path) -> None:
    with pytest.raises(ConfigError, match="gives several values") as caught:
        load_study("lights", ["seed=1,2"])
    assert "-m" in str(caught.value)


def test_no_study_is_answered_with_those_there_are(folder: Path) -> None:
    with pytest.raises(ConfigError, match="No study is named") as caught:
        compose(["seed=1"])
    assert "lights" in str(caught.value)


def test_broken_yaml_names_file_line_and_column(folder: Path) -> None:
    write_study(folder, "id: lights\ntitle: [unclosed\n")
    with pytest.raises(ConfigError, match=r"lights\.yaml, line 3, column 1"):
        load_study("lights")


def test_a_duplicate_key_is_refused(folder: Path) -> None:
    write_study(folder, yaml.safe_dump(study()) + "\ntitle: again\n")
    with pytest.raises(ConfigError, match="duplicate key title"):
        load_study("lights")


def test_a_file_that_is_not_utf8_is_refused_with_the_byte(folder: Path) -> None:
    file = folder / "configs" / "study" / "lights.yaml"
    file.write_bytes(b"id: lights\ntitle: Pe\xf1a\n")
    with pytest.raises(ConfigError, match="not UTF-8 text: byte 0xf1"):
        load_study("lights")


def test_a_reference_to_a_key_that_does_not_exist_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be resolved"):
        load_study("lights", ["estimator.anticipation=${study.design.anticipaton}"])


@pytest.mark.promise("secure-paths")
@pytest.mark.timeout(20)
@pytest.mark.promise("law-no-traceback")
def test_a_reference_that_does_not_end_is_refused_and_not_waited_for(folder: Path) -> None:
    write_study(folder, study(title="${"))
    with pytest.raises(ConfigError, match=r"cannot be composed(.|\n)*begins a reference"):
        load_study("lights")


def test_a_studys_id_cannot_leave_its_folder(folder: Path) -> None:
    with pytest.raises(ConfigError, match="cannot name a folder"):
        load_study("lights", ["study.id='../../etc'"])


def test_tracking_is_a_group_of_its_own(folder: Path) -> None:
    assert compose(["study=lights"]).tracking.kind == "local"
    composed = compose(["study=lights", "tracking=server", "tracking.uri='http://127.0.0.1:5000'"])
    assert (composed.tracking.kind, composed.tracking.uri) == ("server", "http://127.0.0.1:5000")


def test_where_the_data_lie_can_be_said_on_the_command_line(folder: Path) -> None:
    assert load_study("lights", ["data_root=/data"]).data_root == "/data"


def test_composing_leaves_no_files_and_no_state_behind(folder: Path) -> None:
    from hydra.core.global_hydra import GlobalHydra

    before = sorted(folder.rglob("*"))
    load_study("lights")
    assert sorted(folder.rglob("*")) == before
    assert not GlobalHydra.instance().is_initialized()


@pytest.mark.parametrize("name", ["castle_doctrine", "enterprise_zones"])
def test_the_shipped_studies_compose_from_an_empty_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_study(name).spec.id == name


def test_a_registered_estimator_without_a_config_starts_from_its_own_defaults(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Mine(TwoWayFixedEffects):
        name = "mine"

    monkeypatch.setattr(registry, "_plugins", {"mine": Mine})
    assert load_study("lights", ["estimator=mine"]).estimator.name == "mine"
    chosen = load_study("lights", ["estimator=mine", "estimator.anticipation=1"]).estimator
    assert chosen.settings == {**Mine().settings(), "anticipation": 1}


@pytest.mark.parametrize("header", ["", "# @package estimator\n"])
def test_a_cross_check_is_the_same_whether_its_file_is_read_alone_or_by_hydra(header: str, folder: Path) -> None:
    shipped = (packaged() / "estimator" / "callaway_santanna.yaml").read_text("utf-8")
    (folder / "configs" / "estimator").mkdir()
    own = folder / "configs" / "estimator" / "callaway_santanna.yaml"
    own.write_text(header + shipped.replace("method: dr", "method: reg"), encoding="utf-8")
    write_study(folder, study(robustness=["callaway_santanna"], design={"anticipation": 1}))
    (found,) = load_study("lights", ["estimator.anticipation=0"]).robustness
    assert (found.settings["method"], found.settings["anticipation"]) == ("reg", 1)


def test_a_config_is_read_alone_only_where_it_means_the_same(folder: Path) -> None:
    folders, place = Folders.find(), folder / "configs" / "estimator"
    place.mkdir()
    plain = read_alone(folders, "estimator/imputation.yaml")
    assert plain is not None
    assert plain["name"] == "imputation"
    for text in ("defaults: [imputation]\nname: mine\n", "- a list\n", "name: [\n", "# @package x\nname: mine\n"):
        (place / "mine.yaml").write_text(text, encoding="utf-8")
        assert read_alone(folders, "estimator/mine.yaml") is None
    assert read_alone(folders, "estimator/none.yaml") is None
    (folder / "configs" / "config.yaml").write_text("defaults: [_self_]\n", encoding="utf-8")
    assert read_alone(folders, "estimator/imputation.yaml") is None, "their own main config may say anything"


@pytest.mark.parametrize(
    ("own", "words"),
    [("study: lights\n", "The study's config is empty"), ("estimator: imputation\n", "config has no 'name'")],
)
def test_a_main_config_of_one_s_own_that_writes_over_a_part_is_refused(own: str, words: str, folder: Path) -> None:
    write_study(folder, study(defaults=None))
    shipped = (packaged() / "config.yaml").read_text("utf-8")
    (folder / "configs" / "config.yaml").write_text(f"{shipped}\n{own}", encoding="utf-8")
    with pytest.raises(ConfigError, match=words):
        load_study("lights")


@pytest.mark.parametrize("text", ["depth: 1\n", "name: 7\n"])
def test_an_estimator_s_file_without_its_name_is_refused(text: str, folder: Path) -> None:
    (folder / "configs" / "estimator").mkdir()
    (folder / "configs" / "estimator" / "mine.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="estimator's config has no 'name'"):
        load_study("lights", ["estimator=mine"])


def test_few_parsed_files_are_kept_and_what_they_say_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = load_study("lights")
    monkeypatch.setattr(search_path, "MOST_PARSED", 2)
    monkeypatch.setattr(search_path, "_parsed", {})
    assert load_study("lights") == whole
    assert len(search_path._parsed) == 2
