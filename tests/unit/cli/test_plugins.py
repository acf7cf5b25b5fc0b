from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.cli.plugins import load
from evalkit.errors import ConfigError
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
    assert load([file]) == ["homemade"], "an estimator that the file imports is not the file's own"
    misspelt = {"dept": 2}
    with pytest.raises(ConfigError, match="'depth'"):
        registry.get("homemade")(**misspelt)


def test_no_plug_in_may_take_the_name_of_a_built_in_estimator(tmp_path: Path) -> None:
    file = tmp_path / "usurper.py"
    file.write_text(SOURCE.format(name="callaway_santanna"), encoding="utf-8")
    with pytest.raises(ConfigError, match="built-in"):
        load([file])


@pytest.mark.parametrize(
    ("source", "words"),
    [("x = 1\n", "defines no estimator"), ("1 / 0\n", "ZeroDivisionError"), ("def broken(:\n", "SyntaxError")],
)
def test_a_file_that_gives_no_estimator_is_refused_with_the_reason(source: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "useless.py"
    file.write_text(source, encoding="utf-8")
    with pytest.raises(ConfigError, match=words):
        load([file])


def test_a_file_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        load([tmp_path / "nowhere.py"])
