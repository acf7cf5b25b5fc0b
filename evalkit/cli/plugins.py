"""Load a researcher's own estimators: Python files that only the command line can name."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.errors import ConfigError, EvalkitError
from evalkit.estimators import registry

if TYPE_CHECKING:
    from evalkit.estimators.base import Estimator


def load(files: Sequence[Path]) -> list[str]:
    """Run each file and register the estimators that it defines.

    Returns
    -------
    list of str
        Their names.

    Raises
    ------
    ConfigError
        If a file does not exist, fails, or defines no estimator.
    """
    names = []
    for file in files:
        found = _estimators(file)
        for estimator in found:
            registry.register(estimator)
            names.append(estimator.name)
    return names


def _estimators(file: Path) -> list[type[Estimator]]:
    if not file.is_file():
        raise ConfigError(f"The plug-in file '{file}' does not exist.", next_step="Give the path of a .py file.")
    module_name = f"evalkit_plugin_{file.stem}"
    spec = importlib.util.spec_from_file_location(module_name, file)
    if spec is None or spec.loader is None:
        raise ConfigError(f"'{file}' is not a Python file.", next_step="Give the path of a .py file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # pydantic looks a class's annotations up there
    try:
        spec.loader.exec_module(module)
    except EvalkitError:
        raise
    except Exception as error:
        raise ConfigError(
            f"The plug-in '{file}' failed while it was loaded: {type(error).__name__}: {error}.",
            next_step=f"Run `python {file}` to see where.",
        ) from error
    found = [value for value in vars(module).values() if _is_estimator(value, module_name)]
    if not found:
        raise ConfigError(
            f"The plug-in '{file}' defines no estimator.",
            allowed="a class with `name`, `needs` and `fit(panel, *, rng)`",
            next_step="See the guide on adding an estimator.",
        )
    return found


def _is_estimator(value: object, module_name: str) -> bool:
    """Whether a name in the file is an estimator class written there, not one that it imports."""
    return (
        isinstance(value, type)
        and value.__module__ == module_name
        and isinstance(getattr(value, "name", None), str)
        and hasattr(value, "needs")
        and callable(getattr(value, "fit", None))
    )
