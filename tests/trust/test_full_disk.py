"""A disk that is really full: a small tmpfs, filled up, and made larger again."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from evalkit.cli.main import main
from evalkit.config import resolved_yaml
from evalkit.errors import EvalkitError, NotSynced
from evalkit.evaluation import Evaluation, evaluate
from evalkit.plan.access import LOG, record, recorded
from evalkit.report.bundle import write_bundle
from evalkit.report.reading import read_bundle
from evalkit.tracking.log import log_bundle
from tests.small_study import built, study, write_data, write_study
from tests.unit.tracking.bundles import write_bundle as handmade

pytestmark = [pytest.mark.mount, pytest.mark.promise("fault-disk-full")]
PAGE = 4096
"""Bytes that a tmpfs gives out at once."""
ENOUGH = 64 * 2**20


@contextmanager
def disk(folder: Path, size: int) -> Iterator[Path]:
    """A disk of `size` bytes at `folder`."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # MLflow keeps its database open


def enlarge(folder: Path) -> None:
    subprocess.run(["mount", "-o", f"remount,size={ENOUGH}", str(folder)], check=True)


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    folder = tmp_path_factory.mktemp("evaluated")
    write_data(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return evaluate(built())


def write(evaluation: Evaluation, root: Path) -> Path:
    text = resolved_yaml(evaluation.study)
    return write_bundle(evaluation, root, provenance={"git_sha": None}, study_yaml=text)


@pytest.mark.parametrize("size", [20, *(pytest.param(size, marks=pytest.mark.calibration) for size in (1, 5, 60, 120))])
def test_whatever_fits_is_never_taken_for_a_whole_bundle(evaluated: Evaluation, tmp_path: Path, size: int) -> None:
    with disk(tmp_path / "small", size * PAGE) as root:
        with pytest.raises(EvalkitError, match="No space left on device") as caught:
            write(evaluated, root)
        assert "Free space" in str(caught.value.next_step)
        assert not [*root.rglob("COMPLETE"), *root.rglob("*.part")]
        for folder in root.glob("*/*"):
            with pytest.raises(EvalkitError, match="not a finished bundle"):
                read_bundle(folder)


@pytest.mark.calibration
def test_where_it_all_fits_but_the_last_file_the_bundle_is_not_whole_either(
    evaluated: Evaluation, tmp_path: Path
) -> None:
    whole = write(evaluated, tmp_path / "measure")
    names = [path for path in whole.rglob("*") if path.is_file()]
    pages = sum(-(-path.stat().st_size // PAGE) for path in names)
    for missing in (1, 2):
        with disk(tmp_path / f"small{missing}", (pages - missing) * PAGE) as root:
            with pytest.raises(EvalkitError, match="No space left on device"):
                write(evaluated, root)
            assert not list(root.rglob("COMPLETE"))
            written = {path.name: path.read_bytes() for path in root.rglob("*") if path.is_file()}
            assert all((whole / path.name).read_bytes() == written[path.name] for path in whole.glob("*.csv"))


@pytest.mark.calibration
def test_a_run_on_a_full_disk_says_so_and_is_made_again_once_there_is_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_data(write_study(tmp_path, study(checks=["sample_flow"])))
    monkeypatch.chdir(tmp_path)
    with disk(tmp_path / "full", 10 * PAGE) as root:
        assert main(["run", "study=lights", "--quiet", "--json", "--out", str(root)]) == 1
        error = json.loads(capsys.readouterr().err)["error"]
        assert "No space left on device" in error["what"]
        assert error["next_step"].startswith("Free space on the disk")
        assert main(["sync", "--results", str(root), "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == {"logged": [], "failed": {}}, "there is nothing whole to log"
        enlarge(root)
        assert main(["run", "study=lights", "--quiet", "--json", "--out", str(root)]) == 0
        assert len(list(root.glob("*/*/COMPLETE"))) == 1


@pytest.mark.promise("trap-01")
def test_a_store_that_a_full_disk_left_half_made_takes_the_bundle_once_there_is_space(tmp_path: Path) -> None:
    bundle = handmade(tmp_path / "results")
    with disk(tmp_path / "full", 40 * PAGE) as root:
        uri = f"sqlite:///{root / 'mlflow.db'}"
        with pytest.raises(NotSynced, match="did not take the run") as caught:
            log_bundle(bundle, tracking_uri=uri)
        assert "evalkit sync" in str(caught.value)
        assert not (bundle / "SYNCED").exists()
        assert not (root / "mlflow.db").exists(), "a database with some of its tables would never take a run"
        enlarge(root)
        log_bundle(bundle, tracking_uri=uri)
        assert not list(root.glob(".*.part*"))
    assert (bundle / "SYNCED").exists()


def test_a_record_that_was_cut_short_takes_no_later_one_along(tmp_path: Path) -> None:
    spec = built().spec
    with disk(tmp_path / "full", 2 * PAGE) as root:
        (root / LOG).write_bytes(b" " * (2 * PAGE - 10))
        with pytest.raises(EvalkitError, match=r"records that outcomes are read: No space left") as caught:
            record(root, spec)
        assert "Free space" in str(caught.value.next_step)
        before = len(recorded(root, spec))
        enlarge(root)
        record(root, spec)
        assert len(recorded(root, spec)) == before + 1
