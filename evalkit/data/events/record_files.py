"""Files of records: every one looked at before any is read, and read as what it was declared to be."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from evalkit.data.events.engine import Engine, name, text
from evalkit.data.events.parquet_pages import verify
from evalkit.data.events.records import Kind, Part, Records, kind_of, require_used, used
from evalkit.data.files import decode, header_of, resolve
from evalkit.errors import ConfigError, DataError, quote_names
from evalkit.study.events import EventsSource
from evalkit.study.spec import FileSource

_HEAD: Final = 1 << 16
"""Bytes of a text file that are looked at before it is read."""
_BLOCK: Final = 1 << 22
_PATTERN: Final = frozenset("*?[")


def open_files(engine: Engine, source: EventsSource, root: Path) -> Records:
    """Find the files of a source, hold them against what is declared, and make them readable to the engine.

    Raises
    ------
    ConfigError
        A column that the study names and the files lack.
    DataError
        No file, a file outside the root, another hash than declared, files that differ in their columns, damaged
        pages, another encoding or delimiter than declared.
    """
    files = _found(str(source.path), root)
    _verify_hashes(source, files)
    kind = source.format or ("parquet" if _is_parquet(files) else "csv")
    return _parquet(engine, source, files) if kind == "parquet" else _csv(engine, source, files)


def _found(pattern: str, root: Path) -> dict[str, Path]:
    """Files by their path under the root, sorted; symbolic links are followed and must stay inside."""
    if not _PATTERN & set(pattern):
        return {pattern: resolve(pattern, root)}
    if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
        raise DataError(
            f"The pattern '{pattern}' leads out of the data root.",
            allowed="patterns under the data root",
            next_step="Set data_root to the folder that holds the files.",
        )
    base = root.resolve()
    names = sorted(str(path.relative_to(base)) for path in base.glob(pattern) if not path.is_dir())
    if not names:
        raise DataError(
            f"No file under the data root matches '{pattern}'.", next_step="Check data.source.path and data_root."
        )
    return {each: resolve(each, root) for each in names}


def _is_parquet(files: Mapping[str, Path]) -> bool:
    endings = {path.suffix.lower() in (".parquet", ".pq") for path in files.values()}
    if len(endings) > 1:
        raise DataError(
            f"The files are of more than one format: {quote_names(files)}.",
            next_step="Narrow data.source.path to one format.",
        )
    return endings.pop()


def _verify_hashes(source: EventsSource, files: Mapping[str, Path]) -> None:
    unknown = sorted(set(source.sha256) - set(files))
    if unknown:
        raise ConfigError(
            f"data.source.sha256 names '{unknown[0]}', which is none of the files.",
            allowed=quote_names(files, limit=20),
        )
    for shown, declared in source.sha256.items():
        with files[shown].open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != declared:
            raise DataError(
                f"The file '{shown}' is not the declared one: its SHA-256 is {found}.",
                allowed=declared,
                next_step="Fetch it again; if it was updated on purpose, declare the new hash.",
            )


def _parquet(engine: Engine, source: EventsSource, files: Mapping[str, Path]) -> Records:
    import pyarrow as pa
    import pyarrow.parquet as pq

    wanted = used(source)
    kinds: dict[str, dict[str, str]] = {}
    without = 0
    for shown, path in files.items():
        try:
            with pq.ParquetFile(path) as opened:
                metadata, names = opened.metadata, opened.schema_arrow.names
        except (pa.ArrowException, OSError, EOFError) as error:
            raise DataError(
                f"The parquet file '{shown}' is damaged or no parquet file: {str(error).splitlines()[0][:200]}",
                next_step="Fetch the file again, and declare its hash under data.source.sha256.",
            ) from None
        require_used(names, wanted, shown)
        without += verify(path, shown, wanted, metadata).without
        kinds[shown] = _described(engine, f"read_parquet({text(str(path))})")
    columns = _agreed(kinds, wanted)
    parts = tuple(
        Part(shown, f"read_parquet({text(str(path))}, file_row_number = true)") for shown, path in files.items()
    )
    listed = ", ".join(text(str(path)) for path in files.values())
    return Records(f"read_parquet([{listed}])", parts, columns, True, pages_without_checksum=without)


def _described(engine: Engine, scan: str) -> dict[str, str]:
    return {row[0]: row[1] for row in engine.rows(f"DESCRIBE SELECT * FROM {scan}")}


def _agreed(kinds: Mapping[str, Mapping[str, str]], wanted: tuple[str, ...]) -> dict[str, Kind]:
    """The kind of each column, the same in all files."""
    first = next(iter(kinds))
    agreed: dict[str, Kind] = {}
    for column in wanted:
        for shown, found in kinds.items():
            kind = kind_of(found[column])
            if kind is None:
                raise DataError(
                    f"The column '{column}' of '{shown}' is of type {found[column]}, which is no single value.",
                    allowed="text, numbers, dates, timestamps, true/false",
                )
            if kind != agreed.setdefault(column, kind):
                raise DataError(
                    f"The files differ: the column '{column}' is {kinds[first][column]} in '{first}' and "
                    f"{found[column]} in '{shown}'.",
                    allowed="one type for a column in all files",
                    next_step="Write the files alike, or narrow data.source.path and say in the protocol why.",
                )
    return agreed


def _csv(engine: Engine, source: EventsSource, files: Mapping[str, Path]) -> Records:
    wanted = used(source)
    parts: list[Part] = []
    headers: dict[str, list[str]] = {}
    cut_off: list[str] = []
    for number, (shown, path) in enumerate(files.items()):
        declared = FileSource(kind="file", path=shown, encoding=source.encoding, delimiter=source.delimiter)
        headers[shown] = header_of(declared, decode(declared, _head(path)))
        require_used(headers[shown], wanted, shown)
        if not _ends_with_a_line(path):
            cut_off.append(shown)
        plain = source.encoding in ("utf-8", "utf-8-sig")
        readable = path if plain else _as_utf8(path, engine.folder / f"{number}.csv", declared)
        parts.append(Part(shown, _read_csv(source, headers[shown], readable)))
    first = next(iter(headers))
    for shown, header in headers.items():
        if header != headers[first]:
            odd = sorted(set(header) ^ set(headers[first])) or ["the order of columns"]
            raise DataError(
                f"The files differ in their first lines: '{first}' and '{shown}' do not share {quote_names(odd)}.",
                allowed="the same columns in the same order in all files",
                next_step="Write the files alike, or narrow data.source.path and say in the protocol why.",
            )
    chosen = ", ".join(name(column) for column in wanted)
    together = " UNION ALL ".join(f"SELECT {chosen} FROM {part.scan}" for part in parts)
    copy = text(str(engine.folder / "records.parquet"))  # text is read once, however many questions are asked of it
    engine.run(f"COPY ({together}) TO {copy} (FORMAT parquet)")
    return Records(f"read_parquet({copy})", tuple(parts), dict.fromkeys(wanted, "text"), cut_off=tuple(cut_off))


def _head(path: Path) -> bytes:
    """The first lines, whole ones, so that no letter of several bytes is cut."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    whole = head.rfind(b"\n")
    return head if len(head) < _HEAD or whole < 0 else head[: whole + 1]


