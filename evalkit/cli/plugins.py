"""Load a researcher's own estimators: Python files and installed modules that only the command line can name."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

from evalkit.errors import ConfigError, EvalkitError
from evalkit.estimators import registry

if TYPE_CHECKING:
    from evalkit.estimators.base import Estimator

_FILE_ENDING: Final = ".py"


def load(plugins: Sequence[str]) -> list[str]:
    """Run each file, import each module, and register the estimators that it defines.

    Parameters
    ----------
    plugins
        Paths of Python files, or dotted names of modules that can be imported. What ends in ``.py``, holds a slash or
        exists is a path.

    Returns
    -------
    list of str
        Names of the estimators.

    Raises
    ------
    ConfigError
        If a file or module does not exist, fails, or defines no estimator.
    """
    names = []
    for plugin in plugins:
        found = _of_file(Path(plugin)) if _is_path(plugin) else _of_module(plugin)
        for estimator in found:
            registry.register(estimator)
            names.append(estimator.name)
    return names


def everywhere(plugins: Sequence[str]) -> tuple[str, ...]:
    """The same plug-ins, named so that a process in another folder finds them.

    Examples
    --------
    >>> everywhere(["city_estimators.means"])
    ('city_estimators.means',)
    """
    return tuple(str(Path(plugin).resolve()) if _is_path(plugin) else plugin for plugin in plugins)


def _is_path(plugin: str) -> bool:
    return plugin.endswith(_FILE_ENDING) or "/" in plugin or "\\" in plugin or Path(plugin).is_file()


def _of_file(file: Path) -> list[type[Estimator]]:
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
        raise _failed(str(file), error, f"Run `python {file}` to see where.") from error
    return _estimators(module, str(file))


def _of_module(name: str) -> list[type[Estimator]]:
    try:
        module = importlib.import_module(name)
    except EvalkitError:
        raise
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise _failed(name, error, f'Run `python -c "import {name}"` to see where.') from error
        beside = Path(name.replace(".", "/")).with_suffix(_FILE_ENDING)
        hint = f"--plugin {beside}" if beside.is_file() else "--plugin FOLDER/FILE.py"
        raise ConfigError(
            f"There is no file '{name}', and no module of that name can be imported.",
            allowed="the path of a .py file, or the dotted name of an installed module",
            next_step=f"For a file: {hint}. For a module: install it into the environment of evalkit.",
        ) from None
    except Exception as error:
        raise _failed(name, error, f'Run `python -c "import {name}"` to see where.') from error
    return _estimators(module, name)


def _failed(plugin: str, error: Exception, next_step: str) -> ConfigError:
    return ConfigError(
        f"The plug-in '{plugin}' failed while it was loaded: {type(error).__name__}: {error}.", next_step=next_step
    )


def _estimators(module: ModuleType, plugin: str) -> list[type[Estimator]]:
    found = [value for value in vars(module).values() if _is_estimator(value, module.__name__)]
    if not found:
        raise ConfigError(
            f"The plug-in '{plugin}' defines no estimator.",
            allowed="a class with `name`, `needs` and `fit(panel, *, rng)`",
            next_step="See the guide on adding an estimator.",
        )
    return found


def _is_estimator(value: object, module_name: str) -> bool:
    """Whether a name is an estimator class written in the module, or in its package; not one that it imports."""
    return (
        isinstance(value, type)
        and f"{value.__module__}.".startswith(f"{module_name}.")
        and isinstance(getattr(value, "name", None), str)
        and hasattr(value, "needs")
        and callable(getattr(value, "fit", None))
    )
