"""What a language knows: its catalogue of sentences and its own rules, read from `evalkit/locale/<code>/`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from io import BytesIO
from typing import Any, Final

from evalkit.language.spoken import Language

DOMAIN: Final = "LC_MESSAGES/evalkit.po"


@dataclass(frozen=True, slots=True)
class Tongue:
    """The rules of a language besides its sentences.

    Attributes
    ----------
    cldr
        Locale of the Unicode CLDR whose separators and dates are used.
    percent
        What follows a number that is a percentage, space included.
    articles
        Article that may begin a declared name, to whether it is plural.
    contractions
        Preposition and article, to what they become together: "de el" to "del".
    plurals, singulars
        (ending, replacement) of nouns as regular expressions; the first that fits is taken.
    stops
        Words at which the head of a noun phrase ends.
    per
        The word between a unit and what it is counted over, with spaces: " por ".
    people
        Regular expression that finds whom a rate counts its events among, in group 1.
    verbs
        Certainty to direction ("decrease", "increase") to the verb after one thing and after many.
    forbidden, forbidden_frequentist, causal
        What the linter refuses: as in the evidence standard, for this language.
    """

    cldr: str
    percent: str
    articles: Mapping[str, bool]
    contractions: Mapping[str, str]
    plurals: tuple[tuple[str, str], ...]
    singulars: tuple[tuple[str, str], ...]
    stops: frozenset[str]
    per: str
    people: str
    verbs: Mapping[str, Mapping[str, tuple[str, str]]]
    forbidden: tuple[str, ...]
    forbidden_frequentist: tuple[str, ...]
    causal: tuple[str, ...]


@cache
def tongue(language: Language) -> Tongue:
    """The rules of a language other than English, whose rules stand in the code and in the evidence standard.

    Examples
    --------
    >>> tongue("pt").contractions["de o"]
    'do'
    """
    import yaml

    read: dict[str, Any] = yaml.safe_load(_text(language, "language.yaml"))
    return Tongue(
        cldr=read["cldr"],
        percent=read["percent"],
        articles={
            word: plural for plural, words in ((False, "one"), (True, "many")) for word in read["articles"][words]
        },
        contractions=read["contractions"],
        plurals=tuple((ending, put) for ending, put in read["plurals"]),
        singulars=tuple((ending, put) for ending, put in read["singulars"]),
        stops=frozenset(read["stops"]),
        per=read["per"],
        people=read["people"],
        verbs={
            label: {direction: (forms["one"], forms["many"]) for direction, forms in directions.items()}
            for label, directions in read["verbs"].items()
        },
        forbidden=tuple(read["forbidden"]),
        forbidden_frequentist=tuple(read["forbidden_frequentist"]),
        causal=tuple(read["causal"]),
    )


@cache
def sentences(language: Language) -> Mapping[str, str | tuple[str, ...]]:
    """English template to its translation; to all plural forms where it counts something.

    The `.po` file is read as it is: one source for an installed wheel and an editable checkout, with no compiled copy
    that could fall behind.
    """
    if language == "en":
        return {}
    from babel.messages.pofile import read_po

    catalogue = read_po(BytesIO(_text(language, DOMAIN).encode()), locale=language)
    found: dict[str, str | tuple[str, ...]] = {}
    for message in catalogue:
        if message.id and message.string and not message.fuzzy:
            key = message.id if isinstance(message.id, str) else message.id[0]
            found[key] = message.string if isinstance(message.string, str) else tuple(message.string)
    return found


def _text(language: Language, name: str) -> str:
    file = resources.files("evalkit").joinpath("locale", language)
    for part in name.split("/"):
        file = file.joinpath(part)
    return file.read_text(encoding="utf-8")