def _ends_with_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)  # an empty file was refused with its header
        return file.read(1) in (b"\n", b"\r")


def _as_utf8(path: Path, copy: Path, declared: FileSource) -> Path:
    """A copy in the engine's encoding, block by block."""
    decoder: Any = codecs.getincrementaldecoder(declared.encoding)()
    with path.open("rb") as file, copy.open("w", encoding="utf-8", newline="") as out:
        while block := file.read(_BLOCK):
            try:
                out.write(decoder.decode(block))
            except UnicodeDecodeError as error:
                raise DataError(
                    f"The file '{declared.path}' is not {declared.encoding}: byte 0x{block[error.start]:02x}.",
                    next_step="Set data.source.encoding to the encoding of the system that wrote it.",
                ) from None
    return copy


def _read_csv(source: EventsSource, header: list[str], path: Path) -> str:
    """Every column as text, empty cells as missing; nothing is guessed and no line is skipped."""
    columns = ", ".join(f"{text(column)}: 'VARCHAR'" for column in header)
    return (
        f"read_csv({text(str(path))}, auto_detect = false, header = true, delim = {text(source.delimiter)}, "
        f"quote = '\"', escape = '\"', columns = {{{columns}}}, strict_mode = true, ignore_errors = false, "
        f"null_padding = false, max_line_size = 16777216)"
    )
