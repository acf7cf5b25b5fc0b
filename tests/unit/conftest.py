"""A store of its own for each test: copied, because initialising one takes seconds."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from evalkit.tracking.store import opened, resolve


@pytest.fixture(scope="session")
def initialised_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("initialised")
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("MLFLOW_RUN_ID", raising=False)
        with opened(resolve(f"sqlite:///{folder / 'mlflow.db'}")):
            pass
    return folder / "mlflow.db"


@pytest.fixture
def uri(tmp_path: Path, initialised_database: Path) -> str:
    """Address of an initialised sqlite store in `tmp_path`."""
    shutil.copy(initialised_database, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path / 'mlflow.db'}"
