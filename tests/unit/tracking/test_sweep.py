from __future__ import annotations

from pathlib import Path

from evalkit.tracking.live import HOST, PID
from evalkit.tracking.store import opened, resolve
from evalkit.tracking.sweep import TABLE, SweepRun, close_lost, close_sweep, open_sweep

ADDRESS = "postgresql://ana:hunter2@db.city:5432/buses"


def test_a_password_that_was_typed_does_not_reach_the_run_of_the_sweep(tmp_path: Path, uri: str) -> None:
    run = open_sweep("s1", f"Sweep of 2 jobs: data={ADDRESS}", ["health"], tracking_uri=uri)
    table = f"job,state\ndata={ADDRESS},done\n"
    close_sweep(run, "done", headline=ADDRESS, note=ADDRESS, counts={"done": 2}, table=table)
    assert run.run_id is not None
    with opened(resolve(uri)) as client:
        found = client.get_run(run.run_id)
        kept = Path(client.download_artifacts(run.run_id, TABLE, str(tmp_path))).read_text(encoding="utf-8")
    assert "hunter2" not in f"{found.to_dictionary()}{kept}"
    assert kept.startswith("job,state\ndata=postgresql://db.city:5432/buses")
    assert found.info.status == "FINISHED"
    assert not {PID, HOST} & found.data.tags.keys()


def test_a_sweep_that_is_started_again_goes_on_under_its_run(uri: str) -> None:
    first = open_sweep("s2", "Sweep of 1 job", ["health"], tracking_uri=uri)
    close_sweep(first, "stopped", headline="1 job", note="1 job", counts={"stopped": 1}, table="")
    second = open_sweep("s2", "Sweep of 1 job", ["health"], tracking_uri=uri)
    assert second.run_id == first.run_id
    with opened(resolve(uri)) as client:
        assert client.get_run(str(second.run_id)).info.status == "RUNNING"


def test_a_sweep_that_no_store_knows_is_closed_without_asking_one(tmp_path: Path) -> None:
    nowhere = SweepRun("id", resolve(f"sqlite:///{tmp_path}/mlflow.db"))
    assert close_lost(nowhere) == 0
    close_sweep(nowhere, "failed", headline="x", note="x", counts={"failed": 1}, table="")
    assert list(tmp_path.iterdir()) == []
