"""Data and configs never become code: nothing is unpickled, and no formula is evaluated."""

from __future__ import annotations

import ast
import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import evalkit
from evalkit.cli.main import main
from evalkit.config import read_resolved
from evalkit.config.catalogue import read_yaml
from evalkit.errors import ConfigError
from tests.small_study import frame, study, write_data, write_study

PACKAGE = Path(evalkit.__file__).parent
PICKLES = {"pickle", "cPickle", "_pickle", "pickletools", "cloudpickle", "dill", "shelve", "marshal", "skops"}
READS_CODE = {
    "read_pickle", "to_pickle", "allow_pickle", "from_formula", "eval", "exec", "query", "patsy", "formulaic",
    "formula", "dmatrices", "dmatrix", "instantiate", "unsafe_load", "full_load", "UnsafeLoader", "FullLoader",
    "import_string", "__import__",
}  # fmt: skip
"""Packages, functions and settings that run what they are given, or unpickle it."""
LOADERS = {"joblib.load", "joblib.dump", "joblib:load", "joblib:dump", "yaml.load", "yaml.load_all", "torch.load"}
NOT_CALLED = {"query"}
"""Also the name of a key of a SQL source: handing it over is no call."""
ALLOWED = {"config/catalogue.py": {"yaml.load"}}
"""It is given PyYAML's safe loader in C, as the test below sees."""


def said(tree: ast.AST) -> Iterator[str]:
    """What a module imports, calls, and hands over: ``a``, ``a:b``, ``call``, ``object.call``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}:{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call):
            function, name = node.func, ""
            if isinstance(function, ast.Attribute):
                name = function.attr
                if isinstance(function.value, ast.Name):
                    yield f"{function.value.id}.{name}"
            elif isinstance(function, ast.Name):
                name = function.id
            yield name
            yield from (word.arg for word in node.keywords if word.arg and word.arg not in NOT_CALLED)
            if name in ("import_module", "find_spec"):
                yield from (str(word.value) for word in node.args if isinstance(word, ast.Constant))


def broken(words: Iterator[str]) -> set[str]:
    """Words that unpickle, or run what they read."""
    found = set(words)
    parts = {word: set(re.split(r"[:.]", word)) for word in found}
    return {word for word in found if word in LOADERS or parts[word] & (PICKLES | READS_CODE)}


@functools.cache
def the_package() -> dict[str, set[str]]:
    """Module of the package to what it says that would break a promise."""
    files = sorted(PACKAGE.rglob("*.py"))
    found = {str(path.relative_to(PACKAGE)): broken(said(ast.parse(path.read_text("utf-8")))) for path in files}
    assert len(found) > 300
    return {path: words for path, words in found.items() if words}


@pytest.mark.promise("secure-pickle", "trap-04")
def test_no_module_unpickles_or_runs_what_it_reads() -> None:
    assert the_package() == ALLOWED


@pytest.mark.promise("secure-pickle")
def test_a_tag_of_yaml_that_names_code_is_refused_wherever_yaml_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_study(tmp_path, "title: !!python/object/apply:os.system ['touch pwned']\n")
    file = tmp_path / "configs" / "study" / "lights.yaml"
    with pytest.raises(ConfigError, match=r"python/object/apply:os\.system"):
        read_yaml(file)
    with pytest.raises(ConfigError, match=r"python/object/apply:os\.system"):
        read_resolved(file)
    assert main(["validate", "study=lights", "--quiet"]) == 2
    assert "python/object/apply:os.system" in capsys.readouterr().err
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize(
    "line",
    [
        "import pickle", "from pandas import read_pickle as r", "pd.read_pickle(p)", "np.load(p, allow_pickle=True)",
        "PanelOLS.from_formula(f, d)", "frame.eval('@pd')", "frame.query('x > 1')", "eval(text)", "joblib.load(p)",
        "hydra.utils.instantiate(c)", "importlib.import_module('cloudpickle')", "from hydra.utils import instantiate",
    ],
)  # fmt: skip
def test_each_way_to_break_the_promise_is_seen(line: str) -> None:
    assert broken(said(ast.parse(line)))


@pytest.mark.promise("trap-04")
@pytest.mark.parametrize(
    "name",
    [
        "I(__import__('os').system('touch pwned'))", "@pd.io.common.os.system('touch pwned')", "C(place)",
        "$(touch pwned)",
    ],
)  # fmt: skip
def test_a_column_whose_name_is_a_formula_is_a_column(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(write_study(tmp_path, study(data=study()["data"] | {"covariates": [name]})))
    write_data(tmp_path)
    assert main(["validate", "study=lights", "--json", "--quiet"]) in (2, 3)
    error = json.loads(capsys.readouterr().err)["error"]
    assert name in error["what"], "named as a column that is not there"
    size = (frame()["year"] - 2010) * frame()["place"].str[-1].astype(int)
    write_data(tmp_path, frame().assign(**{name: size}))
    assert main(["validate", "study=lights", "--json", "--quiet"]) == 0
    assert not list(tmp_path.rglob("pwned"))
