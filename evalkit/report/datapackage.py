"""`datapackage.json`: what each table of a bundle holds, for people and programs (Frictionless, version 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from evalkit.report.columns import Column
from evalkit.report.files import sha256


def datapackage(
    *,
    name: str,
    title: str,
    description: str,
    created: str,
    tables: Mapping[str, tuple[str, Sequence[Column], bytes]],
) -> dict[str, Any]:
    r"""Describe the tables of a bundle.

    Parameters
    ----------
    name, title, description, created
        Of the package; `created` in ISO 8601, left out where empty.
    tables
        File name to (title, columns, content).

    Examples
    --------
    >>> tables = {"a.csv": ("A", [Column("x", "number", "A number.")], b"x\n1.0\n")}
    >>> package = datapackage(name="s", title="S", description="", created="2026-01-01T00:00:00Z", tables=tables)
    >>> package["resources"][0]["schema"]["fields"]
    [{'name': 'x', 'type': 'number', 'description': 'A number.'}]
    """
    return {
        "profile": "tabular-data-package",
        "name": name.lower(),
        "title": title,
        "description": description,
        **({"created": created} if created else {}),
        "resources": [_resource(path, *table) for path, table in tables.items()],
    }


FORMATS: Final = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}


def _resource(path: str, title: str, columns: Sequence[Column], content: bytes) -> dict[str, Any]:
    stem, _, suffix = path.rpartition(".")
    return {
        "name": f"{stem}{'' if suffix == 'csv' else f'-{suffix}'}".replace("/", "-").lower(),
        "path": path,
        "title": title,
        "profile": "tabular-data-resource",
        "format": suffix,
        "mediatype": FORMATS[suffix],
        **({"encoding": "utf-8"} if suffix == "csv" else {}),
        "bytes": len(content),
        "hash": f"sha256:{sha256(content)}",
        "schema": {
            "fields": [{"name": c.name, "type": c.type, "description": c.description} for c in columns],
            "missingValues": [""],
        },
    }
