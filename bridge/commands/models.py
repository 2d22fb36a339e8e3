"""``espcam-bridge models list`` and ``models export``: what is here, and making another form of it."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from bridge.commands.footage import FootageOptions, gather
from bridge.detect.fetch import can_fetch
from bridge.detect.inventory import describe, inventory
from bridge.detect.models import AUTO_MODEL, ModelKind, find, find_all, is_path, model_folders, models_cache
from bridge.errors import ModelUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.detect.export import Precision
    from bridge.detect.inventory import ModelFacts
    from bridge.detect.models import ModelFiles

_KINDS = {ModelKind.OPENVINO: "OpenVINO", ModelKind.ONNX: "ONNX", ModelKind.PYTORCH: "PyTorch"}
_FRAMES = 250  # a fifth compares, the rest calibrates; more change the ranges no more


def list_models(environ: Mapping[str, str], out: TextIO, *, as_json: bool = False) -> int:
    """Print every model on this machine, and which one ``auto`` takes.

    Returns:
        0, or 1 when there is none.
    """
    models = inventory(environ)
    chosen = find("auto", environ)
    auto_path = chosen.path.resolve() if chosen else None
    if as_json:
        rows = [_json_row(model, chosen=model.files.path.resolve() == auto_path) for model in models]
        print(json.dumps(rows, indent=2, ensure_ascii=False), file=out)
        return 0 if models else 1
    if not models:
        print("no models in " + ", ".join(map(str, model_folders(environ))), file=sys.stderr)
        return 1
    width = max(len(model.files.name) for model in models)
    print(f"  {'NAME':{width}}  {'KIND':8}  {'WEIGHTS':7}  {'INPUT':9}  {'MB':>6}  PATH", file=out)
    for model in models:
        mark = "*" if model.files.path.resolve() == auto_path else " "
        kind, size = _KINDS.get(model.files.kind, "other"), size_text(model)
        megabytes = model.disk_bytes / 1e6
        print(
            f"{mark} {model.files.name:{width}}  {kind:8}  {model.precision:7}  {size:9}  {megabytes:6.1f}  "
            f"{model.files.path}{_remark(model)}",
            file=out,
        )
    print(f"\n{_what_auto_takes(chosen)}", file=out)
    return 0


def _what_auto_takes(chosen: ModelFiles | None) -> str:
    if chosen is None:
        return f"`model: auto` ({AUTO_MODEL}) is not among them"
    if not chosen.in_the_box:
        return "* is what `model: auto` takes"
    said = f"* is what `model: auto` takes while {AUTO_MODEL}, which sees more and more than persons, is not here:"
    if can_fetch():
        return f"{said}\n  it is downloaded when the bridge starts"
    return f"{said}\n  pip install 'espcam-bridge[yolo]' lets the bridge download it at its next start"


def size_text(model: ModelFacts) -> str:
    """A model's input size, for people: ``640x640`` or ``any``."""
    return "any" if model.size_px is None else "{}x{}".format(*model.size_px)


def _remark(model: ModelFacts) -> str:
    if model.problem:
        return f"  ({model.problem})"
    return "" if model.task in ("", "detect") else f"  (no detector: {model.task})"


def _json_row(model: ModelFacts, *, chosen: bool) -> dict[str, object]:
    return {
        "name": model.files.name,
        "kind": model.files.kind.value,
        "precision": model.precision,
        "width_px": model.size_px[0] if model.size_px else None,
        "height_px": model.size_px[1] if model.size_px else None,
        "disk_bytes": model.disk_bytes,
        "path": str(model.files.path),
        "task": model.task or None,
        "problem": model.problem or None,
        "auto": chosen,
    }


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What the command line of ``models export`` asks for.

    Attributes:
        model: a name or a path.
        precision: of the new form.
        image_size: longer side that INT8 is calibrated at.
        aspect: width and height of the cameras' pictures, in any unit.
        footage: the user's own frames.
        output: where the new form goes; None: beside the source.
        force: write it whatever the comparison says.
    """

    model: str
    precision: Precision = "int8"
    image_size: int = 640
    aspect: tuple[int, int] = (4, 3)
    footage: FootageOptions = field(default_factory=FootageOptions)
    output: Path | None = None
    force: bool = False


def export_model(options: ExportOptions, environ: Mapping[str, str], out: TextIO) -> int:
    """Make another form of a model; see ``bridge.detect.export``.

    Raises:
        BridgeError: it cannot be made, or is too bad to be kept.
    """
    from bridge.detect.export import ExportRequest, export  # noqa: PLC0415 - brings OpenVINO

    source = _source(options.model, environ)
    folder = options.output or _place_beside(source, environ)
    with tempfile.TemporaryDirectory(prefix="espcam-bridge-") as kept:
        frames = gather(options.footage, _FRAMES, Path(kept), say)
        request = ExportRequest(
            source, options.precision, folder, options.image_size, options.aspect, frames, options.force
        )
        agreement = export(request, environ, say)
    print(f"{request.target}  {describe_size(request.target)}", file=out)
    if agreement is not None:
        print(
            f"agrees with the exact form on {agreement.f1:.1%} of {agreement.expected} objects "
            f"(finds {agreement.recall:.1%}, {agreement.precision:.1%} of what it finds is there), "
            f"scores {agreement.score_difference:+.3f}",
            file=out,
        )
    chosen = find("auto", environ)
    if chosen is None or chosen.path.resolve() != request.target.resolve():
        print(f"to use it: detector: {{model: {request.target.resolve()}}}", file=out)
    return 0


def describe_size(folder: Path) -> str:
    """A form's size on the disk, for people."""
    from bridge.detect.models import ModelFiles  # noqa: PLC0415 - a value

    return f"{describe(ModelFiles(folder, ModelKind.OPENVINO)).disk_bytes / 1e6:.1f} MB"


def _source(model: str, environ: Mapping[str, str]) -> ModelFiles:
    """The most exact form that is here: weights, then OpenVINO or ONNX in floating point; INT8 last, to be refused.

    Raises:
        ModelUnavailable: there is none.
    """
    found = find(model, environ, prefer_pytorch=True)
    if found is None or (model == "auto" and found.in_the_box):
        from bridge.detect.fetch import fetch  # noqa: PLC0415 - may download

        fetched = fetch(model, environ, say)
        found = find(fetched.family, environ, prefer_pytorch=True) or fetched
    if is_path(model):
        return found
    same = [describe(files) for files in find_all(environ) if files.family == found.family]
    order = {"FP32": 0, "-": 1, "FP16": 2, "INT8": 3}
    usable = [one for one in same if not one.problem]
    if not usable:
        raise ModelUnavailable(f"{found.path} cannot be used", "name another model")
    return min(usable, key=lambda one: order[one.precision]).files


def _place_beside(source: ModelFiles, environ: Mapping[str, str]) -> Path:
    folder = (source.path.parent if source.path.suffix == ".xml" else source.path).resolve().parent
    return folder if os.access(folder, os.W_OK) else models_cache(environ)


def say(text: str) -> None:
    """Progress, on stderr."""
    print(text, file=sys.stderr)
