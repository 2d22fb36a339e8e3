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


@pytest.fixture
def no_download(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine without network."""

    def fetch(*_: object) -> ModelFiles:
        raise ModelUnavailable("there is no model yolo11n", "run: pip install it")

    monkeypatch.setattr("bridge.detect.load.fetch", fetch)


@pytest.mark.usefixtures("no_download")
def test_auto_takes_the_model_in_the_box_when_no_other_can_be_had_and_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    environ = {"ESPCAM_BRIDGE_MODELS": str(tmp_path / "none"), "HOME": str(tmp_path)}
    settings = DetectorSettings(device="cuda:0", workers=1)  # a device that the model in the box does not need
    detector = load_detector(settings, environ)
    assert (detector.info.runtime, detector.info.model, detector.info.labels) == (
        "openvino",
        "starter_int8",
        ("person",),
    )
    assert (detector.info.input_width_px, detector.info.input_height_px) == (320, 288)  # of a 4:3 picture
    (record,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert "there is no model yolo11n" in record.message
    assert record.message.endswith("run: pip install it")
    with pytest.raises(ModelUnavailable, match="there is no model yolo11n"):
        load_detector(DetectorSettings(model="yolo11n"), environ)


@pytest.mark.usefixtures("no_download")
def test_auto_names_the_models_among_which_it_does_not_guess(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("mine.pt", "other.onnx"):
        (tmp_path / name).touch()
    load_detector(DetectorSettings(workers=1), {"ESPCAM_BRIDGE_MODELS": str(tmp_path), "HOME": str(tmp_path)})
    assert "name one of yours in detector.model (mine, other)" in caplog.text
