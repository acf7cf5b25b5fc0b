"""Configs are data: anything in them that could run code or read the environment is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalkit.errors import ConfigError

_LAUNCH_MODULES = ("hydra._internal.core_plugins.", "hydra_plugins.")


def refuse_code(container: object, *, where: str = "") -> None:
    """Refuse a ``_target_`` key anywhere, and every interpolation that calls a resolver.

    Hydra's ``instantiate`` would import and call what ``_target_`` names, and ``${oc.env:...}`` would
    write an environment variable into what is logged. Names are looked up in evalkit's registry
    instead; ``${study.design.anticipation}``, a reference to another key, stays allowed.

    Parameters
    ----------
    container
        The composed config as plain dicts and lists, interpolations not yet resolved.
    where
        Ends the message, e.g. ``" in study.yaml"``.

    Raises
    ------
    ConfigError
        Naming the key.

    Examples
    --------
    >>> refuse_code({"estimator": {"anticipation": "${study.design.anticipation}"}})
    >>> refuse_code({"study": [{"_target_": "os.system"}]})
    Traceback (most recent call last):
        ...
    evalkit.errors.ConfigError: The key 'study.0._target_' is refused: configs are data and never name code to call.
      Next: Name an estimator or a check instead; `evalkit list estimators` shows them.
    """
    for path, key, value in _walk(container):
        if "_target_" in str(key):
            raise ConfigError(
                f"The key '{path}' is refused{where}: configs are data and never name code to call.",
                next_step="Name an estimator or a check instead; `evalkit list estimators` shows them.",
            )
        if isinstance(value, str) and calls_resolver(value):
            raise ConfigError(
                f"The value of '{path}' is refused{where}: {value!r} calls a resolver.",
                allowed="references to other keys, such as ${study.design.anticipation}",
                next_step="Write the value itself; secrets belong in the environment (`url_env` of a sql source).",
            )


def calls_resolver(text: str) -> bool:
    """Whether an interpolation in `text` calls a resolver: a colon inside ``${...}``.

    Examples
    --------
    >>> calls_resolver("${oc.env:HOME}"), calls_resolver("effect: ${study.id}"), calls_resolver("${${a}:b}")
    (True, False, True)
    """
    depth = 0
    for index, character in enumerate(text):
        if text.startswith("${", index):
            depth += 1
        elif character == "}" and depth:
            depth -= 1
        elif character == ":" and depth:
            return True
    return False


def refuse_launch_code(node: Mapping[str, Any]) -> None:
    """Refuse what would run code through Hydra's own settings, before a sweep starts.

    Hydra calls the ``_target_`` of its launcher, sweeper and callbacks, and Python's logging calls what
    ``class`` and ``()`` name; ``env_set`` changes the environment. Only
    Hydra's own launchers and sweepers and Python's own handlers pass.
    """
    for path, key, value in _walk(node):
        allowed = True
        if key == "_target_":
            allowed = str(value).startswith(_LAUNCH_MODULES)
        elif key in ("()", "ext") or path.startswith(("callbacks.", "job.env_set.", "job.env_copy.")):
            allowed = False
        elif key == "class":
            allowed = str(value).startswith("logging.")
        if not allowed:
            raise ConfigError(
                f"The key 'hydra.{path}' is refused: it would run {value!r}.",
                next_step="Leave Hydra's own settings alone, but for hydra/launcher=basic|joblib|ray.",
            )


def _walk(container: object, path: str = "") -> Iterator[tuple[str, object, object]]:
    """Yield (dotted path, key, value) for everything below `container`."""
    if isinstance(container, Mapping):
        pairs: list[tuple[object, object]] = list(container.items())
    elif isinstance(container, list | tuple):
        pairs = list(enumerate(container))
    else:
        return
    for key, value in pairs:
        below = f"{path}.{key}" if path else str(key)
        yield below, key, value
        yield from _walk(value, below)
