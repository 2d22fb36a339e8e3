from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.commands.footage import FootageOptions, from_files, gather, spread
from bridge.commands.models import ExportOptions, export_model, list_models
from bridge.errors import UsageError
from bridge.frames.codec import decode, encode
from bridge.frames.opencv import cv2

if TYPE_CHECKING:
    from pathlib import Path

GRAPH = '<layer type="Parameter"><data shape="1,3,640,640" /></layer><data element_type="{kind}" shape="9" size="36" />'


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Of a machine with two forms of ``yolo11n`` and a segmentation model."""
    for name, kind, task in (("yolo11n", "f32", "detect"), ("yolo11n_int8", "i8", "detect"), ("seg", "f16", "segment")):
        folder = tmp_path / "models" / f"{name}_openvino_model"
        folder.mkdir(parents=True)
        (folder / "net.xml").write_text(GRAPH.format(kind=kind))
        (folder / "metadata.yaml").write_text(f"task: {task}\nnames: [person]\n")
    return {"ESPCAM_BRIDGE_MODELS": str(tmp_path / "models"), "HOME": str(tmp_path / "home")}


def test_every_model_is_listed_and_autos_choice_is_marked(environ: dict[str, str]) -> None:
    out = io.StringIO()
    assert list_models(environ, out) == 0
    _, segmenter, quantized, exact, starter, _, note = out.getvalue().splitlines()
    assert segmenter.split()[:5] == ["seg", "OpenVINO", "FP16", "640x640", "0.0"]
    assert segmenter.endswith("(no detector: segment)")
    assert quantized.split()[:4] == ["*", "yolo11n_int8", "OpenVINO", "INT8"]
    assert exact.split()[:3] == ["yolo11n", "OpenVINO", "FP32"]
    assert starter.split()[:5] == ["starter_int8", "OpenVINO", "INT8", "320x320", "2.0"]
    assert note == "* is what `model: auto` takes"


def test_the_list_is_also_json(environ: dict[str, str]) -> None:
    out = io.StringIO()
    list_models(environ, out, as_json=True)
    rows = json.loads(out.getvalue())
    assert [(row["name"], row["precision"], row["auto"]) for row in rows] == [
        ("seg", "FP16", False),
        ("yolo11n_int8", "INT8", True),
        ("yolo11n", "FP32", False),
        ("starter_int8", "INT8", False),
    ]


@pytest.mark.parametrize(
    ("ultralytics", "said"), [(True, "it is downloaded"), (False, "pip install 'espcam-bridge[yolo]'")]
)
def test_where_only_the_model_in_the_box_is_it_is_said_how_to_get_the_better_one(
    *, ultralytics: bool, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.commands.models.can_fetch", lambda: ultralytics)
    out = io.StringIO()
    assert list_models({"ESPCAM_BRIDGE_MODELS": str(tmp_path / "none"), "HOME": str(tmp_path)}, out) == 0
    _, starter, _, note, how = out.getvalue().splitlines()
    assert starter.split()[:2] == ["*", "starter_int8"]
    assert "while yolo11n, which sees more and more than persons, is not here" in note
    assert said in how


def test_without_models_the_folders_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.detect.models._BOX", tmp_path / "no box")  # an installation that lost it
    environ = {"ESPCAM_BRIDGE_MODELS": str(tmp_path / "none"), "HOME": str(tmp_path)}
    assert list_models(environ, io.StringIO()) == 1
    assert str(tmp_path / "none") in capsys.readouterr().err


def test_int8_without_frames_says_where_to_get_them(environ: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="--frames PATH or from a running bridge with --bridge URL"):
        export_model(ExportOptions("yolo11n"), environ, io.StringIO())


# --- frames ----------------------------------------------------------------------------------------------------------


@given(st.integers(0, 2000), st.integers(1, 300))
def test_frames_are_spread_evenly(count: int, limit: int) -> None:
    chosen = spread(count, limit)
    assert len(chosen) == min(count, limit)
    gaps = {after - before for before, after in zip(chosen, [*chosen[1:], count], strict=True)} if chosen else set()
    assert not gaps or max(gaps) - min(gaps) <= 1
    assert chosen == sorted(set(chosen))


def test_folders_pictures_and_videos_are_taken_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures, kept = tmp_path / "pictures", tmp_path / "kept"
    pictures.mkdir()
    kept.mkdir()
    (pictures / "a.png").write_bytes(cv2.imencode(".png", np.zeros((48, 64, 3), np.uint8))[1].tobytes())
    (pictures / "b.jpg").write_bytes(encode(np.zeros((48, 64, 3), np.uint8)))
    (pictures / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    (pictures / "notes.txt").write_text("no picture")
    video = cv2.VideoWriter(str(tmp_path / "v.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for shade in range(20):
        video.write(np.full((48, 64, 3), shade * 12, np.uint8))
    video.release()
    files = from_files([pictures, tmp_path / "v.avi"], 100, kept)
    assert [file.name for file in files[:2]] == ["a.png", "b.jpg"]
    assert [file.name for file in files[2:]] == [f"v-{number:06d}.jpg" for number in range(20)]
    assert abs(float(decode(files[-1].read_bytes()).mean()) - 19 * 12) < 5
    assert "broken.jpg: no picture" in capsys.readouterr().err
    assert [file.name for file in from_files([tmp_path / "v.avi"], 4, kept)] == [
        f"v-{number:06d}.jpg" for number in (0, 5, 10, 15)
    ]


def test_what_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        gather(FootageOptions([tmp_path / "none"]), 10, tmp_path, print)
    with pytest.raises(UsageError, match="must be the address of its page"):
        gather(FootageOptions(bridge_url="file:///etc/passwd"), 10, tmp_path, print)
    assert gather(FootageOptions(), 10, tmp_path, print) == []
