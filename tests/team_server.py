"""A team's tracking server as `docs/team-server` starts it: PostgreSQL, accounts, TLS; for tests that attack it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from tests.services import SUPERUSER, Postgres, free_port, serving

RECIPE = Path(__file__).parents[1] / "docs" / "team-server"
ADMIN = "admin"


@dataclass(frozen=True)
class TeamServer:
    """A running server with its administrator and three accounts.

    Attributes
    ----------
    folder
        Holds `secrets` (auth.ini, environment), `artifacts`, `server.log` and the certificate.
    settings
        What prepare.py wrote into `environment`.
    passwords
        Account to password: admin; ana and eva, who evaluate; bruno, who reads.
    """

    address: str
    folder: Path
    settings: Mapping[str, str]
    passwords: Mapping[str, str]

    @property
    def certificate(self) -> Path:
        """The certificate that a client has to trust."""
        return self.folder / "certificate.pem"

    @property
    def database_password(self) -> str:
        """The password of the server's own account in PostgreSQL."""
        return str(sa.make_url(self.settings["MLFLOW_BACKEND_STORE_URI"]).password)

    def database(self, name: str) -> str:
        """Address of one of its two databases."""
        address = sa.make_url(self.settings["MLFLOW_BACKEND_STORE_URI"])
        return address.set(database=name).render_as_string(hide_password=False)

    def client_environment(self, username: str) -> dict[str, str]:
        """What a person sets in the shell."""
        return _client(self.address, self.certificate, username, self.passwords[username])


def _client(address: str, certificate: Path, username: str, password: str) -> dict[str, str]:
    return {
        "MLFLOW_TRACKING_URI": address,
        "MLFLOW_TRACKING_USERNAME": username,
        "MLFLOW_TRACKING_PASSWORD": password,
        "MLFLOW_TRACKING_SERVER_CERT_PATH": str(certificate),
    }


def clean_environment(**more: str) -> dict[str, str]:
    """The environment of a shell in which nothing of MLflow is set."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")} | more


def prepare(folder: Path, postgres: Postgres, name: str) -> subprocess.CompletedProcess[str]:
    """Run prepare.py as an administrator of the database does."""
    connection = {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(postgres.port),
        "PGUSER": SUPERUSER,
        "PGPASSWORD": postgres.password,
    }
    command = [
        sys.executable, str(RECIPE / "prepare.py"), str(folder / "secrets"), "--name", name,
        "--artifacts", str(folder / "artifacts"),
    ]  # fmt: skip
    return subprocess.run(command, env=clean_environment(**connection), capture_output=True, text=True, check=False)


def settings_of(folder: Path) -> dict[str, str]:
    """The pairs in `environment`."""
    lines = (folder / "secrets" / "environment").read_text(encoding="utf-8").splitlines()
    return {name: value.strip("'") for name, _, value in (line.partition("=") for line in lines)}


@contextmanager
def team_server(postgres: Postgres, folder: Path) -> Iterator[TeamServer]:
    """Prepare and start the server, with one worker, speaking TLS; add its people."""
    port = free_port()
    name = f"127.0.0.1:{port}"
    made = prepare(folder, postgres, name)
    assert made.returncode == 0, made.stderr
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    _sign_for_loopback(certificate, key)
    settings = settings_of(folder)
    start = [
        "env", f"PYTHON={sys.executable}", "WORKERS=1", f"TEAM_SERVER_CERTIFICATE={certificate}",
        f"TEAM_SERVER_KEY={key}", str(RECIPE / "serve"), str(folder / "secrets"), str(port),
    ]  # fmt: skip
    with serving(start, f"https://{name}/health", folder, certificate=certificate):
        passwords = {ADMIN: settings["MLFLOW_AUTH_ADMIN_PASSWORD"]}
        admin = _client(f"https://{name}", certificate, ADMIN, passwords[ADMIN])
        for kind, people in (("evaluator", ["ana", "eva"]), ("reader", ["bruno"])):
            passwords |= add_people(admin, kind, people)
        yield TeamServer(f"https://{name}", folder, settings, passwords)


def add_people(admin: Mapping[str, str], kind: str, people: list[str]) -> dict[str, str]:
    """Run people.py; the passwords that it made."""
    done = subprocess.run(
        [sys.executable, str(RECIPE / "people.py"), "add", "--as", kind, *people],
        env=clean_environment(**admin), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(line.split(" ") for line in done.stdout.splitlines())


def _sign_for_loopback(certificate: Path, key: Path) -> None:
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
            "-keyout", str(key), "-out", str(certificate),
        ],
        check=True, capture_output=True,
    )  # fmt: skip
