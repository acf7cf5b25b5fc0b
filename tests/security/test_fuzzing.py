"""Whatever a user types or feeds in, the command line answers in words and documented exit codes, and writes nothing.

The examples are the same in each run. `make long` tries many more of them.
"""

from __future__ import annotations

import contextlib
import copy
import io
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalkit.cli.main import EPILOG, main
from tests.small_study import frame, study, write_data, write_study

CODES: Final = {int(code) for code in re.findall(r"\d+", EPILOG)}
"""The exit codes that `evalkit --help` names."""
VALIDATES: Final = {0, 2, 3, 4}
"""What `evalkit validate` may end with: nothing is estimated, and nothing logged."""
HOME: Final = os.environ.get("HOME", "/root")
MANY: Final = int(os.environ.get("EVALKIT_FUZZ", "1000"))
HOSTILE: Final = [
    "../../../etc/passwd", "/etc/passwd", "..", ".", "", " ", "\x00", "\x1b[2J", "a/b", "a\\b", "con",
    "${oc.env:HOME}",
    "${study}", "${study.id}", "${", "_target_", "<script>alert(1)</script>", "=cmd()", "'", '"', "%s%n",
    "{0.__class__}",
    "${jndi:x}", "NO", "007", "12:30", "1e400", "nan", "-0", "ünïcödé", "\ud800".encode("utf-8", "replace").decode(),
    "\u202e", "a" * 5_000, "lights\nlights", "*", "&a", "!!python/name:os.system", "~", "None", "[1,2",
    "{a: b", "--help",
]  # fmt: skip


@dataclass(frozen=True)
class Desk:
    """A folder with the small study, beside which nothing may appear."""

    folder: Path

    def tries(self, *words: str) -> tuple[int, str]:
        """Exit code and all that a command says; it leaves every file as it was."""
        before = self.files()
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(list(words))
        said = out.getvalue() + err.getvalue()
        assert "Traceback" not in said, said
        assert "in a way it should not" not in said, said
        assert "\x1b[2J" not in said, "a name steers the terminal"
        assert HOME not in said or HOME in " ".join(words), "the environment was read"
        if code:
            assert err.getvalue().startswith(("Error: ", "Warning: ", "[", "Usage", "{")), said
        assert self.files() == before
        return code, said

    def files(self) -> dict[str, tuple[int, int]]:
        """Size and time of everything in the folder and beside it."""
        found = (path for path in self.folder.parent.rglob("*") if "__pycache__" not in path.parts)
        return {str(path): (path.lstat().st_size, path.lstat().st_mtime_ns) for path in found if not path.is_dir()}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("city") / "desk"
    folder.mkdir()
    (folder.parent / "neighbour.txt").write_text("not ours", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        write_data(write_study(folder))
        yield Desk(folder)


def fuzzed(examples: int, *strategies: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test on the same few examples each time."""

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        few = settings(
            max_examples=examples, derandomize=True, deadline=None, database=None,
            suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
        )  # fmt: skip
        return few(given(*strategies)(test))

    return decorate


# ---- a study's file

LEAVES = st.one_of(
    st.sampled_from(HOSTILE), st.none(), st.booleans(), st.integers(-(10**30), 10**30), st.floats(),
    st.text(max_size=20), st.dates(), st.lists(st.integers(), max_size=3),
    st.dictionaries(st.sampled_from(HOSTILE), st.integers(), max_size=2),
    st.recursive(st.integers(), lambda inner: st.lists(inner, max_size=2), max_leaves=4), st.binary(max_size=8),
)  # fmt: skip


def places(node: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Path of every key and entry below a node."""
    below = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [found for key, value in below for found in ((*path, key), *places(value, (*path, key)))]


@st.composite
def mutated_studies(draw: st.DrawFn) -> str:
    """A valid study in which up to three things were replaced, removed, renamed or added, or whose text was damaged."""
    content = copy.deepcopy(study())
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(content)))
        parent: Any = content
        for key in path[:-1]:
            parent = parent[key]
        change = draw(st.sampled_from(["replace", "replace", "remove", "rename", "add"]))
        if change == "replace":
            parent[path[-1]] = draw(LEAVES)
        elif change == "remove":
            del parent[path[-1]]
        elif isinstance(parent, dict):
            value = parent.pop(path[-1]) if change == "rename" else draw(LEAVES)
            parent[draw(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=10), st.integers()))] = value
        else:
            parent.append(draw(LEAVES))
        if not places(content):
            break
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    if draw(st.integers(0, 3)) == 0:
        at, length = draw(st.integers(0, len(text))), draw(st.integers(0, 10))
        text = text[:at] + draw(st.sampled_from([*HOSTILE, "\t", ":", "- ", "{", "|"])) + text[at + length :]
    return text.encode("utf-8", "replace").decode("utf-8")


