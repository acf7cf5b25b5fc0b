"""Estimators of installed packages are found by their entry points, and judged when they are asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from evalkit.cli.listing import ROWS
from evalkit.cli.suggestions import suggest
from evalkit.errors import ConfigError
from evalkit.estimators import registry

SOURCE = """
from evalkit.estimators.two_way_fixed_effects import TwoWayFixedEffects

class Homemade(TwoWayFixedEffects):
    name = "homemade"

NUMBER = 3
"""
Install = Callable[[str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Lay out a package `homes` as an installer does, with the lines of its entry points."""

    def laid_out(entries: str) -> None:
        record = tmp_path / "homes-1.0.dist-info"
        record.mkdir()
        (record / "METADATA").write_text("Metadata-Version: 2.1\nName: homes\nVersion: 1.0\n", encoding="utf-8")
        (record / "entry_points.txt").write_text(f"[evalkit.estimators]\n{entries}\n", encoding="utf-8")
        (tmp_path / "homes.py").write_text(SOURCE, encoding="utf-8")
        (tmp_path / "lame_homes.py").write_text("raise RuntimeError('no roof')\n", encoding="utf-8")
        for name in ("homes", "lame_homes"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.syspath_prepend(tmp_path)

    return laid_out


def test_an_estimator_of_an_installed_package_is_listed_completed_and_found(install: Install) -> None:
    install("homemade = homes:Homemade")
    assert "homemade" in registry.names()
    assert suggest("estimator=homem") == ["estimator=homemade"]
    assert registry.get("homemade").__module__ == "homes"
    listed = {row[0]: row for row in ROWS["estimators"](None)[1]}
    assert listed["homemade"][1].endswith(".")


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("homemade = homes:Nobody", "of homes .homes:Nobody. cannot be loaded: AttributeError"),
        ("homemade = lame_homes:Homemade", "RuntimeError: no roof"),
        ("homemade = nowhere:Homemade", "ModuleNotFoundError"),
        ("homemade = homes:NUMBER", "is no estimator of that name"),
        ("handmade = homes:Homemade", "a class with name = 'handmade'"),
    ],
)
def test_an_entry_point_that_leads_nowhere_is_refused_with_its_package_and_listed_with_the_reason(
    entry: str, words: str, install: Install
) -> None:
    install(entry)
    name = entry.partition(" ")[0]
    with pytest.raises(ConfigError, match=words):
        registry.get(name)
    listed = {row[0]: row for row in ROWS["estimators"](None)[1]}
    assert name in listed[name][2]


def test_an_entry_point_cannot_take_the_place_of_a_built_in_estimator(install: Install) -> None:
    install("callaway_santanna = homes:Homemade")
    assert registry.get("callaway_santanna").__module__ == "evalkit.estimators.callaway_santanna"
