"""The files that are written for a person to go on from: one dictionary for each verb, holes as $name."""

from __future__ import annotations

from string import Template
from typing import Final

WORKSPACE: Final = {
    "README.md": """\
# $name

Evaluations of this city's programmes with evalkit $version: one config in, evidence out.

```console
python -m venv .venv && .venv/bin/pip install -r requirements.txt      # once
evalkit new study night_buses --data data/buses.csv                    # looks at the data and writes the config
evalkit validate study=night_buses                                     # sound? shows no treated outcome after the start
evalkit power study=night_buses                                        # how large a change could be seen?
evalkit plan lock study=night_buses --who "Evaluation office"          # before anybody sees an answer
evalkit run study=night_buses
evalkit ui                                                             # read it in the browser
```

| folder | what | in git |
|---|---|---|
| `configs/study/` | one file a study: what is asked, of which data, with which outcome | yes |
| `configs/estimator/` | settings of your own estimators | yes |
| `studies/NAME/` | what a person signs: protocol, data card, locked plan | yes |
| `estimators/`, `tests/` | estimators of your own, and the laws they keep | yes |
| `data/public/` | data that anybody may read | yes |
| `data/` | all other data | no |
| `results/`, `mlflow.db`, `mlartifacts/` | what runs leave behind, and when outcomes were read (`access.jsonl`) | no |

evalkit's own configs stand behind yours: `evalkit list studies` shows both, and a file of yours with the same name is
read first. `bash .ci/check` is what a change has to pass: every config is sound, every locked plan is kept, every
estimator keeps its laws.
""",
    ".gitignore": """\
# what runs leave behind
results/
mlflow.db*
.mlflow.db.lock
mlartifacts/
mlruns/
multirun/
outputs/
site/

# data stay on this machine, but for those that anybody may read
data/*
!data/README.md
!data/public/

.venv/
__pycache__/
*.pyc
.pytest_cache/
.env
""",
    "requirements.txt": """\
evalkit==$version
pytest>=8
""",
    "configs/README.md": """\
# Configs

`study/NAME.yaml` is one evaluation question (`evalkit new study NAME` writes it from the data); `estimator/NAME.yaml`
holds the settings of an estimator of yours. Whatever is not here is taken from the configs that ship with evalkit.
Configs hold no passwords and no code.
""",
    "configs/study/.gitkeep": "",
    "configs/estimator/.gitkeep": "",
    "studies/README.md": """\
# Studies

One folder a study: `protocol.md` (written before anybody looks at an answer), `data.yaml` (where the data come from and
what is wrong with them), `plan.lock.json` (written by `evalkit plan lock`; commit and push it at once, because the date
of that commit is what others can check).
""",
    "data/README.md": """\
# Data

Git ignores this folder, but for `public/`: put there only what anybody may read. Data about persons never belong into
git.
""",
    "data/public/.gitkeep": "",
    ".ci/check": """\
#!/usr/bin/env bash
# What a change has to pass. It needs no data: those of a city are often not where this runs.
set -euo pipefail
cd "$$(dirname "$$0")/.."
for file in configs/study/*.yaml; do
  [ -e "$$file" ] || continue
  name=$$(basename "$$file" .yaml)
  evalkit validate --no-data "study=$$name"
  if [ -e "studies/$$name/plan.lock.json" ]; then evalkit plan diff --no-data "study=$$name"; fi
done
if ls tests/test_*.py >/dev/null 2>&1; then python -m pytest -q tests; fi
""",
    ".github/workflows/check.yml": """\
name: check
on: [push, pull_request]
permissions:
  contents: read
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with: {python-version: "3.12", cache: pip}
      - run: pip install -r requirements.txt
      - run: bash .ci/check
""",
}
"""What `evalkit init` writes."""

STUDY: Final = """\
# Written by `evalkit new study $name` from $path. Look at every line; texts that begin with FILL IN are yours to write.
# All keys: the guide "Writing a study". Protocol and data card: studies/$name/
defaults:
  - override /estimator: $estimator # $why_estimator
  - _self_

id: $name_quoted
title: $title
programme: $programme # the subject of the headline: "$programme_plain reduces ..."
city: $city
priority: $priority # `evalkit list priorities`
capacity: evaluation

question:
  population: "FILL IN: who is meant, where and when"
  intervention: $intervention
  comparator: "FILL IN: those without it so far"
  outcome: $outcome_text
  setting: "FILL IN: the city, and what a reader elsewhere must know of it"
  theory_of_change: "FILL IN: why it should work, in a sentence"

assignment:
  # random, lottery, random_phase_in, cutoff, policy_choice, volunteer, selected_on_outcome: it caps the certainty
  mechanism: unknown
  # one noun. A kind of place (district, school, ...) lets counts be shown; any other word means people, and groups of
  # fewer than 11 are withheld
  unit: $unit_noun
  selection_rule: "FILL IN: how the treated were chosen"

governance:
  evaluator_independence: internal # or partner, independent
  funder: "FILL IN"
  contact: "FILL IN"
  ethics_review: "FILL IN"

# $found_rows
# $found_gaps
data:
  source:
    kind: file
    path: $path_quoted # below the folder that holds configs/
$source_lines    # sha256: "$sha256" # take the '#' away to refuse any other file
    # rows: $rows
  unit: $unit
  period: $period
$treatment_lines
outcomes:
  - name: $outcome_name # as it reads in a sentence: "reduces $outcome_plain by ..."
    column: $outcome
    role: primary
    family: $family # $why_family
    unit: $outcome_unit
    direction: $direction
    source: "FILL IN: who counts it, and how"
    # mid: # the smallest change that matters to the city: decide it now, not after the answer
    #   value: 1.0
    #   rationale: "why so much"

design:
  anticipation: 0 # periods before the start in which effects may already show
  comparison: $comparison
  event_window: [$window_low, $window_high] # periods before and after the start that are shown
  level: 0.95
  required_pre_periods: $pre_periods

robustness:
$robustness
checks:
$checks
use:
  limitations:
    - "FILL IN: what could make the comparison unfair"
$limitations  next_step: test_more

# plan: # after `evalkit plan lock`: what differs from it, and why; what is not declared makes a run exploratory
#   deviations:
#     - {item: "design.event_window", reason: "..."}
"""
"""`configs/study/NAME.yaml`."""

