"""`evalkit new estimator`: a complete estimator to start from, its config, and a test that holds its laws."""

from __future__ import annotations

from pathlib import Path

from evalkit.errors import ConfigError
from evalkit.estimators import registry
from evalkit.workspace.files import class_name, create, require_estimator_name
from evalkit.workspace.templates import ESTIMATOR_CONFIG, ESTIMATOR_MODULE, ESTIMATOR_TEST, fill
from evalkit.workspace.words import worded


def write_estimator(root: Path, name: str) -> list[Path]:
    """Write ``estimators/NAME.py``, ``configs/estimator/NAME.yaml`` and ``tests/test_NAME.py``.

    Raises
    ------
    ConfigError
        For a name that no module can have, one that is taken, or files that exist.
    """
    require_estimator_name(name)
    if name in registry.names():
        raise ConfigError(worded("estimator_taken", name=name), next_step=worded("estimator_taken_next"))
    holes = {"name": name, "class_name": class_name(name)}
    return create(
        root,
        {
            f"estimators/{name}.py": fill(ESTIMATOR_MODULE, **holes),
            f"configs/estimator/{name}.yaml": fill(ESTIMATOR_CONFIG, **holes),
            f"tests/test_{name}.py": fill(ESTIMATOR_TEST, **holes),
        },
    )
