"""A sweep whose every secret is in the environment, and where its traces are looked for."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from evalkit.cli.main import main
from tests.security.traces import dresses
from tests.services import Postgres
from tests.small_study import frame, study, write_study

DATABASE_WORD = "canary-db+pa/ss@word&1"
HMAC_KEY = "canary-hmac-key-c0ffee"
TOKEN = "canary-token-5f2d"
JOBS = 'study.data.source.query="SELECT * FROM lights","SELECT * FROM lamps"'
"""The second asks for a table that is not there: what fails must be as silent as what works."""


@dataclass(frozen=True)
class Sweep:
    """A sweep of two jobs, the second of which fails.

    Attributes
    ----------
    code, out, err
        How the command ended and what it said.
    folder
        Where it ran.
    secrets
        What it was given through the environment, in all dresses.
    """

    code: int
    out: str
    err: str
    folder: Path
    secrets: tuple[set[bytes], ...]


def sweep_of_canaries(folder: Path, postgres: Postgres, store: Mapping[str, str]) -> Sweep:
    """Evaluate a restricted study from a table of PostgreSQL; `store` is what names the tracking store."""
    source = {"kind": "sql", "url_env": "CITY_DB", "query": "SELECT * FROM lights"}
    write_study(folder, study(data=study()["data"] | {"source": source, "restricted": True}, checks=["sample_flow"]))
    secret = {"CITY_DB": city_database(postgres), "CITY_TOKEN": TOKEN, "EVALKIT_FINGERPRINT_KEY": HMAC_KEY}
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, value in {**store, **secret}.items():
            patch.setenv(name, value)
        with captured(folder, said):
            code = main(["run", "-m", "study=lights", JOBS, "--json"])
    words = (dresses(DATABASE_WORD, user="city"), dresses(TOKEN), dresses(HMAC_KEY))
    return Sweep(code, said[0], said[1], folder, words)


def city_database(postgres: Postgres) -> str:
    """Address of a database with the small study's rows, as an account whose password has to be quoted in it."""
    owner = sa.make_url(postgres.new_database())
    engine = sa.create_engine(owner)
    more = frame(seed=21)  # a restricted source needs more treated places than the small study has
    pd.concat([frame(), more.assign(place="north " + more["place"])]).to_sql("lights", engine, index=False)
    with engine.begin() as connection:
        account = connection.exec_driver_sql("SELECT 1 FROM pg_roles WHERE rolname = 'city'").first()
        if account is None:  # accounts belong to all databases of a server
            connection.exec_driver_sql(f"CREATE ROLE city LOGIN PASSWORD '{DATABASE_WORD}'")
        connection.exec_driver_sql("GRANT SELECT ON lights TO city")
    engine.dispose()
    return owner.set(username="city", password=DATABASE_WORD).render_as_string(hide_password=False)


@contextlib.contextmanager
def captured(folder: Path, said: list[str]) -> Iterator[None]:
    """Add to `said` what the process itself writes to stdout and stderr, libraries in C included."""
    python, kept = (sys.stdout, sys.stderr), [os.dup(number) for number in (1, 2)]
    for stream in python:
        stream.flush()
    files = [folder.with_name(f"{folder.name}.{name}") for name in ("out", "err")]
    with files[0].open("w", encoding="utf-8") as out, files[1].open("w", encoding="utf-8") as err:
        try:
            for number, file in ((1, out), (2, err)):
                os.dup2(file.fileno(), number)
            sys.stdout, sys.stderr = out, err
            yield
        finally:
            sys.stdout, sys.stderr = python
            for number, before in zip((1, 2), kept, strict=True):
                os.dup2(before, number)
                os.close(before)
    said += [file.read_text(encoding="utf-8") for file in files]
