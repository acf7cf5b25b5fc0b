"""Find every template in the source, and bring the catalogues into line: ``python -m evalkit.language.extraction``.

A template is a literal: the first argument of ``say``, ``phrase``, ``mark`` or ``Reason``, the first two of
``say_count``, a value of a ``Phrases({...})``, ``{{ _("...") }}`` in a page template, and the triggers of the rating
table. A template without a word outside its holes needs no translation.
"""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

import yaml

from evalkit.language.catalogue import DOMAIN
from evalkit.language.spoken import LANGUAGES, Language

PACKAGE: Final = Path(__file__).parents[1]
SINGLE: Final = frozenset({"say", "phrase", "mark", "Reason"})
OURS: Final = ("evalkit.language", "evalkit.errors")
STANDARD: Final = ("configs", "evidence", "standard.yaml")


@dataclass(frozen=True, slots=True)
class Found:
    """One template, or a pair for one and for many, and where it stands."""

    english: tuple[str, ...]
    file: str
    line: int


def templates(package: Path = PACKAGE) -> tuple[Found, ...]:
    """Every template of the package, in the order of the files; each once."""
    found: dict[tuple[str, ...], Found] = {}
    for file in sorted(package.rglob("*.py")):
        for each in _in_source(file.read_text(encoding="utf-8"), str(file.relative_to(package.parent))):
            found.setdefault(each.english, each)
    for file in sorted(package.rglob("*.j2")):
        for each in _in_page(file.read_text(encoding="utf-8"), str(file.relative_to(package.parent))):
            found.setdefault(each.english, each)
    for each in _in_standard(package):
        found.setdefault(each.english, each)
    return tuple(found.values())


def holes(template: str) -> frozenset[tuple[str, str]]:
    """Names of the holes of a template, with their formats.

    Examples
    --------
    >>> sorted(holes("{share:.1f} % of {what}"))
    [('share', '.1f'), ('what', '')]
    """
    parsed = string.Formatter().parse(template)
    return frozenset((name, spec or "") for _, name, spec, _ in parsed if name is not None)


def update() -> None:
    """Write the catalogues anew: templates that are new come in without a translation, those that are gone go."""
    for language in LANGUAGES:
        if language != "en":
            write(language, translations(language))


def translations(language: Language) -> dict[tuple[str, ...], tuple[str, ...]]:
    """What a catalogue holds: template (or pair of templates) to its translation, empty where there is none."""
    from babel.messages.pofile import read_po

    file = po_file(language)
    if not file.is_file():
        return {}
    with file.open("rb") as stream:
        catalogue = read_po(stream, locale=language)
    return {_parts(message.id): _parts(message.string or "") for message in catalogue if message.id}


def write(language: Language, known: Mapping[tuple[str, ...], tuple[str, ...]]) -> None:
    """Write a catalogue with exactly the templates of the source; no dates in its header, so that merges are quiet."""
    from babel.messages.catalog import Catalog
    from babel.messages.pofile import write_po

    catalogue = Catalog(locale=language)
    for each in templates():
        string = known.get(each.english, ("",) * len(each.english))
        one = len(each.english) == 1
        catalogue.add(each.english[0] if one else each.english, string[0] if one else string, [(each.file, 0)])
    body = BytesIO()
    write_po(body, catalogue, width=0, sort_by_file=True, omit_header=True)
    head = HEADER.format(language=language, plurals=catalogue.plural_forms)
    po_file(language).write_bytes(head.encode() + body.getvalue().rstrip() + b"\n")


HEADER: Final = """# Sentences of evalkit. The English template is the key; docs/languages.md says how to add one.
msgid ""
msgstr ""
"Language: {language}\\n"
"Plural-Forms: {plurals}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""


def _parts(text: str | Sequence[str]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def po_file(language: Language, package: Path = PACKAGE) -> Path:
    """Where a language's catalogue lies in the source tree."""
    return package / "locale" / language / DOMAIN


def _in_source(source: str, file: str) -> Iterator[Found]:
    tree = ast.parse(source)
    named = {
        target.id: node.value
        for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target]) if isinstance(target, ast.Name)
    }  # fmt: skip
    ours = {  # another part may have a function of its own by such a name
        alias.name
        for node in tree.body if isinstance(node, ast.ImportFrom) and str(node.module).startswith(OURS)
        for alias in node.names
    }  # fmt: skip
    ours |= {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name | ast.Attribute | ast.Subscript):
            continue
        name = _called(node.func)
        if name in SINGLE and name in ours and node.args and isinstance(node.func, ast.Name):
            yield from (
                Found((text,), file, node.lineno)
                for text in _texts(node.args[0])
                if name != "Reason" or _has_words(text)
            )
        elif name == "say_count" and name in ours and len(node.args) > 1:
            one, many = _texts(node.args[0]), _texts(node.args[1])
            if len(one) == len(many) == 1:
                yield Found((one[0], many[0]), file, node.lineno)
        elif name == "Phrases" and node.args:
            given = node.args[0]
            held = named.get(given.id) if isinstance(given, ast.Name) else given
            for value in held.values if isinstance(held, ast.Dict) else ():
                yield from (Found((text,), file, value.lineno) for text in _texts(value))


def _called(function: ast.expr) -> str:
    if isinstance(function, ast.Subscript):
        return _called(function.value)
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def _has_words(template: str) -> bool:
    return any(character.isalpha() for literal, *_ in string.Formatter().parse(template) for character in literal)


def _texts(node: ast.expr) -> list[str]:
    """Literal texts of an expression: itself, both sides of a choice, each member of a tuple."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) and node.value else []
    if isinstance(node, ast.IfExp):
        return [*_texts(node.body), *_texts(node.orelse)]
    if isinstance(node, ast.Tuple):
        return [text for element in node.elts for text in _texts(element)]
    return []


def _in_page(source: str, file: str) -> Iterator[Found]:
    from jinja2.ext import babel_extract

    for line, _, text, _ in babel_extract(BytesIO(source.encode()), ("_",), (), {"silent": "false"}):
        for each in (text,) if isinstance(text, str) else text or ():
            if each:
                yield Found((each,), file, line)


def _in_standard(package: Path) -> Iterator[Found]:
    file = next(place for place in (package.joinpath(*STANDARD), package.parent.joinpath(*STANDARD)) if place.is_file())
    read = yaml.safe_load(file.read_text(encoding="utf-8"))
    for rule in read["rules"].values():
        yield Found((rule["trigger"],), "configs/evidence/standard.yaml", 0)


if __name__ == "__main__":
    update()
