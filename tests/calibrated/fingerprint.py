"""What a figure depends on: its test, and every module of package and tests that this imports, directly or not.

Comments and docstrings do not count, nor do versions of other packages (the lock fixes these). Modules that code names
by words ("evalkit.estimators.imputation:Imputation", as the registry does) count as imported.
"""

from __future__ import annotations

import ast
import functools
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
LETTERS: Final = 12


@functools.cache
def fingerprint(test_file: str, tree: Path = TREE) -> str:
    """Of a test file, by its path from the root of the checkout."""
    found = hashlib.sha256()
    for name in sorted(files(test_file, tree)):
        path = tree / name
        text = code(path.read_text(encoding="utf-8")) if path.suffix == ".py" else path.read_text(encoding="utf-8")
        found.update(f"{name}\0{text}\0".encode())
    return found.hexdigest()[:LETTERS]


def files(test_file: str, tree: Path = TREE) -> set[str]:
    """Files that a test depends on, itself included, by their paths from the root."""
    found, left = set(), [test_file]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += _direct(name, tree)
    return found


@functools.cache
def _direct(name: str, tree: Path) -> tuple[str, ...]:
    """Files of the modules that a file imports or names."""
    if not name.endswith(".py"):
        return ()
    parsed = ast.parse((tree / name).read_text(encoding="utf-8"))
    modules = {word for word in [*_modules(parsed), *_lazy(parsed, tree)] if _is_ours(word)}
    return tuple(sorted({path for module in modules for path in _paths(module, tree)}))


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


def _lazy(parsed: ast.Module, tree: Path) -> Iterator[str]:
    """Modules behind the names of the package that are imported when first used: ``ek.Imputation``."""
    nodes = list(ast.walk(parsed))
    aliases = [alias for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    called = {alias.asname or alias.name for alias in aliases if alias.name == "evalkit"}
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in called:
            yield _lazy_names(tree).get(node.attr, f"evalkit.{node.attr}")


@functools.cache
def _lazy_names(tree: Path) -> dict[str, str]:
    for node in ast.parse((tree / "evalkit" / "__init__.py").read_text(encoding="utf-8")).body:
        names = [each.id for each in node.targets if isinstance(each, ast.Name)] if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.Assign) and names == ["_LAZY"]:
            found: dict[str, str] = ast.literal_eval(node.value)
            return found
    raise ValueError("evalkit/__init__.py no longer has _LAZY: say here how its names are found")


def _is_ours(module: str) -> bool:
    return module.split(".", maxsplit=1)[0] in OURS and not f"{module}.".startswith(NO_FIGURES)


def _paths(module: str, tree: Path) -> Iterator[str]:
    """The file of a module, those of the packages around it that do more than name it, and data it reads."""
    path = Path(*module.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    found = next((each.as_posix() for each in candidates if (tree / each).is_file()), None)
    if found is not None and found != "evalkit/__init__.py":  # its names are lazy: what is used is named itself
        yield found
    if module in DATA:
        yield DATA[module]


def code(text: str) -> str:
    """A source without its comments, docstrings and blank lines.

    Examples
    --------
    >>> code('\"\"\"Say why.\"\"\"\\n\\nx = 1  # one\\n')
    'x = 1'
    """
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            for line in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[line] = ""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and lines[token.start[0] - 1]:
            line = token.start[0] - 1
            lines[line] = lines[line][: token.start[1]]
    return "\n".join(line.rstrip() for line in lines if line.strip())
