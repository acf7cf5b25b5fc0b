from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.config import compose
from evalkit.config.cities import cities, for_city, seed_for
from evalkit.config.sweeping import plan_sweep
from evalkit.errors import ConfigError
from tests.small_study import study, write_study

TABLE = """
austin: {city: "Austin, Texas", data: {source: {path: data/atx.csv}}}
"no": {}
"""


@pytest.fixture
def shared(folder: Path) -> Path:
    """A study that many cities share, and their table."""
    content = study(
        city="???",
        title="Street lights in ${study.city}",
        data={"source": {"kind": "file", "path": "data/${study.city}.csv"}, "unit": "place", "period": "year",
              "cohort": "start"},
    )  # fmt: skip
    write_study(folder, content)
    (folder / "configs" / "cities.yaml").write_text(TABLE, encoding="utf-8")
    return folder


def test_a_city_has_an_id_a_title_and_data_of_its_own(shared: Path) -> None:
    austin = compose(["study=lights", "city=austin"]).study.spec
    assert (austin.id, austin.city, austin.title) == (
        "lights-austin",
        "Austin, Texas",
        "Street lights in Austin, Texas",
    )
    assert austin.data.source.model_dump()["path"] == "data/atx.csv"
    novara = compose(["study=lights", "city=no"]).study.spec
    assert (novara.id, novara.city) == ("lights-no", "no")
    assert novara.data.source.model_dump()["path"] == "data/no.csv"


def test_the_command_line_has_the_last_word_over_a_city(shared: Path) -> None:
    words = ["study=lights", "city=austin", "study.data.source.path=data/other.csv"]
    assert compose(words).study.spec.data.source.model_dump()["path"] == "data/other.csv"


def test_all_cities_of_the_table_are_a_pattern(shared: Path) -> None:
    assert plan_sweep(["study=lights", "city=glob(*)"], None) == [
        ("study=lights", "city=austin"), ("study=lights", "city=no")
    ]  # fmt: skip


def test_a_city_may_have_a_file_of_its_own_instead(shared: Path) -> None:
    (shared / "configs" / "city").mkdir()
    (shared / "configs" / "city" / "boston.yaml").write_text("city: Boston\n", encoding="utf-8")
    assert compose(["study=lights", "city=boston"]).study.spec.id == "lights-boston"
    assert len(plan_sweep(["study=lights", "city=glob(*)"], None)) == 3


def test_a_study_for_many_cities_asks_for_one(shared: Path) -> None:
    with pytest.raises(ConfigError, match=r"study\.city must be given") as refused:
        compose(["study=lights"])
    assert "city=austin" in str(refused.value)


def test_an_unknown_city_is_answered_with_the_closest(shared: Path) -> None:
    with pytest.raises(ConfigError, match="There is no city 'autsin'") as refused:
        compose(["study=lights", "city=autsin"])
    assert "'austin'" in str(refused.value)


def test_a_city_is_no_key_of_its_own(shared: Path) -> None:
    with pytest.raises(ConfigError, match="Unknown key"):
        compose(["study=lights", "city=austin", "city.name=x"])


@pytest.mark.promise("repeat-stages")
def test_cities_draw_from_streams_of_their_own_alone_and_in_a_sweep(shared: Path) -> None:
    austin, novara = (compose(["study=lights", f"city={name}"]).study.seed for name in ("austin", "no"))
    assert austin != novara
    assert austin == seed_for(0, "austin")
    assert compose(["study=lights", "city=austin", "seed=7"]).study.seed == seed_for(7, "austin")


def test_a_title_that_does_not_name_the_city_gets_it_at_the_end() -> None:
    assert for_city({"id": "a", "title": "Lights", "city": "Austin"}, "austin")["title"] == "Lights: Austin"
    assert for_city({"id": "a", "title": "Lights in Austin", "city": "Austin"}, "austin")["title"] == "Lights in Austin"


@pytest.mark.parametrize(
    ("text", "message"),
    [("- austin", "not a table"), ("no: {}", "names a city False"), ("a b: {}", "'a b'"), ("a: 3", "no keys"),
     ("a: {", "Cannot read")],
)  # fmt: skip
def test_a_table_that_cannot_be_read_as_meant_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "cities.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        cities(tmp_path)


def test_a_table_that_changes_is_read_again(tmp_path: Path) -> None:
    assert cities(tmp_path) == {}
    (tmp_path / "cities.yaml").write_text("a: {}", encoding="utf-8")
    assert list(cities(tmp_path)) == ["a"]
    (tmp_path / "cities.yaml").write_text("a: {}\nb: {}", encoding="utf-8")
    assert list(cities(tmp_path)) == ["a", "b"]
