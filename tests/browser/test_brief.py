from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from evalkit.report.brief_html import brief_html
from tests import report_samples as samples
from tests.browser.accessibility import violations

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
PHONE, DESK = 390, 1280
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
]  # fmt: skip
EXECUTED = "window.__executed = true"
HOSTILE = (
    f"<script>{EXECUTED}</script><img src=x onerror='{EXECUTED}'><svg onload='{EXECUTED}'></svg>"
    f"\"><iframe srcdoc='<script>parent.{EXECUTED}</script>'></iframe> {{{{ 7 * 7 }}}} </style></title>"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def brief(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The brief of the castle doctrine study, on its real data."""
    path = tmp_path_factory.mktemp("brief") / "brief.html"
    path.write_text(brief_html(samples.of(samples.castle())), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "brief.html"
    path.write_text(brief_html(samples.contents(HOSTILE)), encoding="utf-8")
    return path


def _open(browser: Browser, path: Path, width: int) -> tuple[Page, list[str]]:
    """The page at a width, all parts unfolded, and what the browser complained about or asked for."""
    page = browser.new_page(viewport={"width": width, "height": 900})
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: trouble.append(f"error: {error}"))
    page.on("request", lambda request: trouble.append(f"request: {request.url[:80]}") if _leaves(request.url) else None)
    page.goto(path.as_uri())
    return page, trouble


def _leaves(url: str) -> bool:
    return not url.startswith(("file:", "data:"))


def _unfold(page: Page) -> None:
    for summary in page.locator("summary").all():
        summary.click()


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_nothing_scrolls_sideways(browser: Browser, brief: Path, width: int) -> None:
    page, _ = _open(browser, brief, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    _unfold(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.promise("secure-page")
def test_the_console_is_silent_and_nothing_is_fetched(browser: Browser, brief: Path, width: int) -> None:
    page, trouble = _open(browser, brief, width)
    _unfold(page)
    assert trouble == []


def test_every_picture_is_shown_and_described(browser: Browser, brief: Path) -> None:
    page, _ = _open(browser, brief, DESK)
    images = page.evaluate("[...document.images].map(i => [i.complete && i.naturalWidth > 0, i.alt.length])")
    assert page.locator("main img").count() == 3
    assert len(images) > 3, "the checks have pictures of their own, folded"
    assert all(shown and described > 40 for shown, described in images)


def test_the_annex_is_folded_until_asked_for(browser: Browser, brief: Path) -> None:
    page, _ = _open(browser, brief, DESK)
    trail = page.get_by_text("How the certainty was reached")
    assert not trail.is_visible()
    page.get_by_text("Technical annex").click()
    assert trail.is_visible()


def test_the_headline_and_the_three_dials_are_on_the_first_screen(browser: Browser, brief: Path) -> None:
    page, _ = _open(browser, brief, DESK)
    assert page.locator("h1").inner_text().replace("\u00a0", " ") == samples.castle().evidence.sentences.headline
    bottoms = page.evaluate("[...document.querySelectorAll('.dial')].map(d => d.getBoundingClientRect().bottom)")
    assert len(bottoms) == 3
    assert max(bottoms) <= 900


def test_letters_are_readable_on_a_phone(browser: Browser, brief: Path) -> None:
    page, _ = _open(browser, brief, PHONE)
    sizes = page.evaluate(
        "[...document.querySelectorAll('main p, main li, main td, main dd, main figcaption')]"
        ".filter(e => e.offsetParent).map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 12.5


def test_text_stands_out_from_its_background(browser: Browser, brief: Path) -> None:
    # WCAG 2.2, success criterion 1.4.3: 4.5 to 1.
    page, _ = _open(browser, brief, DESK)
    ratios = page.evaluate(
        """() => {
          const rgb = c => c.match(/[\\d.]+/g).map(Number);
          const light = c => { const [r, g, b] = rgb(c).map(v => v / 255)
            .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
          const back = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
            if (rgb(c)[3] !== 0) return c; } return 'rgb(255, 255, 255)'; };
          return [...document.querySelectorAll('p, li, td, th, dd, dt, h1, h2, h3, summary, figcaption, caption, .tag')]
            .map(e => [light(getComputedStyle(e).color), light(back(e))])
            .map(([a, b]) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)); }"""
    )
    assert min(ratios) >= 4.5


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_axe_finds_nothing_that_keeps_a_reader_out(browser: Browser, brief: Path, width: int) -> None:
    page, _ = _open(browser, brief, width)
    _unfold(page)
    assert violations(page) == []


def test_axe_would_say_so(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "poor.html"
    path.write_text("<!doctype html><title>x</title><img src='data:,'><p style='color:#bbb;background:#fff'>pale</p>")
    page, _ = _open(browser, path, DESK)
    assert {line.split(":")[0] for line in violations(page)} >= {"image-alt", "color-contrast", "html-has-lang"}


@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.promise("secure-names-report")
def test_a_hostile_name_executes_nothing_and_breaks_nothing(browser: Browser, hostile: Path, width: int) -> None:
    page, trouble = _open(browser, hostile, width)
    _unfold(page)
    page.wait_for_timeout(300)
    assert page.evaluate("window.__executed") is None
    assert trouble == []
    assert page.locator("script, iframe, main svg").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert HOSTILE.replace("\n", " ").split("{{")[0].strip() in page.locator("h1").inner_text()


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_the_brief_prints_in_three_pages_and_its_annex_after_it(
    browser: Browser, brief: Path, tmp_path: Path, paper: str
) -> None:
    page, _ = _open(browser, brief, DESK)
    target = tmp_path / "brief.pdf"
    page.pdf(path=str(target), format=paper, prefer_css_page_size=False)
    program = shutil.which("pdftotext")
    if program is None:
        pytest.skip("pdftotext (poppler-utils) is not installed")
    text = subprocess.run([program, "-layout", str(target), "-"], check=True, capture_output=True, text=True).stdout
    pages = text.split("\f")
    annex = next(number for number, content in enumerate(pages) if "Technical annex" in content)
    assert annex <= 3
    assert "How the certainty was reached" in " ".join(pages[annex:])
