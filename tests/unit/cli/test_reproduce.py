from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.cli.reproduce import _bundle
from evalkit.errors import ConfigError


def test_a_bundle_on_disk_is_repeated_without_a_store(tmp_path: Path) -> None:
    assert _bundle(str(tmp_path), tmp_path / "fetched") == tmp_path
    with pytest.raises(ConfigError, match=r"'no/such\.folder' is neither a bundle nor the id of a run"):
        _bundle("no/such.folder", tmp_path / "fetched")
