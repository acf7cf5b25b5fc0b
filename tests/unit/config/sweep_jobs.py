"""Jobs for tests of sweeps; in a module of their own, so that other processes can import them."""

from __future__ import annotations

import os
from pathlib import Path

from evalkit.config import compose


def write_overrides(overrides: tuple[str, ...], folder: Path) -> None:
    """Leave the overrides and the process id in the job's folder."""
    (folder / "job.txt").write_text(
        "\n".join([*overrides, f"pid={os.getpid()}", f"cwd={Path.cwd()}"]), encoding="utf-8"
    )


def compose_again(overrides: tuple[str, ...], folder: Path) -> None:
    """A job that composes its own config, as a study's run does."""
    study = compose(overrides).study
    (folder / "job.txt").write_text(f"{study.spec.id} {study.seed}", encoding="utf-8")


def fail_on_seed_2(overrides: tuple[str, ...], folder: Path) -> None:
    """A job that raises in one of its combinations."""
    if "++seed=2" in overrides:
        raise RuntimeError("seed 2 is unlucky")
    write_overrides(overrides, folder)
