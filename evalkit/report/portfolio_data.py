"""The portfolio as open data: all evidence in one table, what each column means, and the record for catalogues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evalkit.report.bundle import EVIDENCE_TITLE, as_json
from evalkit.report.columns import Column
from evalkit.report.csv_file import to_csv
from evalkit.report.datapackage import datapackage
from evalkit.report.evidence_table import EVIDENCE, evidence_table, to_parquet
from evalkit.report.jsonld import catalog
from evalkit.synthesis.entries import NO_CITY
from evalkit.synthesis.portfolio import Portfolio

NAME = "portfolio"


def open_data(portfolio: Portfolio, tables: Mapping[str, tuple[str, Sequence[Column], bytes]]) -> dict[str, bytes]:
    """`evidence.csv` and `.parquet`, `datapackage.json` and `dataset.jsonld` of a portfolio.

    Parameters
    ----------
    portfolio
        Its entries' newest evidence is the content.
    tables
        The site's other tables: file name to title, columns and content.

    Returns
    -------
    dict
        File name to content; the same portfolio gives the same bytes.
    """
    found = [entry.evidence for entry in portfolio.entries if entry.evidence is not None]
    table = evidence_table(found)
    files = {"evidence.csv": to_csv(table, EVIDENCE), "evidence.parquet": to_parquet(table, EVIDENCE)}
    every = {name: (EVIDENCE_TITLE, EVIDENCE, content) for name, content in files.items()} | dict(tables)
    newest = max((each.identity.created_at for each in found), default=None)
    package = datapackage(
        name=NAME, title=portfolio.title, description="Evaluations of programmes, by one standard.",
        created="" if newest is None else newest.isoformat(), tables=every,
    )  # fmt: skip
    cities = [city for city in portfolio.cities if city != NO_CITY]
    contents = {name: content for name, (_, _, content) in every.items()}
    record = catalog(portfolio.title, found, contents, EVIDENCE, cities[0] if len(cities) == 1 else "")
    return {**files, "datapackage.json": as_json(package), "dataset.jsonld": as_json(record)}
