"""Indicators and equality trees in a store; what they hold there is in ``tests/functional/test_indicators.py``."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.errors import DataError
from evalkit.tracking.measures import log_measure, stored_measures
from tests.unit.tracking.bundles import write_bundle


def test_a_store_that_nobody_logged_to_holds_no_measure(uri: str) -> None:
    assert stored_measures(tracking_uri=uri) == []


def test_what_is_no_finished_bundle_of_a_measure_is_refused(tmp_path: Path, uri: str) -> None:
    with pytest.raises(DataError, match="is not a finished bundle: it has no file 'COMPLETE'"):
        log_measure(tmp_path, tracking_uri=uri)
    with pytest.raises(DataError, match=r"holds neither indicator\.json nor equality\.json"):
        log_measure(write_bundle(tmp_path), tracking_uri=uri)
