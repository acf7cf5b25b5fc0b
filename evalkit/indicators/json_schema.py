"""JSON Schemas of `indicator.json` and `equality.json`: generated from their models, shipped, and kept by each file."""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import Any

from pydantic import BaseModel


def generate(model: type[BaseModel], kind: str, version: str) -> dict[str, Any]:
    """JSON Schema 2020-12 of a document, as it must stand in the shipped file.

    Parameters
    ----------
    model
        Of the document.
    kind
        ``indicator`` or ``equality``.
    version
        Of the schema.

    Examples
    --------
    >>> class Document(BaseModel):
    ...     title: str
    >>> schema = generate(Document, "indicator", "1.0.0")
    >>> schema["$id"], schema["required"]
    ('urn:evalkit:indicator:1.0.0', ['title'])
    """
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"urn:evalkit:{kind}:{version}"}
    return {**head, **model.model_json_schema(mode="serialization")}


@functools.cache
def shipped(kind: str, version: str) -> dict[str, Any]:
    """The JSON Schema shipped in the package.

    Examples
    --------
    >>> shipped("equality", "1.1.0")["properties"]["kind"]["const"]
    'equality'
    """
    file = resources.files("evalkit.indicators").joinpath("schemas", f"{kind}-{version}.json")
    schema: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return schema


def to_json(document: BaseModel, kind: str, version: str) -> str:
    """A document as JSON text (two spaces, one trailing newline), validated; never NaN or infinity.

    Raises
    ------
    jsonschema.ValidationError
        When models and shipped schema have come apart: a mistake in evalkit, not in what is measured.
    """
    from jsonschema import Draft202012Validator

    plain: dict[str, Any] = document.model_dump(mode="json")
    Draft202012Validator(shipped(kind, version)).validate(plain)
    return json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
