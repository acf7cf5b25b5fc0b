"""The licence of every locked dependency, read from what is installed, and whether it may be used.

``python -m tests.supply.licences`` writes docs/licences.md.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from tests.supply.lock import ROOT, Locked, Use, locked

PAGE: Final = ROOT / "docs" / "licences.md"

PERMITTED: Final = frozenset(
    {
        "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT",
        "MIT-0", "MIT-CMU", "NCSA", "PSF-2.0", "ZPL-2.1", "Zlib",
    }
)  # fmt: skip
"""Licences that ask for nothing but their text to be kept: any dependency may have one of them."""

NAMED: Final = {
    "certifi": ("MPL-2.0", "A list of certificates, used as it is; the MPL binds changes of its own files only."),
    "cons": ("LGPL-3.0-only", "Imported by PyTensor, unchanged and replaceable, as the LGPL asks."),
    "hypothesis": ("MPL-2.0", "Tests only; the MPL binds changes of its own files only."),
    "pathspec": ("MPL-2.0", "Tools only; the MPL binds changes of its own files only."),
    "psycopg": (
        "LGPL-3.0-only",
        "The optional driver of PostgreSQL: unchanged and replaceable, as the LGPL asks.",
    ),
    "psycopg-binary": ("LGPL-3.0-only", "The same driver, compiled."),
    "yattag": ("LGPL-2.1-only", "Tests only: comes with Cosmic Ray, whose web pages need it; never imported here."),
}
"""Package to its licence, which asks for more, and why it may be used all the same; others may not have it."""

BY_HAND: Final = {
    "antlr4-python3-runtime": "BSD-3-Clause",  # its metadata say BSD; LICENSE.txt of antlr4 has three clauses
    "msgspec": "BSD-3-Clause",  # of Python 3.12 and 3.13; LICENSE in its repository
    "pywin32": "PSF-2.0",  # Windows only; classifier in its metadata
    "yattag": "LGPL-2.1-only",  # its classifier says LGPL, its repository which
    "waitress": "ZPL-2.1",  # Windows only; classifier in its metadata
}
"""Licences that no installed file tells, as the projects state them."""

_STATED: Final = {
    "3-clause bsd license": "BSD-3-Clause", "bsd 3-clause license": "BSD-3-Clause", "bsd-3-clause": "BSD-3-Clause",
    "2-clause bsd": "BSD-2-Clause", "bsd 2-clause license": "BSD-2-Clause", "bsd-2-clause": "BSD-2-Clause",
    "apache": "Apache-2.0", "apache 2.0": "Apache-2.0", "apache-2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0", "apache software license": "Apache-2.0",
    "mit": "MIT", "mit license": "MIT", "isc": "ISC", "mpl-2.0": "MPL-2.0",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0", "psf-2.0": "PSF-2.0",
    "python software foundation license": "PSF-2.0",
}  # fmt: skip
"""What a field or classifier says, in small letters, to its SPDX name; "BSD" alone does not say which."""

_TEXTS: Final = (
    (r"gnu lesser general public license\s+version 3", "LGPL-3.0-only"),
    (r"gnu (affero )?general public license", "GPL"),
    (r"mozilla public license,? version 2\.0", "MPL-2.0"),
    (r"apache license\s+version 2\.0", "Apache-2.0"),
    (r"permission is hereby granted, free of charge", "MIT"),
    (r"redistributions of source code.*(neither the name|names? of .{0,80}may not be used)", "BSD-3-Clause"),
    (r"redistributions of source code", "BSD-2-Clause"),
    (r"python software foundation license version 2|matplotlib development team", "PSF-2.0"),
)
"""Words of a licence's text to its SPDX name. Those furthest up count: below may stand what a wheel bundles."""


@functools.cache
def licence_of(name: str) -> str | None:
    """SPDX expression of an installed package; None where it is not installed or does not say.

    Its own SPDX expression counts first, then its field, the text that it ships, its classifiers.

    Examples
    --------
    >>> licence_of("markupsafe"), licence_of("no-such-package")
    ('BSD-3-Clause', None)
    """
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None
    said: Any = distribution.metadata  # its stubs do not know `get`
    if expression := said.get("License-Expression"):
        return str(expression)
    if stated := _STATED.get(str(said.get("License") or "").strip().lower()):
        return stated
    texts = [str(said.get("License") or ""), *_texts(distribution)]
    for text in texts:
        flat = re.sub(r"\s+", " ", text.lower())
        fits = [(match.start(), licence) for pattern, licence in _TEXTS if (match := re.search(pattern, flat))]
        if fits:
            return min(fits, key=lambda fit: fit[0])[1]
    for classifier in said.get_all("Classifier") or ():
        if classifier.startswith("License") and (licence := _STATED.get(classifier.rpartition(" :: ")[2].lower())):
            return licence
    return None


