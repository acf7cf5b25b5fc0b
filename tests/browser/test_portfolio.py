"""The portfolio's filters in a real browser, without script and without a network."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from evalkit.report.portfolio_site import write_site
from evalkit.synthesis.entries import Entry, newest
from evalkit.synthesis.portfolio import build
from tests.browser.accessibility import violations
from tests.portfolio_samples import cities

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
WIDTHS = (390, 1280)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    from playwright.sync_api import sync_playwright

    folder = tmp_path_factory.mktemp("site")
    entries = [*newest(cities(21)), Entry("planned", "Lima", "permits", "A permit desk", "planned")]
    made = build(entries, title="What our programmes changed", priorities={"permits": "Faster permits"})
    write_site(made, folder, {"study_001": b"<!DOCTYPE html><title>brief</title>"})
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        opened = browser.new_context(offline=True, java_script_enabled=False).new_page()
        opened.goto((folder / "index.html").as_uri())
        yield opened
        browser.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing_that_keeps_a_reader_out(page: Page, width: int) -> None:
    browser = page.context.browser
    assert browser is not None
    scripted = browser.new_page(viewport={"width": width, "height": 900})  # axe is a script itself
    scripted.goto(page.url)
    assert violations(scripted) == []
    scripted.close()


def shown(page: Page) -> int:
    return sum(row.is_visible() for row in page.locator("tr.study").all())


def test_filters_work_together_and_can_be_taken_back(page: Page) -> None:
    assert shown(page) == 22
    page.get_by_text("Faster permits (", exact=False).first.click()
    permits = shown(page)
    assert permits == 8
    page.locator("label[for='stage-s0']").click()
    assert shown(page) == 1
    page.locator("label[for='stage-all']").click()
    assert shown(page) == permits
    page.locator("label[for='priority-all']").click()
    assert shown(page) == 22


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_scrolls_sideways(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    box = page.locator("main").bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= width + 1


def test_every_picture_has_its_words_and_is_drawn(page: Page) -> None:
    pictures = page.locator("img").all()
    assert len(pictures) == 3
    for picture in pictures:
        alt = picture.get_attribute("alt")
        assert alt is not None
        assert "Average" in alt
        box = picture.bounding_box()
        assert box is not None
        assert box["height"] > 100


def test_a_brief_is_one_click_away(page: Page) -> None:
    page.locator("a[href^='briefs/']").first.click()
    assert page.title() == "brief"
    page.go_back()
