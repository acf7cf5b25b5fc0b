"""The brief of a finished run in another language: the study is run again, its numbers are held against the bundle.

Sentences are made from estimates, not from other sentences, so nothing is translated after the fact: the same study
speaks another language, and what differs in a number is refused. The bundle's own files are not touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from evalkit.errors import ReproductionDiffers
from evalkit.evaluation import Evaluation
from evalkit.evidence.schema import Evidence
from evalkit.report.brief_docx import brief_docx
from evalkit.report.brief_html import brief_html
from evalkit.report.brief_md import brief_md
from evalkit.report.compose import compose, policy_of, standard_of
from evalkit.report.files import write_whole
from evalkit.report.releases import against_earlier
from evalkit.report.repeat import compare

NAMES: Final = ("brief.html", "brief.md", "brief.docx")


def retell(
    evaluation: Evaluation, was: Evidence, root: Path, *, provenance: Mapping[str, Any], study_yaml: str
) -> dict[str, bytes]:
    """The pages of a run in the language of its repetition: name to content.

    Parameters
    ----------
    evaluation
        The study of the bundle, run again in the other language.
    was
        Newest version of the bundle's evidence: its identity and decisions are those of the pages.
    root
        The results folder: what bundles of the study hold back together is held back here, too.
    provenance, study_yaml
        Of the bundle.

    Raises
    ------
    ReproductionDiffers
        Where a headline number is another one: pages in two languages must not contradict each other.
    """
    found = compare(was.to_dict(), evaluation.evidence.to_dict(), evaluation)
    differing = [each for each in found if each.state == "differs"]
    if differing:
        first = differing[0]
        raise ReproductionDiffers(
            f"Run again, {len(differing)} of {len(found)} numbers are others than in the bundle, the first of them "
            f"{first.name}: {first.was} there, {first.now} now. No page was written.",
            next_step="`evalkit reproduce` shows what has changed: data, config, code or machine.",
        )
    told = replace(evaluation, evidence=_same_run(evaluation.evidence, was))
    contents = compose(told, provenance=provenance, study_yaml=study_yaml)
    contents, _ = against_earlier(
        contents, root, policy_of(told), standard_of(told).disclosure.earlier_bundles,
        restricted=told.study.spec.data.restricted,
    )  # fmt: skip
    pages = (brief_html(contents).encode(), brief_md(contents).encode(), brief_docx(contents))
    language = told.study.language
    return {named(name, language): page for name, page in zip(NAMES, pages, strict=True)}


def named(name: str, language: str) -> str:
    """Name of a page in a language, beside the one of the run.

    Examples
    --------
    >>> named("brief.html", "es")
    'brief.es.html'
    """
    stem, _, ending = name.rpartition(".")
    return f"{stem}.{language}.{ending}"


def write_pages(pages: Mapping[str, bytes], folder: Path) -> list[Path]:
    """Write the pages into a folder; earlier ones of the same language are replaced.

    Raises
    ------
    EvalkitError
        When the folder cannot be written to.
    """
    for name, content in pages.items():
        write_whole(folder / name, content)
    return [folder / name for name in pages]


def _same_run(now: Evidence, was: Evidence) -> Evidence:
    """The repetition's words under the identity of the run, with what was decided after reading it."""
    identity = was.identity.model_copy(update={"language": now.identity.language})
    use = now.use.model_copy(update={"decision": was.use.decision, "decisions": was.use.decisions})
    return now.model_copy(update={"identity": identity, "use": use})
