"""Readings of small sources of records."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from evalkit.data.events.build import Names
from evalkit.data.events.intake import Intake
from evalkit.data.sources import read_with_accounts
from evalkit.study.events import EventsSource

Reading = tuple[pd.DataFrame, Intake]
Read = Callable[..., Reading]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write text as ``records.csv`` (or leave it) and read it as a source; keywords are the source's own."""

    def reading(text: str | bytes | None = None, **content: Any) -> Reading:
        if text is not None:
            (tmp_path / "records.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
        declared = {
            "kind": "events",
            "path": "records.csv",
            "time": "day",
            "every": "month",
            "place": "area",
            "measures": [{"name": "n", "kind": "count"}],
            **content,
        }
        source = EventsSource.model_validate({key: value for key, value in declared.items() if value is not None})
        frame, intake = read_with_accounts(source, root=tmp_path, names=Names("area", "period", "start"))
        assert intake is not None
        return frame, intake

    return reading
