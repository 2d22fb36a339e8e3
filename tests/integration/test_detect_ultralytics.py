"""The ultralytics runtime, and ours against it, on untrained models that are made here."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bridge.demo.footage import demo_sources
from bridge.detect.load import load_detector
from bridge.detect.models import ModelFiles, kind_of
from bridge.detect.openvino import OpenVinoDetector, ov
from bridge.detect.port import DetectorSettings
from bridge.errors import BridgeError, DependencyMissing, ModelRefused
from bridge.frames.codec import decode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.detect.port import Detector
    from bridge.model import Detection, Image

pytestmark = [
    pytest.mark.integration,
    pytest.mark.model,
    pytest.mark.yolo,
    pytest.mark.timeout(240),  # the models are made once, in about 20 s; PyTorch loads in 4 s
    pytest.mark.filterwarnings("ignore"),  # PyTorch's own
    pytest.mark.skipif(
        importlib.util.find_spec("ultralytics") is None,
        reason="ultralytics is not installed: make test-yolo",
    ),
]

ROOT = Path(__file__).parents[2]
SIZE = 320

# Untrained networks answer 0.00002 everywhere. This one sets every layer's normalization by the very pictures of the
# tests and spreads the scores, so that some hundred boxes of many classes are there to compare.
MAKE = """
import shutil, sys
from pathlib import Path
import numpy as np, torch
from bridge.detect.ultralytics import _library
folder, pictures = Path(sys.argv[1]), np.load(sys.argv[2])
batch = torch.from_numpy(pictures[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32) / 255)

def make(name):
    torch.manual_seed(1)
    model = _library.YOLO(f"{name}.yaml")
    for module in model.model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    model.model.train()
    with torch.no_grad():
        model.model(batch)
    model.model.eval()
    for part, spread, bias in (("cv3", 0.25, -4), ("one2one_cv3", 0.25, -4), ("cv2", 0.5, 1), ("one2one_cv2", 0.5, 3)):
        for branch in getattr(model.model.model[-1], part, None) or ():
            last = branch[-1]
            last.weight.data.normal_(0, 2 * spread / last.weight.shape[1] ** 0.5)
            last.bias.data.fill_(bias)
    model.save(folder / f"{name}.pt")

def export(name, target, **options):
    made = _library.YOLO(str(folder / f"{name}.pt")).export(format="openvino", imgsz=pictures.shape[1], **options)
    shutil.move(str(made).rstrip("/"), folder / target)

