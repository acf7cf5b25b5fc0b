"""What a figure depends on: its test, and every module of package and tests that this imports, directly or not.

Comments and docstrings do not count, nor do versions of other packages (the lock fixes these). Modules that code names
by words ("evalkit.estimators.imputation:Imputation", as the registry does) count as imported.
"""

from __future__ import annotations

import ast
import hashlib
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

TREE: Final = Path(__file__).parents[2]
OURS: Final = ("evalkit", "tests", "benchmarks")
NO_FIGURES: Final = ("tests.calibrated.", "evalkit.language.")
"""These keep figures and put words to them."""
NAMED: Final = re.compile(r"evalkit(?:\.[a-z_0-9]+)+")
DATA: Final = {"evalkit.evidence.standard": "configs/evidence/standard.yaml"}
"""Files that modules read."""
LAZY: Final = "evalkit/__init__.py"
"""Names of the package and their modules, imported when first used."""
LETTERS: Final = 12


class Fingerprints:
    """Of the test files of a checkout; each file is read once."""

    def __init__(self, tree: Path = TREE) -> None:
        self.tree = tree
        self._texts: dict[str, str] = {}
        self._imports: dict[str, set[str]] = {}
        self._found: dict[str, str] = {}
        self._lazy: dict[str, str] | None = None

    def of(self, test_file: str) -> str:
        """Fingerprint of a test file, by its path from the root."""
        if test_file not in self._found:
            digest = hashlib.sha256()
            for name in sorted(self.files(test_file)):
                digest.update(f"{name}\0{code(self._text(name), name)}\0".encode())
            self._found[test_file] = digest.hexdigest()[:LETTERS]
        return self._found[test_file]

    def files(self, test_file: str) -> set[str]:
        """Files that a test depends on, itself included, by their paths from the root."""
        found: set[str] = set()
        left = [test_file]
        while left:
            name = left.pop()
            if name not in found:
                found.add(name)
                left += self._imported(name)
        return found

    def _text(self, name: str) -> str:
        if name not in self._texts:
            self._texts[name] = (self.tree / name).read_text(encoding="utf-8")
        return self._texts[name]

    def _imported(self, name: str) -> set[str]:
        """Files of the modules that a file imports or names."""
        if name not in self._imports:
            parsed = ast.parse(self._text(name) if name.endswith(".py") else "")
            modules = {module for module in [*_modules(parsed), *self._lazily(parsed)] if _is_ours(module)}
            self._imports[name] = {path for module in modules for path in self._paths(module)}
        return self._imports[name]

    def _lazily(self, parsed: ast.Module) -> Iterator[str]:
        """Modules behind the names of the package that are imported when first used: ``ek.Imputation``."""
        nodes = list(ast.walk(parsed))
        aliases = [alias for node in nodes if isinstance(node, ast.Import) for alias in node.names]
        called = {alias.asname or alias.name for alias in aliases if alias.name == "evalkit"}
        for node in nodes:
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in called:
                yield self._lazy_names().get(node.attr, f"evalkit.{node.attr}")

    def _lazy_names(self) -> dict[str, str]:
        if self._lazy is None:
            assigned = [node for node in ast.parse(self._text(LAZY)).body if isinstance(node, ast.Assign)]
            (table,) = [node.value for node in assigned if ast.unparse(node.targets[0]) == "_LAZY"]
            self._lazy = dict(ast.literal_eval(table))
        return self._lazy

    def _paths(self, module: str) -> Iterator[str]:
        """The file of a module, and data that it reads."""
        path = Path(*module.split("."))
        candidates = (path.with_suffix(".py"), path / "__init__.py")
        found = next((each.as_posix() for each in candidates if (self.tree / each).is_file()), None)
        if found is not None and found != LAZY:  # what is used of it is looked up by name
            yield found
        if module in DATA:
            yield DATA[module]


def code(text: str, name: str = "a.py") -> str:
    r"""A source without its comments, docstrings and blank lines; another file as it is.

    Examples
    --------
    >>> code('"Say why."\n\nx = 1  # one\n')
    'x = 1'
    """
    if not name.endswith(".py"):
        return text
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            for line in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[line] = ""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            place = token.start[0] - 1
            lines[place] = lines[place][: token.start[1]]
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _modules(parsed: ast.Module) -> Iterator[str]:
    documentation = {id(node.value) for node in ast.walk(parsed) if isinstance(node, ast.Expr)}
    for node in ast.walk(parsed):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield from NAMED.findall(node.value)


def _is_ours(module: str) -> bool:
    return module.split(".", maxsplit=1)[0] in OURS and not f"{module}.".startswith(NO_FIGURES)
