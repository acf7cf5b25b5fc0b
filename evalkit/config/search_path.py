"""How Hydra finds evalkit's configs: the user's own folder before the packaged one, studies and cities under `study`.

Hydra gives a file in the group ``study`` the package ``study``, and then reads the study's
``override /estimator: NAME`` as "the estimator inside of study". `StudyFolder` hands Hydra a study's
file with its content nested under the key ``study`` and its defaults list at the top, so that a
study names its primary estimator in plain words. What a city says is nested alike, and comes from
``city/NAME.yaml`` or from the entry NAME of the table ``cities.yaml``.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, OmegaConf

from evalkit.config.cities import GROUP, cities

_folders: ContextVar[tuple[Path, ...]] = ContextVar("_folders", default=())
_bare: ContextVar[frozenset[str]] = ContextVar("_bare", default=frozenset())

_parsed: dict[tuple[str, str, int, int], ConfigResult] = {}
MOST_PARSED = 256


class StudyFolder(FileConfigSource):
    """A folder of YAML files whose studies lie under the key ``study``.

    An estimator that is registered and has no file is found too: its config is its name.
    """

    def __init__(self, provider: str, path: str) -> None:
        super().__init__(provider, path)
        self.bare = _bare.get()

    @staticmethod
    def scheme() -> str:
        """The word before ``://`` on Hydra's search path."""
        return "evalkit"

    def load_config(self, config_path: str) -> ConfigResult:
        """Read a file or a line of the table of cities; nest a study's and a city's content."""
        if not super().is_config(config_path):
            city = self._city(config_path)
            if city is not None:
                entry = OmegaConf.create({"study": cities(Path(self.path))[city]})
                header: dict[str, str | None] = {"package": "_global_"}
                return ConfigResult(config=entry, path=self.full_path(), provider=self.provider, header=header)
            named = OmegaConf.create({"name": Path(config_path).stem})
            return ConfigResult(config=named, path=self.full_path(), provider=self.provider, header={"package": None})
        result = self._read(config_path)
        if config_path.startswith(("study/", f"{GROUP}/")) and isinstance(result.config, DictConfig):
            defaults = result.config.pop("defaults", None)
            nested = {"study": result.config} if defaults is None else {"defaults": defaults, "study": result.config}
            result.config = OmegaConf.create(nested)
            result.header = {"package": "_global_"}
        return result

    def _read(self, config_path: str) -> ConfigResult:
        """A file as Hydra reads it; one that has not changed is parsed once, as a study reads it for each estimator."""
        file = Path(self.path) / self._normalize_file_name(config_path)
        try:
            state = file.stat()
        except OSError:  # Hydra's own words for it
            return super().load_config(config_path)
        key = (self.provider, str(file), state.st_mtime_ns, state.st_size)
        if key not in _parsed:
            while len(_parsed) >= MOST_PARSED:
                del _parsed[next(iter(_parsed))]
            _parsed[key] = super().load_config(config_path)
        return copy.deepcopy(_parsed[key])

    def is_config(self, config_path: str) -> bool:
        """Whether there is such a file, or an estimator that needs none."""
        known: bool = super().is_config(config_path)
        group, _, name = config_path.removesuffix(".yaml").rpartition("/")
        return known or (group == "estimator" and name in self.bare) or self._city(config_path) is not None

    def is_group(self, config_path: str) -> bool:
        """Whether there is such a folder, or it is that of cities and they stand in a table."""
        folder: bool = super().is_group(config_path)
        return folder or (config_path == GROUP and bool(cities(Path(self.path))))

    def _city(self, config_path: str) -> str | None:
        """Name of the city, where the path is that of an entry of the table."""
        group, _, name = config_path.removesuffix(".yaml").rpartition("/")
        return name if group == GROUP and name in cities(Path(self.path)) else None


class EvalkitFolders(SearchPathPlugin):
    """Hydra's hook; it does nothing outside of `searching`."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Insert the folders before the main one, and after Hydra's own defaults."""
        for folder in _folders.get():
            search_path.prepend("evalkit", f"{StudyFolder.scheme()}://{folder}", anchor="main")


@contextmanager
def searching(folders: tuple[Path, ...], bare: Iterable[str] = ()) -> Iterator[None]:
    """Look into these folders, first one first, while the block runs; `bare` estimators have no file."""
    plugins = Plugins.instance()
    plugins.register(StudyFolder)
    plugins.register(EvalkitFolders)
    token, bare_token = _folders.set(folders), _bare.set(frozenset(bare))
    try:
        yield
    finally:
        _folders.reset(token)
        _bare.reset(bare_token)
