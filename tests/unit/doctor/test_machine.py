from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from bridge.detect.port import DetectorSettings
from bridge.doctor.findings import Level
from bridge.doctor.machine import Place, check_clock, check_model, check_places

if TYPE_CHECKING:
    from pathlib import Path

NOV_2026_UNIX_S = 1_795_000_000.0


@pytest.mark.parametrize(
    ("now_unix_s", "installed_unix_s", "level"),
    [
        (NOV_2026_UNIX_S, NOV_2026_UNIX_S - 1e6, Level.OK),
        (NOV_2026_UNIX_S, NOV_2026_UNIX_S + 3600, Level.OK),
        (NOV_2026_UNIX_S, NOV_2026_UNIX_S + 2e5, Level.ERROR),
        (0.0, 0.0, Level.ERROR),
        (1_600_000_000.0, 0.0, Level.ERROR),
    ],
)
def test_a_clock_that_is_behind_this_program_is_an_error(
    now_unix_s: float, installed_unix_s: float, level: Level
) -> None:
    assert check_clock(now_unix_s, installed_unix_s).level is level


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"ESPCAM_BRIDGE_MODELS": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}


def _make_model(folder: Path, metadata: str = "task: detect\nnames: {0: person}\n") -> Path:
    folder.mkdir()
    (folder / "m.xml").write_text("<net/>")
    (folder / "metadata.yaml").write_text(metadata)
    return folder


def test_the_model_that_auto_takes_is_named(tmp_path: Path, environ: dict[str, str]) -> None:
    folder = _make_model(tmp_path / "yolo11n_int8_openvino_model")
    finding = check_model(DetectorSettings(), environ)
    assert (finding.level, finding.check) == (Level.OK, "model")
    assert finding.text.endswith(f"by openvino: {folder}")


@pytest.mark.parametrize(
    ("metadata", "said"), [("task: segment\nnames: {0: a}\n", "segment"), ("names: 3\n", "names no labels")]
)
def test_a_model_that_is_no_detector_is_an_error(
    tmp_path: Path, environ: dict[str, str], metadata: str, said: str
) -> None:
    folder = _make_model(tmp_path / "m_openvino_model", metadata)
    finding = check_model(DetectorSettings(model=str(folder)), environ)
    assert finding.level is Level.ERROR
    assert said in finding.text
    assert finding.mend


@pytest.mark.parametrize(
    ("ultralytics", "model", "level", "said"),
    [
        (True, "auto", Level.NOTE, "yolo11n is not on this machine: it is downloaded at the first start"),
        (True, "yolo11s", Level.NOTE, "yolo11s is not on this machine: it is downloaded at the first start"),
        (False, "auto", Level.NOTE, "yolo11n is not on this machine: the one in the box does its work (starter"),
        (False, "yolo11s", Level.ERROR, "yolo11s is not on this machine"),
    ],
)
def test_a_model_that_is_not_here_is_got_replaced_or_missed(
    *,
    ultralytics: bool,
    model: str,
    level: Level,
    said: str,
    environ: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bridge.doctor.machine.can_fetch", lambda: ultralytics)
    finding = check_model(DetectorSettings(model=model), environ)
    assert (finding.level, finding.text[: len(said)]) == (level, said)
    assert ultralytics or "pip install" in finding.mend


def test_the_model_in_the_box_can_be_named(environ: dict[str, str]) -> None:
    finding = check_model(DetectorSettings(model="starter"), environ)
    assert (finding.level, finding.text[:31]) == (Level.OK, "starter_int8 (INT8) by openvino")


def test_a_path_that_is_not_there_is_an_error(environ: dict[str, str], tmp_path: Path) -> None:
    wrong = check_model(DetectorSettings(model=str(tmp_path / "none.pt")), environ)
    assert (wrong.level, wrong.text) == (Level.ERROR, f"there is no model at {tmp_path / 'none.pt'}")


def test_a_place_is_written_to_and_left_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "there.db"
    file.write_bytes(b"data")
    places = (
        Place(tmp_path, "pictures", "media"),
        Place(file, "history", "url"),
        Place(tmp_path / "not" / "yet" / "made.db", "history", "url"),
    )
    assert [finding.level for finding in check_places(places)] == [Level.OK] * 3
    assert list(tmp_path.iterdir()) == [file]
    assert file.read_bytes() == b"data"


def test_a_place_that_cannot_be_written_says_which_key_to_change(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    (finding,) = check_places((Place(file / "below" / "x.db", "history", "history.url"),))
    assert finding.level is Level.ERROR
    assert "history.url" in finding.mend


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_or_a_file_without_permission_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "there.db"
    file.write_bytes(b"")
    file.chmod(0o400)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    findings = check_places((Place(file, "history", "url"), Place(closed, "pictures", "media")))
    assert [finding.level for finding in findings] == [Level.ERROR, Level.ERROR]
