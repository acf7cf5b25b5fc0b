"""Pages of an indicator and of an equality tree in a real browser, at the widths of a phone and of a desk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from evalkit.config import load_equality
from evalkit.indicators.equality_result import evaluate_equality
from evalkit.indicators.result import evaluate_indicator
from evalkit.language import speaking
from evalkit.report.measure_bundle import write_equality, write_indicator
from tests.browser.accessibility import violations
from tests.indicator_worlds import frame, spec, write

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
WIDTHS = (390, 1280)
ROOT = Path(__file__).resolve().parents[2]
EXECUTED = "window.__executed = true"
HOSTILE = f"<script>{EXECUTED}</script><img src=x onerror='{EXECUTED}'>{{{{ 7 * 7 }}}}</title>"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An indicator in Spanish, with a title that would run if it could; a tree in Portuguese, whose words are long."""
    folder = tmp_path_factory.mktemp("measures")
    write(folder, frame(seed=4))
    words = {"es": {"title": HOSTILE, "unit": "llamadas por mes"}}
    asked = spec("count", translations=words, **{"forecast.draws": 1000, "measure.about": "places"})
    tree = load_equality("sample_city", ["equality.draws=1000"])
    with speaking("es"):
        found = evaluate_indicator(asked, data_root=folder, seed=1)
        indicator = write_indicator(found, folder, provenance={}, seed=1)
    with speaking("pt"):
        scored = evaluate_equality(tree, data_root=ROOT, seed=1)
        equality = write_equality(scored, folder, provenance={}, seed=1)
    return {"indicator": indicator / "brief.html", "equality": equality / "brief.html"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@pytest.fixture(scope="module", params=[(kind, width) for kind in ("indicator", "equality") for width in WIDTHS])
def page(request: pytest.FixtureRequest, browser: Browser, pages: dict[str, Path]) -> Iterator[Page]:
    """A page at a width, all parts unfolded; `trouble` on its window lists what the console said."""
    kind, width = request.param
    opened = browser.new_page(viewport={"width": width, "height": 900})
    trouble: list[str] = []
    opened.on("console", lambda message: trouble.append(message.text))
    opened.on("pageerror", lambda error: trouble.append(str(error)))
    opened.on(
        "request", lambda asked: None if asked.url.startswith(("file:", "data:")) else trouble.append(asked.url[:80])
    )
    opened.goto(pages[kind].as_uri())
    for summary in opened.locator("summary").all():
        summary.click()
    assert trouble == []
    yield opened
    assert trouble == []
    opened.close()


def test_nothing_scrolls_sideways_and_every_picture_is_shown_and_described(page: Page) -> None:
    size = page.viewport_size
    assert size is not None
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    images = page.evaluate("[...document.images].map(i => [i.complete && i.naturalWidth > 0, i.alt.length])")
    assert images
    assert all(shown and described > 40 for shown, described in images)


def test_axe_finds_nothing_that_keeps_a_reader_out(page: Page) -> None:
    assert violations(page) == []


def test_the_banner_stays_in_sight(page: Page) -> None:
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    assert page.evaluate("document.querySelector('.banner').getBoundingClientRect().top") == 0


def test_a_name_executes_nothing(page: Page) -> None:
    assert page.evaluate("window.__executed") is None
    assert page.locator("script, iframe").count() == 0
    assert page.title() == page.locator(".study").inner_text().replace("\u00a0", " ")
