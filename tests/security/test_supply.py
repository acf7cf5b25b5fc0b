"""The locked dependencies: all listed, all with a licence that may be used, all in the bill of materials."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.supply import licences as read
from tests.supply.licences import BY_HAND, NAMED, PAGE, may_be_used
from tests.supply.lock import LOCKS, ROOT, locked
from tests.supply.materials import as_json, bill

PACKAGES = locked()
ROW = re.compile(r"^\| (?P<name>[a-z0-9.-]+) \| (?P<versions>[^|]+) \| (?P<licence>[^|]+) \|$", flags=re.MULTILINE)
LISTED = {row["name"]: row for row in ROW.finditer(PAGE.read_text("utf-8").partition("\n## ")[2])}


def pins() -> set[tuple[str, str]]:
    """What the locks pin, read in another way than `tests.supply.lock` does."""
    lines = [line for lock in LOCKS for line in (ROOT / lock).read_text("utf-8").splitlines() if re.match(r"\w", line)]
    pairs = [line.partition("==")[::2] for line in lines]
    return {(name.partition("[")[0].lower(), rest.split()[0]) for name, rest in pairs}


@pytest.mark.promise("secure-licences")
def test_every_locked_dependency_is_listed_with_a_licence_that_may_be_used() -> None:
    assert {(each.name, each.version) for each in PACKAGES} == pins()
    assert {(name, version) for name, row in LISTED.items() for version in row["versions"].split(", ")} == pins()
    refused = {name: row["licence"] for name, row in LISTED.items() if not may_be_used(name, row["licence"])}
    assert refused == {}
    assert {name: LISTED[name]["licence"] for name in NAMED} == {name: licence for name, (licence, _) in NAMED.items()}


@pytest.mark.promise("secure-licences")
def test_the_list_says_what_the_installed_packages_say() -> None:
    stated = {name: read.licence_of(name) for name in LISTED if name not in BY_HAND}
    installed = {name: licence for name, licence in stated.items() if licence is not None}
    assert len(installed) > len(LISTED) * 0.9, "nearly all are installed where the tests run"
    assert {name: LISTED[name]["licence"] for name in installed} == installed


def test_the_page_is_the_one_that_the_locks_give() -> None:
    missing = {each.name for each in PACKAGES if read.licence_of(each.name) is None and each.name not in BY_HAND}
    if missing:
        pytest.skip(f"not installed under this Python: {', '.join(sorted(missing))}")
    assert PAGE.read_text("utf-8") == read.page(PACKAGES), "python -m tests.supply.licences writes it"


@pytest.mark.parametrize("licence", ["GPL-3.0-only", "AGPL-3.0-or-later", "MIT AND SSPL-1.0", "LicenseRef-Proprietary"])
def test_a_licence_on_no_list_is_refused(licence: str) -> None:
    assert not may_be_used("psycopg", licence)


def test_what_an_installation_holds_is_told_from_what_developers_use() -> None:
    use = {each.name: each.use for each in PACKAGES}
    assert [use[name] for name in ("mlflow", "flask", "psycopg", "flask-wtf", "causalpy", "pytest", "mkdocs")] == [
        "program", "program", "server", "server", "data", "development", "development",
    ]  # fmt: skip
    assert "LGPL" not in "".join(LISTED[name]["licence"] for name in use if use[name] == "program" and name != "cons")


@pytest.mark.promise("secure-materials")
def test_the_bill_of_materials_is_valid_and_lists_every_dependency_as_it_is_locked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    text = as_json(bill())
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    found = json.loads(text)
    assert {(part["name"], part["version"]) for part in found["components"]} == pins()
    assert all(part["licenses"] for part in found["components"])
    refs = {part["bom-ref"] for part in found["components"]} | {"evalkit"}
    assert {node["ref"] for node in found["dependencies"]} == refs
    asked = {child for node in found["dependencies"] for child in node.get("dependsOn", ())}
    assert asked == refs - {"evalkit"}, "somebody asks for each of them"
    assert text == as_json(bill())


@pytest.mark.promise("secure-audit")
def test_the_audit_asks_about_every_locked_dependency_of_this_machine(tmp_path: Path) -> None:
    """A dry run: what `make audit` would ask a service of known weaknesses about, without a network."""
    command = re.search(r"^\t@(.*pip_audit.*)$", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE)
    assert command is not None
    words = command[1].replace("$(BIN)/python", sys.executable).replace(" $(ARGS)", " --dry-run").split()
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    asked = re.search(r"audited (\d+) packages", done.stdout + done.stderr)
    assert asked is not None, done.stderr
    here = {name for name, _ in pins()}
    assert int(asked[1]) >= 0.9 * len(here), "all but what other systems and other Pythons install"
