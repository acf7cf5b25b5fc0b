"""Data that a study must not be run on, each as a file written over the good one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.small_study import frame, study, write_data, write_study

Damage = Callable[[Path], dict[str, Any]]
"""Writes bad data into a folder and returns what the study's `data` block says of them."""

ROWS = len(frame())


def _data(**changes: Any) -> dict[str, Any]:
    """The study's `data` block with top-level changes."""
    block: dict[str, Any] = study()["data"]
    return {**block, **changes}


def _file(**changes: Any) -> dict[str, Any]:
    return _data(source={"kind": "file", "path": "data/lights.csv", **changes})


def truncated_in_a_line(folder: Path) -> dict[str, Any]:
    file = write_data(folder)
    file.write_text(file.read_text(encoding="utf-8")[:-23], encoding="utf-8")
    return _data()


def truncated_after_a_line(folder: Path) -> dict[str, Any]:
    write_data(folder, frame().head(100))
    return _file(rows=ROWS)


def latin_1(folder: Path) -> dict[str, Any]:
    data = frame()
    data["place"] = data["place"].str.replace("place 03", "Peña 03")
    write_data(folder).write_bytes(data.to_csv(index=False).encode("latin-1"))
    return _data()


def byte_order_mark(folder: Path) -> dict[str, Any]:
    write_data(folder).write_bytes(b"\xef\xbb\xbf" + frame().to_csv(index=False).encode())
    return _data()


def wrong_delimiter(folder: Path) -> dict[str, Any]:
    write_data(folder).write_text(frame().to_csv(index=False, sep=";"), encoding="utf-8")
    return _data()


def flipped_parquet_byte(folder: Path) -> dict[str, Any]:
    file = folder / "data" / "lights.parquet"
    file.parent.mkdir()
    frame().to_parquet(file, write_page_checksum=True, compression=None)
    content = bytearray(file.read_bytes())
    position = content.find(np.float64(frame()["crimes"][7]).tobytes())
    assert position > 0, "the outcome is stored plainly, so that a flipped byte is a silent change"
    content[position] ^= 0x40
    file.write_bytes(bytes(content))
    return _data(source={"kind": "file", "path": "data/lights.parquet"})


def schema_drift(folder: Path) -> dict[str, Any]:
    write_data(folder, frame().rename(columns={"crimes": "crime"}))
    types = {"place": "string", "year": "integer", "start": "integer", "active": "integer", "crimes": "number"}
    return _file(columns=[{"name": name, "type": kind} for name, kind in types.items()])


def another_type(folder: Path) -> dict[str, Any]:
    data = frame().astype({"crimes": object})
    data.loc[40, "crimes"] = "about 20"
    write_data(folder, data)
    return _data()


def another_file_than_declared(folder: Path) -> dict[str, Any]:
    write_data(folder)
    return _file(sha256="0" * 64)


def no_file(folder: Path) -> dict[str, Any]:
    return _file(path="data/ligths.csv")


def outside_the_data_root(folder: Path) -> dict[str, Any]:
    return _file(path="../../etc/passwd")


def duplicate_unit_period(folder: Path) -> dict[str, Any]:
    data = frame()
    write_data(folder, pd.concat([data, data.iloc[[17]]]))
    return _data()


def infinite(folder: Path) -> dict[str, Any]:
    data = frame()
    data.loc[30, "crimes"] = np.inf
    write_data(folder, data)
    return _data()


def all_missing(folder: Path) -> dict[str, Any]:
    write_data(folder, frame().assign(crimes=np.nan))
    return _data()


def no_variation(folder: Path) -> dict[str, Any]:
    write_data(folder, frame().assign(crimes=20.0))
    return _data()


def all_treated_at_once(folder: Path) -> dict[str, Any]:
    write_data(folder, frame().assign(start=2013))
    return _data()


def treated_in_the_first_period(folder: Path) -> dict[str, Any]:
    data = frame()
    data["start"] = np.where(data["start"] > 0, 2010, 0)
    write_data(folder, data)
    return _data()


def nobody_treated(folder: Path) -> dict[str, Any]:
    write_data(folder, frame().assign(start=0))
    return _data()


def switches_off(folder: Path) -> dict[str, Any]:
    data = frame()
    data.loc[(data["place"] == "place 02") & (data["year"] == 2016), "active"] = 0
    write_data(folder, data)
    return _data(cohort=None, never=None, treated="active")


def cohort_changes_within_a_unit(folder: Path) -> dict[str, Any]:
    data = frame()
    data.loc[(data["place"] == "place 02") & (data["year"] == 2016), "start"] = 2015
    write_data(folder, data)
    return _data()


def one_cluster(folder: Path) -> dict[str, Any]:
    write_data(folder, frame().assign(city="one"))
    return _data(cluster="city")


def tiny_cohort(folder: Path) -> dict[str, Any]:
    data = frame()
    data.loc[data["place"].isin(["place 01", "place 02", "place 03", "place 04"]), "start"] = 0
    data.loc[data["start"] == 2015, "start"] = 0
    write_data(folder, data)
    return _data()


def string_dates(folder: Path) -> dict[str, Any]:
    data = frame()
    data["year"] = data["year"].map(lambda year: f"{year} (final)")
    write_data(folder, data)
    return _data()


def empty_file(folder: Path) -> dict[str, Any]:
    write_data(folder).write_text("", encoding="utf-8")
    return _data()


def header_only(folder: Path) -> dict[str, Any]:
    write_data(folder, frame().head(0))
    return _data()


def write_bad(folder: Path, damage: Damage) -> Path:
    """Write the bad data and a study of them; return the folder."""
    block = {key: value for key, value in damage(folder).items() if value is not None}
    return write_study(folder, study(data=block))
