"""Studies of simulated residents, run once for all attacks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from evalkit.evaluation import Evaluation
from tests.disclosure.worlds import WORLDS, run


@pytest.fixture(scope="session")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, tuple[Evaluation, Path]]:
    """Name of a world to its evaluation and its finished bundle."""
    return {name: run(world, tmp_path_factory.mktemp("world")) for name, world in WORLDS.items()}
