"""Runs a model with OpenVINO, without PyTorch."""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.detect.models import ModelKind, ModelMetadata, last_line, parse_metadata, read_metadata, require_detector
from bridge.detect.port import DetectorInfo
from bridge.detect.telemetry import silence_openvino
from bridge.detect.yolo import PAD_VALUE, decode, fit, output_layout, to_detections
from bridge.errors import DependencyMissing, ModelRefused, ModelUnavailable
from bridge.frames.opencv import cv2

silence_openvino()
try:
    import openvino as ov
except ImportError as error:
    raise DependencyMissing("openvino", "run: pip install openvino") from error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bridge.detect.models import ModelFiles
    from bridge.detect.port import DetectorSettings
    from bridge.detect.yolo import Floats, Letterbox
    from bridge.model import Detection, Image

log = logging.getLogger(__name__)

_hung: list[object] = []  # detectors whose device gave no answer; see OpenVinoDetector.detect

# More streams than this gain nothing that a bridge can use (there are seldom more frames waiting) and cost memory.
_AUTO_WORKERS = 4
_CHANNELS = 3
_ONNX_BEGIN = b"\x08"  # the first field of a ModelProto, its version
_XML_BEGIN = b"<"
_EXPORT_ANEW = "export the model again with ultralytics (format=openvino), or use another one"


class OpenVinoDetector:
    """A YOLO detector on a CPU, GPU or NPU that OpenVINO knows.

    The model is compiled twice: once for latency (all cores on one picture) and, unless ``workers`` is 1, once for
    throughput (several pictures at a time, fewer cores each). One picture goes the first way, several the second. On
    two cores that means 17 ms for one picture instead of 32 ms, and 66 pictures a second instead of 60, for 50 MB.

    Args:
        files: an OpenVINO or ONNX model.
        settings: device, input size, workers.
        cache_dir: where OpenVINO keeps compiled models (a restart then takes a quarter of the time); None: nowhere.
        answer_timeout_s: how long one picture may take. The slowest board we know of needs 0.5 s (Raspberry Pi 3);
            requests have been seen to hang for good (ultralytics#25923).
        core: OpenVINO itself, or what stands in for it.

    Raises:
        ModelRefused: broken, or no detector.
        ModelUnavailable: the device is not there or cannot take the model.
    """

    def __init__(
        self,
        files: ModelFiles,
        settings: DetectorSettings,
        cache_dir: Path | None = None,
        *,
        answer_timeout_s: float = 30.0,
        core: ov.Core | None = None,
    ) -> None:
        core = core or ov.Core()
        if cache_dir is not None and _usable(cache_dir):
            core.set_property({"CACHE_DIR": str(cache_dir)})
        model = _read(core, files)
        metadata = _metadata(model, files)
        require_detector(metadata, files.name)
        _fix_input(model, files, settings.image_size)
        self._layout = output_layout(_shape(model.output()), len(metadata.labels))
        _, _, height, width = model.input().shape
        lanes, device = _compile(
            core, _with_preprocessing(model), choose_device(core.available_devices, settings.device), settings
        )
        self._lanes = [
            [_Request(lane, width, height, answer_timeout_s) for _ in range(_parallel(lane))] for lane in lanes
        ]
        self._info = DetectorInfo(
            "openvino", files.name, device, metadata.labels, width, height, parallel=len(self._lanes[-1])
        )

    @property
    def info(self) -> DetectorInfo:
        """What was loaded."""
        return self._info

    def detect(self, images: Sequence[Image], confidence: float, iou: float) -> list[list[Detection]]:
        """Find the objects in every picture; see ``Detector.detect``."""
        lane = self._lanes[0] if len(images) == 1 else self._lanes[-1]
        try:
            return [
                to_detections(decode(output, self._layout, confidence, iou), letterbox, self._info.labels)
                for output, letterbox in _answers(lane, images)
            ]
        except TimeoutError:
            # Whoever destroys a request that hangs, hangs: this detector must never be collected.
            _hung.append(self)
            raise

    def close(self) -> None:
        """Give back the model's memory."""
        self._lanes = []


