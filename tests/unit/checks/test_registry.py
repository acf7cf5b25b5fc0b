"""Checks by name: built in, or added by an installed package."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from evalkit.checks import registry
from evalkit.checks.loo import Loo
from evalkit.errors import ConfigError


def test_a_check_of_an_installed_package_is_found_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [EntryPoint("mine", "evalkit.checks.loo:Loo", "evalkit.checks")]
    monkeypatch.setattr(
        registry, "entry_points", lambda group, name=None: [each for each in points if name in (None, each.name)]
    )
    assert registry.get("mine") is Loo
    assert "mine" in registry.names()
    with pytest.raises(ConfigError, match="Did you mean 'mine'"):
        registry.get("mines")
