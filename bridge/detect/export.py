"""Makes another form of a model: OpenVINO in FP32, FP16, or INT8 that the user's own frames calibrated.

Nothing is replaced before the new form is complete, loads, and was compared with the exact one on frames that it was
not calibrated with.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from bridge.detect.agreement import compare, threshold
from bridge.detect.fetch import to_openvino
from bridge.detect.frames import Frames
from bridge.detect.inventory import describe
from bridge.detect.models import ModelFiles, ModelKind, kind_of, load_metadata, require_detector, save_metadata
from bridge.detect.openvino import OpenVinoDetector
from bridge.detect.openvino_graph import ModelGraph, ov
from bridge.detect.port import DetectorSettings
from bridge.detect.yolo import GRID_PX, input_size
from bridge.errors import ModelError, ModelRefused, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from bridge.detect.agreement import Agreement
    from bridge.detect.port import Progress
    from bridge.model import Detection

Precision: TypeAlias = Literal["int8", "fp16", "fp32"]

MIN_FRAMES = 20
"""Fewer say too little about light and weather; NNCF's own default is 300."""
MIN_AGREEMENT = 0.95
"""Below this something went wrong: with the head spared, INT8 agrees on 99 % of the boxes with what it came from."""
MIN_OBJECTS = 10
"""With fewer objects in the held-out frames one more or less decides."""
_HELD_OUT = 5  # every fifth frame is kept for the comparison
_CONFIDENCE, _IOU = 0.25, 0.45  # the configuration's defaults
_WORSE = 0.005  # what an older form may be better by before it stays


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What to make.

    Attributes:
        source: the model to start from: ``.pt``, ONNX, or OpenVINO in FP32 or FP16.
        precision: of the new form.
        folder: where it goes.
        image_size: longer side of the input that INT8 is calibrated at.
        aspect: width and height, in any unit, of the cameras' pictures.
        frames: picture files of the user's own cameras.
        force: write it whatever the comparison says.
    """

    source: ModelFiles
    precision: Precision
    folder: Path
    image_size: int = 640
    aspect: tuple[int, int] = (4, 3)
    frames: Sequence[Path] = ()
    force: bool = False

    @property
    def target(self) -> Path:
        """The folder of the new form."""
        suffix = {"int8": "_int8", "fp16": "_fp16", "fp32": ""}[self.precision]
        return self.folder / f"{self.source.family}{suffix}_openvino_model"


def export(request: ExportRequest, environ: Mapping[str, str], progress: Progress) -> Agreement | None:
    """Make the form and put it in its place.

    Returns:
        How it agrees with the exact form on the held-out frames; None without frames.

    Raises:
        UsageError: too few frames, or a place or size that will not do.
        DependencyMissing: ultralytics or NNCF is not installed.
        ModelRefused: it cannot be exported, or sees too little afterwards.
    """
    _check(request)
    request.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=request.folder, prefix=".export-") as name:
        aside = Path(name)
        exact = _exact_form(request.source, aside, environ, progress)
        made = aside / "new" / request.target.name
        made.mkdir(parents=True)
        _write(request, exact, made, progress)
        agreement = _judge(request, exact, made, progress) if request.frames else None
        _install(made, request.target, aside)
    return agreement


def held_out(frames: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Part the frames into those that calibrate and those that compare; every fifth is for comparing."""
    return (
        [frame for number, frame in enumerate(frames) if number % _HELD_OUT],
        [frame for number, frame in enumerate(frames) if number % _HELD_OUT == 0],
    )


def _check(request: ExportRequest) -> None:
    if request.image_size % GRID_PX:
        raise UsageError(f"--size {request.image_size}: must be a multiple of {GRID_PX}")
    if request.precision == "int8" and len(request.frames) < MIN_FRAMES:
        raise UsageError(
            f"INT8 is calibrated with your cameras' own frames, and {len(request.frames)} are too few: give at least "
            f"{MIN_FRAMES}, better 200, of day and night, with --frames PATH or from a running bridge with --bridge URL"
        )
    if request.source.kind is ModelKind.OPENVINO and describe(request.source).precision == "INT8":
        raise ModelRefused(
            f"{request.source.path} is INT8 already", "name the .pt, or its OpenVINO or ONNX form in FP32 or FP16"
        )
    if request.source.kind is ModelKind.OTHER:
        raise ModelRefused(f"{request.source.path} cannot be exported", "name a .pt, .onnx or *_openvino_model/")
    if request.target.resolve() == request.source.path.resolve():
        raise UsageError(f"{request.target} is the model to start from: choose another --output")


