"""What every part of a study is made of: frozen models without unknown keys, and texts that YAML has not changed."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _identifier(value: object) -> object:
    """Identifier-like values are strings: YAML has already changed anything else (NO, 007, 12:30)."""
    if isinstance(value, bool):
        raise ValueError('must be text, but YAML reads this word as true/false: put it in quotes, e.g. "NO"')
    if isinstance(value, int | float):
        raise ValueError("must be text, but YAML reads this as a number (007 becomes 7, 12:30 becomes 750): quote it")
    return value


Identifier = Annotated[str, BeforeValidator(_identifier), Field(min_length=1)]
Text = Annotated[str, BeforeValidator(_identifier)]


def _held(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(
            'YAML reads this word as true/false: put text in quotes, e.g. "NO", and write 1 or 0 for a flag'
        )
    return value


Held = (
    Annotated[int | float | str, BeforeValidator(_held)]
    | tuple[Annotated[int | float | str, BeforeValidator(_held)], ...]
)
"""A value that a column is held at, or several of which it may have any."""


class Part(BaseModel):
    """A part of a study: frozen, and no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")
