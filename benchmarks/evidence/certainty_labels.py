"""Is a certainty label worth what it says? Coverage and sign errors by label, over studies whose effect is known.

Usage: PYTHONPATH=. python benchmarks/evidence/certainty_labels.py [--studies 75] [--worlds lottery,series] [--out DIR]

Each study of each world (`certainty_worlds.py`) goes the whole way from its file to its summary. Finished studies are
kept as lines of `DIR/studies.jsonl`, so that a run that was broken off goes on where it was. At the end:
`DIR/labels.csv`, `DIR/assumptions.csv`, `DIR/worlds.csv` and the figure.
"""

from __future__ import annotations

import argparse
import functools
import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from scipy import stats

from benchmarks.evidence.certainty_worlds import BIASED, WORLDS, World, effect_of, rng_of
from evalkit.config import load_study
from evalkit.errors import EvalkitError
from evalkit.evaluation import evaluate
from evalkit.evidence.schema import Evidence
from evalkit.study.spec import Choice, Study, StudySpec

ROOT = Path(__file__).resolve().parents[2]
RULES = yaml.safe_load((ROOT / "configs" / "evidence" / "standard.yaml").read_text(encoding="utf-8"))
LABELS = ("High", "Moderate", "Low", "Very low")
CHECKS = ("pre_trends", "honest")
GOAL = 0.93
SLACK = 1e-9


def study_of(world: World, folder: Path) -> Study:
    """The study that the world's people would declare; its data are in the folder."""
    extra = {key: value for key, value in world.spec.items() if key not in ("data_covariates", "placebo")}
    outcomes = [
        {
            "name": "the outcome", "column": "y", "role": "primary", "unit": "points", "direction": "higher_better",
            "mid": {"value": 1.0, "rationale": "one standard deviation of the errors"},
        }
    ]  # fmt: skip
    if world.spec.get("placebo"):
        outcomes.append(
            {"name": "another", "column": "other", "role": "placebo", "unit": "points", "direction": "higher_better"}
        )
    spec = StudySpec.model_validate(
        {
            "id": "simulated", "title": "Simulated", "programme": "the programme", "priority": "public_safety",
            "question": dict.fromkeys(("population", "intervention", "comparator", "outcome", "setting"), "simulated"),
            "data": {
                "source": {"kind": "file", "path": "study.csv"}, "unit": "unit", "period": "period", "cohort": "cohort",
                "covariates": world.spec.get("data_covariates", []),
            },
            "outcomes": outcomes, "checks": CHECKS, "use": {"limitations": ["Simulated"]}, **extra,
        }
    )  # fmt: skip
    settings = dict(shipped_settings(world.estimator))
    comparison = "not_yet_treated" if world.estimator == "callaway_santanna" else None
    settings |= ({"comparison": comparison} if comparison else {}) | dict(world.settings)
    return Study(
        spec=spec, estimator=Choice(name=world.estimator, settings=settings), robustness=(), checks=spec.checks,
        evidence=RULES, seed=1, data_root=str(folder),
    )  # fmt: skip


@functools.cache
def shipped_settings(estimator: str) -> Mapping[str, Any]:
    """Settings of `configs/estimator/`, as a study without any of its own resolves them."""
    return load_study("castle_doctrine", [f"estimator={estimator}"]).estimator.settings


def row_of(name: str, number: int, folder: Path) -> dict[str, Any]:
    """One study: what it found and what was true."""
    world, rng = WORLDS[name], rng_of(name, number)
    drawn = world.draw(rng, effect_of(rng))
    drawn.frame.to_csv(folder / "study.csv", index=False)
    row = {"world": name, "number": number, "truth": drawn.truth}
    try:
        evidence = evaluate(study_of(world, folder)).evidence
    except EvalkitError as reason:
        return {**row, "label": "Refused", "reason": reason.what}
    return row | judged(evidence, drawn.truth)


def judged(evidence: Evidence, truth: float) -> dict[str, Any]:
    """Whether the interval holds the truth, and which way the finding went."""
    effect, inference = evidence.estimates[0].effect, evidence.estimates[0].inference
    if effect.value is None or effect.low is None or effect.high is None:
        return {"label": "Refused", "reason": effect.reason}
    applied = [step.rule for step in evidence.rating.trail if step.state == "applied" and step.kind != "start"]
    return {
        "label": evidence.rating.label,
        "effect": effect.value, "low": effect.low, "high": effect.high,
        "covers": effect.low - SLACK <= truth <= effect.high + SLACK,
        "finding": evidence.finding.label,
        "method": "" if inference is None else inference.method,
        "applied": applied,
    }  # fmt: skip


def run(names: Sequence[str], studies: int, out: Path) -> list[dict[str, Any]]:
    """All studies that are not there yet, one of each world in turn, so that what is done at any time is balanced."""
    out.mkdir(parents=True, exist_ok=True)
    file = out / "studies.jsonl"
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.is_file() else []
    done = {(row["world"], row["number"]) for row in rows}
    with file.open("a", encoding="utf-8") as lines, tempfile.TemporaryDirectory() as folder:
        for number in range(studies):
            for name in names:
                if (name, number) not in done:
                    rows.append(row_of(name, number, Path(folder)))
                    lines.write(json.dumps(rows[-1]) + "\n")
                    lines.flush()
    return [row for row in rows if row["world"] in names and row["number"] < studies]


