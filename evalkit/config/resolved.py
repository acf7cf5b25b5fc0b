"""A study as text and back: what the bundle keeps, and what a later run is repeated from."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from evalkit.config.safety import refuse_code
from evalkit.errors import ConfigError
from evalkit.study.spec import Study
from evalkit.study.validation import explain


def resolved_yaml(study: Study) -> str:
    """The study with everything resolved, in a stable order.

    `read_resolved` gives the same study back: names such as "NO" and "007" come out quoted.
    """
    import yaml

    plain = study.model_dump(mode="json")
    return yaml.safe_dump(plain, sort_keys=True, allow_unicode=True, width=100)


def read_resolved(file: Path) -> Study:
    """Read the ``study.yaml`` of a bundle.

    Raises
    ------
    ConfigError
        If the file is not a resolved study.
    """
    import yaml

    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"Cannot read {file}: {str(error).splitlines()[0]}.") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{file} is not a resolved study.", next_step="Name the study.yaml of a bundle.")
    refuse_code(content, where=f" in {file.name}")
    try:
        return Study.model_validate(content)
    except ValidationError as error:
        raise explain(error, Study, where=f"in {file}") from None


def config_sha(study: Study) -> str:
    """SHA-256 of all choices that can change a number or a word; where the data lie is not one of them."""
    return study.sha()
