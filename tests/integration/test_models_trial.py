"""Trying a model in a process of its own: with the real one, and with children that crash and hang."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from bridge.detect.port import DetectorSettings
from bridge.detect.trial import Outcome, Trial, devices, try_out

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration

TRIAL = Trial(DetectorSettings("openvino", "none_openvino_model", "CPU"), [], 0.2, 0.15, 0.45)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    path = os.pathsep.join(sys.path)
    return {"PATH": os.environ["PATH"], "PYTHONPATH": path, "HOME": str(tmp_path), "PYTHONWARNINGS": "ignore"}


def reason(folder: Path, environ: dict[str, str], code: str) -> str:
    outcome = try_out(TRIAL, folder, environ, child=(sys.executable, "-c", code))
    assert isinstance(outcome, str)
    return outcome


def test_a_runtime_that_crashes_costs_one_line(tmp_path: Path, environ: dict[str, str]) -> None:
    assert "ended by signal 11" in reason(tmp_path, environ, "import os; os.kill(os.getpid(), 11)")
    assert reason(tmp_path, environ, "print('no such device'); raise SystemExit(1)") == "no such device"
    assert reason(tmp_path, environ, "pass") == "nothing came"


def test_a_runtime_that_hangs_is_ended(
    tmp_path: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.detect.trial._LOAD_S", 0.5)
    assert "it took longer than" in reason(tmp_path, environ, "import time; time.sleep(50)")


def test_a_model_that_cannot_be_loaded_says_why(tmp_path: Path, environ: dict[str, str]) -> None:
    outcome = try_out(TRIAL, tmp_path, environ)
    assert isinstance(outcome, str)
    assert outcome.startswith("there is no model at none_openvino_model")


@pytest.mark.model
def test_the_real_model_is_timed_and_tells_what_it_sees(shared: Path, tmp_path: Path, environ: dict[str, str]) -> None:
    model = shared / "models/yolo11n_int8_openvino_model"
    picture = shared / "frames/person-vga.jpg"
    if not (model.is_dir() and picture.is_file()):
        pytest.skip(f"no model at {model} or no picture at {picture}")
    frames = [str(picture)] * 2
    settings = DetectorSettings("openvino", str(model), "CPU")
    outcome = try_out(Trial(settings, frames, 0.2, 0.15, 0.45), tmp_path, environ)
    assert isinstance(outcome, Outcome)
    assert outcome.device == "CPU"
    assert min(outcome.latency_ms, outcome.fps, outcome.memory_mib) > 0
    assert outcome.input_px[0] == 640
    assert [max(boxes, key=lambda one: one.score).label for boxes in outcome.found] == ["person", "person"]


def test_devices_are_asked_in_a_process_of_their_own(tmp_path: Path, environ: dict[str, str]) -> None:
    assert "CPU" in devices(["openvino"], tmp_path, environ)["openvino"]