def _exact_form(source: ModelFiles, aside: Path, environ: Mapping[str, str], progress: Progress) -> ModelFiles:
    if source.kind is not ModelKind.PYTORCH:
        return source
    progress(f"exporting {source.path.name} to OpenVINO")
    made = to_openvino(source.path, aside, environ)
    return ModelFiles(made, kind_of(made))


def _write(request: ExportRequest, exact: ModelFiles, made: Path, progress: Progress) -> None:
    core = ov.Core()
    graph = ModelGraph(core, exact, request.image_size)
    require_detector(graph.metadata, exact.name)
    model = core.read_model(next(exact.path.glob("*.xml")) if exact.path.is_dir() else exact.path)
    size_px = input_size(*request.aspect, request.image_size)
    if not model.input().partial_shape.is_dynamic:
        size_px = graph.size_px
    if request.precision == "int8":
        # Imported here: it brings scikit-learn, and PyTorch where that is installed.
        from bridge.detect.quantize import quantize  # noqa: PLC0415

        calibrating, _ = held_out(request.frames)
        progress(f"calibrating INT8 with {len(calibrating)} frames at {size_px[0]} x {size_px[1]}")
        model = quantize(model, Frames(calibrating), size_px, progress)
    ov.save_model(model, made / f"{request.source.family}.xml", compress_to_fp16=request.precision == "fp16")
    save_metadata(made, _metadata(exact, graph, request, size_px))


def _metadata(exact: ModelFiles, graph: ModelGraph, request: ExportRequest, size_px: tuple[int, int]) -> dict[str, Any]:
    """As ultralytics writes it, so that ultralytics can load the form as well."""
    folder = exact.path if exact.path.is_dir() else exact.path.parent
    known = (load_metadata(folder) if exact.kind is ModelKind.OPENVINO else None) or {
        "description": f"{request.source.family}, exported by espcam-bridge",
        "stride": GRID_PX,
        "task": graph.metadata.task,
        "batch": 1,
        "names": dict(enumerate(graph.metadata.labels)),
    }
    arguments = {**(known.get("args") or {}), "half": request.precision == "fp16", "int8": request.precision == "int8"}
    return {**known, "imgsz": [size_px[1], size_px[0]], "args": arguments}


def _judge(request: ExportRequest, exact: ModelFiles, made: Path, progress: Progress) -> Agreement:
    """Compare on frames that the new form has not seen, also with the form that it replaces.

    Raises:
        ModelRefused: it should not be used.
    """
    _, frames = held_out(request.frames)
    progress(f"comparing with the exact form on {len(frames)} other frames")
    reference = _look(exact, frames, request.image_size)
    agreement = compare(reference, _look(ModelFiles(made, ModelKind.OPENVINO), frames, request.image_size), _CONFIDENCE)
    reason = ""
    if request.precision == "int8" and agreement.expected < MIN_OBJECTS:
        reason = f"only {agreement.expected} objects are in the {len(frames)} frames that were kept to compare"
    elif agreement.f1 < MIN_AGREEMENT:
        reason = f"it agrees with the exact form on {agreement.f1:.1%} of the objects only"
    elif (old := _agreement_of_old(request, reference, frames)) > agreement.f1 + _WORSE:
        reason = f"{request.target} is better: {old:.1%} agreement, the new one has {agreement.f1:.1%}"
    if reason and not request.force:
        raise ModelRefused(
            f"the new model was not kept: {reason}", "give more frames, with objects in them, or write it with --force"
        )
    return agreement


def _agreement_of_old(
    request: ExportRequest, reference: Sequence[Sequence[Detection]], frames: Sequence[Path]
) -> float:
    try:
        found = _look(ModelFiles(request.target, ModelKind.OPENVINO), frames, request.image_size)
    except ModelError:  # none there, or a broken one
        return 0.0
    return compare(reference, found, _CONFIDENCE).f1


def _look(files: ModelFiles, frames: Sequence[Path], image_size: int) -> list[list[Detection]]:
    detector = OpenVinoDetector(files, DetectorSettings(runtime="openvino", device="CPU", image_size=image_size))
    try:
        return detector.detect(Frames(frames), threshold(_CONFIDENCE), _IOU)
    finally:
        detector.close()


def _install(made: Path, target: Path, aside: Path) -> None:
    """Put a complete folder in its place; what was there goes with ``aside``."""
    if target.is_dir() and not target.is_symlink():
        target.rename(aside / "old")
    elif os.path.lexists(target):
        target.unlink()
    try:
        made.rename(target)
    except OSError:
        if (aside / "old").exists():
            (aside / "old").rename(target)
        shutil.rmtree(made, ignore_errors=True)
        raise
