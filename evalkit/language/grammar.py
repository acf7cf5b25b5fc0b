"""Nouns that a study declares: their number, their plural, their article."""

from __future__ import annotations

import re
from typing import Final

from evalkit.language.catalogue import tongue
from evalkit.language.spoken import current

_HEAD_ENDS: Final = re.compile(r"\s(?:of|in|for|to|with|on|at|by|from|against|under)\s|[,(:;]")


def is_plural(subject: str) -> bool:
    """Whether a noun phrase is plural: in English by the ending of its head, elsewhere by its article.

    Examples
    --------
    >>> [is_plural(s) for s in ("Enterprise zones in Indiana", "Castle doctrine legislation", "Transit access")]
    [True, False, False]
    >>> from evalkit.language import speaking
    >>> with speaking("es"):
    ...     [is_plural(s) for s in ("las zonas empresariales", "la ley", "la política de los barrios")]
    [True, False, False]
    """
    if current() != "en":
        return tongue(current()).articles.get(subject.strip().partition(" ")[0].lower(), False)
    head = _HEAD_ENDS.split(subject.strip(), maxsplit=1)[0].strip().lower()
    return head.endswith("s") and not head.endswith(("ss", "us", "is", "'s", "ics"))


def bare(name: str) -> str:
    """A declared name without the article that it has inside a sentence, for a label or a column.

    Examples
    --------
    >>> from evalkit.language import speaking
    >>> with speaking("pt"):
    ...     bare("os homicídios"), bare("homicides")
    ('homicídios', 'homicides')
    """
    if current() == "en":
        return name
    first, _, rest = name.partition(" ")
    return rest if rest and first.lower() in tongue(current()).articles else name


def plural(noun: str, count: int = 2) -> str:
    """Plural of a unit's name.

    Examples
    --------
    >>> [plural(noun) for noun in ("city", "state", "bus stop", "branch")], plural("city", 1)
    (['cities', 'states', 'bus stops', 'branches'], 'city')
    >>> from evalkit.language import speaking
    >>> with speaking("es"):
    ...     [plural(noun) for noun in ("ciudad", "estado", "línea de autobús", "oficial", "sección censal")]
    ['ciudades', 'estados', 'líneas de autobús', 'oficiales', 'secciones censales']
    >>> with speaking("pt"):
    ...     [plural(noun) for noun in ("município", "região", "oficial", "homem", "ponto de ônibus")]
    ['municípios', 'regiões', 'oficiais', 'homens', 'pontos de ônibus']
    """
    if count == 1 or not noun:
        return noun
    if current() != "en":
        return _each_word(noun, tongue(current()).plurals)
    if re.search(r"[^aeiou]y$", noun):
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "ch", "sh")) else f"{noun}s"


def unit_after(number: str, unit: str) -> str:
    """The unit as it follows a number: singular after exactly 1.

    Examples
    --------
    >>> unit_after("1", "calls per 1,000 residents"), unit_after("1.2", "calls"), unit_after("1", "percentage points")
    ('call per 1,000 residents', 'calls', 'percentage point')
    >>> from evalkit.language import speaking
    >>> with speaking("es"):
    ...     unit_after("1", "donaciones por 1,000 habitantes"), unit_after("1", "puntos porcentuales")
    ('donación por 1,000 habitantes', 'punto porcentual')
    """
    english = current() == "en"
    head, separator, rest = unit.partition(" per " if english else tongue(current()).per)
    if number != "1":
        return unit
    if not english:
        return f"{_each_word(head, tongue(current()).singulars)}{separator}{rest}"
    if not is_plural(head):
        return unit
    single = f"{head[:-3]}y" if head.endswith("ies") else head[:-1]
    return f"{single}{separator}{rest}"


def people_of(unit: str) -> str | None:
    """Whom a rate counts its events among: "residents" of "calls per 1,000 residents per month".

    Examples
    --------
    >>> people_of("calls per 1,000 residents per month"), people_of("calls")
    ('residents', None)
    """
    found = re.search(_PEOPLE if current() == "en" else tongue(current()).people, unit)
    return found.group(1) if found else None


_PEOPLE: Final = (
    r"\bper\s+[\d,.]+\s+(.+?)(?=\s+(?:(?:per|a|an|each|every)\s|and\s+(?:year|quarter|month|week|day)\b)|$)"
)


def _each_word(phrase: str, endings: tuple[tuple[str, str], ...]) -> str:
    """Inflect the words of a noun phrase up to its first preposition."""
    words = phrase.split(" ")
    for index, word in enumerate(words):
        if word.lower() in tongue(current()).stops:
            break
        for ending, put in endings:
            if re.search(ending, word):
                words[index] = re.sub(ending, put, word)
                break
    return " ".join(words)
