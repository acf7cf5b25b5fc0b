"""Turn pydantic's validation errors into errors a person can act on."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from evalkit.errors import ConfigError, closest


def explain(error: ValidationError, model: type[BaseModel], *, where: str, prefix: str = "") -> ConfigError:
    """Word the first problem of a validation error; count the others.

    Parameters
    ----------
    error
        What pydantic raised.
    model
        The class that was being built: its fields are the known keys.
    where
        Ends the sentence "The 'x' parameter ...", e.g. ``"of CallawaySantAnna"``.
    prefix
        Dotted path put before each key, e.g. ``"study."``.
    """
    problems = error.errors(include_url=False, include_context=True)
    # A misspelt key is also a missing one: name the misspelling.
    first = next((problem for problem in problems if problem["type"] == "extra_forbidden"), problems[0])
    path, holder = _follow(model, first["loc"])
    key = prefix + ".".join(path)
    more = f" ({len(problems) - 1} more problems after this one)" if len(problems) > 1 else ""
    kind = first["type"]
    if kind == "extra_forbidden":
        known = sorted(holder.model_fields)
        near = closest(str(first["loc"][-1]), known)
        return ConfigError(
            f"Unknown key '{key}' {where}.{more}",
            allowed=", ".join(known),
            next_step=f"Did you mean '{near}'?" if near else _remedy(first["input"]),
        )
    if kind == "missing":
        return ConfigError(f"The key '{key}' {where} is required and missing.{more}", next_step=f"Add '{key}'.")
    if kind in ("literal_error", "enum"):
        expected = str(first["ctx"]["expected"]).replace(" or ", ", ")
        near = closest(str(first["input"]), [word.strip().strip("'") for word in expected.split(",")])
        return ConfigError(
            f"The '{key}' parameter {where} must be one of {{{expected}}}. Got {first['input']!r} instead.{more}",
            next_step=f"Did you mean '{near}'?" if near else None,
        )
    message = str(first["msg"]).removeprefix("Value error, ")
    got = "" if isinstance(first["input"], Mapping) else f" Got {first['input']!r} instead."
    return ConfigError(f"The '{key}' parameter {where}: {message}.{got}{more}")


def _remedy(value: object) -> str:
    """What to do about a key that resembles none; one without a value is the rest of a text with a comma in it."""
    if value is None:
        return 'Remove the key; if it is the end of a text in {...}, quote the text: unit: "per 1,000 residents".'
    return "Remove the key."


def _follow(model: type[BaseModel], loc: tuple[int | str, ...]) -> tuple[list[str], type[BaseModel]]:
    """Keys as the config spells them, and the model that holds the last one.

    Pydantic's location also names the alternative of a union that was tried (``source.file.path``);
    that word stands in no config.
    """
    holder, alternatives = model, [model]
    keys = []
    for part in loc:
        chosen = [one for one in alternatives if len(alternatives) > 1 and part == _tag(one)]
        if chosen:
            alternatives = chosen
            continue
        keys.append(str(part))
        if isinstance(part, int):
            continue
        holder = alternatives[0] if alternatives else holder
        field = holder.model_fields.get(part)
        alternatives = _models_within(field.annotation) if field is not None else []
    return keys, holder


def _tag(model: type[BaseModel]) -> object:
    """The word in `kind` that chooses this model of a union."""
    field = model.model_fields.get("kind")
    words = typing.get_args(field.annotation) if field is not None else ()
    return words[0] if len(words) == 1 else None


def _models_within(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in typing.get_args(annotation) for model in _models_within(argument)]
