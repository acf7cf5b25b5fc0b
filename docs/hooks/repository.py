"""The site shows what the repository holds: files beside `docs/` become pages, and links to them keep working.

Pages are written for a reader of the repository, with links such as ``../GLOSSARY.md``. At build time each linked file
outside `docs/` is added to the site, and links are turned to where the site has it. Nothing is copied into `docs/`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)")
FENCE = re.compile(r"^ *(```|~~~)")
ITEM = re.compile(r"^([-*] |\d+\. )")
BESIDE_DOCS = ("GLOSSARY.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
LISTED = {".py": "python", ".yaml": "yaml", ".yml": "yaml", ".toml": "toml", ".sh": "bash"}
PUBLIC_SUFFIXES = {*LISTED, ".md", ".json", ".csv", ".svg", ".png"}


def site_path(path: str) -> str:
    """Where the site has a file of the repository.

    Examples
    --------
    >>> site_path("docs/power.md"), site_path("GLOSSARY.md"), site_path("evalkit/estimate.py")
    ('power.md', 'repository/GLOSSARY.md', 'repository/evalkit/estimate.py.md')
    >>> site_path("studies/castle_doctrine/protocol.md"), site_path("docs/decisions")
    ('gallery/castle_doctrine/protocol.md', 'decisions/index.md')
    """
    if path == "docs/decisions":
        return "decisions/index.md"
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    study = path.startswith("studies/")
    place = "gallery/" + path.removeprefix("studies/") if study else f"repository/{path}"
    return place + ".md" if Path(path).suffix in LISTED else place


def repository_path(site: str) -> str:
    """The inverse of `site_path` for pages of Markdown.

    Examples
    --------
    >>> repository_path("power.md"), repository_path("gallery/castle_doctrine/protocol.md")
    ('docs/power.md', 'studies/castle_doctrine/protocol.md')
    """
    if site.startswith("repository/"):
        return site.removeprefix("repository/")
    if site.startswith("gallery/") and site.count("/") > 1:
        return "studies/" + site.removeprefix("gallery/")
    return f"docs/{site}"


def linked(text: str, path: str) -> Iterator[str]:
    """Paths in the repository that the text of `path` links to."""
    for target in LINK.findall(text):
        yield posixpath.normpath(posixpath.join(posixpath.dirname(path), target))


def turned(text: str, path: str) -> str:
    """The text with each link turned to where the site has the file."""
    here = posixpath.dirname(site_path(path)) or "."

    def turn(found: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), found[0]))
        return posixpath.relpath(site_path(target), here)

    return LINK.sub(turn, text)


def in_site_markdown(text: str) -> str:
    r"""CommonMark as the site's parser reads it: lists begin after an empty line, what belongs to an item stands 4 in.

    Examples
    --------
    >>> print(in_site_markdown("Do:\n1. this\n\n   ```sh\n   ls\n   ```\n2. that"))
    Do:
    <BLANKLINE>
    1. this
    <BLANKLINE>
        ```sh
        ls
        ```
    2. that
    """
    lines: list[str] = []
    width, fenced = 0, False
    for line in text.splitlines():
        opens = bool(FENCE.match(line))
        if width and line.startswith(" " * width):
            lines.append(" " * (4 - width) + line)
        elif not fenced and (item := ITEM.match(line)):
            if not width and lines and lines[-1].strip():
                lines.append("")
            width = min(len(item[1]), 4)
            lines.append(line)
        else:
            if line.strip() and not fenced and (opens or not (lines and lines[-1].strip())):
                width = 0
            lines.append(line)
        fenced ^= opens
    return "\n".join(lines)


def decisions(folder: Path) -> str:
    """List the decision records by their titles."""
    records = sorted(path for path in folder.glob("*.md") if path.name != "index.md")
    titles = {path.name: path.read_text("utf-8").partition("\n")[0].removeprefix("# ") for path in records}
    return "# Decisions\n\nWhat was chosen, what was rejected, and why.\n\n" + "\n".join(
        f"- [{title}]({name})" for name, title in titles.items()
    )


def _file(path: str, root: Path, config: MkDocsConfig) -> File:
    source = root / path
    if language := LISTED.get(source.suffix):
        content = f"# `{path}`\n\n````{language}\n{source.read_text('utf-8')}\n````\n"
        return File.generated(config, site_path(path), content=content)
    return File.generated(config, site_path(path), abs_src_path=str(source))


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files beside `docs/` that a page links to, and those that they link to."""
    root = Path(config.config_file_path).parent
    files.append(File.generated(config, "decisions/index.md", content=decisions(root / "docs" / "decisions")))
    pages = [f"docs/{file.src_uri}" for file in files.documentation_pages() if file.generated_by is None]
    waiting = [*pages, *BESIDE_DOCS, *(str(path.relative_to(root)) for path in root.glob("studies/*/protocol.md"))]
    waiting += [str(path.relative_to(root)) for path in root.glob("studies/*/data.yaml")]
    seen: set[str] = set()
    while waiting:
        path = waiting.pop()
        if path in seen or not (root / path).is_file() or Path(path).suffix not in PUBLIC_SUFFIXES:
            continue
        seen.add(path)
        if files.get_file_from_path(site_path(path)) is None:
            files.append(_file(path, root, config))
        if path.endswith(".md"):
            waiting += linked((root / path).read_text("utf-8"), path)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn the links of a page that a person wrote."""
    path = repository_path(page.file.src_uri)
    if (Path(config.config_file_path).parent / path).is_file() and path.endswith(".md"):
        markdown = turned(markdown, path)
    return in_site_markdown(markdown)