def tries_study(desk: Desk, text: str) -> None:
    write_study(desk.folder, text)
    try:
        code, said = desk.tries("validate", "study=lights", "--quiet")
        assert code in VALIDATES, (code, said)
    finally:
        write_study(desk.folder)


@pytest.mark.promise("law-no-traceback")
@fuzzed(15, mutated_studies())
def test_a_study_s_file_with_anything_in_it_is_read_or_refused(desk: Desk, text: str) -> None:
    tries_study(desk, text)


@pytest.mark.promise("law-no-traceback")
@pytest.mark.parametrize(
    "text", ["\x00id: lights\n", "id: 'lights\x07'\n", "id: [\n", "\ufeff\ufeff- &a *a\n", "? - ?", "%YAML 9.9\n"]
)
def test_a_study_s_file_that_no_yaml_reader_reads_is_named(desk: Desk, text: str) -> None:
    write_study(desk.folder, text)
    try:
        code, said = desk.tries("validate", "study=lights", "--quiet")
    finally:
        write_study(desk.folder)
    assert code == 2
    assert "Next: " in said


# ---- data

CSV = frame().to_csv(index=False).encode()


@st.composite
def damaged_csv(draw: st.DrawFn) -> bytes:
    """The study's data in which some bytes, cells or lines were changed."""
    content = bytearray(CSV)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(content) - 1))
        kind = draw(st.sampled_from(["flip", "insert", "cut", "truncate", "cell", "line", "swap"]))
        if kind == "flip":
            content[at] ^= draw(st.integers(1, 255))
        elif kind == "insert":
            content[at:at] = draw(st.binary(min_size=1, max_size=6))
        elif kind == "cut":
            del content[at : at + draw(st.integers(1, 400))]
        elif kind == "truncate":
            del content[max(at, 1) :]
        else:
            lines = bytes(content).split(b"\n")
            number = draw(st.integers(0, len(lines) - 1))
            if kind == "cell":
                cells = lines[number].split(b",")
                word = draw(st.sampled_from([*HOSTILE, "1e400", "-inf", "1,5", '"', '""', "NaN", "0x10", "1_000"]))
                cells[draw(st.integers(0, len(cells) - 1))] = word.encode("utf-8", "replace")
                lines[number] = b",".join(cells)
            elif kind == "line":
                lines.insert(number, draw(st.sampled_from([b"", b",", lines[0], lines[-2], b"\xff\xfe", b"\x00"])))
            else:
                lines[number], lines[0] = lines[0], lines[number]
            content = bytearray(b"\n".join(lines))
        content = content or bytearray(b"\n")
    return bytes(content)


def tries_data(desk: Desk, content: bytes) -> None:
    file = desk.folder / "data" / "lights.csv"
    file.write_bytes(content)
    try:
        code, said = desk.tries("validate", "study=lights", "--quiet")
        assert code in VALIDATES, (code, said)
    finally:
        file.write_bytes(CSV)


@pytest.mark.promise("law-no-traceback")
@fuzzed(15, damaged_csv())
def test_a_csv_file_of_any_bytes_is_read_or_refused(desk: Desk, content: bytes) -> None:
    tries_data(desk, content)


# ---- words on the command line

