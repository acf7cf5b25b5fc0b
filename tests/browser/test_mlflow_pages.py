"""What a policy reader sees in MLflow's own pages, with no click, over real servers: sqlite and PostgreSQL.

Set EVALKIT_SCREENSHOTS to a folder to keep the pictures.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from evalkit.tracking import links
from evalkit.tracking.links import LOCAL_HOST
from evalkit.tracking.log import LoggedRun, log_bundle
from tests.services import Postgres, free_port, serving, tracking_server
from tests.unit.tracking.bundles import HEADLINE, write_bundle

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

SCREEN = {"width": 1600, "height": 1000}
WAIT_MS = 90_000
SHOWN_PIXELS = 100
"""Height that MLflow 3.17 gives a description before it hides the rest behind "Show more"."""
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
QUIETER = ["--disable-component-update", "--disable-sync"]
# On the first visit MLflow opens its assistant (from the same machine) and points at a button for traces; only then.
SECOND_VISIT = (
    "localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true');"
    "localStorage.setItem('mlflow.detectIssues.guidanceShown_v1', 'true')"
)
PAGE = (
    "<!doctype html><title>Brief</title><h1>Castle doctrine laws and homicide</h1>"
    '<svg width="300" height="80"><circle cx="40" cy="40" r="20"/></svg><table><tr><td>Low</td></tr></table>'
)
DESCRIPTION = ".note-view-outer-container"
PLAIN_WORDS_FILL_THE_CELL = """cell => {
  const pen = document.createElement('canvas').getContext('2d');
  pen.font = getComputedStyle(cell).font;
  return pen.measureText(cell.textContent.split('[')[0]).width >= cell.clientWidth;
}"""


@dataclass(frozen=True)
class Site:
    """A server with one logged study."""

    address: str
    logged: LoggedRun


BOTH = pytest.mark.parametrize("site", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
"""The pages are the same program over either store, so what a reader needs first is tried over both."""
ONE = pytest.mark.parametrize("site", ["sqlite"], indirect=True)


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One machine's `evalkit ui` over sqlite, or a team's `mlflow server` over PostgreSQL."""
    folder = tmp_path_factory.mktemp("site")
    bundle = write_bundle(folder / "results", files={"brief.html": PAGE.encode()})
    if request.param == "postgres":
        database: Postgres = request.getfixturevalue("postgres")
        with tracking_server(database.new_database(), folder, names=("127.0.0.1", LOCAL_HOST)) as server:
            yield Site(server.address, log_bundle(bundle, tracking_uri=server.address))
        return
    logged = log_bundle(bundle, tracking_uri=f"sqlite:///{folder / 'mlflow.db'}")
    port = free_port()
    command = [str(Path(sys.executable).with_name("evalkit")), "ui", "--port", str(port)]
    with serving(command, f"http://127.0.0.1:{port}/health", folder):
        yield Site(f"http://127.0.0.1:{port}", logged)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=[*QUIET, *QUIETER])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of somebody who has been here before."""
    context = browser.new_context(viewport={"width": 1600, "height": 1000})
    context.add_init_script(SECOND_VISIT)
    opened = context.new_page()
    opened.set_default_timeout(WAIT_MS)
    yield opened
    context.close()


@pytest.fixture
def first_page(browser: Browser) -> Iterator[Page]:
    """A page of somebody who has never been here: MLflow's assistant takes a quarter of it."""
    context = browser.new_context(viewport={"width": 1600, "height": 1000})
    opened = context.new_page()
    opened.set_default_timeout(WAIT_MS)
    yield opened
    context.close()


def _keep(page: Page, name: str) -> None:
    folder = os.environ.get("EVALKIT_SCREENSHOTS")
    if folder:
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


def _bottom(page: Page, selector: str) -> float:
    box = page.locator(selector).first.bounding_box()
    assert box is not None, selector
    return box["y"] + box["height"]


def _shows_the_brief(page: Page, name: str) -> None:
    page.locator(f"{DESCRIPTION} img").first.wait_for()
    page.wait_for_function("document.querySelector('.note-view-outer-container img').naturalWidth > 0")
    page.get_by_text("Tags", exact=True).first.wait_for()
    page.get_by_text("two_way_fixed_effects").first.wait_for()
    _keep(page, name)
    description = page.locator(DESCRIPTION).first
    assert HEADLINE in description.inner_text()
    assert description.evaluate("element => element.scrollHeight") <= SHOWN_PIXELS
    assert page.get_by_test_id("show-comment-toggle").count() == 0
    for shown in ("img", "table table"):
        assert _bottom(page, f"{DESCRIPTION} {shown}") <= SCREEN["height"]
    for text in ("Certainty", "Low", "0.094 (−0.27 to 0.48) per 100,000 residents", "21 of 50", "Read the full brief"):
        assert description.get_by_text(text).first.is_visible()