def by_label(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """One row a label: coverage with its exact 95 % interval, wrong signs of findings, findings where nothing was."""
    frame = pd.DataFrame(rows)
    return pd.DataFrame([_counted(frame[frame["label"] == label], label=label) for label in LABELS])


def by_assumption(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """The same, apart for worlds in which what the design assumes is true and false."""
    frame = pd.DataFrame(rows)
    false = frame["world"].isin(BIASED)
    parts = [("true", frame[~false]), ("false", frame[false])]
    return pd.DataFrame(
        [
            _counted(part[part["label"] == label], assumption=name, label=label)
            for name, part in parts
            for label in LABELS
        ]
    )


def by_world(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """One row a world and label."""
    frame = pd.DataFrame(rows)
    parts: list[dict[str, Any]] = []
    for world in WORLDS:
        for label in LABELS:
            part = frame[(frame["world"] == world) & (frame["label"] == label)]
            if len(part):
                parts.append(_counted(part, world=world, about=WORLDS[world].about, label=label))
    return pd.DataFrame(parts)


def _counted(part: pd.DataFrame, **head: str) -> dict[str, Any]:
    count = len(part)
    if count == 0:
        return {**head, "studies": 0}
    covered = int(part["covers"].astype(bool).sum())
    exact = stats.binomtest(covered, count).proportion_ci(0.95)
    found = part[part["finding"].isin(["favourable", "unfavourable"])]
    real, nothing = found[found["truth"] != 0.0], part[part["truth"] == 0.0]
    wrong = real[(real["finding"] == "favourable") != (real["truth"] > 0.0)]
    false = nothing["finding"].isin(["favourable", "unfavourable"])
    return {
        **head, "studies": count, "covered": covered / count, "covered_low": exact.low, "covered_high": exact.high,
        "findings": len(found), "sign_errors": len(wrong) / len(real) if len(real) else np.nan,
        "nulls": len(nothing), "false_findings": float(false.mean()) if len(nothing) else np.nan,
    }  # fmt: skip


def figure(labels: pd.DataFrame, worlds: pd.DataFrame, path: Path) -> None:
    """Coverage by label with its interval, and by world and label as dots whose area is the number of studies."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "certainty"
    from matplotlib import pyplot as plt

    drawing, axes = plt.subplots(figsize=(7.2, 3.4), layout="constrained")
    row: Any
    for place, label in enumerate(reversed(LABELS)):
        for row in worlds[worlds["label"] == label].itertuples():
            axes.scatter(row.covered, place - 0.16, s=2.0 * row.studies, color="#b8c4d0", linewidths=0, zorder=1)
        whole = labels[(labels["label"] == label) & (labels["studies"] > 0)]
        for row in whole.itertuples():
            axes.plot([row.covered_low, row.covered_high], [place + 0.12] * 2, color="#0b3c5d", lw=2, zorder=3)
            axes.plot(row.covered, place + 0.12, "o", color="#0b3c5d", ms=7, zorder=3)
            axes.annotate(f"{100 * row.covered:.0f} %", (row.covered, place + 0.24), ha="center", fontsize=9)
    axes.axvline(GOAL, color="#d55e00", ls="--", lw=1.2)
    axes.annotate("goal 93 %", (GOAL, 3.55), ha="right", fontsize=9, color="#d55e00")
    axes.set_yticks(range(4), list(reversed(LABELS)))
    axes.set(xlim=(-0.02, 1.04), ylim=(-0.5, 3.8), xlabel="Share of intervals that hold the true effect")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    drawing.savefig(path, metadata={"Date": None})
    plt.close(drawing)


def told(labels: pd.DataFrame, rows: Sequence[dict[str, Any]], seconds: float) -> Iterator[str]:
    """The table as markdown, and how long it took."""
    yield "| label | studies | intervals that hold the truth | wrong sign, of findings | findings where nothing was |"
    yield "|---|---|---|---|---|"
    for row in labels.to_dict("records"):
        if row["studies"]:
            held = f"{100 * row['covered']:.1f} % ({100 * row['covered_low']:.1f} to {100 * row['covered_high']:.1f})"
            sign, false = (_percent(row[key]) for key in ("sign_errors", "false_findings"))
            counted = f"{row['label']} | {row['studies']} | {held}"
            yield f"| {counted} | {sign} of {row['findings']} | {false} of {row['nulls']} |"
    refused = sum(row["label"] not in LABELS for row in rows)
    yield f"{len(rows)} studies, {refused} refused or not rated, {seconds:.0f} s in this run"


def _percent(share: float) -> str:
    return "–" if np.isnan(share) else f"{100 * share:.1f} %"


def main() -> None:
    """Run what is missing, then tabulate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=75, help="Of each world.")
    parser.add_argument("--worlds", default=",".join(WORLDS))
    parser.add_argument("--out", type=Path, default=Path("certainty"))
    asked = parser.parse_args()
    start = time.process_time()
    rows = run(asked.worlds.split(","), asked.studies, asked.out)
    labels, worlds = by_label(rows), by_world(rows)
    labels.to_csv(asked.out / "labels.csv", index=False, float_format="%.4f")
    by_assumption(rows).to_csv(asked.out / "assumptions.csv", index=False, float_format="%.4f")
    worlds.to_csv(asked.out / "worlds.csv", index=False, float_format="%.4f")
    figure(labels, worlds, asked.out / "certainty.svg")
    print("\n".join(told(labels, rows, time.process_time() - start)))


if __name__ == "__main__":
    main()
