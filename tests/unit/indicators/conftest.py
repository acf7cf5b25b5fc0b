"""One indicator of each kind, evaluated once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalkit.indicators.result import Indicator, evaluate_indicator
from tests.indicator_worlds import frame, spec, write

Made = Callable[..., Indicator]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Evaluate an indicator of a kind on a world; the same question is answered once."""
    known: dict[str, Indicator] = {}

    def make(kind: str = "measurement", world: dict[str, Any] | None = None, **changes: Any) -> Indicator:
        key = repr((kind, world, sorted(changes.items(), key=str)))
        if key not in known:
            folder: Path = tmp_path_factory.mktemp("indicator")
            write(folder, frame(**(world or {})))
            known[key] = evaluate_indicator(spec(kind, **{"forecast.draws": 1000, **changes}), data_root=folder, seed=1)
        return known[key]

    return make