PROTOCOL: Final = """\
# $title_plain: protocol

Config: `configs/study/$name.yaml`. Data card: `studies/$name/data.yaml`.

**Status: draft.** Sign it with `evalkit plan lock study=$name --who "..."` before anybody looks at an answer, and
commit `plan.lock.json` at once.

## Question

FILL IN: one sentence. Who, what, compared with whom, measured how, over which time.

- **Population.** FILL IN
- **Intervention.** FILL IN
- **Comparison.** FILL IN
- **Assignment.** FILL IN: how the treated were chosen, and what else happened to them at the time.

## Data

$found

## Outcome and scale

`$outcome_column`: FILL IN. **Smallest change that matters:** FILL IN, and why so much.

## Estimand and model

- **First treated period.** FILL IN: which period counts as the first, and why.
- **Primary.** `$estimator`: $why_estimator.
- **Robustness, checks, event window.** As in the config.
- **Missing data.** FILL IN.

## Decision rule

FILL IN: what the city will do if the finding is favourable, unfavourable, too small to matter, inconclusive; and at
which certainty.

## What would change our mind

FILL IN.
"""
"""`studies/NAME/protocol.md`."""

DATA_CARD: Final = """\
# Data card, begun by `evalkit new study $name`
title: $title
source:
  path: $path_quoted
  sha256: "$sha256"
steward: "FILL IN: who keeps the data"
original_source: "FILL IN"
licence: "FILL IN"
personal_data: "FILL IN: none, or which"
rows: $rows
units: $units
periods: [$first, $last]
columns:
$columns
known_faults:
$faults
"""
"""`studies/NAME/data.yaml`."""

ESTIMATOR_MODULE: Final = '''\
"""FILL IN: what $name estimates, after whom (authors, year, equation numbers)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from evalkit.data.panel import Panel
from evalkit.errors import DesignRefused
from evalkit.estimate import Estimate
from evalkit.estimators.base import Needs, PanelEstimator


class $class_name(PanelEstimator):
    """The mean change of treated units minus that of never-treated ones, last period against first.

    A complete estimator to start from: replace the mathematics, keep the shape. Settings are fields of the
    class, validated when it is made; all work is in `fit`; nothing is kept.
    """

    name: ClassVar[str] = "$name"
    needs: ClassVar[Needs] = Needs(
        answers="One pooled effect between two points in time.", never_treated=True, cohort_cells=False
    )

    def fit(self, panel: Panel, *, rng: np.random.Generator) -> Estimate:
        """Compare the two arms' mean changes; the variances of the arms may differ."""
        if panel.weight is not None and np.ptp(panel.weight[panel.observed]) > 0.0:
            raise DesignRefused(f"{self.name} takes no sampling weights.", next_step="Build the panel without weight.")
        change = panel.outcome[:, -1] - panel.outcome[:, 0]
        treated = ~np.isnan(change) & ~panel.never_treated & ~panel.always_treated
        comparison = ~np.isnan(change) & panel.never_treated
        if min(treated.sum(), comparison.sum()) < 2:
            raise DesignRefused(
                f"{self.name} needs two units in each arm; found {treated.sum()} and {comparison.sum()}.",
                next_step="Add units, or choose another estimator.",
            )
        gap = change[treated].mean() - change[comparison].mean()
        influence = np.full(panel.n_units, np.nan)  # how much each unit moves the gap; its squares sum to the variance
        influence[treated] = (change[treated] - change[treated].mean()) / treated.sum()
        influence[comparison] = (change[comparison].mean() - change[comparison]) / comparison.sum()
        return self.one_effect(panel, gap, influence, observed=panel.outcome[treated, -1].mean(), rng=rng)
'''
"""`estimators/NAME.py`."""

ESTIMATOR_CONFIG: Final = """\
# Settings of $name with their defaults; it has none yet. A value of the study is taken over like this:
# anticipation: $${study.design.anticipation}
name: $name
"""
"""`configs/estimator/NAME.yaml`."""

ESTIMATOR_TEST: Final = '''\
"""$name keeps the laws of every estimator, and finds an effect that is known."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
from evalkit.testing import check_estimator, staggered_panel

FILE = Path(__file__).parents[1] / "estimators" / "$name.py"


def load():
    """The class, from its file."""
    spec = importlib.util.spec_from_file_location("$name", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.$class_name


def test_${name}_keeps_the_laws():
    check_estimator(load()()).raise_if_broken()


def test_${name}_finds_an_effect_that_is_known():
    panel = staggered_panel(seed=1, n_units=400, effect=2.0)
    found = load()().fit(panel, rng=np.random.default_rng(0)).aggregate("overall").iloc[0]
    assert abs(found["estimate"] - 2.0) < 4 * found["std_error"]
'''
"""`tests/test_NAME.py`."""


def fill(text: str, **holes: object) -> str:
    """A file with its holes filled.

    Examples
    --------
    >>> fill("evalkit==$version", version="1.0.0")
    'evalkit==1.0.0'
    """
    return Template(text).substitute(holes)
