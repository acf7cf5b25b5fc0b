"""Turn pydantic's validation errors into errors a person can act on."""

from __future__ import annotations

import typing
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
    first = problems[0]
    key = prefix + ".".join(str(part) for part in first["loc"])
    more = f" ({len(problems) - 1} more problems after this one)" if len(problems) > 1 else ""
    kind = first["type"]
    if kind == "extra_forbidden":
        known = _known_keys(model, first["loc"][:-1])
        near = closest(str(first["loc"][-1]), known)
        return ConfigError(
            f"Unknown key '{key}' {where}.{more}",
            allowed=", ".join(known),
            next_step=f"Did you mean '{near}'?" if near else "Remove the key.",
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
    return ConfigError(f"The '{key}' parameter {where}: {message}. Got {first['input']!r} instead.{more}")


def _known_keys(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """Field names of the model at a path of keys, list positions skipped."""
    current: Any = model
    for part in path:
        if isinstance(part, int) or not (isinstance(current, type) and issubclass(current, BaseModel)):
            continue
        field = current.model_fields.get(part)
        if field is not None:
            models = _models_within(field.annotation)
            current = models[0] if models else current
    return sorted(current.model_fields)


def _models_within(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in typing.get_args(annotation) for model in _models_within(argument)]
