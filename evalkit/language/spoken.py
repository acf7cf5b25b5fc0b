"""Which language is spoken: a context variable, set once at the top of a run, never a global."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Literal, get_args

from evalkit.errors import ConfigError, closest

Language = Literal["en", "es", "pt"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
_spoken: ContextVar[Language] = ContextVar("evalkit_language", default="en")


def current() -> Language:
    """The language spoken here: English, unless :func:`speaking` says otherwise.

    Examples
    --------
    >>> current()
    'en'
    """
    return _spoken.get()


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Speak a language inside the block; threads and tasks outside it are not touched.

    Raises
    ------
    ConfigError
        For a language that evalkit does not speak.

    Examples
    --------
    >>> with speaking("pt"):
    ...     current()
    'pt'
    """
    token = _spoken.set(known_language(language))
    try:
        yield
    finally:
        _spoken.reset(token)


def known_language(code: object) -> Language:
    """The language of a code.

    Raises
    ------
    ConfigError
        Naming the closest code.
    """
    for language in LANGUAGES:
        if code == language:
            return language
    near = _nearest(str(code).lower())
    raise ConfigError(
        f"evalkit does not speak the language {str(code)!r}.",
        allowed="en (English), es (Spanish), pt (Portuguese)",
        next_step=f"Did you mean '{near}'?" if near else "docs/languages.md says how to add one.",
    )


def _nearest(typed: str) -> Language | None:
    """The language of a code with a country ("pt_BR"), of the beginning of a name, or of a misspelt one."""
    names: dict[str, Language] = {
        "english": "en", "inglés": "en", "inglês": "en", "spanish": "es", "español": "es", "espanhol": "es",
        "portuguese": "pt", "portugués": "pt", "português": "pt",
    }  # fmt: skip
    for language in LANGUAGES:
        if typed[:2] == language and not typed[2:3].isalpha():
            return language
    begun = next((name for name in names if typed and name.startswith(typed)), None)
    found = begun or closest(typed, names)
    return names[found] if found else None
