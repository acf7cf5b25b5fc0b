"""Each kind of bad data ends in an error with the right exit code, place and next step, or in a counted exclusion.

The calls are those of a Python user; the command line has its own test.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evalkit.data.sources import read as read_source
from evalkit.errors import ConfigError, DataError, DesignRefused, EvalkitError
from evalkit.estimators.callaway_santanna import CallawaySantAnna
from evalkit.evaluation import require
from evalkit.study.spec import FileSource
from tests.frames import long_frame, read, remark, with_cell

CSV = long_frame().to_csv(index=False).encode()
YEARS_AS_DATES = [f"{year}-01-01" for year in long_frame().year]


def repeated() -> pd.DataFrame:
    return pd.concat([long_frame(), long_frame().iloc[[6]]], ignore_index=True)


REFUSED: dict[str, tuple[Callable[[], Any], type[EvalkitError], str]] = {
    "duplicate unit-period": (lambda: read(repeated()), DataError, r"unit 'Gary' in 2003 \(rows 6, 12\)"),
    "infinite outcome": (lambda: read(with_cell("y", 4, np.inf)), DataError, r"'y' is infinite in row 4 "),
    "infinite weight": (
        lambda: read(long_frame(w=[-np.inf] + [1.0] * 11), weight="w"),
        DataError,
        "weight column 'w' is infinite in row 0",
    ),
    "empty outcome": (lambda: read(long_frame(y=np.nan)), DataError, "'y' is empty in every row"),
    "constant outcome": (lambda: read(long_frame(y=5.0)), DataError, "'y' never varies: it is 5"),
    "one unit": (lambda: require(CallawaySantAnna(), read(long_frame().head(4))), DesignRefused, "has one: 'Akron'"),
    "one period": (lambda: read(long_frame().query("year == 2003")), DesignRefused, "one period only: year = 2003"),
    "outcome known in one period": (
        lambda: read(long_frame(y=np.where(long_frame().year == 2003, long_frame().y, np.nan))),
        DesignRefused,
        "in one period only: 2003",
    ),
    "nobody treated": (lambda: read(long_frame(law=0)), DesignRefused, "no unit is treated by 2004"),
    "nobody treated in time": (lambda: read(long_frame(law=2010)), DesignRefused, "no unit is treated by 2004"),
    "everyone treated throughout": (
        lambda: read(long_frame(law=2001)),
        DesignRefused,
        "every unit is treated from 2001",
    ),
    "treatment switches off": (
        lambda: read(long_frame(on=[0, 1, 0, 0] * 3), treated="on"),
        DesignRefused,
        r"switches off in 3 units: 'Akron' \(2003\)",
    ),
    "dose never changes": (
        lambda: read(long_frame(dose=2.5), dose="dose"),
        DesignRefused,
        "no unit changes its dose by 2004",
    ),
    "dose is text": (
        lambda: read(with_cell("on", 2, "high"), dose="on"),
        DataError,
        "dose column 'on' must hold numbers",
    ),
    "treated is a dose": (lambda: read(with_cell("on", 2, 0.5), treated="on"), DataError, r"holds '0\.5' in row 2 "),
    "cohort varies": (
        lambda: read(with_cell("law", 5, 2003)),
        DataError,
        r"varies within 1 unit: 'Gary' \(2004, 2003\)",
    ),
    "cohort is no period": (lambda: read(with_cell("law", 5, "later")), DataError, "'later' .* in row 5"),
    "one cluster": (
        lambda: read(long_frame(c="Ohio"), cluster="c"),
        DesignRefused,
        "All units are in one cluster of 'c'",
    ),
    "cluster varies": (
        lambda: read(long_frame(c=["a", "b"] * 6), cluster="c"),
        DataError,
        "cluster 'c' changes over time in 3 units",
    ),
    "string dates": (
        lambda: read(long_frame(year=YEARS_AS_DATES)),
        DataError,
        "'year' holds text: '2001-01-01' in row 0",
    ),
    "numbers as text": (
        lambda: read(with_cell("y", 3, "1,234")),
        DataError,
        "'y' must hold numbers, but holds text: '1,234' in row 3",
    ),
    "missing unit": (lambda: read(with_cell("city", 7, None)), DataError, "unit column 'city' is empty in row 7"),
    "missing period": (lambda: read(with_cell("year", 7, None)), DataError, "period column 'year' is empty in row 7"),
    "negative weight": (
        lambda: read(long_frame(w=[1.0] * 11 + [-1.0]), weight="w"),
        DataError,
        "'w' is negative in row 11",
    ),
    "no weight at all": (lambda: read(long_frame(w=0.0), weight="w"), DataError, "'w' is 0 in every row"),
    "weights all missing": (
        lambda: read(long_frame(w=np.nan), weight="w"),
        DataError,
        "No row has an outcome together",
    ),
    "exposure of zero": (
        lambda: read(long_frame(n=[0.0] + [9.0] * 11), exposure="n"),
        DataError,
        "'n' is not positive in row 0",
    ),
    "no rows": (lambda: read(long_frame().head(0)), DataError, "no rows"),
    "unknown column": (lambda: read(long_frame(), cohort="lawn"), ConfigError, "'lawn' is not in the data"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_frame_that_cannot_be_used_is_refused_with_place_and_next_step(name: str) -> None:
    action, kind, message = REFUSED[name]
    with pytest.raises(kind, match=message) as caught:
        action()
    assert caught.value.exit_code == {ConfigError: 2, DataError: 3, DesignRefused: 4}[kind]
    assert caught.value.next_step


DAMAGED: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "truncated within a line": (CSV[:-7], {}, "fields in line 13"),
    "truncated after a line": (
        b"".join(CSV.splitlines(keepends=True)[:9]),
        {"rows": 12},
        "has 8 rows; the study declares 12",
    ),
    "one flipped byte": (CSV.replace(b"2004", b"2014", 1), {"sha256": "a" * 64}, "not the declared one"),
    "latin-1": (CSV.replace(b"Kent", "Peña".encode("latin-1")), {}, "byte 0xf1 in line 10, character 3"),
    "byte order mark": (b"\xef\xbb\xbf" + CSV, {}, "byte order mark"),
    "wrong delimiter": (CSV.replace(b",", b";"), {}, "one column with the declared delimiter"),
    "schema drift: renamed": (CSV, {"columns": [{"name": "yy", "type": "number"}]}, "Did you mean 'y'"),
    "schema drift: another type": (
        CSV.replace(b"2002", b"2002*", 1),
        {"columns": [{"name": "year", "type": "integer"}]},
        r"'2002\*' in line 3",
    ),
    "no file at all": (b"", {"path": "dota.csv"}, "does not exist(.|\n)*'data.csv'"),
    "outside the data root": (CSV, {"path": "../data.csv"}, "outside the data root"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_refused_with_file_line_and_next_step(name: str, tmp_path: Path) -> None:
    content, declared, message = DAMAGED[name]
    root = tmp_path / "data"
    root.mkdir()
    for folder in (root, tmp_path):
        (folder / "data.csv").write_bytes(content)
    source = FileSource.model_validate({"kind": "file", "path": "data.csv", **declared})
    with pytest.raises(DataError, match=message) as caught:
        read_source(source, root=root)
    assert source.path in str(caught.value)
    assert caught.value.next_step
    assert caught.value.exit_code == 3


@pytest.mark.promise("trap-07", "fault-file-flipped")
def test_no_flipped_bit_of_a_parquet_page_is_read_as_data(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    plain = {"compression": "none", "use_dictionary": False, "write_page_checksum": True}
    pq.write_table(pa.table({"y": np.arange(4000.0)}), path, **plain)
    whole = path.read_bytes()
    source = FileSource(kind="file", path="data.parquet")
    rng = np.random.default_rng(0)
    for place in rng.integers(500, 30_000, 60):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(DataError, match="damaged"):
            read_source(source, root=tmp_path)


@pytest.mark.promise("fault-file-first-period")
def test_treatment_in_the_first_period_is_an_exclusion_that_is_reported() -> None:
    law = [2001] * 4 + [2003] * 4 + [0] * 4
    assert remark(read(long_frame(law=law)), "always_treated").treated == 1


def test_missing_cells_are_exclusions_reported_by_arm() -> None:
    frame = with_cell("y", 8, np.nan)
    frame["w"] = [np.nan, *np.ones(11)]
    panel = read(frame, weight="w")
    assert (remark(panel, "rows_left_out_incomplete").treated, remark(panel, "outcome_missing").comparison) == (1, 1)


@pytest.mark.promise("fault-file-tiny-cohort")
def test_a_tiny_cohort_is_kept_for_the_estimator_and_the_disclosure_gate() -> None:
    panel = read(long_frame())
    assert [int(np.count_nonzero(panel.first_treated == cohort)) for cohort in panel.cohorts] == [1, 1]
