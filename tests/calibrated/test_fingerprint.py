"""Figures count as measured with the code as it is until something that they depend on changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.calibrated.fingerprint import TREE, Fingerprints

TEST = "tests/test_a.py"
FILES = {
    "evalkit/__init__.py": '_LAZY = {"Panel": "evalkit.panel", "Other": "evalkit.other"}\n',
    "evalkit/panel.py": "from evalkit.deep import x\n",
    "evalkit/deep.py": '"""Say."""\nx = 1\n',
    "evalkit/other.py": "y = 1\n",
    "evalkit/named.py": "z = 1\n",
    "tests/worlds.py": "world = 1\n",
    "tests/calibrated/measure.py": "kept = 1\n",
    TEST: "import evalkit as ek\nfrom tests import worlds\nfrom tests.calibrated import measure\n"
    "def test_a():\n    assert ek.Panel and 'evalkit.named:z'\n",
}


def of(folder: Path, **changed: str) -> str:
    """Fingerprint of the test in a small tree, some of whose files read otherwise."""
    texts = {**FILES, **{name.replace("__", "/") + ".py": text for name, text in changed.items()}}
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return Fingerprints(folder).of(TEST)


@pytest.mark.parametrize("name", ["evalkit__deep", "evalkit__panel", "evalkit__named", "tests__worlds"])
def test_what_is_imported_directly_or_not_lazily_or_by_words_counts(tmp_path: Path, name: str) -> None:
    assert of(tmp_path) != of(tmp_path, **{name: "from evalkit.deep import x\nchanged = 2\n"})


@pytest.mark.parametrize("name", ["evalkit__other", "tests__calibrated__measure"])
def test_what_is_not_used_or_gives_no_figures_does_not_count(tmp_path: Path, name: str) -> None:
    assert of(tmp_path) == of(tmp_path, **{name: "changed = 2\n"})


def test_comments_docstrings_and_blank_lines_do_not_count(tmp_path: Path) -> None:
    again = of(tmp_path, evalkit__deep='"""Say\nmore."""\n\n\nx = 1  # one\n')
    assert of(tmp_path) == again


def test_a_simulation_depends_on_its_estimator_and_its_world_and_not_on_reports() -> None:
    found = Fingerprints(TREE).files("tests/recovery/test_sun_abraham.py")
    assert {"evalkit/estimators/sun_abraham.py", "tests/recovery_worlds.py", "evalkit/data/panel.py"} <= found
    assert not any(name.startswith(("evalkit/report/", "evalkit/cli/", "tests/calibrated/")) for name in found)
