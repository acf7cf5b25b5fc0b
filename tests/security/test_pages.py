"""Every page of the package forbids scripts and requests before it shows anything, and escapes what it is told."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import evalkit

PACKAGE = Path(evalkit.__file__).parent
CONTENT = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
POLICY = f'<meta http-equiv="Content-Security-Policy" content="{CONTENT}">'
PAGES = sorted((PACKAGE / "report" / "templates").glob("*.html.j2"))
FORBIDDEN = re.compile(
    r"<(script|iframe|object|embed|link|base|form)\b|\son[a-z]+\s*=|\|\s*safe\b|autoescape"
    r"|(src|href)\s*=\s*[\"']?(https?:)?//",
    re.IGNORECASE,
)


@pytest.mark.promise("secure-page")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.name))
def test_a_page_states_its_policy_first_and_holds_nothing_that_runs_or_is_fetched(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.count(POLICY) == 1
    assert text.index(POLICY) < text.index("<title>") < text.index("<body")
    assert FORBIDDEN.search(text) is None


@pytest.mark.promise("secure-page")
def test_no_page_is_written_anywhere_else() -> None:
    elsewhere = [path for path in PACKAGE.rglob("*") if path.suffix in {".py", ".j2", ".html"} and path not in PAGES]
    assert len(elsewhere) > 300
    assert [str(path) for path in elsewhere if "<html" in path.read_text(encoding="utf-8")] == []


@pytest.mark.promise("secure-page", "secure-names-report")
def test_whatever_renders_a_page_escapes() -> None:
    found = 0
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if ".html.j2" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "Environment":
                escapes = {word.arg: ast.unparse(word.value) for word in node.keywords}.get("autoescape")
                assert escapes == "True", path
                found += 1
    assert found == len(PAGES)