make("yolo11n")
make("yolo26n")
_library.YOLO("yolo11n-seg.yaml").save(folder / "yolo11n-seg.pt")
export("yolo11n", "raw_openvino_model")
export("yolo26n", "free_openvino_model", nms=False)
export("yolo11n", "any_openvino_model", dynamic=True)
"""


def run_python(code: str, *arguments: object, environ: dict[str, str]) -> str:
    """Run code in a process of its own and give back what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)} | environ,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def images() -> list[Image]:
    """Noise at several scales: something to look at, the same in every run."""
    random = np.random.default_rng(7)
    patches = [random.integers(0, 256, (side, side, 3), np.uint8) for side in (5, 10, 20, 40, 80, 160) * 2]
    return [np.kron(patch, np.ones((SIZE // len(patch), SIZE // len(patch), 1), np.uint8)) for patch in patches]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, images: list[Image]) -> Path:
    """A folder with ``yolo11n.pt``, ``yolo26n.pt``, ``yolo11n-seg.pt`` and OpenVINO exports of them."""
    folder = tmp_path_factory.mktemp("models")
    np.save(folder / "pictures.npy", np.stack(images))
    home = folder / "home"
    home.mkdir()
    run_python(MAKE, folder, folder / "pictures.npy", environ={"HOME": str(home)})
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep ultralytics' settings out of the home directory."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    yield
    for name in ("YOLO_OFFLINE", "YOLO_AUTOINSTALL", "YOLO_VERBOSE", "YOLO_CONFIG_DIR", "OMP_NUM_THREADS"):
        os.environ.pop(name, None)


def load(path: Path, **settings: Any) -> Detector:  # noqa: ANN401
    return load_detector(DetectorSettings(model=str(path), image_size=SIZE, **settings), os.environ)


def agreement(ours: list[list[Detection]], theirs: list[list[Detection]]) -> float:
    """The share of boxes that have a partner of the same label within 2 px and 0.02.

    Those that just reach the threshold, or are the 300th, may lack one. So may, in an untrained network with hundreds
    of boxes on each other, those whose overlap is just the limit: hence a share.
    """
    alone: list[Detection] = []
    count = 0
    for these, those in (
        pair for one, other in zip(ours, theirs, strict=True) for pair in ((one, other), (other, one))
    ):
        lowest = max(0.27, min((item.score for item in these), default=0) + 0.02 if len(these) == 300 else 0)
        clear = [item for item in these if item.score > lowest]
        count += len(clear)
        alone += [item for item in clear if not any(_same(item, other) for other in those)]
    assert count > 100
    return 1 - len(alone) / count


def _same(one: Detection, other: Detection) -> bool:
    boxes = zip(one.box_xyxy_px, other.box_xyxy_px, strict=True)
    return one.label == other.label and abs(one.score - other.score) < 0.02 and all(abs(a - b) < 2 for a, b in boxes)


@pytest.mark.parametrize("export", ["raw", "free"], ids=["YOLO11", "YOLO26, NMS-free"])
def test_both_runtimes_see_the_same_boxes(
    models: Path, images: list[Image], export: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Float32Core(ov.Core):  # type: ignore[misc]
        """As on CPUs without bfloat16: ultralytics would take it where it can, and move boxes by pixels."""

        def __init__(self) -> None:
            super().__init__()
            self.set_property("CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    monkeypatch.setattr(ov, "Core", Float32Core)
    path = models / f"{export}_openvino_model"
    shapes = [(320, 320), (240, 320), (320, 180), (333, 500)]
    mixed = [np.ascontiguousarray(np.resize(image, (*shapes[n % 4], 3))) for n, image in enumerate(images)]
    # Ultralytics gives a fixed export the square that it was made for; ours would be given the pictures' own shapes.
    ours, theirs = load(path, runtime="openvino", square=True), load(path, runtime="ultralytics")
    assert agreement(ours.detect(mixed, 0.25, 0.45), theirs.detect(mixed, 0.25, 0.45)) > 0.98


def test_one_export_serves_every_image_size(models: Path, images: list[Image]) -> None:
    path = models / "any_openvino_model"
    fixed = OpenVinoDetector(
        ModelFiles(models / "raw_openvino_model", kind_of(path)), DetectorSettings(image_size=SIZE)
    )
    made = OpenVinoDetector(ModelFiles(path, kind_of(path)), DetectorSettings(image_size=SIZE))
    assert agreement(made.detect(images, 0.25, 0.45), fixed.detect(images, 0.25, 0.45)) > 0.99
    wide = [np.ascontiguousarray(image[:240]) for image in images]  # both get the shape of these
    assert agreement(made.detect(wide, 0.25, 0.45), fixed.detect(wide, 0.25, 0.45)) > 0.99
    assert load(path).info.input_width_px == SIZE


def test_weights_are_run_by_ultralytics(models: Path, images: list[Image]) -> None:
    from bridge.detect.ultralytics import available_devices

    detector = load(models / "yolo11n.pt")
    info = detector.info
    assert (info.runtime, info.model, info.device, info.batch, info.jobs) == (
        "ultralytics",
        "yolo11n",
        "cpu",
        1,
        1,
    )
    assert (info.input_width_px, info.input_height_px, len(info.labels)) == (SIZE, SIZE, 80)
    assert "cpu" in available_devices()
    found = detector.detect(images, 0.25, 0.45)
    assert len(found) == len(images)
    assert any(found)
    for items in found:
        scores = [item.score for item in items]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= edge <= SIZE for item in items for edge in item.box_xyxy_px)
    assert found[3] == detector.detect(images[3:4], 0.25, 0.45)[0]
    assert detector.detect([], 0.25, 0.45) == []
    detector.close()


def test_pictures_may_be_changed_once_they_were_handed_in(models: Path, images: list[Image]) -> None:
    detector = load(models / "yolo11n.pt")
    original = next(image for image in images if detector.detect([image], 0.25, 0.45)[0])
    expected = detector.detect([original], 0.25, 0.45)
    image, told = original.copy(), threading.Event()
    job = detector.start([image], 0.25, 0.45, told.set)
    image.fill(0)
    assert job.result() == expected
    assert job.done()
    assert told.wait(5)
    detector.close()


def test_what_is_no_picture_is_refused_at_once(models: Path) -> None:
    detector = load(models / "yolo11n.pt")
    with pytest.raises(ValueError, match="expected a picture"):
        detector.start([np.zeros((9, 9), np.uint8)], 0.25, 0.45, lambda: None)
    detector.close()


def test_nms_free_weights_are_run_by_ultralytics(models: Path, images: list[Image]) -> None:
    assert any(load(models / "yolo26n.pt").detect(images, 0.25, 0.45))


def refusal(path: Path, kind: type[BridgeError] = ModelRefused, **settings: Any) -> str:  # noqa: ANN401
    with pytest.raises(kind) as caught:
        load(path, **settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_no_detector_or_broken_is_refused_in_one_line(models: Path, tmp_path: Path) -> None:
    assert "yolo11n-seg is no detector: its task is segment" in refusal(models / "yolo11n-seg.pt")
    (tmp_path / "text.pt").write_text("hello")
    assert "text.pt cannot be used" in refusal(tmp_path / "text.pt")
    (tmp_path / "half.pt").write_bytes((models / "yolo11n.pt").read_bytes()[:100_000])
    assert "half.pt cannot be used" in refusal(tmp_path / "half.pt")
    assert "cannot be used" in refusal(models / "yolo11n.pt", device="cuda:99")


@pytest.mark.skipif(importlib.util.find_spec("MNN") is not None, reason="MNN is installed")
def test_a_package_that_a_format_needs_is_named_and_not_installed(tmp_path: Path) -> None:
    (tmp_path / "net.mnn").write_bytes(b"x")
    assert "MNN is not installed; run: pip install MNN" in refusal(tmp_path / "net.mnn", DependencyMissing)


SPY = """
import json, sys
seen = []
def spy(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "os.fork"):
        seen.append((event, str(arguments)[:100]))
    elif event == "subprocess.Popen" and "pip" in str(arguments):
        seen.append((event, str(arguments)[:100]))
sys.addaudithook(spy)
import os, time
import numpy as np
from bridge.detect.load import load_detector
from bridge.detect.port import DetectorSettings
detector = load_detector(DetectorSettings("ultralytics", sys.argv[1], image_size=320), os.environ)
for _ in range(3):
    detector.detect([np.zeros((64, 96, 3), np.uint8)], 0.5, 0.45)
from ultralytics.utils import SETTINGS, events
print(json.dumps({"seen": seen, "sync": SETTINGS["sync"], "analytics": events.events.enabled}))
"""


def test_nothing_phones_home_and_stdout_is_left_alone(models: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    environ = {"HOME": str(home), "XDG_CACHE_HOME": str(tmp_path / "cache"), "XDG_CONFIG_HOME": str(home / "config")}
    said = run_python(SPY, models / "raw_openvino_model", environ=environ)
    assert json.loads(said) == {"seen": [], "sync": False, "analytics": False}
    assert list(home.iterdir()) == []


def test_the_model_in_the_box_runs_here_as_well() -> None:
    theirs = load_detector(DetectorSettings(runtime="ultralytics", model="starter"), os.environ)
    assert (theirs.info.runtime, theirs.info.model, theirs.info.labels) == ("ultralytics", "starter_int8", ("person",))
    ours = load_detector(DetectorSettings(model="starter", workers=1, square=True), os.environ)
    for source, index in zip(demo_sources(2), (60, 100), strict=True):  # she stands in the middle
        image = decode(source.read(index) or b"")
        (this,), (that,) = (detector.detect([image], 0.25, 0.45)[0] for detector in (ours, theirs))
        assert _same(this, that)
    ours.close()
    theirs.close()
