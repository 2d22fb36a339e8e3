"""Runs a model with ultralytics: every format and device that it knows, at the price of PyTorch.

Nothing else imports ``ultralytics`` or ``torch``: that takes seconds and hundreds of megabytes. As a program
(``python -m bridge.detect.ultralytics NAME FOLDER``) it fetches a model; see ``bridge.detect.fetch``.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.detect.models import AUTO_MODEL, cache_dir, first_line
from bridge.detect.port import DetectorInfo
from bridge.detect.telemetry import silence_ultralytics
from bridge.errors import DependencyMissing, ModelRefused
from bridge.model import Detection

silence_ultralytics(cache_dir(os.environ) / "ultralytics")
try:
    import ultralytics.utils.downloads
except ImportError as error:
    raise DependencyMissing("ultralytics", "run: pip install 'espcam-bridge[yolo]'") from error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.detect.models import ModelFiles
    from bridge.detect.port import DetectorSettings
    from bridge.model import Image

_library: Any = ultralytics  # its annotations name too little to be checked against
if _library.settings["sync"]:  # in our own settings file; see silence_ultralytics
    _library.settings.update({"sync": False})

# Its own handler writes to stdout; our log's is the right one.
_log = logging.getLogger("ultralytics")
_log.handlers.clear()
_log.propagate = True

_BATCH_ON_GPU = 4  # a GPU takes a batch in little more time than one picture; a CPU gains nothing by it


class UltralyticsDetector:
    """A YOLO detector as ``ultralytics.YOLO`` runs it.

    Args:
        files: any model that ultralytics can load.
        settings: device, input size, workers.

    Raises:
        ModelRefused: broken, no detector, or made for another device.
        DependencyMissing: the model's format needs a package that is not installed.
    """

    def __init__(self, files: ModelFiles, settings: DetectorSettings) -> None:
        self._options: dict[str, Any] = {"imgsz": settings.image_size, "verbose": False}
        if settings.device != "auto":
            self._options["device"] = settings.device.lower()
        try:
            self._model = _library.YOLO(str(files.path))
            self._require_detector(files.name)
            size = settings.image_size
            # The first prediction loads exported models and chooses kernels.
            self._predict([np.zeros((size, size, 3), np.uint8)], 0.5, 0.5)
        except ModelRefused:
            raise
        except Exception as error:
            raise _explain(error, files.path) from error
        predictor = self._model.predictor
        device = str(predictor.device)
        names = dict(predictor.model.names)
        height, width = predictor.imgsz
        self._info = DetectorInfo(
            "ultralytics",
            files.name,
            device,
            tuple(str(names.get(number, number)) for number in range(max(names) + 1)),
            width,
            height,
            parallel=settings.workers or (1 if device == "cpu" else _BATCH_ON_GPU),
        )

    @property
    def info(self) -> DetectorInfo:
        """What was loaded."""
        return self._info

    def detect(self, images: Sequence[Image], confidence: float, iou: float) -> list[list[Detection]]:
        """Find the objects in every picture; see ``Detector.detect``."""
        return [self._detections(result) for result in self._predict(list(images), confidence, iou)] if images else []

    def close(self) -> None:
        """Give back the model's memory."""
        del self._model

    def _predict(self, images: list[Image], confidence: float, iou: float) -> list[Any]:
        return list(self._model.predict(images, conf=confidence, iou=iou, **self._options))

    def _detections(self, result: Any) -> list[Detection]:  # noqa: ANN401 - ultralytics is not typed
        boxes = result.boxes.cpu().numpy()
        order = np.argsort(-boxes.conf, kind="stable")
        return [
            Detection(self._info.labels[int(number)], float(score), (left, top, right, bottom))
            for (left, top, right, bottom), score, number in zip(
                boxes.xyxy[order].tolist(), boxes.conf[order], boxes.cls[order], strict=True
            )
        ]

    def _require_detector(self, name: str) -> None:
        if self._model.task != "detect":
            raise ModelRefused(
                f"{name} is no detector: its task is {self._model.task}", f"use a detection model such as {AUTO_MODEL}"
            )


def _explain(error: Exception, path: Path) -> ModelRefused | DependencyMissing:
    """Put one of the many exceptions that loading can raise into our words."""
    if isinstance(error, ModuleNotFoundError):
        return DependencyMissing(str(error.name), f"run: pip install {error.name} ({path.name} needs it)")
    if "torchvision::nms" in str(error):  # PyPI's torchvision beside a CPU-only torch
        return DependencyMissing(
            "a torchvision that fits torch", "run: pip install --force-reinstall torch torchvision"
        )
    return ModelRefused(f"{path} cannot be used: {first_line(error)}", "use another model or another detector.device")


# --- as a program ----------------------------------------------------------------------------------------------------


def fetch(name: str, folder: Path) -> None:
    """Download ``NAME.pt`` into ``folder`` and export it to ``NAME_openvino_model`` beside it.

    Raises:
        ConnectionError: no network, or no such model.
        Exception: whatever the export raises; the ``.pt`` is there then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / f"{name}.pt"
    _library.utils.downloads.attempt_download_asset(weights, progress=sys.stderr.isatty())
    if not weights.exists():
        raise ConnectionError(f"ultralytics publishes no model {name}, or its list cannot be read now")
    # Aside first: a half-written export must never be found. The export goes beside the weights, hence the copy.
    with tempfile.TemporaryDirectory(dir=folder, prefix=".export-") as aside:
        copy = Path(shutil.copy(weights, aside))
        # Dynamic, so that one export serves every detector.image_size; it is made fixed when it is loaded.
        exported = Path(_library.YOLO(str(copy)).export(format="openvino", dynamic=True))
        shutil.rmtree(folder / exported.name, ignore_errors=True)
        exported.rename(folder / exported.name)


def main(arguments: Sequence[str]) -> int:
    """Fetch a model. The reason of a failure is the one line on stdout; progress and chatter go to stderr."""
    name, folder = arguments
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        with contextlib.redirect_stdout(sys.stderr):
            fetch(name, Path(folder))
    except Exception as error:  # noqa: BLE001 - whatever it was, the parent needs one line
        print(first_line(error).lstrip("❌ ").rstrip("."))  # noqa: T201 - that line is what this program is for
        return 1
    return 0


def _die_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)  # nothing ever comes; it ends when the parent does
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
