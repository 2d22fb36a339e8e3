from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.detect.inventory import ModelFacts, describe, forms, inventory
from bridge.detect.models import ModelFiles, kind_of
from bridge.errors import ModelUnavailable

if TYPE_CHECKING:
    from pathlib import Path

GRAPH = """<?xml version="1.0"?><net><layers>
<layer id="0" name="x" type="Parameter" version="opset1">
  <data shape="{shape}" element_type="f32" /></layer>
{weights}</layers></net>"""
METADATA = "task: {task}\nnames: {{0: person}}\n"


def openvino(folder: Path, weights: dict[str, int], shape: str = "1,3,480,640", task: str = "detect") -> ModelFacts:
    folder.mkdir(parents=True)
    layers = "".join(f'<data element_type="{kind}" shape="9" offset="0" size="{n}" />\n' for kind, n in weights.items())
    (folder / "net.xml").write_text(GRAPH.format(shape=shape, weights=layers))
    (folder / "net.bin").write_bytes(bytes(1000))
    (folder / "metadata.yaml").write_text(METADATA.format(task=task))
    return describe(ModelFiles(folder, kind_of(folder)))


@pytest.mark.parametrize(
    ("weights", "precision"),
    [
        ({"f32": 9000, "i64": 40}, "FP32"),
        ({"f16": 4500, "f32": 40}, "FP16"),
        ({"i8": 2500, "f32": 200}, "INT8"),
        ({"u8": 2500, "f16": 200}, "INT8"),
        ({}, "-"),
    ],
)
def test_the_precision_is_what_most_weights_are_kept_in(
    tmp_path: Path, weights: dict[str, int], precision: str
) -> None:
    assert openvino(tmp_path / "a_openvino_model", weights).precision == precision


@pytest.mark.parametrize(
    ("shape", "size"), [("1,3,480,640", (640, 480)), ("?,3,?,?", None), ("1,3,-1,640", None), ("", None)]
)
def test_the_input_is_width_by_height_or_any(tmp_path: Path, shape: str, size: tuple[int, int] | None) -> None:
    facts = openvino(tmp_path / "a_openvino_model", {"f32": 9}, shape)
    assert (facts.size_px, facts.task, facts.problem) == (size, "detect", "")
    assert facts.disk_bytes > 1000


def test_broken_metadata_are_a_problem_of_that_model_only(tmp_path: Path) -> None:
    openvino(tmp_path / "a_openvino_model", {"f32": 9})
    (tmp_path / "a_openvino_model/metadata.yaml").write_text("names: [")
    openvino(tmp_path / "b_openvino_model", {"f32": 9}, task="segment")
    first, second, _ = inventory({"ESPCAM_BRIDGE_MODELS": str(tmp_path), "HOME": str(tmp_path / "home")})
    assert "cannot be read" in first.problem
    assert (second.problem, second.task) == ("", "segment")


@pytest.mark.parametrize(
    ("tail", "size"),
    [
        (b"\x05imgsz\x12\x0a[480, 640]", (640, 480)),
        (b"\x05imgsz\x12\x0a[480, 640]..args..{'dynamic': True}", None),
        (b"nothing", None),
    ],
)
def test_an_onnx_file_tells_its_size_at_its_end(tmp_path: Path, tail: bytes, size: tuple[int, int] | None) -> None:
    file = tmp_path / "a.onnx"
    file.write_bytes(bytes(100_000) + tail)
    assert describe(ModelFiles(file, kind_of(file))).size_px == size


def test_forms_are_all_files_of_a_name_or_the_one_at_a_path(tmp_path: Path) -> None:
    environ = {"ESPCAM_BRIDGE_MODELS": str(tmp_path), "HOME": str(tmp_path / "home")}
    openvino(tmp_path / "yolo11n_int8_openvino_model", {"i8": 9})
    openvino(tmp_path / "yolo11n_openvino_model", {"f32": 9})
    (tmp_path / "yolo11s.pt").touch()
    assert [form.precision for form in forms("auto", environ)] == ["INT8", "FP32"]
    assert [form.precision for form in forms("yolo11n_int8", environ)] == ["INT8"]
    assert [form.precision for form in forms(str(tmp_path / "yolo11n_openvino_model"), environ)] == ["FP32"]
    assert forms("yolo26x", environ) == []
    with pytest.raises(ModelUnavailable):
        forms(str(tmp_path / "none.onnx"), environ)
