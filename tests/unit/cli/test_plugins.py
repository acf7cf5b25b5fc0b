from __future__ import annotations

import sys
from pathlib import Path

import pytest

from evalkit.cli.plugins import everywhere, load
from evalkit.errors import ConfigError, DataError
from evalkit.estimators import registry

SOURCE = """
from typing import ClassVar

from evalkit.estimators.base import Needs, PanelEstimator
from evalkit.estimators.two_way_fixed_effects import TwoWayFixedEffects


class Homemade(PanelEstimator):
    name: ClassVar[str] = "{name}"
    needs: ClassVar[Needs] = Needs(answers="Mine.")
    depth: int = 1
"""


@pytest.fixture(autouse=True)
def _registry_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_plugins", {})


def test_an_estimator_of_a_local_file_is_registered_and_its_settings_validated(tmp_path: Path) -> None:
    file = tmp_path / "homemade.py"
    file.write_text(SOURCE.format(name="homemade"), encoding="utf-8")
    assert load([str(file)]) == ["homemade"], "an estimator that the file imports is not the file's own"
    misspelt = {"dept": 2}
    with pytest.raises(ConfigError, match="'depth'"):
        registry.get("homemade")(**misspelt)


def test_no_plug_in_may_take_the_name_of_a_built_in_estimator(tmp_path: Path) -> None:
    file = tmp_path / "usurper.py"
    file.write_text(SOURCE.format(name="callaway_santanna"), encoding="utf-8")
    with pytest.raises(ConfigError, match="built-in"):
        load([str(file)])


@pytest.mark.parametrize(
    ("source", "words"),
    [("x = 1\n", "defines no estimator"), ("1 / 0\n", "ZeroDivisionError"), ("def broken(:\n", "SyntaxError")],
)
def test_a_file_that_gives_no_estimator_is_refused_with_the_reason(source: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "useless.py"
    file.write_text(source, encoding="utf-8")
    with pytest.raises(ConfigError, match=words):
        load([str(file)])


def test_a_file_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        load([str(tmp_path / "nowhere.py")])


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package `homes` that can be imported, with an estimator in its module `made`."""
    folder = tmp_path / "homes"
    folder.mkdir()
    (folder / "__init__.py").write_text("from homes.made import Homemade\n", encoding="utf-8")
    (folder / "made.py").write_text(SOURCE.format(name="homemade"), encoding="utf-8")
    (folder / "lame.py").write_text("import a_package_that_nobody_has\n", encoding="utf-8")
    (folder / "empty.py").write_text("", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("homes", "homes.made", "homes.lame", "homes.empty"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return folder


@pytest.mark.parametrize("name", ["homes.made", "homes"])
def test_a_module_is_named_as_python_names_it_and_a_package_shows_what_its_modules_define(
    name: str, package: Path
) -> None:
    assert load([name]) == ["homemade"]
    assert registry.get("homemade").__module__ == "homes.made"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("homes.maid", "no module of that name can be imported"),
        ("houses.made", "no module of that name can be imported"),
        ("homes.lame", "No module named 'a_package_that_nobody_has'"),
        ("homes.empty", "defines no estimator"),
        ("not a module", "no module of that name can be imported"),
    ],
)
def test_a_module_that_gives_no_estimator_is_refused_with_the_reason(name: str, words: str, package: Path) -> None:
    with pytest.raises(ConfigError, match=words):
        load([name])


def test_a_file_named_as_a_module_is_told_how_to_name_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ideas").mkdir()
    (tmp_path / "ideas" / "mine.py").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"--plugin ideas/mine\.py"):
        load(["ideas.mine"])


def test_files_are_named_absolutely_for_other_processes_and_modules_by_name(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    assert everywhere([str(file), "homes.made"]) == (str(file), "homes.made")
    assert Path(everywhere(["mine.py"])[0]).is_absolute()


def test_a_file_that_is_no_python_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.txt"
    file.write_text(SOURCE.format(name="homemade"), encoding="utf-8")
    with pytest.raises(ConfigError, match="is not a Python file"):
        load([str(file)])


def test_an_error_that_the_file_words_itself_is_shown_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "needy.py"
    file.write_text("from evalkit.errors import DataError\nraise DataError('No map of the city.')\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"^No map of the city\."):
        load([str(file)])
