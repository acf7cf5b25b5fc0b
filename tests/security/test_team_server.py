"""The team's tracking server, started as docs/team-server.md says, attacked; and secrets that may show up nowhere."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import ssl
import subprocess
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa

from evalkit.cli.main import main
from tests.security.canaries import TOKEN, Sweep, sweep_of_canaries
from tests.security.traces import contents, dresses, dump, found
from tests.services import Postgres
from tests.team_server import ADMIN, RECIPE, TeamServer, clean_environment, prepare, team_server

pytestmark = [pytest.mark.postgres, pytest.mark.calibration]
SECONDS = 60
PUBLIC = {
    "/health",
    "/version",
    "/static-files/<path:path>",
    "/api/3.0/mlflow/server-info",
    "/ajax-api/3.0/mlflow/server-info",
}
"""Routes that answer without a login: signs of life, the pages' own script, and how the server is set up."""


@pytest.fixture(scope="module")
def team(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TeamServer]:
    with team_server(postgres, tmp_path_factory.mktemp("team")) as running:
        yield running


@pytest.fixture(scope="module")
def sweep(team: TeamServer, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """A sweep by ana, who has her login in the environment."""
    return sweep_of_canaries(tmp_path_factory.mktemp("desk"), postgres, team.client_environment("ana"))


def test_a_sweep_logs_what_worked_and_what_failed(team: TeamServer, sweep: Sweep) -> None:
    assert sweep.code == 3
    jobs = json.loads(sweep.out)["jobs"]
    assert [job["state"] for job in jobs] == ["done", "failed"], sweep.err
    assert "lamps" in jobs[1]["what"]
    logged = as_person(team, "bruno", "POST", "runs/search", {"experiment_ids": experiments(team)})["runs"]
    assert {run["info"]["status"] for run in logged} == {"FINISHED", "FAILED"}


@pytest.mark.promise("secure-canary")
def test_no_secret_is_in_the_server_s_databases_artifacts_or_log(team: TeamServer, sweep: Sweep) -> None:
    places = [
        *((name, dump(team.database(name))) for name in ("mlflow", "mlflow_auth")),
        *contents([sweep.folder, team.folder / "artifacts"]),
        ("server.log", (team.folder / "server.log").read_bytes()),
        ("stdout", sweep.out.encode()),
        ("stderr", sweep.err.encode()),
    ]
    people = [dresses(word, user=name) for name, word in team.passwords.items()]
    own = [dresses(team.settings["MLFLOW_FLASK_SERVER_SECRET_KEY"]), dresses(team.database_password, user="mlflow")]
    assert found([*sweep.secrets, *people, *own], places) == []
    titled = found([{b"Street lights and crime"}], places)
    assert "mlflow" in titled
    assert any("artifacts" in name for name in titled)


def test_the_files_of_the_recipe_keep_their_secrets_to_their_owner(team: TeamServer, postgres: Postgres) -> None:
    for name in ("auth.ini", "environment"):
        assert (team.folder / "secrets" / name).stat().st_mode & 0o777 == 0o600
    assert (team.folder / "artifacts").stat().st_mode & 0o777 == 0o700
    words = [value for name, value in team.settings.items() if "PASSWORD" in name or "SECRET" in name]
    assert len(words) == 2
    assert all(len(word) >= 32 for word in (*words, team.database_password))
    assert team.settings["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"
    again = prepare(team.folder, postgres, "runs.example.gov")
    assert again.returncode == 2
    assert "exist already" in again.stderr


def test_it_does_not_start_with_readable_secrets_nor_in_the_clear_on_a_network(
    team: TeamServer, tmp_path: Path
) -> None:
    for name in ("auth.ini", "environment"):
        (tmp_path / name).write_bytes((team.folder / "secrets" / name).read_bytes())
        (tmp_path / name).chmod(0o600)
    beyond = clean_environment(TEAM_SERVER_LISTEN="0.0.0.0", PYTHON="false")
    refused = subprocess.run([RECIPE / "serve", tmp_path], env=beyond, capture_output=True, text=True, check=False)
    assert (refused.returncode, "in the clear" in refused.stderr) == (2, True)
    (tmp_path / "environment").chmod(0o644)
    refused = subprocess.run([RECIPE / "serve", tmp_path], env=beyond, capture_output=True, text=True, check=False)
    assert (refused.returncode, "may be read by others" in refused.stderr) == (2, True)


# ---- attacks


def ask(team: TeamServer, method: str, path: str, **more: Any) -> requests.Response:
    """One request over a connection of its own, without the shell's proxies and logins."""
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, team.address + path, verify=str(team.certificate), timeout=SECONDS, **more)


def as_person(team: TeamServer, person: str, method: str, path: str, content: Mapping[str, Any]) -> Any:
    """What the API answers to somebody who may ask."""
    answer = ask(team, method, f"/api/2.0/mlflow/{path}", json=content, auth=(person, team.passwords[person]))
    assert answer.ok, answer.text
    return answer.json()


def experiments(team: TeamServer) -> list[str]:
    found = as_person(team, "bruno", "POST", "experiments/search", {"max_results": 100})["experiments"]
    return [each["experiment_id"] for each in found]


def a_run(team: TeamServer) -> dict[str, Any]:
    """A finished run with its files."""
    query = {"experiment_ids": experiments(team), "filter": "tags.`evalkit.role` = 'study' and status = 'FINISHED'"}
    run: dict[str, Any] = as_person(team, "bruno", "POST", "runs/search", query)["runs"][0]
    return run


def state(team: TeamServer) -> tuple[list[Any], dict[str, str]]:
    """Everything that an attacker could change: runs, experiments, accounts, files."""
    rows = []
    for database, table in (
        ("mlflow", "runs"),
        ("mlflow", "experiments"),
        ("mlflow", "tags"),
        ("mlflow_auth", "users"),
    ):
        engine = sa.create_engine(team.database(database))
        with engine.connect() as connection:
            rows += [tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM {table}")]
        engine.dispose()
    files = {
        str(path.relative_to(team.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in team.folder.rglob("*")
        if path.is_file() and path.name != "server.log"
    }
    return sorted(rows, key=repr), files


def routes() -> list[tuple[str, str]]:
    """(Method, route) of everything that MLflow's server has, those of its accounts included."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.server import app
        from mlflow.server.auth import routes as accounts
        from mlflow.server.fastapi_app import create_fastapi_app

        native = [route for route in create_fastapi_app(app).routes if hasattr(route, "methods")]
    known = [(method, rule.rule) for rule in app.url_map.iter_rules() for method in rule.methods or ()]
    known += [(method, route.path) for route in native for method in route.methods or ()]
    own = [value for name, value in vars(accounts).items() if name.isupper()]
    known += [(method, route) for route in own for method in ("GET", "POST", "PATCH", "DELETE")]
    return sorted({(method, route) for method, route in known if method not in ("HEAD", "OPTIONS")})


@pytest.mark.promise("secure-server", "trap-13")
def test_no_route_answers_a_stranger(team: TeamServer, sweep: Sweep) -> None:
    before = state(team)
    run = a_run(team)["info"]
    answered = {}
    with requests.Session() as session:
        session.trust_env = False
        for method, route in routes():
            path = fill(route, run["run_id"])
            answer = session.request(
                method, team.address + path, json={"run_id": run["run_id"], "experiment_id": run["experiment_id"]},
                params={"run_id": run["run_id"], "run_uuid": run["run_id"], "path": "evidence.json"},
                verify=str(team.certificate), timeout=SECONDS, allow_redirects=False,
            )  # fmt: skip
            if answer.status_code not in (401, 403, 404, 405):
                answered[method, route] = answer.status_code
            assert b"Street lights" not in answer.content, route
    assert {route for _, route in answered} <= PUBLIC, answered
    assert state(team) == before


def fill(route: str, run_id: str) -> str:
    """A route with something in its holes."""
    return re.sub(r"<[^>]*>|\{[^}]*\}", run_id, route)


@pytest.mark.promise("secure-server", "trap-13")
@pytest.mark.parametrize(
    ("user", "word"),
    [
        ("admin", "password1234"),
        ("admin", "password"),
        ("admin", "admin"),
        ("admin", ""),
        ("mlflow", "mlflow"),
        ("", ""),
    ],
)
def test_no_password_is_known_beforehand(team: TeamServer, user: str, word: str) -> None:
    assert ask(team, "POST", "/api/2.0/mlflow/experiments/search", json={}, auth=(user, word)).status_code == 401


@pytest.mark.promise("secure-server", "trap-13")
def test_another_name_or_another_page_is_refused_even_with_a_login(team: TeamServer, sweep: Sweep) -> None:
    login = ("ana", team.passwords["ana"])
    for host in ("evil.example", "localhost", "127.0.0.1", f"evil.example:{team.address.rpartition(':')[2]}"):
        answer = ask(team, "POST", "/api/2.0/mlflow/experiments/search", json={}, auth=login, headers={"Host": host})
        assert answer.status_code == 403, host
        assert b"evalkit/" not in answer.content
    foreign = {"Origin": "https://evil.example"}
    answer = ask(team, "POST", "/api/2.0/mlflow/experiments/create", json={"name": "x"}, auth=login, headers=foreign)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


OUTSIDE = ["secrets/environment", "secrets/auth.ini", "key.pem"]
CLIMBS = [
    "../../../{0}", "..%2f..%2f..%2f{0}", "%2e%2e/%2e%2e/%2e%2e/{0}", "..%252f..%252f..%252f{0}", "....//....//{0}",
    "..\\..\\{0}", "/{folder}/{0}", "%2f{folder}%2f{0}", "file:///{folder}/{0}", "x/..%00/../../{0}",
]  # fmt: skip


@pytest.mark.promise("secure-server", "trap-13")
@pytest.mark.parametrize("person", ["ana", ADMIN])
def test_no_path_leads_out_of_the_artifacts(team: TeamServer, sweep: Sweep, person: str) -> None:
    before = state(team)
    run = a_run(team)["info"]
    login = (person, team.passwords[person])
    secret = (team.folder / "secrets" / "environment").read_bytes()[:40]
    for climb in CLIMBS:
        path = climb.format(OUTSIDE[0], folder=str(team.folder).strip("/"))
        base = f"/api/2.0/mlflow-artifacts/artifacts/{run['experiment_id']}/{run['run_id']}/artifacts"
        for method, where in (
            ("GET", f"{base}/{path}"), ("GET", f"/get-artifact?run_uuid={run['run_id']}&path={path}"),
            ("GET", f"/api/2.0/mlflow-artifacts/artifacts?path={path}"), ("DELETE", f"{base}/{path}"),
            ("PUT", f"{base}/{climb.format('planted', folder=str(team.folder).strip('/'))}"),
        ):  # fmt: skip
            answer = raw(team, method, where, login)
            assert secret not in answer, (method, where)
            assert b"auth.ini" not in answer, (method, where)
    inside = {name: sha for name, sha in state(team)[1].items() if not name.startswith("artifacts/")}
    assert inside == {name: sha for name, sha in before[1].items() if not name.startswith("artifacts/")}
    assert before[1].items() <= state(team)[1].items(), "no file of a run was changed or deleted"


def raw(team: TeamServer, method: str, path: str, login: tuple[str, str]) -> bytes:
    """A request with its path sent as it is: clients tidy `..` away."""
    host, _, port = team.address.removeprefix("https://").partition(":")
    word = base64.b64encode(":".join(login).encode()).decode()
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Basic {word}\r\n"
        "Content-Length: 7\r\nConnection: close\r\n\r\nplanted"
    )
    context = ssl.create_default_context(cafile=team.certificate)
    with (
        socket.create_connection((host, int(port)), timeout=SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host) as connection,
    ):
        connection.sendall(head.encode())
        answer = b""
        while block := connection.recv(65_536):
            answer += block
    return answer


@pytest.mark.promise("secure-server", "trap-13")
def test_a_reader_reads_and_changes_nothing(team: TeamServer, sweep: Sweep) -> None:
    before = state(team)
    run = a_run(team)["info"]
    login = ("bruno", team.passwords["bruno"])
    page = ask(team, "GET", f"/get-artifact?run_uuid={run['run_id']}&path=brief.html", auth=login)
    assert page.ok
    assert "Street lights" in page.text
    refused = [
        ("runs/delete", {"run_id": run["run_id"]}),
        ("runs/update", {"run_id": run["run_id"], "status": "KILLED"}),
        ("runs/set-tag", {"run_id": run["run_id"], "key": "a", "value": "b"}),
        ("runs/log-metric", {"run_id": run["run_id"], "key": "effect", "value": 9.0, "timestamp": 1}),
        ("runs/create", {"experiment_id": run["experiment_id"]}),
        ("experiments/delete", {"experiment_id": run["experiment_id"]}),
        ("experiments/update", {"experiment_id": run["experiment_id"], "new_name": "gone"}),
        ("users/create", {"username": "mallory", "password": "long-enough-1"}),
    ]
    for route, content in refused:
        assert ask(team, "POST", f"/api/2.0/mlflow/{route}", json=content, auth=login).status_code == 403, route
    promoted = ask(
        team, "PATCH", "/api/2.0/mlflow/users/update-admin", json={"username": "bruno", "is_admin": True}, auth=login
    )
    assert promoted.status_code == 403
    assert state(team) == before


@pytest.mark.promise("secure-server", "trap-13")
def test_another_evaluator_adds_to_an_experiment_and_deletes_nothing(team: TeamServer, sweep: Sweep) -> None:
    run = a_run(team)["info"]
    login = ("eva", team.passwords["eva"])
    made = ask(team, "POST", "/api/2.0/mlflow/runs/create", json={"experiment_id": run["experiment_id"]}, auth=login)
    assert made.ok, made.text
    for route, content in (
        ("runs/delete", {"run_id": run["run_id"]}), ("experiments/delete", {"experiment_id": run["experiment_id"]}),
    ):  # fmt: skip
        assert ask(team, "POST", f"/api/2.0/mlflow/{route}", json=content, auth=login).status_code == 403, route


def test_a_wrong_password_costs_the_upload_and_says_whose_right_is_missing(
    team: TeamServer, sweep: Sweep, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(sweep.folder)
    (bundle,) = [path.parent for path in sweep.folder.glob("results/lights/*/COMPLETE")]
    (bundle / "SYNCED").unlink()
    for name, value in team.client_environment("ana").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", TOKEN)
    assert main(["sync"]) == 6
    shown = capsys.readouterr()
    assert "check MLFLOW_TRACKING_USERNAME" in shown.out + shown.err
    assert TOKEN not in shown.out + shown.err
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", team.passwords["ana"])
    assert main(["sync"]) == 0
    capsys.readouterr()
    assert main(["doctor", "--json"]) == 0
    assert "Access" not in {row["looked at"] for row in json.loads(capsys.readouterr().out)}
