from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import yaml

from bridge.commands.footage import FootageOptions
from bridge.commands.models_bench import SIZES, BenchOptions, Candidate, Row, best, config_lines, plan, run
from bridge.detect.agreement import Agreement
from bridge.detect.inventory import ModelFacts
from bridge.detect.models import ModelFiles, ModelKind
from bridge.detect.trial import Outcome
from bridge.errors import ModelUnavailable, UsageError
from bridge.frames.codec import encode
from bridge.model import Detection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.detect.trial import Trial

PERSON = Detection("person", 0.8, (0.0, 0.0, 50.0, 90.0))
DEVICES = {"openvino": ["CPU", "GPU"]}


def form(name: str, precision: str, size: tuple[int, int] | None = None, disk_bytes: int = 10_000_000) -> ModelFacts:
    files = ModelFiles(Path("/m") / f"{name}_openvino_model", ModelKind.OPENVINO)
    return ModelFacts(files, precision, size, disk_bytes)


def outcome(fps: float = 10.0, found: Sequence[Sequence[Detection]] = ()) -> Outcome:
    return Outcome("CPU", (640, 480), 1000 / fps, fps, 60.0, [list(boxes) for boxes in found])


# --- which ways there are --------------------------------------------------------------------------------------------


def test_every_form_runs_on_every_device_at_every_size() -> None:
    models = [form("a", "FP32"), form("a_int8", "INT8", disk_bytes=3_000_000)]
    ways = plan(models, DEVICES, (640, 320))
    assert len(ways) == 2 * 2 * 2
    assert {(way.model.precision, way.device, way.image_size) for way in ways} == {
        (precision, device, size) for precision in ("FP32", "INT8") for device in ("CPU", "GPU") for size in (640, 320)
    }


def test_a_fixed_model_runs_at_its_own_size_only() -> None:
    ways = plan([form("a_int8", "INT8", (640, 480))], {"openvino": ["CPU"]}, (640, 480, 320))
    assert [way.image_size for way in ways] == [640]


def test_the_reference_is_the_largest_model_in_its_exact_form_at_the_largest_size() -> None:
    models = [
        form("small", "FP32", disk_bytes=10_000_000),
        form("large_int8", "INT8", disk_bytes=9_000_000),
        form("large_fp16", "FP16", disk_bytes=19_000_000),
    ]
    first = plan(models, DEVICES, (320, 640))[0]
    assert (first.model.files.name, first.image_size, first.device) == ("large_fp16", 640, "CPU")


def test_what_is_broken_or_no_detector_is_left_out() -> None:
    broken = replace(form("a", "FP32"), problem="no labels")
    masks = replace(form("b", "FP32"), task="segment")
    assert plan([broken, masks], DEVICES, (640,)) == []


# --- which is the best -----------------------------------------------------------------------------------------------


def row(fps: float, agrees: float | None, name: str = "a") -> Row:
    hundred = None if agrees is None else Agreement(100, round(agrees * 100), 100, round(agrees * 100), 0.0)
    return Row(Candidate(form(name, "FP32"), "openvino", "CPU", 640), outcome(fps), hundred)


def test_the_best_is_the_fastest_that_is_good_enough() -> None:
    rows = [row(10, 1.0), row(20, 0.98), row(40, 0.9), replace(row(99, None), outcome="it crashed")]
    assert best(rows) is rows[1]
    assert best([row(10, None), row(30, None)]) == row(30, None)
    assert best(rows[3:]) is None


def test_the_winning_lines_are_configuration(tmp_path: Path) -> None:
    environ = {"ESPCAM_BRIDGE_MODELS": str(tmp_path), "HOME": str(tmp_path / "home")}
    candidate = Candidate(form('odd: "name"', "FP32"), "openvino", "GPU.1", 480)
    lines = yaml.safe_load(config_lines(candidate, environ))
    path = str(candidate.model.files.path)
    assert lines == {"detector": {"runtime": "openvino", "model": path, "image_size": 480, "device": "GPU.1"}}


