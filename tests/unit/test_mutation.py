"""The tool of `make mutants`: which changes it draws, and that it tells one that tests see from one they do not."""

from __future__ import annotations

import subprocess
import sys

from tests.mutation import hits, judge, mutants
from tests.mutation.hits import OF_IMPORTS, Hits

SMALL = "evalkit/inference/psd.py"
EXAMPLE = f"{SMALL}::evalkit.inference.psd.without_negative_eigenvalues"
JUDGED = f"""
from tests.mutation import judge, mutants
from tests.mutation.hits import Hits
held = Hits({{}}, {{{EXAMPLE!r}: 0.1}})
for wanted in ("ReplaceTrueWithFalse:0", "NumberReplacer:2", "ReplaceComparisonOperator_GtE_Gt:0"):
    mutant = next(each for each in mutants.mutants({SMALL!r}) if each.key.endswith(wanted))
    print(judge.judge(mutant, Hits({{mutant.path: {{mutant.first: [{EXAMPLE!r}]}}}}, held.seconds)))
"""


def test_the_same_changes_are_drawn_whatever_else_is_drawn() -> None:
    few, more = mutants.sample(5, 3, [SMALL]), mutants.sample(20, 3, [SMALL])
    assert few == more[:5]
    assert few != mutants.sample(5, 4, [SMALL])
    both = mutants.sample(200, 3, [SMALL, "evalkit/inference/rules.py"])
    assert [each for each in both if each.path == SMALL][:5] == few


def test_every_change_of_a_file_changes_it_and_has_a_name_of_its_own() -> None:
    drawn = mutants.mutants(SMALL)
    assert len(drawn) == len({each.key for each in drawn})
    for mutant in drawn:
        before, after = mutant.difference()
        assert before != after, mutant.key


def test_what_a_file_only_says_of_its_types_is_not_changed() -> None:
    path = "evalkit/evidence/rating.py"
    lines = (mutants.TREE / path).read_text(encoding="utf-8").splitlines()
    typed = {number for number, line in enumerate(lines, 1) if line.rstrip().endswith("| None")}
    assert typed
    assert not [each.key for each in mutants.mutants(path) if "BitOr" in each.operator and each.first in typed]


def test_a_change_that_its_tests_see_is_told_from_one_that_they_do_not() -> None:
    run = subprocess.run(
        [sys.executable, "-c", JUDGED], cwd=mutants.TREE, capture_output=True, text=True, check=True, timeout=120
    )
    assert run.stdout.split() == [judge.KILLED, judge.KILLED, judge.SURVIVED]


def test_a_line_that_runs_on_import_alone_meets_every_test_of_its_file() -> None:
    held = Hits({SMALL: {9: ["slow"], 33: ["slow", "quick"], 35: ["other"]}}, {"slow": 3.0, "quick": 0.1, "other": 1.0})
    assert held.of(SMALL, 33, 33) == ["quick", "slow"]
    assert set(held.of(SMALL, 9, 9)) == {"quick", "other", "slow"} | OF_IMPORTS


def test_stars_of_arguments_are_no_arithmetic() -> None:
    path = "evalkit/inference/few_treated.py"
    starred = {
        number
        for number, line in enumerate((mutants.TREE / path).read_text(encoding="utf-8").splitlines(), 1)
        if line.startswith("def ") and " *, " in line
    }
    assert starred
    assert not [
        each.key for each in mutants.mutants(path) if "BinaryOperator" in each.operator and each.first in starred
    ]


def test_tests_that_were_renamed_are_met_no_more_and_those_of_other_files_are() -> None:
    before = Hits({SMALL: {9: ["a.py::old", "b.py::kept"]}}, {"a.py::old": 1.0, "b.py::kept": 2.0})
    now = Hits({SMALL: {9: ["a.py::new"], 10: ["a.py::new"]}}, {"a.py::new": 3.0})
    joined = hits.joined(before, now)
    assert joined.lines == {SMALL: {9: ["a.py::new", "b.py::kept"], 10: ["a.py::new"]}}
    assert joined.seconds == {"a.py::new": 3.0, "b.py::kept": 2.0}
