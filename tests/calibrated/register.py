"""What has to be calibrated, and the tests that do: every estimator of the registry, every rule of inference.

A test carries ``@pytest.mark.calibrates("imputation", "clustered")``. Names are written out in the file that marks, so
that they can be read without running anything.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final, get_args

from evalkit.estimators.registry import BUILT_IN
from evalkit.inference.rules import TableMethod
from evalkit.vocabulary import OwnMethod

NO_RULE: Final = ("of_design",)
"""Stands for the rules of estimators' own designs, which are listed by themselves."""
ESTIMATORS: Final = tuple(BUILT_IN)
RULES: Final = tuple(name for name in (*get_args(TableMethod), *get_args(OwnMethod)) if name not in NO_RULE)
ERRORS: Final = ("cr2", "cr3", "two_way", "conley")
"""Standard errors that a study may ask two-way fixed effects for, besides clustered ones."""
CALIBRATED: Final = tuple(dict.fromkeys((*ESTIMATORS, *RULES, *ERRORS)))
MARK: Final = "mark.calibrates("


def marked(folder: Path) -> dict[str, set[str]]:
    """Names with the tests that are marked with them, as `file::function`, files by their path from `folder`."""
    found: dict[str, set[str]] = {}
    for file in sorted(folder.rglob("test_*.py")):
        text = file.read_text(encoding="utf-8")
        if MARK in text:
            for node in ast.parse(text).body:
                if isinstance(node, ast.FunctionDef):
                    test = f"{file.relative_to(folder).as_posix()}::{node.name}"
                    for name in _names(node):
                        found.setdefault(name, set()).add(test)
    return found


def _names(test: ast.FunctionDef) -> set[str]:
    """Names in the markers of a test, those of its cases included."""
    return {
        word.value
        for decorator in test.decorator_list
        for call in ast.walk(decorator)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.calibrates"
        for word in call.args
        if isinstance(word, ast.Constant) and isinstance(word.value, str)
    }
