"""Small changes to text: cut, capital letter, names of fields as words."""

from __future__ import annotations


def clip(text: str, words: int) -> str:
    """Text on one line, cut after `words` words.

    Examples
    --------
    >>> clip("one  two three four", 3), clip("one two", 3)
    ('one two three …', 'one two')
    """
    parts = text.split()
    return " ".join(parts) if len(parts) <= words else " ".join(parts[:words]) + " …"


def first_upper(text: str) -> str:
    """Text with a capital first letter.

    Examples
    --------
    >>> first_upper("more pre-periods")
    'More pre-periods'
    """
    return text[:1].upper() + text[1:]


def readable(name: str) -> str:
    """A field's name as words.

    Examples
    --------
    >>> readable("public_safety")
    'Public safety'
    """
    return first_upper(name.replace("_", " "))
