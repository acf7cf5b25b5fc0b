"""Metrics, params and tags as MLflow takes them: checked here, because one bad entry rejects its whole batch."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from evalkit.tracking.redact import redact

PARAM_CHARACTERS: Final = 6000
TAG_CHARACTERS: Final = 8000
KEY_CHARACTERS: Final = 250
BATCH: Final = 100
ELLIPSIS: Final = " [...]"
# MLflow's own rule also lets blanks and colons through; these need no quoting in `search_runs`.
_BAD = re.compile(r"[^A-Za-z0-9_./\-]+")


def name(raw: str) -> str:
    """Turn any text into a name that MLflow accepts for a metric, param or tag.

    Examples
    --------
    >>> name("r_hat[tau, 3]"), name("écart (log)")
    ('r_hat_tau_3', 'cart_log')
    """
    # A name may become a path in a store, so it must not hold empty parts, "." or "..".
    parts = [part.strip("_.") for part in _BAD.sub("_", raw)[:KEY_CHARACTERS].split("/")]
    return "/".join(part for part in parts if part) or "unnamed"


def clip(text: str, limit: int) -> str:
    """Cut a text that is too long, saying so at its end.

    Examples
    --------
    >>> clip("abcdefghijkl", 10)
    'abcd [...]'
    """
    return text if len(text) <= limit else text[: limit - len(ELLIPSIS)] + ELLIPSIS


def metrics(raw: Mapping[str, float | int | None]) -> tuple[dict[str, float], list[str]]:
    """Finite metrics under clean names, and a line about each number that cannot be logged.

    MLflow would store an infinite value as 1.8e308, which reads like a result.

    Examples
    --------
    >>> metrics({"effect": 1.5, "effect_high": float("inf"), "p_value": None})
    ({'effect': 1.5}, ['effect_high is inf'])
    """
    kept: dict[str, float] = {}
    left: list[str] = []
    for key, value in raw.items():
        if value is None:
            continue
        if math.isfinite(value):
            kept[name(key)] = float(value)
        else:
            left.append(f"{name(key)} is {value}")
    return kept, left


def params(config: Mapping[str, Any]) -> dict[str, str]:
    """Flatten a resolved config to one param a choice, credentials taken out.

    Examples
    --------
    >>> params({"design": {"anticipation": 0, "event_window": [-5, 5]}, "seed": 7})
    {'design.anticipation': '0', 'design.event_window': '[-5, 5]', 'seed': '7'}
    """
    return {name(key): clip(redact(_as_text(value)), PARAM_CHARACTERS) for key, value in _flat(config, "")}


def tags(raw: Mapping[str, str | None]) -> dict[str, str]:
    """Tags under clean names, cut to length, without credentials; empty ones are left out."""
    return {name(key): clip(redact(value), TAG_CHARACTERS) for key, value in raw.items() if value}


def _flat(node: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{path}.")
        elif isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
            names = [str(item.get("label") or item.get("name") or index) for index, item in enumerate(value)]
            for index, item in enumerate(value):
                # The same estimator twice with other settings: numbered, or one would replace the other.
                place = names[index] if names.count(names[index]) == 1 else f"{names[index]}.{index}"
                yield from _flat(item, f"{path}.{place}.")
        else:
            yield path, value


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)
