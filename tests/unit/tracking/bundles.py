"""Small bundles written by hand, with the fields of evidence schema 1.0.0 that tracking reads."""

from __future__ import annotations

import hashlib
import json
import struct
import uuid
import zlib
from pathlib import Path
from typing import Any

HEADLINE = (
    "We could not tell whether castle doctrine laws changed homicide. Results fit anything from 0.27 fewer to 0.48 "
    "more per 100,000 residents; a change of 0.5 matters to the city."
)
CERTAINTY = (
    "Certainty is Low because only a comparison over time was possible. It would rise if more states had waited."
)
EVENT_STUDY = """\
event_time,n_treated,estimate,std_error,low,high,low_simultaneous,high_simultaneous,level,is_reference
-4,21,-0.021,0.05,-0.119,0.077,-0.16,0.118,0.95,False
-3,21,0.034,0.05,-0.064,0.132,-0.105,0.173,0.95,False
-2,21,-0.012,0.04,-0.09,0.066,-0.123,0.099,0.95,False
-1,21,0,,,,,,0.95,True
0,21,0.05,0.04,-0.028,0.128,-0.061,0.161,0.95,False
1,20,0.012,0.05,-0.086,0.11,-0.127,0.151,0.95,False
2,18,0.041,0.06,-0.077,0.159,-0.126,0.208,0.95,False
3,13,0.022,0.07,-0.115,0.159,-0.172,0.216,0.95,False
"""
STUDY_YAML = """\
study:
  id: castle_doctrine
  title: Castle doctrine laws and homicide
  data:
    source: {kind: package, package: causaldata, name: castle}
    unit: state
    period: year
    cohort: first_year
  outcomes:
  - {name: homicide, column: homicide, role: primary, unit: "per 100,000 residents"}
  design: {anticipation: 0, comparison: never_treated, event_window: [-5, 5]}
estimator:
  name: callaway_santanna
  settings: {method: dr, base_period: varying}
checks:
- name: pre_trends
  settings: {}
seed: 7
evidence:
  rating: {version: 1.0.0}
"""


def number(value: float | None, reason: str = "not stated") -> dict[str, Any]:
    """One tagged value."""
    return {"value": value, "how": "missing" if value is None else "derived", "reason": reason if value is None else ""}


def quantity(value: float | None, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    """One estimated quantity."""
    return {
        "value": value,
        "low": low,
        "high": high,
        "level": 0.95,
        "interval_kind": "confidence",
        "unit": "log points",
        "how": "missing" if value is None else "derived",
        "reason": "The design refuses it: no never-treated unit." if value is None else "",
    }


def estimate(label: str, effect: dict[str, Any], *, role: str = "robustness") -> dict[str, Any]:
    """One entry of `estimates`."""
    return {
        "label": label,
        "outcome": "homicide",
        "estimand": "ATT",
        "estimator": label,
        "role": role,
        "weights": "units",
        "scale": "log",
        "effect": effect,
        "std_error": number(None if effect["value"] is None else 0.0384),
        "p_value": number(None if effect["value"] is None else 0.61),
        "p_benefit": number(None),
        "p_mid": number(None),
        "effect_size_g": number(0.05),
        "improvement_index": number(2.0),
    }


def evidence(run_id: str, **blocks: dict[str, Any]) -> dict[str, Any]:
    """An evidence summary; each of `blocks` updates the block of its name."""
    whole: dict[str, Any] = {
        "identity": {
            "schema_version": "1.0.0",
            "study_id": "castle_doctrine",
            "run_id": run_id,
            "config_sha": "c" * 64,
            "data_sha": "d" * 64,
            "git_sha": "a" * 40,
            "evalkit_version": "0.1.0",
            "created_at": "2025-03-01T12:00:00Z",
        },
        "question": {
            "title": {"value": "Castle doctrine laws and homicide", "how": "declared", "reason": ""},
            "priority": {"value": "public_safety", "how": "declared", "reason": ""},
            "capacity": {"value": "evaluation", "how": "declared", "reason": ""},
        },
        "sample": {
            "n_units": number(50),
            "n_treated_units": number(21),
            "n_clusters": number(50),
            "n_observations": number(550),
        },
        "estimates": [
            estimate("callaway_santanna", quantity(0.0194, -0.0559, 0.0947), role="primary"),
            estimate("two_way_fixed_effects", quantity(0.0694, -0.0402, 0.179)),
            estimate("synthetic_control", quantity(None)),
        ],
        "natural": {"absolute": {"effect": {**quantity(0.0942, -0.27, 0.481), "unit": "per 100,000 residents"}}},
        "finding": {"label": "inconclusive"},
        "diagnostics": [],
        "plan": {"status": "none"},
        "rating": {"certainty": 2, "label": "Low"},
        "use": {"limitations": [{"text": "States chose to adopt the law.", "how": "declared"}]},
        "sentences": {
            "headline": HEADLINE,
            "finding": "We could not tell whether the laws changed homicide.",
            "equivalence": None,
            "chance": None,
            "scale": None,
            "cost": None,
            "certainty": CERTAINTY,
        },
    }
    for name, changes in blocks.items():
        whole[name] = {**whole[name], **changes}
    return whole


def png(width: int = 8, height: int = 4) -> bytes:
    """A grey picture."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    pixels = b"".join(b"\x00" + b"\x99" * width for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


def write_bundle(
    root: Path,
    *,
    run_id: str | None = None,
    summary: dict[str, Any] | None = None,
    study_yaml: str = STUDY_YAML,
    files: dict[str, bytes] | None = None,
    provenance: dict[str, Any] | None = None,
) -> Path:
    """Write a whole bundle under `root` and return its folder."""
    name = run_id or str(uuid.uuid4())
    folder = root / "castle_doctrine" / name
    contents: dict[str, bytes] = {
        "evidence.json": json.dumps(summary or evidence(name)).encode(),
        "provenance.json": json.dumps(provenance or {"git_dirty": False}).encode(),
        "study.yaml": study_yaml.encode(),
        "estimates.csv": b"label,estimate\ncallaway_santanna,0.0194\n",
        "event_study.csv": EVENT_STUDY.encode(),
        "diagnostics.csv": b"id,status\npre_trends,warn\n",
        "disclosure.json": b"{}",
        "brief.md": b"# Castle doctrine laws and homicide\n",
        "brief.html": b"<!doctype html><title>Brief</title><h1>Castle doctrine laws and homicide</h1>",
        "figures/event_study.png": png(),
        **(files or {}),
    }
    for path, content in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    hashes = {path: hashlib.sha256(content).hexdigest() for path, content in contents.items()}
    (folder / "manifest.json").write_text(json.dumps({"files": hashes}))
    (folder / "COMPLETE").write_text("")
    return folder
