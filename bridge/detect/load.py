"""Chooses what runs the model, and loads it."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from bridge.detect.fetch import fetch
from bridge.detect.models import AUTO_MODEL, ModelKind, cache_dir, find, own_models
from bridge.errors import ModelRefused, ModelUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.detect.models import ModelFiles
    from bridge.detect.port import Detector, DetectorSettings, Progress

log = logging.getLogger(__name__)

_TORCH_DEVICE = re.compile(r"\d[\d,]*|(cuda|mps|xpu)(:\d+)?", re.IGNORECASE)


def load_detector(settings: DetectorSettings, environ: Mapping[str, str], progress: Progress | None = None) -> Detector:
    """Find the model, fetch it if need be, and load it into the runtime that fits.

    Of ``auto`` something can always be had: the model in the box, when there is neither one of the user's nor YOLO11n
    and that cannot be fetched.

    Args:
        settings: which model, runtime and device.
        environ: where models and the cache are; see ``models.find``.
        progress: told in one line what takes long; None: the log is.

    Raises:
        ModelUnavailable: no model can be had now.
        ModelRefused: broken, or no detector.
        DependencyMissing: the runtime is not installed.
    """
    tell = progress or log.info
    files = find(settings.model, environ, prefer_pytorch=prefers_ultralytics(settings))
    if files is None or (settings.model == "auto" and files.in_the_box):
        files, settings = _get(files, settings, environ, tell)
    runtime = choose_runtime(settings, files)
    tell(f"loading {files.path} with {runtime}")
    # Imported here: each brings a runtime of tens (OpenVINO) or hundreds (PyTorch) of megabytes.
    if runtime == "openvino":
        from bridge.detect.openvino import OpenVinoDetector  # noqa: PLC0415

        return OpenVinoDetector(files, settings, cache_dir(environ) / "openvino")
    from bridge.detect.ultralytics import UltralyticsDetector  # noqa: PLC0415

    return UltralyticsDetector(files, settings)


def _get(
    instead: ModelFiles | None, settings: DetectorSettings, environ: Mapping[str, str], tell: Progress
) -> tuple[ModelFiles, DetectorSettings]:
    """Fetch the model; where that fails take the one instead, if there is one, and say so.

    Raises:
        ModelUnavailable: there is none.
    """
    try:
        return fetch(settings.model, environ, tell), settings
    except ModelUnavailable as error:
        if instead is None:
            raise
        several = own_models(environ)
        mend = f"name one of yours in detector.model ({', '.join(several)})" if several else error.mend
        log.warning(
            "the model in the box is used (starter: persons alone, fewer of them than %s finds), for %s; for the "
            "better one %s",
            AUTO_MODEL,
            error.reason,
            mend,
        )
        # Wherever the other one was to run: this one runs everywhere.
        return instead, replace(settings, runtime="openvino", device="auto")


def prefers_ultralytics(settings: DetectorSettings) -> bool:
    """Whether the settings ask for ultralytics, by name or by a device that only PyTorch has (``0``, ``cuda:0``)."""
    if settings.runtime == "auto":
        return _TORCH_DEVICE.fullmatch(settings.device) is not None
    return settings.runtime == "ultralytics"


def choose_runtime(settings: DetectorSettings, files: ModelFiles) -> str:
    """OpenVINO for what it can read, ultralytics for the rest, unless the settings say which.

    Raises:
        ModelRefused: OpenVINO is wanted and cannot read such files.
    """
    readable = files.kind in (ModelKind.OPENVINO, ModelKind.ONNX)
    if settings.runtime == "openvino" and not readable:
        raise ModelRefused(
            f"OpenVINO cannot read {files.path}",
            f"run: yolo export model={files.path} format=openvino; or set detector.runtime to auto",
        )
    return "openvino" if readable and not prefers_ultralytics(settings) else "ultralytics"
