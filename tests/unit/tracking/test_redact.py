from __future__ import annotations

import pytest

from evalkit.tracking.redact import redact


@pytest.mark.parametrize(
    "text",
    [
        "postgresql+psycopg://ana:canary@db/x",
        "https://ana:can@ry/canary@runs.city.gov",
        "mysql://ana@db/x?password=canary",
        "https://runs.city.gov/#canary",
        "login failed: password=canary for ana",
        "API_KEY: canary",
        "Authorization: Bearer canarycanary",
    ],
)
@pytest.mark.promise("secure-addresses")
def test_no_credential_is_left(text: str) -> None:
    assert "canary" not in redact(text)


def test_the_address_itself_stays_readable() -> None:
    assert (
        redact("GET https://ana:pw@runs.city.gov:8443/api?x=1 refused") == "GET https://runs.city.gov:8443/api refused"
    )


def test_text_without_credentials_is_left_alone() -> None:
    text = "We could not tell: 0.27 fewer to 0.48 more per 100,000; see p. 3 (ana@city.gov)."
    assert redact(text) == text
