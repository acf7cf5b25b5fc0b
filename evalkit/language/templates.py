"""Templates: the English sentence is the key of its translation, and its holes have names."""

from __future__ import annotations

import numbers
import re
import string
from collections.abc import Iterator, Mapping
from typing import Any, Final, Generic, Protocol, TypeVar, cast

from evalkit.errors import ONE_AFTER_ANOTHER, Reason
from evalkit.language.catalogue import sentences, tongue
from evalkit.language.numbers import is_one, localized
from evalkit.language.spoken import Language, current

V = TypeVar("V", bound=str | tuple[str, ...])
_FIELDS: Final = string.Formatter()
_LAST_WORD: Final = re.compile(r"(?<!\w)(\w+) $")
_AFTER_NUMBER: Final = re.compile(r"\d $")


class Template(str):
    """A translated template: numbers that it formats get their separators, prepositions merge with articles."""

    __slots__ = ("language",)
    language: Language

    def format(self, *args: object, **holes: object) -> str:
        """Fill the holes, as `str.format` does with names."""
        if args:
            raise TypeError("holes of a template have names")
        return _fill(self, self.language, holes)


class Phrases(Mapping[str, V], Generic[V]):
    """A dictionary of templates that answers in the language spoken.

    The one place where a part of evalkit keeps its sentences. A value is a template, or a tuple of templates.
    Each is found by the test that compares the catalogues, and needs a translation in every language.

    Examples
    --------
    >>> GREETINGS = Phrases({"hello": "{count} of {total} places"})
    >>> GREETINGS["hello"].format(count=2, total=10), GREETINGS.say("hello", count=2, total=10)
    ('2 of 10 places', '2 of 10 places')
    """

    __slots__ = ("_english",)

    def __init__(self, english: Mapping[str, V]) -> None:
        self._english = dict(english)

    def __getitem__(self, key: str) -> V:
        found = self._english[key]
        if current() == "en":
            return found
        return cast(V, phrase(found) if isinstance(found, str) else tuple(phrase(part) for part in found))

    def __iter__(self) -> Iterator[str]:
        return iter(self._english)

    def __len__(self) -> int:
        return len(self._english)

    def say(self, key: str, /, **holes: object) -> str:
        """Fill the template of a key."""
        template = self[key]
        if not isinstance(template, str):
            raise TypeError(f"'{key}' holds several templates")
        return template.format(**holes)

    def reason(self, key: str, /, **holes: object) -> Reason:
        """The template of a key as a reason, to be told later in whatever language is spoken then."""
        template = self._english[key]
        if not isinstance(template, str):
            raise TypeError(f"'{key}' holds several templates")
        return Reason(template, **holes)


def phrase(english: str) -> str:
    """The template in the language spoken, unfilled; the English one where the catalogue has none.

    Examples
    --------
    >>> phrase("Certainty")
    'Certainty'
    """
    language = current()
    if language == "en":
        return english
    found = sentences(language).get(english, english)
    template = Template(found if isinstance(found, str) else found[0])
    template.language = language
    return template


def mark(english: str) -> str:
    """Mark a text as a template without translating it: for constants, which :func:`phrase` is asked about later."""
    return english


def say(english: str, /, **holes: object) -> str:
    """Fill a template in the language spoken.

    Parameters
    ----------
    english
        The template, as a literal: the test of the catalogues finds it in the source.
    holes
        By name; numbers may have a format (``{share:.1f}``).

    Examples
    --------
    >>> say("{share:.1f} % is missing.", share=7.25)
    '7.2 % is missing.'
    """
    return phrase(english).format(**holes)


def say_count(one: str, many: str, count: int, /, **holes: object) -> str:
    """Fill one of two templates by the plural rule of the language; both may use ``{count}``.

    Examples
    --------
    >>> [say_count("{count} period", "{count} periods", n) for n in (0, 1, 2)]
    ['0 periods', '1 period', '2 periods']
    """
    language = current()
    single = is_one(language, count)
    forms = sentences(language).get(one)
    if language == "en" or not isinstance(forms, tuple):
        return (one if single else many).format(count=count, **holes)
    return _fill(forms[0 if single else 1], language, {"count": count, **holes})


class Refusal(Protocol):
    """An error that knows its reason."""

    @property
    def reason(self) -> Reason:
        """Why it was raised."""
        ...


def why(refusal: Refusal | Reason) -> str:
    """The reason of a refusal in the language spoken; `str` of it is English.

    Examples
    --------
    >>> from evalkit.errors import DesignRefused
    >>> why(DesignRefused(Reason("{name} takes no sampling weights.", name="imputation")))
    'imputation takes no sampling weights.'
    """
    reason = refusal if isinstance(refusal, Reason) else refusal.reason
    return phrase(reason.template).format(**{name: _told(value) for name, value in reason.holes.items()})


def _told(value: object) -> object:
    if isinstance(value, list):
        return ONE_AFTER_ANOTHER.join(str(_told(each)) for each in value)
    return why(value) if isinstance(value, Reason) else value


def _fill(template: str, language: Language, holes: Mapping[str, object]) -> str:
    text = ""
    for literal, name, spec, conversion in _FIELDS.parse(template):
        text += literal
        if name is not None:
            value: Any = _FIELDS.convert_field(_FIELDS.get_field(name, (), holes)[0], conversion)
            shown = format(value, spec or "")
            if isinstance(value, numbers.Number) and not isinstance(value, bool):
                shown = localized(shown)
            text = _joined(text, shown, language)
    return text


def _joined(text: str, shown: str, language: Language) -> str:
    """Text and what fills its next hole; "de" and "el hospital" become "del hospital", "5 " and "%" may be "5%"."""
    if shown.startswith("%") and _AFTER_NUMBER.search(text):
        return f"{text[:-1]}{tongue(language).percent}{shown[1:]}"
    before = _LAST_WORD.search(text)
    article, space, rest = shown.partition(" ")
    if before and space:
        merged = tongue(language).contractions.get(f"{before.group(1).lower()} {article}")
        if merged:
            return f"{text[: before.start()]}{_cased(merged, before.group(1))} {rest}"
    return text + shown


def _cased(word: str, model: str) -> str:
    return word[:1].upper() + word[1:] if model[:1].isupper() else word
