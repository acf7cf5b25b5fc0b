"""Look at a file of data: its format, a sample of its rows, and then what a study must say of it."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pandas as pd

from evalkit.data.files import read_file
from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, DataError
from evalkit.power.history import blind, limits_of
from evalkit.study.spec import ColumnSchema, FileSource
from evalkit.vocabulary import OutcomeFamily
from evalkit.workspace.words import worded

SAMPLE_ROWS: Final = 50_000
SAMPLE_BYTES: Final = 4_000_000
Encoding = Literal["utf-8", "utf-8-sig", "latin-1", "cp1252"]
_DELIMITERS: Final = (",", ";", "\t", "|")


@dataclass(frozen=True, slots=True)
class Format:
    """How a file is written."""

    kind: Literal["csv", "parquet"]
    encoding: Encoding = "utf-8"
    delimiter: str = ","


@dataclass(frozen=True, slots=True)
class Facts:
    """What a study must say of its data, outcomes after the first start unseen.

    Attributes
    ----------
    rows
        Of the file.
    sha256
        Of the file.
    panel
        The panel, its outcomes after each unit's start set missing.
    starts
        First treated period, as text, to the units that start then.
    missing
        Share of all pairs of unit and period without an outcome.
    family
        What the outcome looks like before the first start.
    """

    rows: int
    sha256: str
    panel: Panel
    starts: Mapping[str, int]
    missing: float
    family: OutcomeFamily

    @property
    def treated(self) -> int:
        """Units that start within the window."""
        return sum(self.starts.values())

    @property
    def never(self) -> int:
        """Units that do not."""
        return int(self.panel.never_treated.sum())

    @property
    def always(self) -> int:
        """Units treated from the first period on."""
        return int(self.panel.always_treated.sum())

    @property
    def before(self) -> int:
        """Periods before the start of the cohort that has most."""
        return max((int((self.panel.time < start).sum()) for start in self.panel.cohorts), default=0)

    @property
    def after(self) -> int:
        """Periods from the start on, of the cohort that has most."""
        return max((int((self.panel.time >= start).sum()) for start in self.panel.cohorts), default=0)


def find_format(path: Path) -> Format:
    """Read the format off the name and the first bytes.

    Raises
    ------
    ConfigError
        If there is no such file.
    DataError
        If it is no table.
    """
    if not path.is_file():
        raise ConfigError(worded("no_file", path=path), next_step=worded("no_file_next"))
    if path.suffix.lower() in (".parquet", ".pq"):
        return Format("parquet")
    with path.open("rb") as file:
        head = file.read(SAMPLE_BYTES)
    if b"\0" in head:
        raise DataError(worded("not_text", path=path, reason="it holds zero bytes."), next_step=worded("not_text_next"))
    encoding: Encoding = "utf-8-sig" if head.startswith(b"\xef\xbb\xbf") else "utf-8"
    try:
        head.decode(encoding)
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # not merely a letter cut in two at the end of what was read
            encoding = "cp1252" if any(0x80 <= byte <= 0x9F for byte in head) else "latin-1"
    first = head.decode(encoding, errors="replace").split("\n", 1)[0]
    counts = {mark: len(next(csv.reader([first], delimiter=mark), [])) for mark in _DELIMITERS}
    return Format("csv", encoding, max(_DELIMITERS, key=lambda mark: counts[mark]))


def read_sample(path: Path, how: Format) -> pd.DataFrame:
    """The first rows, all cells as they are written.

    Raises
    ------
    DataError
        If they cannot be read.
    """
    try:
        if how.kind == "parquet":
            import pyarrow.parquet as pq

            with pq.ParquetFile(path) as file:
                batch = next(file.iter_batches(batch_size=SAMPLE_ROWS), None)
            sample: pd.DataFrame = pd.DataFrame() if batch is None else batch.to_pandas()
        else:
            sample = pd.read_csv(
                path, sep=how.delimiter, encoding=how.encoding, dtype="str", keep_default_na=False, nrows=SAMPLE_ROWS
            )
    except (ValueError, OSError) as error:  # broken tables of pandas and of pyarrow are among these
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataError(worded("not_text", path=path, reason=reason), next_step=worded("not_text_next")) from None
    if len(sample.columns) < 3 or sample.empty:
        named = ", ".join(map(str, sample.columns)) or "none"
        raise DataError(worded("few_columns", path=path, names=named), next_step=worded("few_columns_next"))
    return sample


def gather(
    path: str, root: Path, how: Format, *, unit: str, period: str, cohort: str | None, treated: str | None,
    never: int | None, outcome: str, dates: tuple[str, ...],
) -> Facts:  # fmt: skip
    """Read the file as the study will, and count.

    Parameters
    ----------
    path, root
        Of the file, below the folder that studies look for data in.
    how
        From :func:`find_format`.
    unit, period, cohort, treated, never, outcome
        As in a study's data; one of `cohort` and `treated`.
    dates
        Columns to be declared as dates.

    Raises
    ------
    DataError, DesignRefused, ConfigError
        As the study itself would.
    """
    source = FileSource(
        kind="file", path=path, format=how.kind, encoding=how.encoding, delimiter=how.delimiter,
        columns=tuple(ColumnSchema(name=name, type="date", nullable=name != period) for name in dates),
    )  # fmt: skip
    frame = read_file(source, root, (unit,) if unit != period else ())
    panel = Panel.from_frame(
        frame, unit=unit, period=period, outcome=outcome, cohort=cohort, treated=treated, never=never
    )
    missing = float(1.0 - panel.observed.mean())
    limits = limits_of(panel, 0, before_start=True)
    unseen = blind(panel, limits)
    starts = {panel.calendar.text(int(cohort)): int((panel.first_treated == cohort).sum()) for cohort in panel.cohorts}
    sha256 = hashlib.sha256((root / path).read_bytes()).hexdigest()
    return Facts(len(frame), sha256, unseen, starts, missing, _family(unseen))


def _family(panel: Panel) -> OutcomeFamily:
    """What the outcome looks like before anybody started."""
    values = panel.outcome[panel.observed]
    if len(values) == 0 or (values < 0).any():
        return "continuous"
    if (values <= 1).all():
        return "proportion"
    return "count" if bool(np.all(values == np.rint(values))) else "continuous"
