"""Make what a team's tracking server needs: two databases, every secret, and two files that only its user may read.

    PGHOST=localhost PGUSER=postgres PGPASSWORD=... python prepare.py /etc/mlflow --name runs.example.gov

The connection is PostgreSQL's own (PGHOST, PGPORT, PGUSER, PGPASSWORD); its user must be allowed to create roles and
databases. No secret is taken from the command line, where every user of the machine could read it; none has a default.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from pathlib import Path

ROLE = "mlflow"
DATABASES = {"runs": "mlflow", "people": "mlflow_auth"}

AUTH = """\
[mlflow]
default_permission = READ
database_uri = {people}
admin_username = {admin}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
"""

ENVIRONMENT = """\
MLFLOW_BACKEND_STORE_URI='{runs}'
MLFLOW_AUTH_CONFIG_PATH='{folder}/auth.ini'
MLFLOW_AUTH_ADMIN_USERNAME='{admin}'
MLFLOW_AUTH_ADMIN_PASSWORD='{admin_password}'
MLFLOW_FLASK_SERVER_SECRET_KEY='{secret_key}'
MLFLOW_BASIC_AUTH_FAIL_CLOSED=true
MLFLOW_SERVER_ENABLE_GRAPHQL_AUTH=true
MLFLOW_ALLOW_PICKLE_DESERIALIZATION=false
MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false
MLFLOW_DISABLE_TELEMETRY=true
TEAM_SERVER_NAME='{name}'
TEAM_SERVER_ARTIFACTS='{artifacts}'
"""


def main() -> int:
    """Create the databases and write the files; refuse to replace secrets that exist."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="for auth.ini and environment, e.g. /etc/mlflow")
    parser.add_argument("--name", required=True, help="what browsers call the server, e.g. runs.example.gov")
    parser.add_argument("--artifacts", type=Path, default=Path("/srv/mlflow/artifacts"), help="for the files of runs")
    parser.add_argument("--admin", default="admin", help="name of the first account")
    given = parser.parse_args()
    files = [given.folder / name for name in ("auth.ini", "environment")]
    if existing := [str(file) for file in files if file.exists()]:
        sys.stderr.write(f"{' and '.join(existing)} exist already: remove them to make new secrets.\n")
        return 2
    password = secrets.token_urlsafe(32)
    create_databases(password)
    host, port = os.environ.get("PGHOST", "localhost"), os.environ.get("PGPORT", "5432")
    addresses = {
        use: f"postgresql+psycopg://{ROLE}:{password}@{host}:{port}/{database}" for use, database in DATABASES.items()
    }
    filled = {
        **addresses, "folder": given.folder.resolve(), "admin": given.admin, "name": given.name,
        "artifacts": given.artifacts.resolve(), "admin_password": secrets.token_urlsafe(32),
        "secret_key": secrets.token_hex(32),
    }  # fmt: skip
    given.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    given.artifacts.mkdir(parents=True, exist_ok=True, mode=0o700)
    for file, template in zip(files, (AUTH, ENVIRONMENT), strict=True):
        write_private(file, template.format(**filled))
    sys.stdout.write(
        f"Wrote {files[0]} and {files[1]}. Hand them and {given.artifacts} to the server's user (chown).\n"
    )
    return 0


def create_databases(password: str) -> None:
    """One role that owns two databases and nothing else; only it may connect to them."""
    import psycopg
    from psycopg import sql

    role = sql.Identifier(ROLE)
    with psycopg.connect(dbname="postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(password)))
        for name in DATABASES.values():
            database = sql.Identifier(name)
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, role))
            connection.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(database))


def write_private(file: Path, text: str) -> None:
    """Write a file that nobody but its owner can read, not even for the moment of its creation."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)


if __name__ == "__main__":
    sys.exit(main())
