"""The reference, from what the code says of itself: commands, study keys, evidence fields, Python names."""

from __future__ import annotations

import importlib
import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

import evalkit
from evalkit.cli.main import evalkit as command_line
from evalkit.evidence.schema import SCHEMA_VERSION, generate_schema
from evalkit.study.spec import StudySpec

COMMANDS = "# Command line\n\nWritten from the program itself; `evalkit VERB --help` says the same.\n\n{epilog}\n"
COMMAND = "\n{mark} `{path}`\n\n```text\n{text}\n```\n"
STUDY = """# Study keys

Every key of a study's config, from the models that check it; [Writing a study](../writing-a-study.md) explains
them with
examples. Required keys are marked, and unknown keys are refused.
"""
EVIDENCE = """# Evidence fields

Fields of `evidence.json`, schema version {version}, from the models that write it;
[Reading an evidence summary](../evidence.md) explains them. The JSON Schema ships with the package.
"""
PYTHON = """# Python API

Names of `import evalkit as ek`, from their docstrings. Each is imported when it is first used.
"""
SECTION = "\n## {title} {{ #{anchor} }}\n\n{text}\n\n"
NAME = "\n::: {path}\n    options:\n      heading_level: 2\n"
OBJECT_HEAD = "| key | holds | default |\n|---|---|---|\n"
ROW = "| `{key}` | {holds} | {default} |\n"
REQUIRED: Final = "required"
TYPES: Final = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
    "object": "keys and values",
}
LIST, MAP, ONE_OF, ANY = "list of {holds}", "names, each with {holds}", " or ", "anything"
LIMITS: Final = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "above {}",
    "exclusiveMaximum": "below {}",
}
LONGEST_DEFAULT = 60


def commands(group: click.Command, name: str = "evalkit", depth: int = 2) -> Iterator[str]:
    """Sections of the page on the command line: the help of each verb and of what stands below it."""
    with click.Context(group, info_name=name, terminal_width=100, max_content_width=100) as context:
        yield COMMAND.format(mark="#" * depth, path=name, text=group.get_help(context).rstrip())
        below = group.list_commands(context) if isinstance(group, click.Group) else []
        for verb in below:
            found = group.get_command(context, verb) if isinstance(group, click.Group) else None
            if found is not None:
                yield from commands(found, f"{name} {verb}", depth + 1)


def holds(field: Mapping[str, Any], anchors: Mapping[str, str]) -> str:  # noqa: PLR0911 (one return a kind)
    """What a field of a JSON Schema may hold, in words.

    Examples
    --------
    >>> holds({"anyOf": [{"type": "number", "minimum": 0}, {"type": "null"}]}, {})
    'number (at least 0) or null'
    >>> holds({"type": "array", "items": {"enum": ["a", "b"]}}, {})
    'list of `a`, `b`'
    """
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{anchors[name]})" if name in anchors else name
    for several in ("anyOf", "oneOf"):
        if several in field:
            return ONE_OF.join(dict.fromkeys(holds(part, anchors) for part in field[several]))
    if len(field.get("allOf", ())) == 1:
        return holds(field["allOf"][0], anchors)
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    kind = field.get("type")
    if kind == "array":
        inner = field.get("items") or {"anyOf": field.get("prefixItems", [])}
        return LIST.format(holds=holds(inner, anchors) or ANY)
    if kind == "object" and isinstance(field.get("additionalProperties"), dict):
        return MAP.format(holds=holds(field["additionalProperties"], anchors))
    limits = [words.format(field[key]) for key, words in LIMITS.items() if key in field]
    return TYPES.get(str(kind), ANY) + (f" ({', '.join(limits)})" if limits else "")


def _default(field: Mapping[str, Any], required: bool) -> str:
    if required:
        return REQUIRED
    if field.get("default") in (None, "", [], {}):
        return ""
    text = json.dumps(field["default"], ensure_ascii=False)
    return f"`{text}`" if len(text) <= LONGEST_DEFAULT else "see its section"


def _docstring(text: str) -> str:
    """The prose of a docstring: its sections (numpydoc) left out, its literals in single ticks."""
    prose = re.split(r"\n\w[\w ]*\n-{3,}\n", inspect.cleandoc(text))[0]
    return prose.replace("``", "`").strip()


def _section(name: str, schema: Mapping[str, Any], anchors: Mapping[str, str]) -> str:
    text = SECTION.format(title=name, anchor=anchors[name], text=_docstring(schema.get("description", "")))
    if "properties" not in schema:
        return text + holds(schema, anchors) + "\n"
    rows = (
        ROW.format(
            key=key,
            holds=holds(field, anchors).replace("|", "\\|"),
            default=_default(field, key in schema.get("required", ())).replace("|", "\\|"),
        )
        for key, field in schema["properties"].items()
    )
    return text + OBJECT_HEAD + "".join(rows)


def _in_order(schema: Mapping[str, Any]) -> list[str]:
    """Definitions in the order in which a reader meets them, from the root down."""
    found: list[str] = []
    waiting: list[Mapping[str, Any]] = [schema.get("properties", {})]
    while waiting:
        for name in re.findall(r'"#/\$defs/(\w+)"', json.dumps(waiting.pop(0))):
            if name not in found:
                found.append(name)
                waiting.append(schema["$defs"][name])
    return found


def fields(schema: Mapping[str, Any], root: str) -> str:
    """Sections for the root of a JSON Schema and for each definition that it uses."""
    names = _in_order(schema)
    anchors = {name: name.lower() for name in [root, *names]}
    sections = {root: {key: value for key, value in schema.items() if key != "$defs"}}
    sections |= {name: schema["$defs"][name] for name in names}
    return "".join(_section(name, part, anchors) for name, part in sections.items())


def _python() -> str:
    names = [name for name in evalkit.__all__ if name[:1].isalpha()]
    found = {name: getattr(evalkit, name) for name in names}
    paths = [f"{value.__module__}.{value.__qualname__}" for value in found.values() if not inspect.ismodule(value)]
    modules = [value.__name__ for value in found.values() if inspect.ismodule(value)]
    paths += [
        f"{value.__module__}.{value.__qualname__}"
        for module in modules
        for name in getattr(importlib.import_module(module), "__all__", ())
        if callable(value := getattr(importlib.import_module(module), name))
    ]
    return PYTHON + "".join(NAME.format(path=path) for path in dict.fromkeys(paths))


def _commands() -> str:
    return COMMANDS.format(epilog=command_line.epilog) + "".join(commands(command_line))


PAGES: Final[dict[str, Callable[[], str]]] = {
    "command-line.md": _commands,
    "study-keys.md": lambda: STUDY + fields(StudySpec.model_json_schema(), "study"),
    "evidence-fields.md": lambda: EVIDENCE.format(version=SCHEMA_VERSION) + fields(generate_schema(), "evidence"),
    "python.md": _python,
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the reference."""
    for name, page in PAGES.items():
        files.append(File.generated(config, f"reference/{name}", content=page()))
    return files