def _answers(lane: Sequence[_Request], images: Sequence[Image]) -> Iterator[tuple[Floats, Letterbox]]:
    """Send the pictures through the requests of a lane, all of them busy at once, and yield the answers in order.

    An answer's array is good until the next one is asked for.
    """
    idle, busy = deque(lane), deque[_Request]()
    try:
        for image in images:
            if not idle:
                yield busy[0].result()
                idle.append(busy.popleft())
            idle[0].start(image)
            busy.append(idle.popleft())
        while busy:
            yield busy[0].result()
            busy.popleft()
    except TimeoutError:
        raise
    except BaseException:  # a bad picture, or the caller gave up: nothing may still run when the next call comes
        for request in busy:
            request.result()
        raise


class _Request:
    """One picture's way through the model: an input buffer that the device reads in place, and an answer.

    The first inference chooses kernels and allocates. It is done here, one request after the other, because doing it
    in several requests at once is what hangs (ultralytics#25923), and because the first real frame is then fast.
    """

    def __init__(self, compiled: ov.CompiledModel, width_px: int, height_px: int, answer_timeout_s: float) -> None:
        self._answer_timeout_s = answer_timeout_s
        self._pixels = np.full((1, height_px, width_px, _CHANNELS), PAD_VALUE, np.uint8)
        self._request = compiled.create_infer_request()
        self._request.set_input_tensor(ov.Tensor(self._pixels, shared_memory=True))
        self._request.infer()
        self._letterbox: Letterbox | None = None

    def start(self, image: Image) -> None:
        """Fit the picture into the input and set the device to work."""
        _, height, width, _ = self._pixels.shape
        letterbox = fit(image, width, height)
        if self._letterbox is None or self._letterbox.region != letterbox.region:
            self._pixels.fill(PAD_VALUE)
        self._letterbox = letterbox
        target = self._pixels[0][letterbox.region]
        cv2.resize(image, (letterbox.width_px, letterbox.height_px), target, interpolation=cv2.INTER_LINEAR)
        self._request.start_async()

    def result(self) -> tuple[Floats, Letterbox]:
        """Wait for the answer; the array is good until the next ``start``.

        Raises:
            TimeoutError: none came.
        """
        assert self._letterbox is not None  # noqa: S101 - started before
        if not self._request.wait_for(round(self._answer_timeout_s * 1000)):
            raise TimeoutError(f"OpenVINO gave no answer within {self._answer_timeout_s:g} s")
        return self._request.get_output_tensor().data, self._letterbox


def _usable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        log.info("compiled models are not kept: %s", error)
        return False
    return True


def _read(core: ov.Core, files: ModelFiles) -> ov.Model:
    path = files.path
    if path.is_dir():
        found = sorted(path.glob("*.xml"))
        if len(found) != 1:
            raise ModelRefused(f"{path} holds {len(found)} .xml files, not one", _EXPORT_ANEW)
        path = found[0]
    # Told by the first byte: OpenVINO would try each of its readers in turn, and some of them complain on stderr.
    expected = _ONNX_BEGIN if files.kind is ModelKind.ONNX else _XML_BEGIN
    try:
        with path.open("rb") as file:
            if file.read(1) != expected:
                raise ModelRefused(
                    f"{path} is no {'ONNX' if expected == _ONNX_BEGIN else 'OpenVINO'} model", _EXPORT_ANEW
                )
        return core.read_model(path)
    except OSError as error:
        raise ModelUnavailable(f"{path} cannot be read: {error.strerror}", "let the bridge's user read it") from error
    except RuntimeError as error:
        raise ModelRefused(f"{path} is broken: {last_line(error)}", _EXPORT_ANEW) from error


def _metadata(model: ov.Model, files: ModelFiles) -> ModelMetadata:
    """What the model says of itself: ``metadata.yaml`` beside it, else what is inside it."""
    folder = files.path if files.path.is_dir() else files.path.parent
    if files.kind is ModelKind.OPENVINO and (metadata := read_metadata(folder)) is not None:
        return metadata
    inside: dict[str, Any] = {}
    if files.kind is ModelKind.ONNX and model.has_rt_info("framework"):
        inside = dict(model.get_rt_info("framework").value)  # an ONNX file's metadata_props
    elif model.has_rt_info(["model_info", "labels"]):  # what OpenVINO's Model API reads: blanks part the labels
        labels = str(model.get_rt_info(["model_info", "labels"]).value)
        inside = {"names": [label.replace("_", " ") for label in labels.split()]}
    return parse_metadata(inside, str(files.path))


