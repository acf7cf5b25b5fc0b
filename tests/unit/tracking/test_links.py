from __future__ import annotations

from evalkit.tracking import links
from evalkit.tracking.store import resolve


def test_every_page_opens_outside_the_pages_for_language_models() -> None:
    for page in (links.run_page("1", "ab"), links.artifact_page("1", "ab"), links.evidence_view("1")):
        assert "workflowType=machine_learning" in page


def test_a_local_store_is_read_where_its_pages_are_served() -> None:
    store = resolve("sqlite:///x/mlflow.db")
    assert links.absolute(store, "#/a") == "http://evalkit.localhost:5000/#/a"
    assert links.absolute(store, "#/a", ui="http://127.0.0.1:5050/") == "http://127.0.0.1:5050/#/a"


def test_a_link_to_a_server_holds_no_credentials() -> None:
    assert links.absolute(resolve("https://ana:canary@runs.city.gov"), "#/a") == "https://runs.city.gov/#/a"
