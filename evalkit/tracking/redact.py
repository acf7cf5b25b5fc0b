"""Credentials taken out of every text that is shown, logged or sent."""

from __future__ import annotations

import re

# Runs are bounded: an open start is quadratic on a long text without spaces, such as an embedded figure.
_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]{0,40})://(?P<rest>[^\s'\"<>]*)")
_USER = re.compile(r"^[^/?#]*@")
_ASSIGNED = re.compile(r"(?i)([\w.\-]{0,64}(?:password|passwd|pwd|secret|token|api_?key))(\s*[=:]\s*)([^\s,;&'\"]+)")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/._~=\-]{8,}")


def redact(text: str) -> str:
    """Take user, password and query out of each address in a text, and the values of named secrets.

    Examples
    --------
    >>> redact("postgresql://ana:pw@db.city:5432/x?sslpassword=k refused")
    'postgresql://db.city:5432/x refused'
    >>> redact("could not log in (password=hunter2)")
    'could not log in (password=***'
    """
    shown = _ADDRESS.sub(_bare_address, text)
    shown = _BEARER.sub(r"\1 ***", shown)
    return _ASSIGNED.sub(r"\1\2***", shown)


def _bare_address(match: re.Match[str]) -> str:
    # A password may itself hold an unescaped '@' or '/', so everything up to the last '@' goes.
    rest = match["rest"]
    rest = rest[rest.rfind("@") + 1 :] if "@" in rest else _USER.sub("", rest)
    return f"{match['scheme']}://{re.split(r'[?#]', rest, maxsplit=1)[0]}"
