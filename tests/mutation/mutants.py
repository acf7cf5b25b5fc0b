"""The changes: where in a file, and what Cosmic Ray's operators make of it."""

from __future__ import annotations

import ast
import difflib
import functools
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import parso
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

TREE = Path(__file__).resolve().parents[2]
SCOPE = ("evalkit/estimators", "evalkit/inference", "evalkit/evidence/rating.py")
NEEDS_SETTINGS = {"core/VariableReplacer", "core/VariableInserter"}  # they ask for the name of a variable
KINDS = (
    {"Add", "Sub", "Mul", "Div", "FloorDiv", "Mod", "Pow"},
    {"BitAnd", "BitOr", "BitXor"},
    {"Eq", "NotEq"},
    {"Lt", "LtE", "Gt", "GtE"},
    {"Is", "IsNot"},
    {"In", "NotIn"},
    {"USub", "UAdd"},
)
"""An operator is replaced by one of its kind. `&` between two numbers with a fraction would be noticed by any test, and
`<` between two words of a setting means nothing."""

ARITHMETIC = {"arith_expr", "term", "power", "expr", "and_expr", "xor_expr"}
"""What parso calls a place between two operands."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one file.

    Attributes
    ----------
    path
        The file, from the root of the checkout.
    operator, occurrence
        What Cosmic Ray does, and to which of the places where it can.
    first, last
        Lines of the place, from 1.
    """

    path: str
    operator: str
    occurrence: int
    first: int
    last: int

    @property
    def key(self) -> str:
        """A name that stays as long as the file does."""
        return f"{self.path}:{self.first}:{self.operator.removeprefix('core/')}:{self.occurrence}"

    def lot(self, seed: int) -> str:
        """What decides whether it is drawn: the least are."""
        words = f"{seed} {self.path} {self.operator} {self.occurrence}"
        return hashlib.sha256(words.encode()).hexdigest()

    def source(self) -> str:
        """The file with the change made."""
        changed = mutate_code(
            (TREE / self.path).read_text(encoding="utf-8"), get_operator(self.operator)(), self.occurrence
        )
        if changed is None:
            msg = f"{self.key}: the file has no such place any more"
            raise LookupError(msg)
        return str(changed)

    def difference(self) -> tuple[str, str]:
        """The changed line, before and after."""
        before = (TREE / self.path).read_text(encoding="utf-8").splitlines()
        lines = list(difflib.unified_diff(before, self.source().splitlines(), n=0, lineterm=""))[3:]
        old = " ".join(line[1:].strip() for line in lines if line.startswith("-"))
        new = " ".join(line[1:].strip() for line in lines if line.startswith("+"))
        return old, new


def modules() -> list[str]:
    """Files in scope, from the root of the checkout."""
    found = [
        file for place in SCOPE for file in ([TREE / place] if place.endswith(".py") else (TREE / place).glob("*.py"))
    ]
    return sorted(file.relative_to(TREE).as_posix() for file in found if file.name != "__init__.py")


@functools.cache
def operators() -> tuple[str, ...]:
    """Cosmic Ray's operators, without those that every test would notice.

    Examples
    --------
    >>> "core/ReplaceBinaryOperator_Mul_Div" in operators(), "core/ReplaceBinaryOperator_Mul_BitAnd" in operators()
    (True, False)
    """
    names = sorted(set(operator_names()) - NEEDS_SETTINGS)
    return tuple(name for name in names if _of_one_kind(name))


def _of_one_kind(name: str) -> bool:
    if not name.startswith("core/Replace") or name.count("_") != 2 or "_Delete_" in name:
        return True
    _, before, after = name.split("_")
    return any(before in kind and after in kind for kind in KINDS)


@functools.cache
def mutants(path: str) -> tuple[Mutant, ...]:
    """Every change of a file that can change what it does."""
    text = (TREE / path).read_text(encoding="utf-8")
    tree, silent = parso.parse(text), _silent(text)  # type: ignore[no-untyped-call]
    found = []
    for name in operators():
        operator = get_operator(name)()
        places = [(node, place) for node in _nodes(tree) for place in operator.mutation_positions(node)]
        for occurrence, (node, ((line, column), (last, _))) in enumerate(places):
            if not _is_a_star(name, node) and not any(start <= (line, column) < stop for start, stop in silent):
                found.append(Mutant(path, name, occurrence, line, last))
    return tuple(found)


@functools.cache
def within_functions(path: str) -> frozenset[int]:
    """Lines of bodies of functions; all others run once, when the file is imported, whichever test that is."""
    found: set[int] = set()
    for node in ast.walk(ast.parse((TREE / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            first = node.body[0] if isinstance(node.body, list) else node.body
            last = node.body[-1] if isinstance(node.body, list) else node.body
            found.update(range(first.lineno, (last.end_lineno or last.lineno) + 1))
    return frozenset(found)


def sample(size: int, seed: int, paths: Sequence[str] = ()) -> list[Mutant]:
    """Changes drawn with equal chance, from all files in scope by default; an edit leaves the lots of other files."""
    every = [mutant for path in paths or modules() for mutant in mutants(path)]
    return sorted(every, key=lambda mutant: mutant.lot(seed))[:size]


def _nodes(node: parso.tree.NodeOrLeaf) -> Iterator[parso.tree.NodeOrLeaf]:
    yield node
    for child in getattr(node, "children", ()):
        yield from _nodes(child)


def _is_a_star(operator: str, node: parso.tree.NodeOrLeaf) -> bool:
    """Whether Cosmic Ray takes the stars of `f(*a, **b)` or `def f(a, *, b)` for arithmetic."""
    if not operator.startswith("core/ReplaceBinaryOperator"):
        return False
    return node.parent is None or node.parent.type not in ARITHMETIC


def _silent(text: str) -> Sequence[tuple[tuple[int, int], tuple[int, int]]]:
    """Stretches that are never evaluated or only say something: annotations, type-checking imports, messages."""
    tree = ast.parse(text)
    quiet: list[ast.AST | None] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign):
            quiet.append(node.annotation)
        elif isinstance(node, ast.FunctionDef):
            quiet.append(node.returns)
        elif isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            quiet.append(node)
    return [
        ((node.lineno, node.col_offset), (node.end_lineno or node.lineno, node.end_col_offset or 0))
        for node in quiet
        if isinstance(node, ast.expr | ast.stmt)
    ]