def _fix_input(model: ov.Model, files: ModelFiles, image_size: int) -> None:
    """Give the input one fixed shape.

    On CPUs with AMX, INT8 models of dynamic shape crash (openvino#37577); a fixed shape is also faster.
    """
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ModelRefused(
            f"{files.name} has {len(model.inputs)} inputs and {len(model.outputs)} outputs, not one each", _EXPORT_ANEW
        )
    try:
        if model.input().partial_shape.is_dynamic:
            model.reshape([1, _CHANNELS, image_size, image_size])
    except RuntimeError as error:
        raise ModelRefused(
            f"{files.name} does not take pictures of {image_size} pixels: {last_line(error)}",
            "set detector.image_size to a multiple of 32",
        ) from error
    shape = tuple(model.input().shape)
    if len(shape) != 4 or shape[:2] != (1, _CHANNELS):  # noqa: PLR2004 - NCHW
        raise ModelRefused(f"{files.name} takes {shape}, not one colour picture (1, 3, height, width)", _EXPORT_ANEW)
    if shape[2:] != (image_size, image_size):
        log.info("%s was exported for %d x %d pixels and keeps that size", files.name, shape[3], shape[2])


def _shape(port: ov.Output) -> tuple[int, ...]:
    return tuple(-1 if length.is_dynamic else length.get_length() for length in port.partial_shape)


def _with_preprocessing(model: ov.Model) -> ov.Model:
    """Build layout, colour order and scale into the model: it then takes OpenCV's pictures as they are.

    Outside, ``cv2.dnn.blobFromImage`` does the same in 6 ms a picture.
    """
    steps = ov.preprocess.PrePostProcessor(model)
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC")).set_color_format(
        ov.preprocess.ColorFormat.BGR
    )
    steps.input().model().set_layout(ov.Layout("NCHW"))
    steps.input().preprocess().convert_element_type(ov.Type.f32).convert_color(ov.preprocess.ColorFormat.RGB).scale(
        255.0
    )
    steps.output().tensor().set_element_type(ov.Type.f32)
    return steps.build()


def choose_device(devices: Sequence[str], wanted: str) -> str:
    """Choose the device; of themselves a GPU before the CPU, because it leaves the CPU to JPEG and MQTT.

    Args:
        devices: what OpenVINO finds on this machine: ``CPU``, ``GPU``, ``GPU.1``, ``NPU``.
        wanted: ``auto``, one of them, or a choice that OpenVINO makes among them (``AUTO:GPU,CPU``).

    Raises:
        ModelUnavailable: there is no such device.
    """
    if wanted == "auto":
        return next((device for device in devices if device.startswith("GPU")), "CPU")
    device = wanted.upper()
    known = {*devices, *(found.split(".")[0] for found in devices), "AUTO", "HETERO", "MULTI"}
    if device.split(":")[0] not in known:
        raise ModelUnavailable(
            f"OpenVINO finds no device {wanted}", f"set detector.device to auto or one of: {', '.join(devices)}"
        )
    return device


def _compile(
    core: ov.Core, model: ov.Model, device: str, settings: DetectorSettings
) -> tuple[list[ov.CompiledModel], str]:
    """Compile for latency and, if more than one worker is allowed, for throughput.

    Returns:
        One or two compiled models, and the device that took them.
    """
    workers = settings.workers or _AUTO_WORKERS
    hints = [{"PERFORMANCE_HINT": "LATENCY"}]
    if workers > 1:
        hints.append({"PERFORMANCE_HINT": "THROUGHPUT", "PERFORMANCE_HINT_NUM_REQUESTS": str(workers)})
    # CPUs that can calculate in bfloat16 do so by default. Its 8 bits round a coordinate of 500 to the next 2 pixels,
    # and on the one we measured it is no faster (INT8 model) or slower (FP32 model: 120 ms of CPU time, not 72).
    precision = {"INFERENCE_PRECISION_HINT": "f32"} if device == "CPU" else {}
    try:
        return [core.compile_model(model, device, hint | precision) for hint in hints], device
    except RuntimeError as error:
        if device == "CPU" or settings.device != "auto":
            raise ModelUnavailable(
                f"the device {device} does not take the model: {last_line(error)}", "set detector.device to CPU"
            ) from error
        log.warning("the device %s does not take the model, the CPU does it: %s", device, last_line(error))
        return _compile(core, model, "CPU", settings)


def _parallel(compiled: ov.CompiledModel) -> int:
    return int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