@BOTH
def test_the_runs_page_shows_the_brief_with_figure_and_table_and_no_click(site: Site, page: Page) -> None:
    page.goto(f"{site.address}/{site.logged.run_page}")
    _shows_the_brief(page, "run")


@ONE
def test_it_does_so_on_the_very_first_visit_too(site: Site, first_page: Page) -> None:
    first_page.goto(f"{site.address}/{site.logged.run_page}")
    first_page.get_by_text("MLflow Assistant").first.wait_for()
    _shows_the_brief(first_page, "run-first-visit")


@ONE
def test_under_the_name_that_evalkit_ui_prints_no_assistant_opens(site: Site, first_page: Page) -> None:
    named = site.address.replace("127.0.0.1", LOCAL_HOST)
    first_page.goto(f"{named}/{site.logged.run_page}")
    _shows_the_brief(first_page, "run-named")
    assert first_page.get_by_text("MLflow Assistant").count() == 0


@ONE
def test_the_link_in_the_description_leads_to_the_full_page(site: Site, page: Page) -> None:
    page.goto(f"{site.address}/{site.logged.run_page}")
    link = page.get_by_text("Read the full brief").first
    link.wait_for()
    assert link.get_attribute("href") == site.logged.brief_page


@BOTH
def test_the_full_brief_renders_in_its_frame(site: Site, page: Page) -> None:
    page.goto(f"{site.address}/{site.logged.brief_page}")
    frame = page.frame_locator("iframe").first
    frame.get_by_text("Castle doctrine laws and homicide").first.wait_for()
    frame.locator("svg circle").first.wait_for()
    _keep(page, "brief")


@ONE
def test_the_brief_is_the_first_file_of_the_run(site: Site, page: Page) -> None:
    page.goto(f"{site.address}/{site.logged.brief_page}")
    page.get_by_text("estimates.csv").first.wait_for()
    tops = {name: _bottom(page, f"text={name}") for name in ("brief.md", "diagnostics.csv", "evidence.json")}
    first = page.locator("li, div").get_by_text("brief.html", exact=True).first.bounding_box()
    assert first is not None
    assert first["y"] < min(tops.values())


@BOTH
def test_the_runs_table_reads_as_a_list_of_findings(site: Site, page: Page) -> None:
    page.goto(f"{site.address}/{site.logged.evidence_page}")
    page.get_by_text("inconclusive").first.wait_for()
    _keep(page, "evidence")
    assert page.get_by_text("We could not tell whether castle doctrine laws").first.is_visible()
    for column in ("evalkit.finding", "evalkit.certainty", "evalkit.headline"):
        assert page.get_by_text(column, exact=True).first.is_visible()
    assert page.get_by_text("two_way_fixed_effects").count() == 0


@ONE
def test_the_experiments_page_leads_to_the_findings_wherever_it_opens(site: Site, page: Page) -> None:
    page.goto(f"{site.address}/#/experiments/{site.logged.experiment_id}")
    link = page.get_by_text("Read all findings").first
    link.wait_for()
    _keep(page, "experiment")
    assert link.get_attribute("href") == links.evidence_view(site.logged.experiment_id)


@BOTH
def test_two_clicks_lead_from_the_experiments_to_headline_certainty_and_figure(site: Site, page: Page) -> None:
    page.goto(f"{site.address}/#/experiments")
    page.get_by_text("Evaluations of what was").first.wait_for()
    _keep(page, "experiments")
    row = page.locator("[role='row']", has_text="evalkit/public_safety").first
    assert "evalkit." not in row.inner_text(), "a tag of ours beside the description"
    assert row.get_by_text("Evaluations of what was").evaluate(PLAIN_WORDS_FILL_THE_CELL), "raw markup in the list"
    page.get_by_role("link", name="evalkit/public_safety").first.click()
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Castle doctrine laws", exact=False).first.click()
    opened.value.set_default_timeout(WAIT_MS)
    _shows_the_brief(opened.value, "two-clicks")