KEYS = st.sampled_from(
    [
        "study", "estimator", "seed", "check", "evidence", "tracking", "city", "language", "data_root",
        "hydra.run.dir",
        "hydra/launcher", "study.id", "study.title", "study.design.level", "study.design.event_window",
        "study.checks",
        "study.data.source.path", "study.data.unit", "study.outcomes.0.mid.value", "study.outcomes",
        "estimator.anticipation",
        "tracking.uri", "study.use", "", "_target_", "study._target_", "hydra.callbacks.x._target_",
        "hydra.job.env_set.A",
    ]
)  # fmt: skip
VALUES = st.one_of(
    st.sampled_from([*HOSTILE, "null", "true", "[]", "{}", "[a,b]", "{a:1}", "a,b", "glob(*)", "range(1,3)",
    "choice(1,2)",
                     "1e-400", "[[[[", "interval(0,1)", "shuffle(1,2)", "'", "two_way_fixed_effects", "imputation"]),
    st.text(max_size=15), st.integers().map(str), st.floats().map(str),
)  # fmt: skip
OVERRIDES = st.one_of(
    st.tuples(st.sampled_from(["", "", "+", "++", "~"]), KEYS, st.sampled_from(["=", "=", "", "@"]), VALUES).map(
        "".join
    ),
    st.text(max_size=25),
    st.sampled_from(HOSTILE),
)


def tries_overrides(desk: Desk, words: list[str]) -> None:
    if any(word.startswith("-") for word in words):
        words = ["--", *words]
    code, said = desk.tries("validate", "study=lights", "--quiet", *words)
    assert code in VALIDATES, (code, said)


@pytest.mark.promise("law-no-traceback")
@fuzzed(25, st.lists(OVERRIDES, min_size=1, max_size=2))
def test_overrides_of_any_kind_are_taken_or_refused(desk: Desk, words: list[str]) -> None:
    tries_overrides(desk, words)


READING = st.sampled_from(
    [
        ["run"], ["run", "-m"], ["validate"], ["list"], ["report"], ["compare"], ["power"], ["plan"], ["plan",
        "diff"],
        ["decide"], ["indicator"], ["equality"], ["sync"], ["completion"], ["rollout"], ["new"], ["new",
        "study"], ["ui"], [],
    ]
)  # fmt: skip
JUNK = st.one_of(
    st.sampled_from(
        [*HOSTILE, "--results", "--out", "--json", "--quiet", "--plugin", "--who", "--port", "-m", "-1", "="]
    ),
    st.text(max_size=15),
).filter(lambda word: word not in ("-h",))


def tries_verb(desk: Desk, verb: list[str], words: list[str]) -> None:
    code, said = desk.tries(*verb, *(f"study=no-such-{word}" if verb == ["rollout"] else word for word in words))
    assert code in CODES, (code, said)


@pytest.mark.promise("law-no-traceback")
@fuzzed(30, READING, st.lists(JUNK, min_size=1, max_size=3))
def test_every_verb_answers_junk_in_words(desk: Desk, verb: list[str], words: list[str]) -> None:
    tries_verb(desk, verb, words)


# ---- names and paths

NAMES = st.one_of(st.sampled_from(HOSTILE), st.text(min_size=1, max_size=12))


@pytest.mark.promise("secure-paths")
@fuzzed(8, NAMES, NAMES)
def test_no_name_of_a_study_or_its_file_leads_out_of_its_folder(desk: Desk, identifier: str, path: str) -> None:
    source = {"kind": "file", "path": path}
    hostile = study(id=identifier, data=study()["data"] | {"source": source})
    tries_study(desk, yaml.safe_dump(hostile, sort_keys=False))


@pytest.mark.calibration
@pytest.mark.parametrize("part", ["study", "data", "overrides", "verb"])
def test_thousands_of_inputs_end_the_same_way(desk: Desk, part: str) -> None:
    tries: dict[str, Callable[..., None]] = {
        "study": given(mutated_studies())(lambda text: tries_study(desk, text)),
        "data": given(damaged_csv())(lambda content: tries_data(desk, content)),
        "overrides": given(st.lists(OVERRIDES, min_size=1, max_size=3))(lambda words: tries_overrides(desk, words)),
        "verb": given(READING, st.lists(JUNK, max_size=4))(lambda verb, words: tries_verb(desk, verb, words)),
    }
    many = settings(
        max_examples=MANY, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    many(tries[part])()


def test_the_documented_exit_codes_are_read_from_the_help() -> None:
    assert {0, 2, 3, 4, 5, 6, 7, 130, 143} == CODES
