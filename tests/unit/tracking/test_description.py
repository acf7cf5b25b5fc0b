from __future__ import annotations

import hashlib
from pathlib import Path

from evalkit.language import speaking
from evalkit.tracking.description import NEWEST, NOTE, OURS, describe, description
from evalkit.tracking.log import log_bundle
from evalkit.tracking.store import opened, resolve
from tests.unit.tracking.bundles import HEADLINE, write_bundle

PLAIN = 50  # letters of a description that the list of experiments shows raw on a wide screen


def _note(uri: str, experiment_id: str) -> str:
    with opened(resolve(uri)) as client:
        return str(client.get_experiment(experiment_id).tags[NOTE])


def test_the_first_line_begins_in_plain_words_and_links_to_the_view() -> None:
    first = description("public_safety", "7").splitlines()[0]
    assert not set(first[:PLAIN]) & set("[]()*_#")
    assert first.endswith("(#/experiments/7/runs?workflowType=machine_learning&viewStateShareKey=evidence)")


def test_a_new_finding_is_one_link_away_from_the_experiment(tmp_path: Path, uri: str) -> None:
    logged = log_bundle(write_bundle(tmp_path), tracking_uri=uri)
    first, row, *_ = (line for line in _note(uri, logged.experiment_id).splitlines() if line)
    assert f"]({logged.run_page})" in first
    assert row.startswith("- [Castle doctrine laws")
    assert HEADLINE[:40] in row
    assert row.endswith("Certainty: Low.")


def test_the_newest_come_first_and_older_ones_leave_the_list(tmp_path: Path, uri: str) -> None:
    logged = [log_bundle(write_bundle(tmp_path / str(n)), tracking_uri=uri) for n in range(NEWEST + 1)]
    text = _note(uri, logged[0].experiment_id)
    assert text.count("\n- [") == NEWEST


def test_a_description_that_people_wrote_stays(tmp_path: Path, uri: str) -> None:
    logged = log_bundle(write_bundle(tmp_path / "one"), tracking_uri=uri)
    with opened(resolve(uri)) as client:
        client.set_experiment_tag(logged.experiment_id, NOTE, "Our own words.")
    log_bundle(write_bundle(tmp_path / "two"), tracking_uri=uri)
    assert _note(uri, logged.experiment_id) == "Our own words."


def test_a_description_that_people_changed_stays(tmp_path: Path, uri: str) -> None:
    logged = log_bundle(write_bundle(tmp_path / "one"), tracking_uri=uri)
    changed = f"Ask Ana first. {_note(uri, logged.experiment_id)}"
    with opened(resolve(uri)) as client:
        client.set_experiment_tag(logged.experiment_id, NOTE, changed)
    log_bundle(write_bundle(tmp_path / "two"), tracking_uri=uri)
    assert _note(uri, logged.experiment_id) == changed


def test_a_description_written_before_the_text_held_its_hash_is_known_by_the_tag_beside_it(uri: str) -> None:
    text = description("public_safety", "1")
    with opened(resolve(uri)) as client:
        made = client.create_experiment("evalkit/public_safety")
        client.set_experiment_tag(made, NOTE, f"{text} Old words.")
        client.set_experiment_tag(made, OURS, hashlib.sha256(f"{text} Old words.".encode()).hexdigest())
        describe(client, made, "public_safety")
    assert "Old words" not in _note(uri, made)


def test_it_is_written_in_the_language_spoken() -> None:
    with speaking("es"):
        assert description("permits", "7").startswith("Evaluaciones de lo que se hizo por permits")
