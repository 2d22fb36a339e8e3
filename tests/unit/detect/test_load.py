from __future__ import annotations

from pathlib import Path

import pytest

from bridge.detect.load import choose_runtime, load_detector, prefers_ultralytics
from bridge.detect.models import ModelFiles, ModelKind
from bridge.detect.port import DetectorSettings
from bridge.errors import ModelRefused, ModelUnavailable

OPENVINO = ModelFiles(Path("m_openvino_model"), ModelKind.OPENVINO)
ONNX = ModelFiles(Path("m.onnx"), ModelKind.ONNX)
PYTORCH = ModelFiles(Path("m.pt"), ModelKind.PYTORCH)
ENGINE = ModelFiles(Path("m.engine"), ModelKind.OTHER)


@pytest.mark.parametrize(
    ("files", "expected"),
    [(OPENVINO, "openvino"), (ONNX, "openvino"), (PYTORCH, "ultralytics"), (ENGINE, "ultralytics")],
)
def test_by_itself_openvino_runs_what_it_can_read(files: ModelFiles, expected: str) -> None:
    assert choose_runtime(DetectorSettings(), files) == expected


@pytest.mark.parametrize("files", [OPENVINO, ONNX, PYTORCH, ENGINE])
def test_ultralytics_runs_everything_when_it_is_asked_for(files: ModelFiles) -> None:
    assert choose_runtime(DetectorSettings(runtime="ultralytics"), files) == "ultralytics"


@pytest.mark.parametrize("files", [PYTORCH, ENGINE])
def test_openvino_refuses_what_it_cannot_read_and_says_how_to_export(files: ModelFiles) -> None:
    with pytest.raises(ModelRefused, match=f"cannot read {files.path}; run: yolo export"):
        choose_runtime(DetectorSettings(runtime="openvino"), files)


@pytest.mark.parametrize("device", ["0", "0,1", "cuda", "cuda:1", "mps", "xpu:0", "CUDA:0"])
def test_a_device_that_only_pytorch_has_means_ultralytics(device: str) -> None:
    assert prefers_ultralytics(DetectorSettings(device=device))
    assert choose_runtime(DetectorSettings(device=device), OPENVINO) == "ultralytics"


@pytest.mark.parametrize("device", ["auto", "CPU", "GPU", "GPU.1", "NPU", "cpu"])
def test_other_devices_leave_it_to_openvino(device: str) -> None:
    assert not prefers_ultralytics(DetectorSettings(device=device))


def test_a_runtime_that_is_named_wins_over_the_device() -> None:
    assert not prefers_ultralytics(DetectorSettings(runtime="openvino", device="cuda:0"))


def test_the_reason_and_the_mend_of_a_missing_path_are_one_line() -> None:
    with pytest.raises(ModelUnavailable, match=r"there is no model at /nowhere/x\.onnx") as caught:
        load_detector(DetectorSettings(model="/nowhere/x.onnx"), {})
    assert "\n" not in str(caught.value)
    assert "detector.model" in caught.value.mend