def _texts(distribution: metadata.Distribution) -> list[str]:
    """Texts of the licences that a package ships beside its metadata."""
    files = [file for file in distribution.files or () if ".dist-info" in str(file.parent)]
    named = [file for file in files if re.match(r"(licen[cs]e|copying)", file.name, flags=re.IGNORECASE)]
    paths = sorted(str(file.locate()) for file in named)
    return [Path(path).read_text(encoding="utf-8", errors="replace") for path in paths]


def may_be_used(name: str, licence: str) -> bool:
    """Whether a package may be a dependency: by its licence, or by its name and its licence.

    Examples
    --------
    >>> may_be_used("any", "MIT OR GPL-3.0-only"), may_be_used("any", "MIT AND GPL-3.0-only")
    (True, False)
    >>> may_be_used("psycopg", "LGPL-3.0-only"), may_be_used("another", "LGPL-3.0-only")
    (True, False)
    """
    licensing = _licensing()

    def permitted(node: Any) -> bool:
        if isinstance(node, licensing.OR):
            return any(permitted(part) for part in node.args)
        if isinstance(node, licensing.AND):
            return all(permitted(part) for part in node.args)
        return str(node) in PERMITTED

    return NAMED.get(name, ("", ""))[0] == licence or permitted(licensing.parse(licence))


@functools.cache
def _licensing() -> Any:
    """The names of all licences take a second to read."""
    from license_expression import get_spdx_licensing

    return get_spdx_licensing()


def licences(packages: Sequence[Locked]) -> dict[str, str]:
    """SPDX expression of each locked package.

    Raises
    ------
    LookupError
        Naming those whose licence is not known: to be looked up and written into BY_HAND.
    """
    found = {package.name: licence_of(package.name) or BY_HAND.get(package.name) for package in packages}
    if missing := sorted(name for name, licence in found.items() if licence is None):
        raise LookupError(f"No licence is known of {', '.join(missing)}.")
    return {name: licence for name, licence in found.items() if licence is not None}


USES: Final[dict[Use, str]] = {
    "program": "Every installation has these.",
    "server": "The extra `server`: PostgreSQL, and accounts on a team's server.",
    "data": "Installed beside the others by `make setup`, for the data sets that it ships.",
    "development": "Tests, docs and tools; no installation of the program has these.",
}
HEAD: Final = """\
# Licences

evalkit itself is under the [Apache License 2.0](../LICENSE). Below stands each dependency of `requirements.lock`
and `requirements-data.lock` with its licence as an [SPDX](https://spdx.org/licenses/) expression, taken from the
package's own metadata or the text that it ships. A wheel may bundle compiled libraries under licences of their own;
they are in its `.dist-info`. `make licences` writes this page; a test compares it with the locks and refuses a licence
that is not on the list in `tests/supply/licences.py`. `make sbom` writes the same as a bill of materials (CycloneDX).

Licences that ask for more than to keep their text:

| Package | Licence | Why it may be used |
|---|---|---|
"""


def page(packages: Sequence[Locked]) -> str:
    """The page as Markdown."""
    known = licences(packages)
    lines = [HEAD + "\n".join(f"| {name} | {licence} | {why} |" for name, (licence, why) in sorted(NAMED.items())), ""]
    for use, meaning in USES.items():
        lines += [f"## {use.capitalize()}", "", meaning, "", "| Package | Version | Licence |", "|---|---|---|"]
        mine: dict[str, list[str]] = {}
        for package in packages:
            if package.use == use:
                mine.setdefault(package.name, []).append(package.version)
        lines += [f"| {name} | {', '.join(versions)} | {known[name]} |" for name, versions in mine.items()]
        lines.append("")
    return "\n".join(lines)


def main() -> int:
    """Write the page."""
    packages = locked()
    PAGE.write_text(page(packages), encoding="utf-8")
    refused = [f"{name} ({licence})" for name, licence in licences(packages).items() if not may_be_used(name, licence)]
    if refused:
        sys.stderr.write(f"These licences are on no list: {', '.join(refused)}\n")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
