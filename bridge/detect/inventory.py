"""What models there are on this machine, read from their files alone: no runtime is loaded for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.detect.models import ModelKind, find, find_all, is_path, read_metadata
from bridge.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bridge.detect.models import ModelFiles

_ONNX_TAIL_BYTES = 65536  # an ONNX file's metadata_props come last
_ONNX_SIZE = re.compile(rb"imgsz\x12.\[(\d+), (\d+)\]", re.DOTALL)
# Inside an OpenVINO .xml: weights with their type and size in bytes, and the shape of the input.
_WEIGHTS = re.compile(r'<data element_type="(\w+)"[^>]*\bsize="(\d+)"')
_INPUT = re.compile(r'type="Parameter"[^>]*>\s*<data shape="([^"]*)"')
_QUANTIZED_SHARE = 0.25  # of the weights' bytes; an INT8 YOLO11n has 0.93


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """A model and what its files tell.

    Attributes:
        files: where it is.
        precision: ``FP32``, ``FP16``, ``INT8``, or ``-`` where only loading would tell.
        size_px: width and height of its input; None: any, or only loading would tell.
        disk_bytes: what it takes on the disk.
        task: ``detect``, or what else it was made for; empty where only loading would tell.
        problem: why it cannot be used, in one line; empty when nothing is known against it.
    """

    files: ModelFiles
    precision: str
    size_px: tuple[int, int] | None
    disk_bytes: int
    task: str = ""
    problem: str = ""


def inventory(environ: Mapping[str, str]) -> list[ModelFacts]:
    """Every model in the folders of ``ESPCAM_BRIDGE_MODELS`` and in the cache."""
    return [describe(files) for files in find_all(environ)]


def forms(model: str, environ: Mapping[str, str]) -> list[ModelFacts]:
    """All forms of a named model on this machine, or the one at a path; empty when there is none.

    Raises:
        ModelUnavailable: a path that is not there.
    """
    if is_path(model):
        found = find(model, environ, prefer_pytorch=True)
        return [describe(found)] if found else []
    found = find(model, environ) if model == "auto" else None
    name = found.family if found else model
    return [describe(files) for files in find_all(environ) if name in (files.family, files.name)]


def describe(files: ModelFiles) -> ModelFacts:
    """Read what a model's files tell."""
    path = files.path
    parts = list(path.iterdir()) if path.is_dir() else [path]
    disk_bytes = sum(part.stat().st_size for part in parts if part.is_file())
    if files.kind is ModelKind.OPENVINO:
        return _describe_openvino(files, disk_bytes)
    if files.kind is ModelKind.ONNX:
        return ModelFacts(files, "-", _onnx_size(path), disk_bytes)
    # Weights are kept in half precision and calculated with in single.
    return ModelFacts(files, "FP32" if files.kind is ModelKind.PYTORCH else "-", None, disk_bytes)


def _describe_openvino(files: ModelFiles, disk_bytes: int) -> ModelFacts:
    folder = files.path if files.path.is_dir() else files.path.parent
    task = problem = ""
    try:
        metadata = read_metadata(folder)
        task = metadata.task if metadata else ""
    except ModelError as error:
        problem = error.reason
    graphs = sorted(folder.glob("*.xml"))
    text = graphs[0].read_text(encoding="utf-8", errors="replace") if graphs else ""
    return ModelFacts(files, _precision(text), _input_size(text), disk_bytes, task, problem)


def _precision(graph: str) -> str:
    by_type: dict[str, int] = {}
    for name, size in _WEIGHTS.findall(graph):
        by_type[name] = by_type.get(name, 0) + int(size)
    total = sum(by_type.values())
    if not total:
        return "-"
    if by_type.get("i8", 0) + by_type.get("u8", 0) > _QUANTIZED_SHARE * total:
        return "INT8"
    return "FP16" if by_type.get("f16", 0) > by_type.get("f32", 0) else "FP32"


def _input_size(graph: str) -> tuple[int, int] | None:
    match = _INPUT.search(graph)
    shape = match.group(1).split(",") if match else []
    sides = [side.strip() for side in shape[-2:]]
    if len(sides) < 2 or not all(side.isdecimal() for side in sides):  # noqa: PLR2004 - height and width
        return None
    height, width = map(int, sides)
    return width, height


def _onnx_size(path: Path) -> tuple[int, int] | None:
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - _ONNX_TAIL_BYTES, 0))
        tail = file.read()
    match = _ONNX_SIZE.search(tail)
    if match is None or b"'dynamic': True" in tail:
        return None
    return int(match.group(2)), int(match.group(1))
