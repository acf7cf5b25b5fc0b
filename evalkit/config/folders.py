"""Where configs are: the user's own folder first, the packaged one after it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from evalkit.config import cities
from evalkit.errors import ConfigError

GROUPS = ("study", cities.GROUP, "estimator", "check", "evidence", "tracking")
"""The groups a run is composed of; each is a folder of YAML files."""


def packaged() -> Path:
    """Folder of the configs that ship with evalkit: inside the wheel, or at the top of a checkout."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "configs", package.parent / "configs"):
        if (folder / "config.yaml").is_file():
            return folder
    raise ConfigError(
        f"The configs that ship with evalkit are missing beside {package}.", next_step="Install evalkit again."
    )


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders that configs are looked up in, first one first.

    Attributes
    ----------
    search
        One or two absolute folders: the user's own, then the packaged one.
    data_root
        Folder that relative paths of data files start from: the one that holds the user's configs,
        or the working folder.
    """

    search: tuple[Path, ...]
    data_root: str

    @classmethod
    def find(cls, config_dir: Path | None = None) -> Folders:
        """Take `config_dir`, else ``./configs`` where there is one, before the packaged folder.

        Raises
        ------
        ConfigError
            If `config_dir` is given and is not a folder.
        """
        if config_dir is not None and not Path(config_dir).is_dir():
            raise ConfigError(f"The config folder '{config_dir}' does not exist.", next_step="Give an existing folder.")
        own = Path(config_dir) if config_dir is not None else Path("configs")
        shipped = packaged()
        if not own.is_dir():
            return cls((shipped,), ".")
        folder = own.resolve()
        search = (shipped,) if folder == shipped else (folder, shipped)
        return cls(search, _short(folder.parent))

    def options(self, group: str) -> list[str]:
        """Names of the configs in a group, sorted; cities also stand in a table."""
        found = {file.stem for folder in self.search for file in (folder / group).glob("*.yaml")}
        if group == cities.GROUP:
            found.update(name for folder in self.search for name in cities.cities(folder))
        return sorted(found)

    def file(self, relative: str) -> Path | None:
        """First file of this relative name on the search path."""
        return next((folder / relative for folder in self.search if (folder / relative).is_file()), None)


def _short(folder: Path) -> str:
    """Relative to the working folder where it lies inside, so that bundles name no machine's paths."""
    relative = os.path.relpath(folder)
    return str(folder) if relative.startswith("..") else relative
