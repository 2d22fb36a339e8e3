"""``models export`` on an untrained model that is made here, with the real ultralytics and NNCF."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bridge.detect.inventory import describe
from bridge.detect.models import ModelFiles, ModelKind, load_metadata
from bridge.errors import DependencyMissing, ModelRefused, UsageError
from bridge.frames.codec import encode

if TYPE_CHECKING:
    from bridge.commands.models import ExportOptions

pytestmark = [
    pytest.mark.integration,
    pytest.mark.model,
    pytest.mark.yolo,
    pytest.mark.timeout(240),  # PyTorch loads three times
    pytest.mark.filterwarnings("ignore"),  # PyTorch's own
    *(
        pytest.mark.skipif(
            importlib.util.find_spec(package) is None,
            reason=f"{package} is not installed: make test-yolo",
        )
        for package in ("ultralytics", "nncf")
    ),
]

ROOT = Path(__file__).parents[2]
SIZE = 320

# Untrained networks answer 0.00002 everywhere: every layer is normalized by the very pictures of the test, and the last
# ones are spread, so that there are boxes to compare.
MAKE = """
import sys
import numpy as np, torch
from bridge.detect.ultralytics import _library
pictures = np.load(sys.argv[1])
batch = torch.from_numpy(pictures[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32) / 255)
torch.manual_seed(1)
model = _library.YOLO("yolo11n.yaml")
for module in model.model.modules():
    if isinstance(module, torch.nn.BatchNorm2d):
        module.momentum = 1.0
model.model.train()
with torch.no_grad():
    model.model(batch)
model.model.eval()
for part, spread, bias in (("cv3", 0.25, -4), ("cv2", 0.5, 1)):
    for branch in getattr(model.model.model[-1], part):
        last = branch[-1]
        last.weight.data.normal_(0, 2 * spread / last.weight.shape[1] ** 0.5)
        last.bias.data.fill_(bias)
model.save(sys.argv[2])
"""

# Exports and lists what tried to leave the machine meanwhile.
EXPORT = """
import json, sys
seen = []
def spy(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "os.fork"):
        seen.append((event, str(arguments)[:100]))
    elif event == "subprocess.Popen" and "pip" in str(arguments):
        seen.append((event, str(arguments)[:100]))
sys.addaudithook(spy)
from bridge.cli import main
code = main(sys.argv[1:])
print(json.dumps({"seen": seen, "code": code}))
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep ultralytics' settings out of the home directory."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


