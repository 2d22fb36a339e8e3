"""Runs a model with ultralytics: every format and device that it knows, at the price of PyTorch.

Nothing else imports ``ultralytics`` or ``torch``: that takes seconds and hundreds of megabytes. As a program
(``python -m bridge.detect.ultralytics NAME|FILE.pt FOLDER``) it fetches a model or exports one to OpenVINO; see
``bridge.detect.fetch``.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.detect.child import be_child
from bridge.detect.models import AUTO_MODEL, ModelKind, cache_dir, first_line
from bridge.detect.port import Detector, DetectorInfo
from bridge.detect.telemetry import silence_ultralytics
from bridge.detect.yolo import require_picture
from bridge.errors import DependencyMissing, ModelRefused
from bridge.model import Detection

silence_ultralytics(cache_dir(os.environ) / "ultralytics")
try:
    import ultralytics.utils.downloads
    import ultralytics.utils.torch_utils
except ImportError as error:
    raise DependencyMissing("ultralytics", "run: pip install 'espcam-bridge[yolo]'") from error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

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

_BATCH_ON_GPU = 8  # a GPU takes a batch in little more time than one picture; a CPU gains nothing by it
_JOBS_ON_GPU = 2  # the next batch is letterboxed by the CPU while the GPU computes; on a CPU both want the same cores
_ANSWER_TIMEOUT_S = 60.0  # a batch of large pictures on a slow board; who needs longer gives no answer


def available_devices() -> list[str]:
    """The devices that PyTorch finds on this machine, as ``detector.device`` names them."""
    torch = _library.utils.torch_utils.torch
    found = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    return [*found, *(["mps"] if torch.backends.mps.is_available() else []), "cpu"]


class UltralyticsDetector(Detector):
    """A YOLO detector as ``ultralytics.YOLO`` runs it, in a thread of its own.

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
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ultralytics")
        try:
            self._model = _library.YOLO(str(files.path))
            self._require_detector(files.name)
            size = settings.image_size
            # The first prediction loads exported models and chooses kernels; where all others run, because PyTorch
            # keeps a team of threads for each thread that calls it.
            self._thread.submit(self._predict, [np.zeros((size, size, 3), np.uint8)], 0.5, 0.5).result()
        except ModelRefused:
            raise
        except Exception as error:
            raise _explain(error, files.path) from error
        self._info = _describe(self._model.predictor, files, settings)
        self._places = threading.Semaphore(self._info.jobs)

    @property
    def info(self) -> DetectorInfo:
        """What was loaded."""
        return self._info

    def start(self, images: Sequence[Image], confidence: float, iou: float, on_done: Callable[[], None]) -> _Job:
        """Begin to look at pictures; see ``Detector.start``."""
        for image in images:
            require_picture(image)
        pictures = [image.copy() for image in images]
        if not self._places.acquire(timeout=_ANSWER_TIMEOUT_S):
            raise _no_answer()
        future = self._thread.submit(self._work, pictures, confidence, iou)
        future.add_done_callback(lambda _: on_done())
        return _Job(future)

    def close(self) -> None:
        """Give back the model's memory."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        del self._model

    def _work(self, images: list[Image], confidence: float, iou: float) -> list[list[Detection]]:
        try:
            return [self._detections(result) for result in self._predict(images, confidence, iou)]
        finally:
            self._places.release()

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


class _Job:
    """Pictures that the thread works on, or will."""

    def __init__(self, future: Future[list[list[Detection]]]) -> None:
        self._future = future

    def done(self) -> bool:
        """Whether the answer is there."""
        return self._future.done()

    def result(self) -> list[list[Detection]]:
        """Wait for the answer; see ``Job.result``."""
        try:
            return self._future.result(_ANSWER_TIMEOUT_S)
        except TimeoutError:
            raise _no_answer() from None


def _no_answer() -> TimeoutError:
    return TimeoutError(f"ultralytics gave no answer within {_ANSWER_TIMEOUT_S:g} s")


def _describe(predictor: Any, files: ModelFiles, settings: DetectorSettings) -> DetectorInfo:  # noqa: ANN401
    device = str(predictor.device)
    names = dict(predictor.model.names)
    height, width = predictor.imgsz
    # Exported models may be made for one picture at a time; weights take any number.
    batches = device != "cpu" and files.kind is ModelKind.PYTORCH
    return DetectorInfo(
        "ultralytics",
        files.name,
        device,
        tuple(str(names.get(number, number)) for number in range(max(names) + 1)),
        width,
        height,
        batch=(settings.workers or _BATCH_ON_GPU) if batches else 1,
        jobs=1 if device == "cpu" else _JOBS_ON_GPU,
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
    to_openvino(weights, folder)


def to_openvino(weights: Path, folder: Path) -> None:
    """Export weights to ``NAME_openvino_model`` in ``folder``, in FP32, for pictures of any size.

    Raises:
        Exception: whatever the export raises.
    """
    # Aside first: a half-written export must never be found. The export goes beside the weights, hence the copy.
    with tempfile.TemporaryDirectory(dir=folder, prefix=".export-") as aside:
        copy = Path(shutil.copy(weights, aside))
        # Dynamic, so that one export serves every detector.image_size; it is made fixed when it is loaded.
        exported = Path(_library.YOLO(str(copy)).export(format="openvino", dynamic=True))
        shutil.rmtree(folder / exported.name, ignore_errors=True)
        exported.rename(folder / exported.name)


def main(what: str, folder: Path) -> None:
    """Fetch a model by its name, or export the weights in a ``.pt`` file."""
    if what.endswith(".pt"):
        to_openvino(Path(what), folder)
    else:
        fetch(what, folder)


if __name__ == "__main__":
    sys.exit(be_child(lambda: main(sys.argv[1], Path(sys.argv[2]))))
