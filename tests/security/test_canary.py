"""Secrets of the environment are found in no database, artifact, bundle, log or output of a real sweep."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from evalkit.cli.main import main
from tests.security.canaries import TOKEN, Sweep, sweep_of_canaries
from tests.security.traces import contents, dresses, dump, found
from tests.services import Postgres
from tests.small_study import frame, study, write_study

DIGITS = 8
"""Of an outcome such as 20.18349, its point included: few enough to find one that was rounded, too many for chance."""
STORE_WORD = "canary-store+pa/ss@word&2"


@pytest.fixture(scope="module")
def store(postgres: Postgres) -> str:
    """Address of an empty tracking store in PostgreSQL, as an account of its own."""
    address = sa.make_url(postgres.new_database())
    engine = sa.create_engine(address)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE ROLE tracker LOGIN PASSWORD '{STORE_WORD}'")
        connection.exec_driver_sql(f"ALTER DATABASE {address.database} OWNER TO tracker")
    engine.dispose()
    return address.set(username="tracker", password=STORE_WORD).render_as_string(hide_password=False)


@pytest.fixture(scope="module")
def sweep(postgres: Postgres, store: str, tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    return sweep_of_canaries(tmp_path_factory.mktemp("desk"), postgres, {"MLFLOW_TRACKING_URI": store})


@pytest.mark.postgres
@pytest.mark.promise("secure-canary", "secure-addresses")
def test_no_secret_is_in_database_artifacts_bundle_logs_or_output(sweep: Sweep, store: str) -> None:
    jobs = json.loads(sweep.out)["jobs"]
    assert [job["state"] for job in jobs] == ["done", "failed"], sweep.err
    assert sweep.code == 3, "the second job asks for a table that is not there"
    rows = dump(store)
    assert b"Street lights and crime" in rows
    assert rows.count(b"'FAILED'") >= 1, "the job that failed is in the store too"
    places = [("store", rows), *contents([sweep.folder]), ("out", sweep.out.encode()), ("err", sweep.err.encode())]
    assert found([*sweep.secrets, dresses(STORE_WORD, user="tracker")], places) == []
    titled = found([{b"Street lights and crime"}], places)
    for name in ("store", "brief.html", "mlruns", "brief.docx!", "evidence.parquet!"):
        assert any(name in place for place in titled), f"the search reads {name}"


@pytest.mark.postgres
@pytest.mark.promise("secure-rows")
def test_no_outcome_of_any_row_is_in_database_artifacts_or_bundle(sweep: Sweep, store: str) -> None:
    places = [("store", dump(store)), *contents([sweep.folder]), ("out", sweep.out.encode())]
    outcomes = {f"{value:.9f}"[:DIGITS].encode() for seed in (20, 21) for value in frame(seed=seed)["crimes"]}
    assert len(outcomes) == 2 * len(frame())
    assert found([outcomes], places) == []
    assert found([outcomes], [("data", frame().tail(1).round(9).to_csv().encode())]) == ["data"]


@pytest.mark.promise("secure-canary", "secure-environment")
def test_a_variable_of_the_environment_that_a_config_asks_for_is_refused_unread(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CITY_TOKEN", TOKEN)
    write_study(tmp_path, study(title="${oc.env:CITY_TOKEN}"))
    assert main(["run", "study=lights"]) == 2
    write_study(tmp_path)
    for override in ("study.title=${oc.env:CITY_TOKEN}", "study.question.setting=${oc.env:CITY_TOKEN,none}"):
        assert main(["run", "study=lights", override]) == 2
        assert main(["run", "-m", "study=lights", override, "seed=1,2"]) == 2
    shown = capsys.readouterr()
    assert shown.err.count("calls a resolver") == 5
    places = [("out", shown.out.encode()), ("err", shown.err.encode()), *contents([tmp_path])]
    assert found([dresses(TOKEN)], places) == []