def run_python(code: str, *arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise at several scales, 4:3."""
    folder = tmp_path_factory.mktemp("frames")
    random = np.random.default_rng(7)
    for number in range(24):
        patch = random.integers(0, 256, (3 * 2 ** (number % 4), 4 * 2 ** (number % 4), 3), np.uint8)
        image = np.kron(patch, np.ones((120 // len(patch), 120 // len(patch), 1), np.uint8))
        (folder / f"{number:02d}.jpg").write_bytes(encode(image, 95))
    return folder


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, frames: Path) -> Path:
    """A folder with ``net.pt`` and the INT8 form that the command made of it."""
    folder = tmp_path_factory.mktemp("models")
    cache = str(tmp_path_factory.getbasetemp() / "cache")
    random = np.random.default_rng(7)
    patches = [random.integers(0, 256, (side, side, 3), np.uint8) for side in (5, 10, 20, 40)]
    pictures = [np.kron(patch, np.ones((SIZE // len(patch), SIZE // len(patch), 1), np.uint8)) for patch in patches]
    np.save(folder / "pictures.npy", np.stack(pictures))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", cache)
        run_python(MAKE, folder / "pictures.npy", folder / "net.pt")
        # --force: agreement of an untrained model means nothing.
        options = ["--frames", frames, "--size", SIZE, "--force"]
        said = run_python(EXPORT, "models", "export", folder / "net.pt", *options)
    assert json.loads(said.splitlines()[-1]) == {"seen": [], "code": 0}
    assert "agrees with the exact form on" in said
    return folder


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory, exported: Path, frames: Path) -> Path:
    """The FP32 form that the command made of the weights."""
    folder = tmp_path_factory.mktemp("exact")
    export(options(exported / "net.pt", frames, precision="fp32", output=folder))
    return folder / "net_openvino_model"


def options(model: Path, frames: Path, **changes: object) -> ExportOptions:
    from bridge.commands.footage import FootageOptions
    from bridge.commands.models import ExportOptions

    return ExportOptions(str(model), image_size=SIZE, footage=FootageOptions([frames]), **changes)  # type: ignore[arg-type]


def export(asked: ExportOptions) -> str:
    from bridge.commands.models import export_model

    out = io.StringIO()
    assert export_model(asked, os.environ, out) == 0
    return out.getvalue()


def test_weights_become_an_int8_model_of_any_size_that_the_bridge_runs(exported: Path) -> None:
    from bridge.detect.openvino import OpenVinoDetector
    from bridge.detect.port import DetectorSettings

    files = ModelFiles(exported / "net_int8_openvino_model", ModelKind.OPENVINO)
    facts = describe(files)
    assert (facts.precision, facts.size_px, facts.task, facts.problem) == ("INT8", None, "detect", "")
    metadata = load_metadata(files.path)
    assert metadata is not None
    assert (metadata["imgsz"], metadata["args"]["int8"], len(metadata["names"])) == ([288, SIZE], True, 80)
    for size in (SIZE, 96):
        detector = OpenVinoDetector(files, DetectorSettings(image_size=size))
        assert max(detector.info.input_width_px, detector.info.input_height_px) == size
        assert len(detector.detect([np.zeros((120, 160, 3), np.uint8)], 0.01, 0.45)) == 1
        detector.close()
    assert sorted(path.name for path in exported.iterdir()) == ["net.pt", "net_int8_openvino_model", "pictures.npy"]


def test_the_head_keeps_its_precision(exported: Path) -> None:
    graph = next((exported / "net_int8_openvino_model").glob("*.xml")).read_text()
    head = [line for line in graph.splitlines() if 'type="FakeQuantize"' in line and "model.23/" in line]
    assert head == []
    assert graph.count('type="FakeQuantize"') > 50


def test_other_precisions_and_a_model_that_is_int8_already(
    exported: Path, exact: Path, frames: Path, tmp_path: Path
) -> None:
    shutil.copytree(exact, tmp_path / "net_openvino_model")
    assert export(options(tmp_path / "net_openvino_model", frames, precision="fp16")).startswith(str(tmp_path))
    found = {path.name: describe(ModelFiles(path, ModelKind.OPENVINO)).precision for path in tmp_path.iterdir()}
    assert found == {"net_openvino_model": "FP32", "net_fp16_openvino_model": "FP16"}
    with pytest.raises(ModelRefused, match="is INT8 already"):
        export(options(exported / "net_int8_openvino_model", frames))
    with pytest.raises(UsageError, match="is the model to start from"):
        export(options(tmp_path / "net_openvino_model", frames, precision="fp32"))


def test_a_model_that_sees_less_does_not_replace_the_old_one(
    exact: Path, frames: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(exact, tmp_path / "net_openvino_model")
    old = tmp_path / "net_fp16_openvino_model"
    old.mkdir()
    (old / "mine.txt").write_text("precious")
    monkeypatch.setattr("bridge.detect.export.MIN_AGREEMENT", 1.01)
    with pytest.raises(ModelRefused, match=r"the new model was not kept: it agrees .* --force"):
        export(options(tmp_path / "net_openvino_model", frames, precision="fp16"))
    assert (old / "mine.txt").read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == [old.name, "net_openvino_model"]
    export(options(tmp_path / "net_openvino_model", frames, precision="fp16", force=True))
    assert not (old / "mine.txt").exists()


def test_what_is_missing_is_said_in_one_line(
    exported: Path, frames: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ultralytics", None)  # as if it were not installed
    with pytest.raises(DependencyMissing, match=r"it reads net.pt\) is not installed; run: pip install .*\[yolo\]"):
        export(options(exported / "net.pt", frames, precision="fp32", output=tmp_path))
    with pytest.raises(UsageError, match="1 are too few"):
        export(options(exported / "net.pt", frames / "00.jpg"))
    assert list(tmp_path.iterdir()) == []
