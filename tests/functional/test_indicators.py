"""`evalkit indicator`, `evalkit equality` and the portfolio that shows them, from the command line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from evalkit.cli.main import main
from evalkit.indicators.document import IndicatorDocument
from evalkit.report.measure_bundle import read_document

INDICATOR = "california_fatal_accidents"
FAST = "indicator.forecast.draws=1000"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which both examples have been run and a portfolio was built."""
    folder = tmp_path_factory.mktemp("city")
    patch = pytest.MonkeyPatch()
    patch.chdir(folder)
    patch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert run(["indicator", INDICATOR, FAST, "-q"]) == 0
    assert run(["equality", "sample_city", "equality.draws=1000", "-q"]) == 0
    assert run(["portfolio", "--out", "site", "-q"]) == 0
    yield folder
    patch.undo()


def run(words: list[str]) -> int:
    return main(words)


def bundle(city: Path, kind: str) -> Path:
    return next((city / "results" / kind).glob("*/*/COMPLETE")).parent


@pytest.mark.parametrize("kind", ["indicators", "equality"])
def test_a_bundle_is_whole_and_its_page_fetches_nothing(city: Path, kind: str) -> None:
    folder = bundle(city, kind)
    listed = json.loads((folder / "manifest.json").read_text("utf-8"))["files"]
    assert {"brief.html", "config.yaml", "disclosure.json", "datapackage.json", "provenance.json"} <= set(listed)
    page = (folder / "brief.html").read_text("utf-8")
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert not re.findall(r'(?:src|href)="(?!data:)[^"#]', page)
    assert page.count("<img") == page.count('alt="') > 0
    assert 'class="banner"' in page
    assert "caused by the programme" in page


def test_the_document_says_what_the_page_says(city: Path) -> None:
    made = read_document(bundle(city, "indicators"))
    assert isinstance(made, IndicatorDocument)
    page = (bundle(city, "indicators") / "brief.html").read_text("utf-8")
    assert made.sentences["chance"] in page
    assert made.chart.kind == "u"
    assert made.outlook is not None
    assert 0.0 < made.outlook.chance < 1.0
    assert made.identity.data_sha


@pytest.mark.parametrize(("kind", "role"), [("indicators", "indicator"), ("equality", "equality")])
def test_runs_are_in_mlflow_with_their_headline_and_numbers(city: Path, kind: str, role: str) -> None:
    from evalkit.tracking.store import opened, resolve

    made = read_document(bundle(city, kind))
    run_id = json.loads((bundle(city, kind) / "SYNCED").read_text("utf-8"))["run_id"]
    with opened(resolve()) as client:
        logged = client.get_run(run_id)
        names = {item.path for item in client.list_artifacts(run_id)}
    assert logged.data.tags["evalkit.role"] == role
    assert logged.data.tags["evalkit.headline"] == made.sentences["headline"]
    assert "caused by the programme" in logged.data.tags["mlflow.note.content"]
    assert {"brief.html", f"{role}.json", "disclosure.json"} <= names
    wanted = {"latest", "target", "outlook_chance"} if role == "indicator" else {"score", "score_low", "change"}
    assert wanted <= set(logged.data.metrics)


def test_logging_again_makes_no_second_run(city: Path) -> None:
    from evalkit.tracking.measures import log_measure

    folder = bundle(city, "indicators")
    before = json.loads((folder / "SYNCED").read_text("utf-8"))["run_id"]
    assert log_measure(folder).run_id == before


def test_the_portfolio_shows_both_with_links_and_data(city: Path) -> None:
    page = (city / "site" / "index.html").read_text("utf-8")
    assert "On target is not the same as caused by the programme." in page
    assert "Fatal accidents on California" in page
    assert "Equality indicators and the path to their targets" in page
    for link in re.findall(r'href="(briefs/[^"]+)"', page):
        assert (city / "site" / link).is_file()
    assert len(re.findall(r'href="briefs/m', page)) == 2
    for name in ("indicators.csv", "equality.csv"):
        assert len((city / "site" / name).read_text("utf-8").splitlines()) > 1
    assert json.loads((city / "site" / "portfolio.json").read_text("utf-8"))["equality"][0]["city"] == "Sample City"
    assert re.search(r"#priority-p\d+:checked\) \.measure:not\(\.p\d+\)", page)


def test_the_portfolio_reads_them_from_bundles_too(city: Path, tmp_path: Path) -> None:
    assert run(["portfolio", "--out", str(tmp_path / "site"), "--results", "results", "-q"]) == 0
    page = (tmp_path / "site" / "index.html").read_text("utf-8")
    assert "Fatal accidents on California" in page
    assert "Sample City" in page


def test_they_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["list", "indicators"]) == 0
    assert INDICATOR in capsys.readouterr().out
    assert run(["list", "equality"]) == 0
    assert "sample_city" in capsys.readouterr().out


def test_help_says_what_it_is_not() -> None:
    from evalkit.cli.indicator import indicator

    shown = CliRunner().invoke(indicator, ["--help"]).output
    assert "On target is not the same" in " ".join(shown.split())


@pytest.mark.promise("fault-server-start")
def test_a_dead_store_loses_nothing_and_sync_finishes_it(
    city: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    words = ["indicator", INDICATOR, FAST, "-q", "--results", str(tmp_path / "results")]
    assert run([*words, "tracking.uri=http://127.0.0.1:9"]) == 6
    folder = next((tmp_path / "results" / "indicators").glob("*/*/COMPLETE")).parent
    assert not (folder / "SYNCED").exists()
    assert run(["sync", "--results", str(tmp_path / "results")]) == 0
    assert (folder / "SYNCED").exists()


@pytest.mark.parametrize(
    ("override", "code", "words"),
    [
        ("indicator.target.date='1981-06'", 2, "is not after the baseline"),
        ("indicator.baseline.start='1975-01'", 2, "is not within the data"),
    ],
)
def test_bad_declarations_end_with_words_and_a_code(
    city: Path, override: str, code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["indicator", INDICATOR, FAST, override, "-q"]) == code
    assert words in capsys.readouterr().err
