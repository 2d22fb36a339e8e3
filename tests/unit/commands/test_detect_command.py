from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bridge.commands.detect import DetectOptions, run
from bridge.detect.fake import COLOURS, FakeDetector
from bridge.detect.port import DetectorSettings
from bridge.errors import UsageError
from bridge.frames.codec import decode, encode
from bridge.frames.opencv import cv2

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.model import Image


def scene(label: str | None = "person", width: int = 320, height: int = 240) -> Image:
    image = np.full((height, width, 3), 90, np.uint8)
    if label is not None:
        image[40:200, 100:160] = COLOURS[label]
    return image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "b.jpg").write_bytes(encode(scene("dog")))
    (pictures / "a.jpg").write_bytes(encode(scene("person")))
    (pictures / "c.JPG").write_bytes(encode(scene(None)))
    (pictures / "notes.txt").write_text("no picture")
    return pictures


def detect(
    *paths: Path, as_json: bool = True, save_dir: Path | None = None, confidence: float = 0.25
) -> tuple[int, str]:
    out = io.StringIO()
    options = DetectOptions(paths, DetectorSettings(), confidence, 0.45, as_json, save_dir)
    code = run(options, out, detector=FakeDetector())
    return code, out.getvalue()


def lines(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def test_a_picture_gives_one_json_line_as_the_contract_says(folder: Path) -> None:
    code, output = detect(folder / "a.jpg")
    (line,) = lines(output)
    assert code == 0
    assert list(line) == ["file", "width", "height", "detections", "inference_ms"]
    assert (line["file"], line["width"], line["height"]) == (str(folder / "a.jpg"), 320, 240)
    (found,) = line["detections"]
    assert list(found) == ["label", "score", "box_xyxy_px"]
    assert found["label"] == "person"
    assert found["box_xyxy_px"] == pytest.approx([100, 40, 160, 200], abs=4)
    assert 0.9 < found["score"] <= 1
    assert line["inference_ms"] >= 0


def test_a_folder_gives_its_pictures_by_name_and_nothing_else(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, output = detect(folder)
    found = [(line["file"], [item["label"] for item in line["detections"]]) for line in lines(output)]
    assert found == [
        (str(folder / "a.jpg"), ["person"]),
        (str(folder / "b.jpg"), ["dog"]),
        (str(folder / "c.JPG"), []),
    ]
    assert capsys.readouterr().err == ""


def test_the_threshold_is_handed_on(folder: Path) -> None:
    assert lines(detect(folder / "a.jpg", confidence=1.0)[1])[0]["detections"] == []


def test_the_table_has_a_line_a_detection_in_columns(folder: Path) -> None:
    image = scene("person")
    image[40:100, 200:300] = COLOURS["dog"]
    (folder / "a.jpg").write_bytes(encode(image))
    _, output = detect(folder / "a.jpg", folder / "c.JPG", as_json=False)
    header, first, second, empty = output.splitlines()
    assert header.split() == ["FILE", "SIZE", "MS", "LABEL", "SCORE", "BOX", "(px)"]
    assert first.startswith("a.jpg")
    assert second.startswith("     ")
    assert {first[header.index("LABEL") :].split()[0], second[header.index("LABEL") :].split()[0]} == {"person", "dog"}
    assert "320x240" in first
    assert empty.endswith("-")


def test_a_video_gives_a_line_a_frame(tmp_path: Path) -> None:
    video = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 10, (320, 240))
    for label in ("person", None, "dog"):
        writer.write(scene(label))
    writer.release()
    _, output = detect(video)
    assert [(line["file"], line["frame"]) for line in lines(output)] == [(str(video), number) for number in range(3)]
    assert [[item["label"] for item in line["detections"]] for line in lines(output)] == [["person"], [], ["dog"]]
    assert "clip.avi#2" in detect(video, as_json=False)[1]


def test_what_cannot_be_read_is_named_and_the_rest_goes_on(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    (folder / "broken.mp4").write_bytes(b"no video")
    code, output = detect(
        folder / "broken.jpg", folder / "nowhere.jpg", folder / "nowhere.mp4", folder / "broken.mp4", folder / "a.jpg"
    )
    assert code == 0
    assert len(lines(output)) == 1
    said = capsys.readouterr().err
    assert f"{folder}/broken.jpg: no picture that can be decoded" in said
    assert f"{folder}/nowhere.jpg: No such file or directory" in said
    assert f"{folder}/nowhere.mp4: No such file or directory" in said
    assert f"{folder}/broken.mp4: no video that can be decoded" in said


def test_nothing_readable_at_all_is_a_failure(folder: Path, tmp_path: Path) -> None:
    assert detect(folder / "nowhere.jpg") == (1, "")
    (tmp_path / "empty").mkdir()
    assert detect(tmp_path / "empty")[0] == 1


def test_annotated_copies_are_written_and_the_originals_stay(folder: Path, tmp_path: Path) -> None:
    before = (folder / "a.jpg").read_bytes()
    detect(folder, save_dir=tmp_path / "new" / "saved")
    saved = sorted(path.name for path in (tmp_path / "new" / "saved").iterdir())
    assert saved == ["a.jpg", "b.jpg", "c.jpg"]
    drawn = decode((tmp_path / "new" / "saved" / "a.jpg").read_bytes())
    assert np.abs(drawn.astype(int) - decode(before)).max() > 50
    assert (folder / "a.jpg").read_bytes() == before


def test_pictures_of_one_name_do_not_overwrite_each_other(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.jpg").write_bytes(encode(scene("car")))
    detect(folder / "a.jpg", tmp_path / "other", save_dir=tmp_path / "saved")
    assert sorted(path.name for path in (tmp_path / "saved").iterdir()) == ["a-2.jpg", "a.jpg"]


def test_saving_over_the_originals_is_refused_before_anything_happens(folder: Path) -> None:
    with pytest.raises(UsageError, match="choose another folder"):
        detect(folder, save_dir=folder / ".." / folder.name)
