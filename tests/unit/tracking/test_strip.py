from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from evalkit.tracking.bundle import Bundle
from evalkit.tracking.strip import HEIGHT, WIDTH, Mark, draw, strip
from tests.unit.tracking.bundles import STUDY_YAML, evidence, write_bundle

SVG = "{http://www.w3.org/2000/svg}"


def _drawn(picture: str | None) -> ET.Element:
    assert picture is not None
    return ET.fromstring(picture)


def test_each_event_time_is_one_mark_and_the_reference_has_no_interval(tmp_path: Path) -> None:
    root = _drawn(strip(Bundle.read(write_bundle(tmp_path))))
    assert len(root.findall(f"{SVG}circle")) == 8
    assert "-1" in [text.text for text in root.iter(f"{SVG}text")]


def test_everything_lies_inside_the_picture(tmp_path: Path) -> None:
    for marks in ([Mark("0", 1e9, -1e9, 2e9)], [Mark(str(t), -t, -t - 1.0, -t + 1.0) for t in range(40)]):
        root = _drawn(draw(marks, says="", starts_at="0", axis="since start"))
        heights = [float(line.get(key, "nan")) for line in root.iter(f"{SVG}line") for key in ("y1", "y2")]
        assert min(heights) >= 0
        assert max(heights) <= HEIGHT
        assert all(0 <= float(circle.get("cx", "nan")) <= WIDTH for circle in root.iter(f"{SVG}circle"))


def test_event_times_outside_the_studys_window_are_left_out(tmp_path: Path) -> None:
    narrow = STUDY_YAML.replace("[-5, 5]", "[-2, 1]")
    root = _drawn(strip(Bundle.read(write_bundle(tmp_path, study_yaml=narrow))))
    assert len(root.findall(f"{SVG}circle")) == 4


def test_where_the_method_fits_the_time_before_the_start_all_of_it_is_drawn(tmp_path: Path) -> None:
    rows = ["event_time,estimate,low,high,counterfactual"]
    rows += [f"{time},0.1,0,0.2,5" for time in range(-9, 8)]
    files = {"event_study.csv": "\n".join(rows).encode()}
    root = _drawn(strip(Bundle.read(write_bundle(tmp_path, files=files))))
    assert len(root.findall(f"{SVG}circle")) == 17


def test_a_run_that_is_not_rated_has_no_picture(tmp_path: Path) -> None:
    summary = evidence("u-1")
    summary["rating"] |= {"label": "Not rated", "certainty": None}
    assert strip(Bundle.read(write_bundle(tmp_path, summary=summary))) is None


def test_a_bigger_effect_lies_higher() -> None:
    root = _drawn(draw([Mark("0", 1, 0, 2), Mark("1", 2, 1, 3)], says="", starts_at=None, axis="x"))
    first, second = (float(circle.get("cy", "nan")) for circle in root.iter(f"{SVG}circle"))
    assert second < first


def test_without_an_event_study_the_estimators_are_drawn(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path, files={"event_study.csv": b"event_time,estimate,low,high\n"})
    root = _drawn(strip(Bundle.read(folder)))
    assert len(root.findall(f"{SVG}circle")) == 2


def test_withheld_and_infinite_numbers_are_not_drawn(tmp_path: Path) -> None:
    rows = b"event_time,estimate,low,high\n-2,,,\n-1,inf,0,1\n0,0.1,0,0.2\n1,0.2,-inf,0.3\n"
    root = _drawn(strip(Bundle.read(write_bundle(tmp_path, files={"event_study.csv": rows}))))
    assert len(root.findall(f"{SVG}circle")) == 2


def test_without_numbers_there_is_no_picture(tmp_path: Path) -> None:
    summary = evidence("u-1")
    for row in summary["estimates"]:
        row["effect"].update(value=None, low=None, high=None)
    folder = write_bundle(tmp_path, summary=summary, files={"event_study.csv": b"event_time,estimate,low,high\n"})
    assert strip(Bundle.read(folder)) is None


@pytest.mark.promise("secure-names-tracking")
def test_a_hostile_label_stays_text() -> None:
    assert "<script" not in str(draw([Mark("<script>", 1, 0, 2)], says="<script>", starts_at=None, axis=""))
