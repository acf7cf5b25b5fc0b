"""CSV and parquet files under the data root: read strictly, or refused with file, line and column."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from evalkit.data.schema import Located, check_columns, check_names, convert_text, parse_dates
from evalkit.errors import DataError, closest, quote_names
from evalkit.study.spec import FileSource

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "", codecs.BOM_UTF16_BE: ""}


def read_file(source: FileSource, root: Path, identifiers: Sequence[str] = ()) -> pd.DataFrame:
    """Read a declared file.

    Columns named in `identifiers`, and those declared as ``string``, stay text to the letter. Other columns of a
    CSV file are read as their declared type; undeclared ones as numbers or true/false where every value is one.

    Raises
    ------
    DataError
        A path outside `root`, a missing or damaged file, another number of rows or another SHA-256 than declared, or
        contents that are not what the source declares, with line and column.
    """
    path = resolve(source.path, root)
    content = _bytes(path, source)
    _verify_hash(source, content)
    kind = source.format or ("parquet" if path.suffix in (".parquet", ".pq") else "csv")
    if kind == "parquet":
        frame = _read_parquet(source, content)
        located = Located(source.path, lambda row: f"row {row} (counted from 0)")
        frame = parse_dates(frame, source.columns, located)
    else:
        frame, located = _read_csv(source, content, identifiers)
    if source.rows is not None and len(frame) != source.rows:
        raise DataError(
            f"The file '{source.path}' has {len(frame)} rows; the study declares {source.rows}.",
            next_step="A shorter file was probably cut off in transfer: fetch it again. If the data have changed, "
            "declare the new number as data.source.rows.",
        )
    check_columns(frame, source.columns, located)
    return frame


def resolve(path: str, root: Path) -> Path:
    """Absolute path of a file that lies under the root, symbolic links followed.

    Raises
    ------
    DataError
        The path leads out of the root, or to no file.
    """
    base = root.resolve()
    if not base.is_dir():
        raise DataError(f"The data root '{root}' is no folder.", next_step="Check data_root.")
    full = (base / path).resolve()
    if not full.is_relative_to(base):
        raise DataError(
            f"The file '{path}' lies outside the data root.",
            allowed="paths under the data root, after symbolic links are followed",
            next_step="Move the file there, or set data_root to the folder that holds it.",
        )
    if not full.is_file():
        beside = [entry.name for entry in full.parent.iterdir()] if full.parent.is_dir() else []
        near = None if full.is_dir() else closest(full.name, beside)
        raise DataError(
            f"'{path}' is a folder, not a file."
            if full.is_dir()
            else f"The file '{path}' does not exist under the data root.",
            next_step=f"Did you mean '{near}'?" if near else "Check data.source.path and data_root.",
        )
    return full


def _bytes(path: Path, source: FileSource) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"The file '{source.path}' cannot be read: {error.strerror or error}.",
            next_step="Check that this account may read it.",
        ) from None


def _verify_hash(source: FileSource, content: bytes) -> None:
    if source.sha256 is None:
        return
    found = hashlib.sha256(content).hexdigest()
    if found != source.sha256:
        raise DataError(
            f"The file '{source.path}' is not the declared one: its SHA-256 is {found}.",
            allowed=source.sha256,
            next_step="Fetch the file again; if the data were updated on purpose, declare the new hash as "
            "data.source.sha256.",
        )


def _read_parquet(source: FileSource, content: bytes) -> pd.DataFrame:
    """Read parquet with page checksums verified: without them a flipped byte is read as data."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(io.BytesIO(content), page_checksum_verification=True)
    except (pa.ArrowException, OSError, EOFError) as error:
        reason = str(error).splitlines()[0][:200]
        raise DataError(
            f"The parquet file '{source.path}' is damaged or no parquet file: {reason}",
            next_step="Fetch the file again, and declare its hash as data.source.sha256.",
        ) from None
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _read_csv(source: FileSource, content: bytes, identifiers: Sequence[str]) -> tuple[pd.DataFrame, Located]:
    import pyarrow as pa
    import pyarrow.csv as pa_csv

    text = decode(source, content)
    header = header_of(source, text)
    declared_text = [column.name for column in source.columns if column.type == "string"]
    check_names(header, source.columns, source.path)
    located = Located(source.path, lambda row: f"line {_line_of(text, source.delimiter, row)}")
    try:
        if text.count('"') % 2:
            raise pa.ArrowInvalid("a quotation mark is not closed")
        table = pa_csv.read_csv(
            io.BytesIO(text.encode("utf-8")),
            parse_options=pa_csv.ParseOptions(delimiter=source.delimiter, newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(
                column_types={name: pa.string() for name in header}, strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        raise _explain_ragged(source, text, len(header), error) from None
    return convert_text(table.to_pandas(), source.columns, {*identifiers, *declared_text}, located), located


def decode(source: FileSource, content: bytes) -> str:
    """Decode as declared, refusing marks, bytes and habits that belong to another encoding."""
    for mark, encoding in _MARKS.items():
        if content.startswith(mark) and source.encoding != encoding:
            raise DataError(
                f"The file '{source.path}' starts with a byte order mark (line 1, column 1), but is declared as "
                f"{source.encoding}.",
                next_step=f"Set data.source.encoding to {encoding}."
                if encoding
                else "The file is UTF-16: save it as UTF-8.",
            )
    if b"\0" in content:
        line = content[: content.index(b"\0")].count(b"\n") + 1
        raise DataError(
            f"The file '{source.path}' holds a zero byte in line {line}: it is damaged, or no text file.",
            next_step="Fetch the file again.",
        )
    try:
        text = content.decode(source.encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        raise DataError(
            f"The file '{source.path}' is not {source.encoding}: byte 0x{content[error.start]:02x} in line {line}, "
            f"character {column}.",
            next_step="Set data.source.encoding to latin-1 or cp1252 if the file comes from an older system.",
        ) from None
    if source.encoding in ("latin-1", "cp1252") and not content.isascii() and _is_utf8(content):
        first = next(position for position, byte in enumerate(content) if byte > 127)
        line = content[:first].count(b"\n") + 1
        raise DataError(
            f"The file '{source.path}' is declared as {source.encoding}, but its accented letters (first in line "
            f"{line}) are UTF-8.",
            next_step="Set data.source.encoding to utf-8.",
        )
    return text


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def header_of(source: FileSource, text: str) -> list[str]:
    """Column names, refusing a header that another delimiter would split."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=source.delimiter)
    header = next(rows, [])
    if not text.strip() or not header:
        raise DataError(f"The file '{source.path}' is empty.", next_step="Fetch the file again.")
    if len(header) == 1:
        other = [mark for mark in _DELIMITERS if mark != source.delimiter and mark in header[0]]
        if other:
            raise DataError(
                f"Line 1 of '{source.path}' has one column with the declared delimiter {source.delimiter!r}: "
                f"{header[0][:60]!r}.",
                next_step=f"Set data.source.delimiter to the {_DELIMITERS[other[0]]} ({other[0]!r}).",
            )
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataError(
            f"Line 1 of '{source.path}' names columns more than once: {quote_names(twice)}.",
            next_step="Rename them.",
        )
    return header


def _line_of(text: str, delimiter: str, row: int) -> int:
    """Line of the file in which a row (counted from 0, header excluded, blank lines skipped) ends."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    seen = -2
    while seen < row:
        seen += bool(next(reader))
    return reader.line_num


def _explain_ragged(source: FileSource, text: str, width: int, error: Exception) -> DataError:
    """Find the line whose fields do not fit the header, by a second and slower reading."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=source.delimiter, strict=True)
    what = f"cannot be read: {str(error).splitlines()[0][:200]}"
    try:
        for fields in reader:
            if fields and len(fields) != width:
                what = f"has {len(fields)} fields in line {reader.line_num}, but {width} columns in line 1"
                break
    except csv.Error as problem:
        what = f"cannot be read near line {reader.line_num}: {problem}"
    return DataError(
        f"The file '{source.path}' {what}.",
        allowed="as many fields in each line as the header has",
        next_step="If the file was cut off, fetch it again; fields that hold the delimiter need quotation marks.",
    )
