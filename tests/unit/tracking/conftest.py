"""What the shell says about stores must not reach these tests."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_store_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "EVALKIT_LAUNCHING_RUN"):
        monkeypatch.delenv(name, raising=False)
