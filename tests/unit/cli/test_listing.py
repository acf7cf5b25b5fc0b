from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from evalkit.checks import registry as checks
from evalkit.cli.main import main
from evalkit.estimators import registry
from tests.small_study import write_study


def listed(kind: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    assert main(["list", kind, "--json"]) == 0
    rows: list[dict[str, str]] = json.loads(capsys.readouterr().out)
    return rows


def test_the_users_studies_are_listed_beside_the_shipped_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(write_study(tmp_path))
    rows = listed("studies", capsys)
    assert {"study": "lights", "title": "Street lights and crime"} in rows
    assert "castle_doctrine" in [row["study"] for row in rows]


def test_every_estimator_says_what_it_answers_and_needs(capsys: pytest.CaptureFixture[str]) -> None:
    rows = listed("estimators", capsys)
    assert [row["estimator"] for row in rows] == registry.names()
    assert all(row["answers"].endswith(".") and row["needs"] for row in rows)


def test_every_check_says_what_it_takes_for_granted(capsys: pytest.CaptureFixture[str]) -> None:
    rows = listed("checks", capsys)
    assert [row["check"] for row in rows] == checks.names()
    assert all(row["takes for granted"] for row in rows)
    assert next(row for row in rows if row["check"] == "pre_trends")["settings"] == "alpha=0.05, power=0.8"


def test_priorities_are_listed_with_their_titles(capsys: pytest.CaptureFixture[str]) -> None:
    assert {"priority": "overdose", "title": "Overdose prevention"} in listed("priorities", capsys)


@pytest.mark.parametrize("kind", ["studies", "estimators", "checks", "priorities"])
def test_listing_imports_nothing_that_computes(kind: str, tmp_path: Path) -> None:
    program = (
        f"import sys\nfrom evalkit.cli.main import main\nmain(['list', {kind!r}, '--json'])\n"
        "heavy = ('numpy', 'pandas', 'scipy', 'pydantic', 'pymc', 'mlflow', 'matplotlib', 'hydra', 'rich')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_plug_in_is_listed_with_what_its_class_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from evalkit.estimators.base import Needs\n\n\nclass Mine:\n    name = 'listed_by_a_test'\n"
        "    needs = Needs(answers='Mine.')\n\n    def fit(self, panel, *, rng):\n        raise NotImplementedError\n",
        encoding="utf-8",
    )
    try:
        assert main(["list", "estimators", "--json", "--plugin", str(file)]) == 0
    finally:
        registry._plugins.pop("listed_by_a_test", None)
    rows = {row["estimator"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["listed_by_a_test"]["answers"] == "Mine."
    assert "treatment that stays on" in rows["listed_by_a_test"]["needs"]
