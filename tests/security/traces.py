"""Where a run leaves something behind, and a search of all of it for a text in any dress it may wear."""

from __future__ import annotations

import base64
import io
import os
import subprocess
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote, quote_plus

import sqlalchemy as sa

from tests.services import postgres_program

COMPRESSED = (".docx", ".zip", ".xlsx")


def dresses(secret: str, *, user: str = "") -> set[bytes]:
    """A secret as it is, percent-encoded, escaped for JSON and HTML, and within a login header."""
    plain = {
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        secret.replace("/", "\\/"),
        secret.replace("&", "&amp;"),
    }
    login = f"{user}:{secret}" if user else secret
    encoded = {base64.b64encode(text.encode()).decode().rstrip("=") for text in (secret, login)}
    return {text.encode() for text in plain | encoded}


def dump(url: str) -> bytes:
    """Every row of a PostgreSQL database, as text."""
    program = postgres_program("pg_dump")
    assert program is not None, "PostgreSQL is not installed"
    address = sa.make_url(url).set(drivername="postgresql")
    command = [program, "--data-only", "--inserts", "--no-owner", f"--dbname={_words(address)}"]
    environment = {**os.environ, "PGPASSWORD": address.password or ""}
    return subprocess.run(command, env=environment, check=True, capture_output=True).stdout


def _words(address: sa.URL) -> str:
    return f"host={address.host} port={address.port} dbname={address.database} user={address.username}"


def contents(folders: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """(Name, content) of every file below folders: as it lies there, and unpacked where it is packed."""
    import pyarrow.parquet as pq

    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        yield str(path), str(path).encode() + b"\n" + content
        if path.suffix in COMPRESSED:
            with zipfile.ZipFile(io.BytesIO(content)) as packed:
                for name in packed.namelist():
                    yield f"{path}!{name}", packed.read(name)
        elif path.suffix == ".parquet":
            table = pq.read_table(path)
            yield f"{path}!rows", repr((table.schema.metadata, table.to_pylist())).encode()


def found(secrets: Sequence[set[bytes]], places: Iterable[tuple[str, bytes]]) -> list[str]:
    """Names of the places that hold any dress of any secret."""
    wanted = set().union(*secrets)
    return [name for name, content in places if any(secret in content for secret in wanted)]