def test_a_model_that_a_name_finds_is_called_by_its_name(models: Path) -> None:
    environ = environment(models)
    facts = form("yolo11n", "FP32")
    facts = replace(facts, files=ModelFiles(models / "yolo11n_openvino_model", ModelKind.OPENVINO))
    assert 'model: "auto"\n' in config_lines(Candidate(facts, "openvino", "CPU", 640), environ)


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder with ``yolo11n`` in FP32, any size."""
    folder = tmp_path / "models" / "yolo11n_openvino_model"
    folder.mkdir(parents=True)
    weights = '<data element_type="f32" shape="9" offset="0" size="36" />'
    (folder / "net.xml").write_text(f'<layer type="Parameter"><data shape="?,3,?,?" /></layer>{weights}')
    return folder.parent


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(6):
        (folder / f"{number}.jpg").write_bytes(encode(np.full((48, 64, 3), number * 30, np.uint8)))
    return folder


def environment(models: Path) -> dict[str, str]:
    return {"ESPCAM_BRIDGE_MODELS": str(models), "HOME": str(models / "home")}


class Laboratory:
    """Stands in for the processes: size 320 sees nothing, 480 crashes."""

    def __init__(self) -> None:
        self.asked: list[Trial] = []

    def try_out(self, trial: Trial, _folder: Path, _environ: Mapping[str, str]) -> Outcome | str:
        self.asked.append(trial)
        size = trial.settings.image_size
        if size == 480:
            return "the process was ended by signal 11"
        return outcome(6400 / size, [[PERSON] if size == 640 else []] * len(trial.frames))


def find_devices(runtimes: Sequence[str], _folder: Path, _environ: Mapping[str, str]) -> Mapping[str, Sequence[str]]:
    return {key: ["CPU"] for key in runtimes}


def bench(models: Path, frames: Path | None = None, **options: object) -> tuple[int, str, Laboratory]:
    out, laboratory = io.StringIO(), Laboratory()
    asked = BenchOptions(["yolo11n"], footage=FootageOptions([frames] if frames else []), **options)  # type: ignore[arg-type]
    code = run(asked, environment(models), out, trial=laboratory.try_out, find_devices=find_devices)
    return code, out.getvalue(), laboratory


def test_each_way_is_a_row_and_the_fastest_good_one_wins(models: Path, frames: Path) -> None:
    code, text, laboratory = bench(models, frames)
    head, exact, crashed, blind, *conclusion = text.splitlines()
    assert code == 0
    assert head.split()[:4] == ["MODEL", "WEIGHTS", "RUNTIME", "DEVICE"]
    assert exact.split()[:5] == ["yolo11n", "FP32", "openvino", "CPU", "640"]
    assert exact.split()[5:] == ["100.0", "10.0", "60", "100.0%", "100%", "100%", "+0.000"]
    assert crashed.endswith("480  the process was ended by signal 11")
    assert blind.split()[4:9] == ["320", "50.0", "20.0", "60", "0.0%"]
    assert "  image_size: 640" in conclusion
    assert all(trial.confidence == pytest.approx(0.15) for trial in laboratory.asked)
    assert len(laboratory.asked[0].frames) == 6


def test_the_model_in_the_box_is_tried_beside_the_one_that_auto_takes(models: Path) -> None:
    out, laboratory = io.StringIO(), Laboratory()
    asked = BenchOptions(accuracy=False)
    assert run(asked, environment(models), out, trial=laboratory.try_out, find_devices=find_devices) == 0
    tried = {(Path(trial.settings.model).name, trial.settings.image_size) for trial in laboratory.asked}
    own = {("yolo11n_openvino_model", size) for size in SIZES}
    assert tried == {*own, ("starter_int8_openvino_model", 320)}


def test_as_json_everything_is_in_one_document(models: Path, frames: Path) -> None:
    _, text, _ = bench(models, frames, as_json=True)
    document = json.loads(text)
    assert [row.get("agreement") for row in document["rows"]] == [1.0, None, 0.0]
    assert [row["best"] for row in document["rows"]] == [True, False, False]
    assert document["rows"][1]["error"] == "the process was ended by signal 11"
    assert yaml.safe_load(document["configuration"])["detector"]["image_size"] == 640


def test_without_frames_only_the_time_can_be_measured(models: Path) -> None:
    with pytest.raises(UsageError, match="--no-accuracy to time only"):
        bench(models)
    code, text, _ = bench(models, accuracy=False)
    assert code == 0
    assert "how well it sees was not looked at" in text
    assert "  image_size: 320" in text


def test_the_winning_lines_are_written_but_never_over_a_file(models: Path, frames: Path, tmp_path: Path) -> None:
    target = tmp_path / "best.yaml"
    bench(models, frames, write=target)
    assert yaml.safe_load(target.read_text())["detector"]["runtime"] == "openvino"
    with pytest.raises(UsageError, match="exists already"):
        bench(models, frames, write=target)


def test_too_few_frames_and_missing_models_are_said_so(models: Path, frames: Path) -> None:
    with pytest.raises(UsageError, match="1 frames are too few"):
        bench(models, frames / "0.jpg")
    with pytest.raises(ModelUnavailable, match="models export yolo26x"):
        run(BenchOptions(["yolo26x"], accuracy=False), environment(models), io.StringIO(), find_devices=find_devices)


def test_when_nothing_runs_the_command_fails(models: Path, frames: Path) -> None:
    code, text, _ = bench(models, frames, sizes=(480,))
    assert code == 1
    assert "none of them runs here" in text
