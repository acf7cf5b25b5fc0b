"""Draw changes, judge each, and write `docs/mutation.md`: `make mutants`, resumable.

python -m tests.mutation.run --size 400 --seed 1 --keep FOLDER
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import math
import sys
from collections import Counter, defaultdict
from pathlib import Path

import yaml

from tests.mutation import hits, judge, mutants

PAGE = mutants.TREE / "docs" / "mutation.md"
REASONS = Path(__file__).with_name("survivors.yaml")
GOAL = 0.85
NOTICED = (judge.KILLED, judge.TIMED_OUT)
PRELOADED = ("numpy", "pandas", "scipy.stats", "scipy.optimize", "pydantic", "linearmodels", "xarray", "hydra")


def main() -> None:
    """Judge a sample; what an earlier start judged is not judged again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=400, help="how many changes")
    parser.add_argument("--seed", type=int, default=1, help="which changes")
    parser.add_argument("--keep", type=Path, default=mutants.TREE / ".mutants", help="folder for what was measured")
    parser.add_argument("--only", default="", help="files whose path holds this")
    parser.add_argument("--measure", nargs="+", default=[], help="tests that are new or changed, to be measured first")
    parser.add_argument("--part", default="1/1", help="2/3 judges the second third, beside two other starts")
    parser.add_argument(
        "--again", action="store_true", help="judge survivors again, by what --measure names if it is given"
    )
    words = parser.parse_args()
    if words.measure or not (words.keep / "hits.json").exists():
        hits.measure(words.keep, words.measure or hits.SUITE)
    held, log = hits.load(words.keep), words.keep / "judged.jsonl"
    known = _known(log)
    drawn = [each for each in mutants.sample(words.size, words.seed) if words.only in each.path]
    for name in PRELOADED:  # once, before the forks; never what is changed, nor plug-ins of pytest
        __import__(name)
    part, parts = (int(number) for number in words.part.split("/"))
    for number, mutant in list(enumerate(drawn, 1))[part - 1 :: parts]:
        before = known.get(mutant.key)
        if before is None or (words.again and before not in NOTICED):
            found = judge.judge(mutant, held, words.measure if before else ())
            known[mutant.key] = before if before and found == judge.UNTESTED else found
            with log.open("a", encoding="utf-8") as file:
                row = {"key": mutant.key, "outcome": known[mutant.key], "file": _digest(mutant.key)}
                file.write(json.dumps(row) + "\n")
        sys.stdout.write(f"{number}/{len(drawn)} {known[mutant.key]:10} {mutant.key}\n")
        sys.stdout.flush()
    known = _known(log)
    if not words.only and all(mutant.key in known for mutant in drawn):
        PAGE.write_text(page(drawn, known, words.size, words.seed), encoding="utf-8")


def page(drawn: list[mutants.Mutant], known: dict[str, str], size: int, seed: int) -> str:
    """The page: the share by folder, and each survivor with the reason why it may stay."""
    told = yaml.safe_load(REASONS.read_text(encoding="utf-8"))
    reasons: dict[str, str] = told["reasons"]
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for mutant in drawn:
        counts[mutant.path.rsplit("/", 1)[0]][known[mutant.key]] += 1
        counts["all"][known[mutant.key]] += 1
    rows = [
        f"| {place} | {found.total()} | {_noticed(found)} | {_share(_noticed(found), found.total())} |"
        for place, found in sorted(counts.items(), key=lambda row: row[0] == "all")
    ]
    survivors = [mutant for mutant in drawn if known[mutant.key] not in NOTICED]
    every = sum(len(mutants.mutants(path)) for path in mutants.modules())
    lines = [
        "# Do the tests notice a change of the code?",
        "",
        f"Of {every:,} small changes that Cosmic Ray's operators can make to the estimators, the inference and the "
        f"rating (another operator of its kind, another number, a condition turned round), {len(drawn)} were drawn "
        "with equal chance and made one at a time; the tests that run the changed line were run. The goal is that "
        f"they fail for at least {GOAL:.0%}. Browser tests, functional tests and calibrations did not take part. In "
        "brackets stands the sampling error, in points.",
        "",
        *told["before"].splitlines(),
        "",
        "```text",
        f'make mutants ARGS="--size {size} --seed {seed}"',
        "```",
        "",
        "| where | changes | noticed | share |",
        "|---|---|---|---|",
        *rows,
        "",
        "## What went unnoticed",
        "",
        "| place | before | after | why it may stay |",
        "|---|---|---|---|",
        *(
            f"| {mutant.path}:{mutant.first} | `{_cell(old)}` | `{_cell(new)}` | {reasons.get(mutant.key, '–')} |"
            for mutant in sorted(survivors, key=lambda each: (each.path, each.first))
            for old, new in (mutant.difference(),)
        ),
        "",
    ]
    return "\n".join(lines)


@functools.cache
def _of_file(path: str) -> str:
    file = mutants.TREE / path
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12] if file.exists() else ""


def _digest(key: str) -> str:
    """Of the file of a change: what was judged before the file changed is judged again."""
    return _of_file(key.partition(":")[0])


def _noticed(found: Counter[str]) -> int:
    return sum(found[outcome] for outcome in NOTICED)


def _share(noticed: int, drawn: int) -> str:
    share = noticed / drawn
    return f"{share:.1%} ({100 * math.sqrt(share * (1 - share) / drawn):.1f})"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")[:110]


def _known(log: Path) -> dict[str, str]:
    """Outcomes by change, the latest of each, of files that are as they were."""
    rows = [json.loads(line) for line in log.read_text("utf-8").splitlines()] if log.exists() else []
    return {row["key"]: row["outcome"] for row in rows if row["file"] == _digest(row["key"])}


if __name__ == "__main__":
    main()
