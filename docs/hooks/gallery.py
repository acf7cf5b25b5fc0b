"""The gallery of studies, from `configs/study/`, `studies/` and the briefs that are kept there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

INTRO = """# Gallery

Studies that ship with evalkit, on public data. Each has a question, a protocol that a person signs, and a data card;
each runs from its command on a fresh installation. Their answers are not polished: some could not tell, and the
protocols say why.
"""
CARD = """
## [{title}]({id}/index.md)

{question}

Estimator: {estimator}. Outcome: {outcome}. Unit: {unit}.
"""
PAGE = """# {title}

{theory}

| | |
|---|---|
| Who | {population} |
| What was done | {intervention} |
| Compared with | {comparator} |
| Outcome | {outcome} |
| Setting | {setting} |
| Estimator | {estimator} |
| How places came to be treated | {mechanism}{rule} |
| Smallest change that matters | {mid} |

## The brief

{brief}

## To read on

{documents}
- [The config](config.md): everything that the run is told
"""
COMMAND = """This command writes it, with the evidence summary, as `results/{id}/<run>/brief.html`:

```console
evalkit run study={id}
```
"""
KEPT = """[{name}]({link}), from a run that was kept with the study. To make it again:

```console
evalkit run study={id}
```
"""
CONFIG = "# Config of {id}\n\n`configs/study/{id}.yaml`\n\n````yaml\n{text}\n````\n"
DOCUMENTS = {
    "protocol.md": "- [Protocol](protocol.md): what was asked, what is fragile, what would change our mind",
    "data.yaml": "- [Data card](data.yaml.md): where the data come from, and their known faults",
}
OF_THE_DESIGN = "the one that fits the design"


def estimator(content: Mapping[str, Any]) -> str:
    """The estimator that a study's list of defaults names.

    Examples
    --------
    >>> estimator({"defaults": [{"override /estimator": "imputation"}, "_self_"]})
    'imputation'
    """
    chosen = [found["override /estimator"] for found in content.get("defaults", []) if "override /estimator" in found]
    return str(chosen[0]) if chosen else OF_THE_DESIGN


def _in_words(value: Any) -> str:
    return re.sub(r"\s+", " ", str(value)).replace("|", "\\|").strip()


def facts(content: Mapping[str, Any], methods: Path) -> dict[str, str]:
    """What a study's page says, by the names of the holes in `PAGE` and `CARD`."""
    asked = {key: _in_words(value) for key, value in content["question"].items()}
    primary = next(outcome for outcome in content["outcomes"] if outcome.get("role") == "primary")
    named = estimator(content)
    page = (methods / f"{named}.md").is_file()
    assignment = content.get("assignment", {})
    rule = assignment.get("selection_rule", "")
    mid = primary.get("mid") or {}
    return {
        **asked,
        "id": content["id"],
        "title": _in_words(content["title"]),
        "theory": asked.get("theory_of_change", ""),
        "question": f"{asked['intervention']}, compared with: {asked['comparator']}.",
        "estimator": named.replace("_", " "),
        "estimator_page": f"methods/{named}.md" if page else "",
        "unit": _in_words(assignment.get("unit", "unit")),
        "mechanism": _in_words(assignment.get("mechanism", "unknown")).replace("_", " "),
        "rule": f": {_in_words(rule)}" if rule else "",
        "mid": f"{mid['value']} {mid.get('unit', primary['unit'])}" if mid else "not declared",
    }


def _brief(study: str, root: Path, files: Files, config: MkDocsConfig) -> str:
    found = sorted((root / "studies" / study / "evidence").rglob("brief*.html"))
    for path in found:
        link = path.relative_to(root / "studies" / study).as_posix()
        files.append(File.generated(config, f"gallery/{study}/{link}", abs_src_path=str(path)))
    if not found:
        return COMMAND.format(id=study)
    return "\n".join(
        KEPT.format(name=path.stem, link=path.relative_to(root / "studies" / study).as_posix(), id=study)
        for path in found
    )


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the gallery and a page for each study."""
    root = Path(config.config_file_path).parent
    cards = [INTRO]
    for path in sorted((root / "configs" / "study").glob("*.yaml")):
        text = path.read_text("utf-8")
        said = facts(yaml.safe_load(text), root / "docs" / "methods")
        name = said["id"]
        card, page = dict(said), dict(said)
        if said["estimator_page"]:
            card["estimator"] = f"[{said['estimator']}](../{said['estimator_page']})"
            page["estimator"] = f"[{said['estimator']}](../../{said['estimator_page']})"
        cards.append(CARD.format(**card))
        page["brief"] = _brief(name, root, files, config)
        page["documents"] = "\n".join(
            line for file, line in DOCUMENTS.items() if (root / "studies" / name / file).is_file()
        )
        files.append(File.generated(config, f"gallery/{name}/index.md", content=PAGE.format(**page)))
        files.append(
            File.generated(config, f"gallery/{name}/config.md", content=CONFIG.format(id=name, text=text.strip()))
        )
    files.append(File.generated(config, "gallery/index.md", content="".join(cards)))
    return files
