"""A fingerprint of data: one line that changes when any cell does, and only then.

What counts is the set of rows, as values. So the fingerprint is the same for another order of rows or columns,
for int32 and int64, for 3 and 3.0, for categories and the text they stand for, for a date and its ISO text
("2004-05-01"), and for a whole number and its plain digits as text ("17", up to 15 digits; but "007" is not 7).
A float32 counts as the float64 of exactly the same value, so 0.1 stored in 32 bits is another number than 0.1 in
64 bits, also after a CSV file has written both as 0.1. Empty text and missing values are one thing, because a CSV
file cannot tell them apart. Column names count; so does every row.

How: each cell gives two 64-bit words (numbers by a bijective mixer of their bits, text by two differently keyed
SipHash values), a row mixes its cells' words in the order of the column names, both lists of row words are sorted,
and SHA-256 is taken over them with the names and the number of rows. Two different tables collide by accident with
probability near 2^-128 a row changed. The mixer has no secret: somebody who wants a collision can construct one, so
the fingerprint shows accidents and updates, and a file's own SHA-256 is what guards against tampering. With a key,
HMAC-SHA-256 replaces the last step: without the key nobody can test a guess about restricted data.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from evalkit.errors import DataError

Words = npt.NDArray[np.uint64]

VERSION = "1"
_LANES = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))
"""One odd constant a lane (of splitmix64 and xxHash64): the two words of a row differ in nothing else."""
_TEXT_KEYS = ("evalkit-lane-one", "evalkit-lane-two")
_MISSING = np.uint64(0x7FF8_0000_0000_0001)
_WHOLE_DIGITS = r"-?[1-9]\d{0,14}|0"
_NUMBERS_AS_OBJECTS = ("decimal", "floating", "mixed-integer-float", "boolean")
_EXACT = 2**53
"""Up to here every whole number is a float64, so integers and floats share one form."""
_BLOCK = 1 << 18
"""Rows mixed at a time: temporaries stay in the cache."""


def fingerprint(df: pd.DataFrame, *, key: bytes | None = None) -> str:
    """Fingerprint of all rows and columns of a frame.

    Parameters
    ----------
    df
        The data, which are only read. The index does not count.
    key
        For restricted data: a secret of 16 bytes or more, kept away from the results.

    Returns
    -------
    str
        ``"sha256:..."``, or ``"hmac-sha256:..."`` with a key.

    Raises
    ------
    DataError
        Two columns of one name, cells that are neither number, text nor date, or a key too short.

    Examples
    --------
    >>> df = pd.DataFrame({"city": ["Gary", "NA"], "y": [1, 2]})
    >>> shuffled = df.iloc[::-1][["y", "city"]].astype({"y": "float32", "city": "category"})
    >>> fingerprint(df) == fingerprint(shuffled)
    True
    >>> fingerprint(df) == fingerprint(df.replace({"y": {2: 3}}))
    False
    """
    if key is not None and len(key) < 16:
        raise DataError("The fingerprint's key is shorter than 16 bytes.", next_step="Use 32 random bytes.")
    names = [str(name) for name in df.columns]
    if len(set(names)) < len(names):
        raise DataError("Two columns of the data have the same name.", next_step="Rename one of them.")
    rows = _row_words(df, names)
    digest = hashlib.sha256() if key is None else hmac.new(key, digestmod=hashlib.sha256)
    digest.update(f"evalkit-fingerprint-{VERSION}\n{len(df)}\n".encode())
    for name in sorted(names):
        encoded = name.encode()
        digest.update(len(encoded).to_bytes(8, "little") + encoded)
    for lane in rows:
        lane.sort()
        digest.update(lane.astype("<u8", copy=False).tobytes())
    return f"{'sha256' if key is None else 'hmac-sha256'}:{digest.hexdigest()}"


def _row_words(df: pd.DataFrame, names: list[str]) -> tuple[Words, Words]:
    """(n,) words of each row in both lanes, columns taken in the order of their names."""
    rows = (np.full(len(df), _LANES[0]), np.full(len(df), _LANES[1]))
    for place in sorted(range(len(names)), key=lambda number: names[number]):
        cells = _column_words(df.iloc[:, place], names[place])
        for lane, constant, words in zip(rows, _LANES, cells, strict=True):
            for start in range(0, len(lane), _BLOCK):
                block = slice(start, start + _BLOCK)
                _mix_into(lane[block], words[block], constant)
    return rows


def _mix_into(state: Words, words: Words, constant: np.uint64) -> None:
    """Mix one column's words into the rows' state, in place: state = splitmix64(state * c + word).

    Overflow is the arithmetic modulo 2^64 that the mixer is defined in. With the state given, the map is a
    bijection of the word: two rows that differ in one cell never meet by that cell alone.
    """
    state *= constant
    state += words
    state ^= state >> np.uint64(30)
    state *= np.uint64(0xBF58476D1CE4E5B9)
    state ^= state >> np.uint64(27)
    state *= np.uint64(0x94D049BB133111EB)
    state ^= state >> np.uint64(31)


def _column_words(values: pd.Series[Any], name: str) -> tuple[Words, Words]:
    """Both words of each cell. Numbers give the same word twice: the lanes mix it differently."""
    dtype = values.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "iufb":
        words = _number_words(values.to_numpy())
        return words, words
    if isinstance(dtype, np.dtype) and dtype.kind in "cm":
        raise _no_value(name, values.iloc[0])
    try:
        codes, distinct = pd.factorize(values, use_na_sentinel=True)
    except TypeError:  # lists and the like have no hash, and no single value
        raise _no_value(name, values.dropna().iloc[0]) from None
    pairs = _distinct_words(pd.Series(distinct), name)
    taken = [np.append(lane, _MISSING)[codes] for lane in pairs]  # code -1, missing, is the last one
    return taken[0], taken[1]


def _number_words(values: npt.NDArray[Any]) -> Words:
    """Bits of the float64 of the same value; of the integer itself beyond 2^53."""
    numbers = values.astype(np.float64)
    numbers += 0.0  # makes -0.0 into 0.0
    words = numbers.view(np.uint64)
    if values.dtype.kind == "f":
        words[np.isnan(numbers)] = _MISSING
    elif values.dtype.itemsize == 8:
        large = np.abs(numbers) >= _EXACT
        if large.any():
            with np.errstate(invalid="ignore"):  # 2^63 as a float64 lies outside int64
                inexact = large & (numbers.astype(values.dtype) != values)
            words[inexact] = values[inexact].astype(np.uint64) ^ _LANES[0]
    return words


def _distinct_words(values: pd.Series[Any], name: str) -> tuple[Words, Words]:
    """Both words of distinct values of a column that is not of a plain numeric type."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.dtype.categories.dtype)
    if pd.api.types.is_object_dtype(values.dtype) and pd.api.types.infer_dtype(values) in _NUMBERS_AS_OBJECTS:
        values = values.astype(np.float64)
    if pd.api.types.is_numeric_dtype(values.dtype):
        kind = np.float64 if pd.api.types.is_float_dtype(values.dtype) else np.int64
        words = _number_words(values.to_numpy(dtype=kind))
        return words, words
    text = np.array([_as_text(value, name) for value in values], dtype=object)
    lanes = [pd.util.hash_array(text, hash_key=key, categorize=False) for key in _TEXT_KEYS]
    whole = pd.Series(text, dtype=object).str.fullmatch(_WHOLE_DIGITS).to_numpy(dtype=np.bool_, na_value=False)
    empty = text == ""
    for lane in lanes:
        lane[whole] = _number_words(text[whole].astype(np.float64))
        lane[empty] = _MISSING
    return lanes[0], lanes[1]


def _as_text(value: object, name: str) -> str:
    """One value as a CSV file would show it."""
    if isinstance(value, str):
        return value
    if isinstance(value, pd.Timestamp) or hasattr(value, "isoformat"):
        moment = pd.Timestamp(cast("Any", value))
        return str(moment.date()) if moment == moment.normalize() else str(moment)
    if isinstance(value, pd.Period | int):
        return str(value)
    raise _no_value(name, value)


def _no_value(name: str, value: object) -> DataError:
    return DataError(
        f"The column '{name}' holds {type(value).__name__} ({str(value)[:40]!r}), which has no fingerprint.",
        allowed="numbers, text, true/false, dates, periods, categories of these",
        next_step="Convert the column, or leave it out of the study's data.",
    )
