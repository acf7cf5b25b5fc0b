from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from evalkit.evidence.lint import lint
from evalkit.evidence.standard import shipped
from evalkit.report.brief_html import MAX_WORDS, _natural_size, brief_html, words_on_page
from tests import report_samples as samples

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
TAGS = frozenset(
    re.findall(
        r"\w+",
        "html head meta title style body main header section div p h1 h2 h3 span table caption thead tbody tr th td dl "
        "dt dd ul li figure img figcaption details summary pre",
    )
)


class _Page(HTMLParser):
    """Elements and attributes of a page, as a browser would find them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("certainty", [None, 1, 3])
@pytest.mark.promise("secure-names-report")
def test_hostile_names_become_text(certainty: int | None) -> None:
    page = _Page(brief_html(samples.contents(samples.HOSTILE, certainty=certainty)))
    assert {tag for tag, _ in page.found} <= TAGS
    assert not [name for _, attributes in page.found for name in attributes if name.startswith("on")]
    sources = [attributes["src"] or "" for tag, attributes in page.found if tag == "img"]
    assert all(source.startswith("data:image/svg+xml") for source in sources)
    assert not [1 for _, attributes in page.found if "href" in attributes]


@pytest.mark.promise("secure-page")
def test_the_content_security_policy_comes_before_any_content() -> None:
    html = brief_html(samples.contents())
    metas = [attributes for tag, attributes in _Page(html).found if tag == "meta"]
    assert metas[1] == {"http-equiv": "Content-Security-Policy", "content": POLICY}
    assert html.index("Content-Security-Policy") < html.index("<title>")
    assert html.startswith("<!DOCTYPE html>")


def test_every_picture_has_alt_text_and_its_data() -> None:
    html = brief_html(samples.contents())
    images = [attributes for tag, attributes in _Page(html).found if tag == "img"]
    assert len(images) == 3
    assert all(len(image["alt"] or "") > 40 for image in images)
    assert html.count("The numbers in this picture") == 3


def test_the_page_on_the_real_study_has_at_most_700_words() -> None:
    html = brief_html(samples.of(samples.castle()))
    assert 250 < words_on_page(html) <= MAX_WORDS


def test_pictures_of_the_checks_are_folded() -> None:
    html = brief_html(samples.of(samples.castle()))
    page, _, folded = html.partition("<summary>Pictures of the checks</summary>")
    assert "Does the answer hang on one of them?" not in page
    assert "Does the answer hang on one of them?" in folded.partition("<summary>Technical annex</summary>")[0]


@pytest.mark.parametrize("length", [1, 40, 400])
def test_a_study_that_declares_long_texts_still_fits(length: int) -> None:
    html = brief_html(samples.contents("Lorem " * length, limitations=12, headline="A short headline."))
    assert words_on_page(html) <= MAX_WORDS


def test_texts_cut_on_the_page_stand_whole_in_the_annex() -> None:
    long = " ".join(f"word{i}" for i in range(400))
    html = brief_html(samples.contents(long, headline="A short headline."))
    assert long in html.partition('<details class="annex">')[2]
    assert long not in html.partition('<details class="annex">')[0]


def test_what_is_folded_or_not_shown_is_not_counted() -> None:
    html = "<title>a b</title><p>one two</p><details>x<details>y</details>z</details><p>three</p>"
    assert words_on_page(html) == 3


@pytest.mark.promise("secure-page")
def test_the_page_fetches_nothing() -> None:
    html = brief_html(samples.of(samples.castle()))
    outside = re.sub(r"data:image/svg\+xml;base64,[\w+/=]+", "", html)
    assert not re.search(r"(?:src|href|action|url\()\s*=?\s*[\"']?(?:https?:)?//", outside)
    assert "<script" not in outside


def test_a_number_and_its_per_cent_sign_stay_together() -> None:
    assert "6.8\u00a0%" in brief_html(samples.contents(headline="The law may reduce claims by 6.8 %."))


def test_the_same_contents_give_the_same_page() -> None:
    assert brief_html(samples.contents()) == brief_html(samples.contents())


def test_at_very_low_certainty_no_heading_claims_a_change() -> None:
    assert "What changed" in brief_html(samples.contents(certainty=2))
    assert "What changed" not in brief_html(samples.contents(certainty=1))


@pytest.mark.parametrize("estimator", ["callaway_santanna", "two_way_fixed_effects", "bayesian_did"])
def test_sentences_made_by_the_figures_pass_the_linter(estimator: str) -> None:
    evaluation = samples.castle(f"estimator={estimator}")
    for figure in samples.of(evaluation).figures:
        for text in (figure.alt, figure.note, figure.title):
            lint(text, shipped().prose, bayesian=estimator == "bayesian_did", very_low=True, digits=False)


def test_a_picture_is_shown_at_the_size_that_it_states() -> None:
    assert _natural_size(b'<svg width="72pt" height="36.0pt">') == (96, 48)
    with pytest.raises(ValueError, match="does not state its size"):
        _natural_size(b'<svg width="100%">')
