"""Gets a model that is not on this machine: ultralytics downloads it and exports it to OpenVINO, in another process.

PyTorch's 400 MB then do not stay in the bridge, and an export that runs out of memory ends only that process.
"""

from __future__ import annotations

import importlib.util
import sys
from typing import TYPE_CHECKING

from bridge.detect.child import run_child
from bridge.detect.models import AUTO_MODEL, find, models_cache
from bridge.errors import DependencyMissing, ModelRefused, ModelUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bridge.detect.models import ModelFiles
    from bridge.detect.port import Progress

_OR_A_PATH = "or set detector.model to the path of a YOLO model (.pt, .onnx, *_openvino_model/)"
_CHILD = (sys.executable, "-m", "bridge.detect.ultralytics")


def can_fetch() -> bool:
    """Whether ultralytics is installed, which downloads models and exports them."""
    return importlib.util.find_spec("ultralytics") is not None


def fetch(
    model: str,
    environ: Mapping[str, str],
    progress: Progress,
    *,
    child: Sequence[str] = _CHILD,
    timeout_s: float = 900.0,  # 5 MB to 100 MB and an export; what takes longer is as good as stuck
) -> ModelFiles:
    """Download a model that ultralytics publishes and export it to OpenVINO, into the cache.

    Args:
        model: a name, or ``auto``.
        environ: the child's environment, and where the cache is.
        progress: told what happens; the child's progress bar goes to stderr when that is a terminal.
        child: the program that does it, called with the name and the folder; see ``bridge.detect.ultralytics.main``.
        timeout_s: how long it may take.

    Returns:
        The OpenVINO model, or the ``.pt`` when only the export failed.

    Raises:
        ModelUnavailable: it cannot be had now; the reason and the mend are each one line.
    """
    name = AUTO_MODEL if model == "auto" else model
    missing = f"there is no model {name} on this machine"
    if child is _CHILD and not can_fetch():
        raise ModelUnavailable(
            f"{missing}, and ultralytics, which could download it, is not installed",
            f"run: pip install 'espcam-bridge[yolo]'; {_OR_A_PATH}",
        )
    progress(f"downloading {name} and exporting it to OpenVINO; this happens once")
    folder = models_cache(environ)
    reason = run_child([*child, name, str(folder)], environ, timeout_s)
    found = find(name, {**environ, "ESPCAM_BRIDGE_MODELS": str(folder)})
    if found is None:
        raise ModelUnavailable(
            f"{missing} and it cannot be fetched: {reason or 'nothing came'}",
            f"see to the internet connection, {_OR_A_PATH}",
        )
    if reason:
        progress(f"{name} is used as it came: {reason}")
    return found


def to_openvino(
    weights: Path, folder: Path, environ: Mapping[str, str], *, child: Sequence[str] = _CHILD, timeout_s: float = 900.0
) -> Path:
    """Export a ``.pt`` to OpenVINO in FP32, for pictures of any size.

    Args:
        weights: the file.
        folder: where ``NAME_openvino_model`` goes.
        environ: the child's environment.
        child: the program that does it.
        timeout_s: how long it may take.

    Returns:
        The folder of the OpenVINO model.

    Raises:
        DependencyMissing: ultralytics is not installed.
        ModelRefused: the export failed; the reason is one line.
    """
    if child is _CHILD and not can_fetch():
        raise DependencyMissing(
            f"ultralytics (it reads {weights.name})",
            "run: pip install 'espcam-bridge[yolo]'; or give an OpenVINO or ONNX model",
        )
    reason = run_child([*child, str(weights.resolve()), str(folder)], environ, timeout_s)
    made = folder / f"{weights.stem}_openvino_model"
    if reason or not made.is_dir():
        raise ModelRefused(f"{weights} cannot be exported: {reason or 'nothing came'}", "use another model")
    return made
