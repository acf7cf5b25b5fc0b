"""What a bundle would tell beside an earlier one of the same study: counts that differ by few people."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from evalkit.evidence.disclosure import DisclosureRefused, Policy
from evalkit.evidence.standard import Earlier
from evalkit.language import Phrases
from evalkit.report.columns import ESTIMATES
from evalkit.report.contents import Contents
from evalkit.report.csv_file import to_csv
from evalkit.report.files import MARKER

Counts = Mapping[str, float | None]
"""Name of a published count to its value; None where it was withheld."""

SAMPLE: Final = ("n_units", "n_treated_units", "n_clusters", "n_treated_clusters", "n_events")
TOTALS: Final = ("total_averted", "people_affected")
STUDIES: Final = "studies"
EVIDENCE: Final = "evidence"
NAMED: Final = 3
_WORDS: Final = {
    "differ": (
        "Beside an earlier bundle of this study ({bundle}) this one would tell of fewer than {limit} people: "
        "{names} differ by so few, or are withheld in one and told in the other."
    ),
    "told": (
        "Beside an earlier bundle of this study ({bundle}) this one tells of fewer than {limit} people ({names}): "
        "show only one of the two."
    ),
    "and_more": "{names} and {count} more",
    "allowed": "the same counts as before, or counts that differ by {limit} people or more",
    "next_step": (
        "If nobody has seen the earlier bundle, delete its folder and run again. Otherwise evaluate the data as they "
        "were, or wait until more people have joined."
    ),
}
WORDS: Final = Phrases(_WORDS)


@dataclass(frozen=True, slots=True)
class Finding:
    """Counts of an earlier bundle that tell of few people beside those of this one."""

    bundle: str
    names: tuple[str, ...]


def compare(earlier: Counts, now: Counts, min_cell: int) -> tuple[str, ...]:
    """Names of counts that differ by 1 to ``min_cell - 1``, or that one of the two withholds and the other tells.

    Examples
    --------
    >>> compare({"a": 70, "b": None, "c": 30, "d": 50}, {"a": 71, "b": 12, "c": 30, "d": 61}, 11)
    ('a', 'b')
    """
    return tuple(
        name for name in sorted(set(earlier) & set(now)) if _tells_of_few(earlier[name], now[name], min_cell)
    )  # fmt: skip


def _tells_of_few(before: float | None, after: float | None, min_cell: int) -> bool:
    if before is None or after is None:
        return before is not after
    return 0.0 < abs(after - before) < min_cell


def counts_in(evidence: Mapping[str, Any], estimates: str) -> dict[str, float | None]:
    """Every count that the summary and the table of estimates tell or withhold."""
    found: dict[str, float | None] = {}
    sample = evidence.get("sample") or {}
    for name in SAMPLE:
        _enter(found, name, sample.get(name))
    for name in TOTALS:
        _enter(found, f"natural.{name}", ((evidence.get("natural") or {}).get(name) or {}).get("observed"))
    for block in evidence.get("equity") or ():
        _enter(found, f"equity.{block['by']}.{block['group']}", block.get("n"))
    for row in csv.DictReader(io.StringIO(estimates)):
        if not row.get("reason"):
            name = ".".join(row[key] for key in ("outcome", "run", "aggregation", "label"))
            found[name] = float(row["n_treated"]) if row.get("n_treated") else None
    return found


def against_earlier(
    contents: Contents, root: Path, rules: Policy, how: Earlier, *, restricted: bool
) -> tuple[Contents, tuple[Finding, ...]]:
    """Compare a bundle that is about to be written with those of the study that exist.

    Looked at: finished bundles below ``root/<study>/`` and the study's own ``studies/<study>/evidence/``.
    Nothing is looked at where units are places.

    Returns
    -------
    contents, findings
        The contents with the comparison in their record, without any number; and what was found.

    Raises
    ------
    DisclosureRefused
        When the two together tell of few people, and the standard refuses that for such a source.
    """
    if rules.subject != "persons":
        return contents, ()
    study = contents.evidence.identity.study_id
    now = counts_in(contents.evidence.to_dict(), to_csv(contents.estimates, ESTIMATES).decode())
    findings, compared = [], 0
    for name, evidence, estimates in _released(root, study):
        compared += 1
        names = compare(counts_in(evidence, estimates), now, rules.min_cell)
        if names:
            findings.append(Finding(name, names))
    if findings and (how.restricted if restricted else how.otherwise) == "refuse":
        raise DisclosureRefused(
            WORDS.say("differ", bundle=findings[0].bundle, limit=rules.min_cell, names=_listed(findings[0].names)),
            allowed=WORDS.say("allowed", limit=rules.min_cell),
            next_step=WORDS["next_step"],
        )
    record = {"compared": compared, "tell_of_few": {each.bundle: list(each.names) for each in findings}}
    return replace(contents, disclosure={**contents.disclosure, "earlier_bundles": record}), tuple(findings)


def warnings_of(disclosure: Mapping[str, Any]) -> tuple[str, ...]:
    """Sentences for the console on what a bundle tells beside earlier ones, from its `disclosure.json`."""
    found = (disclosure.get("earlier_bundles") or {}).get("tell_of_few") or {}
    limit = disclosure.get("min_cell")
    return tuple(WORDS.say("told", bundle=name, limit=limit, names=_listed(names)) for name, names in found.items())


def _released(root: Path, study: str) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """Name, evidence and estimates of every earlier bundle about people; those that cannot be read are compared too."""
    folders = [marker.parent for marker in sorted((root / study).glob(f"*/{MARKER}"))]
    own = root.parent / STUDIES / study / EVIDENCE
    folders += sorted({file.parent for file in own.rglob("evidence.json")}) if own.is_dir() else []
    for folder in folders:
        try:
            evidence = json.loads((folder / "evidence.json").read_text(encoding="utf-8"))
            table = folder / "estimates.csv"
            yield folder.name, evidence, table.read_text(encoding="utf-8") if table.is_file() else ""
        except (OSError, ValueError) as error:
            raise DisclosureRefused(
                f"The earlier bundle {folder} cannot be read, so nobody can say what this run would tell beside it.",
                next_step="Repair or remove the folder.",
            ) from error


def _enter(found: dict[str, float | None], name: str, value: Mapping[str, Any] | None) -> None:
    """Enter a tagged value; one that is missing, not withheld, is no count."""
    if value is not None and value.get("how") != "missing":
        found[name] = value.get("value")


def _listed(names: Sequence[str]) -> str:
    said = ", ".join(names[:NAMED])
    more = len(names) - NAMED
    return WORDS.say("and_more", names=said, count=more) if more > 0 else said
