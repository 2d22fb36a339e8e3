"""Runs a model with OpenVINO, without PyTorch."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.detect.models import last_line, require_detector
from bridge.detect.openvino_graph import ModelGraph, ov
from bridge.detect.port import Detector, DetectorInfo
from bridge.detect.yolo import GRID_PX, PAD_VALUE, decode, fit, input_size, require_picture, to_detections
from bridge.errors import ModelUnavailable
from bridge.frames.opencv import cv2

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bridge.detect.models import ModelFiles
    from bridge.detect.port import DetectorSettings
    from bridge.detect.yolo import Letterbox, OutputLayout
    from bridge.model import Detection, Image

log = logging.getLogger(__name__)

_hung: list[object] = []  # requests whose device gave no answer; see _Request.result

# More streams than this gain nothing that a bridge can use (there are seldom more frames waiting) and cost memory.
_AUTO_WORKERS = 4
# Compiled for at most so many shapes of pictures; the last of them is the square, for all the rest.
_MAX_SHAPES = 4
_USUAL_ASPECT = (4, 3)  # of nearly everything that ESP32 boards send
_CHANNELS = 3


class OpenVinoDetector(Detector):
    """A YOLO detector on a CPU, GPU or NPU that OpenVINO knows.

    The model is compiled twice: once for latency (all cores on one picture) and, unless ``workers`` is 1, once for
    throughput (several pictures at a time, fewer cores each). A picture that comes alone goes the first way, one that
    comes while others are under way the second. On two cores that means 17 ms for one picture instead of 32 ms, and 66
    pictures a second instead of 60, for 50 MB.

    Pictures are not padded to a square where the model allows it: the first picture of another aspect has the model
    compiled for that (half a second, once). A 4:3 picture then costs 25 % less, a 16:9 one 40 %.

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
        graph = ModelGraph(core, files, settings.image_size)
        require_detector(graph.metadata, files.name)
        self._compiler = _Compiler(core, graph, settings, answer_timeout_s)
        self._shapes: dict[tuple[int, int], _Lanes] = {}
        first = self._lanes_for(*_USUAL_ASPECT)
        width, height = next(iter(self._shapes))
        self._under_way: set[_Request] = set()
        self._info = DetectorInfo(
            "openvino",
            files.name,
            self._compiler.device,
            graph.metadata.labels,
            width,
            height,
            jobs=len(first.many or first.single),
        )

    @property
    def info(self) -> DetectorInfo:
        """What was loaded; the input is that of a 4:3 picture."""
        return self._info

    def start(self, images: Sequence[Image], confidence: float, iou: float, on_done: Callable[[], None]) -> _Answer:
        """Begin to look at one picture; see ``Detector.start``."""
        (image,) = images
        require_picture(image)
        self._under_way = {request for request in self._under_way if not request.free}
        lanes = self._lanes_for(image.shape[1], image.shape[0])
        request = lanes.choose(alone=not self._under_way)
        letterbox = request.start(image, on_done)
        self._under_way.add(request)
        return _Answer(request, letterbox, self._compiler.layout, self._info.labels, (confidence, iou))

    def close(self) -> None:
        """Give back the model's memory."""
        self._shapes = {}

    def _lanes_for(self, width_px: int, height_px: int) -> _Lanes:
        """The compiled model for a picture of this size: of its own shape, else the square that takes every one."""
        shape = self._compiler.shape_for(width_px, height_px)
        if shape not in self._shapes and len(self._shapes) >= _MAX_SHAPES - 1:
            shape = self._compiler.square
        if shape not in self._shapes:
            if self._shapes:
                log.info("preparing the model for pictures of %d x %d px", width_px, height_px)
            self._shapes[shape] = self._compiler.compile(*shape)
        return self._shapes[shape]


class _Lanes:
    """One shape's compiled models, with the requests that pictures go through.

    Attributes:
        single: for pictures that come alone.
        many: for pictures that come while others are under way; empty when only one at a time is worked on.
    """

    def __init__(self, single: list[_Request], many: list[_Request]) -> None:
        self.single = single
        self.many = many

    def choose(self, *, alone: bool) -> _Request:
        """A request that is free.

        Raises:
            RuntimeError: more jobs were started than ``info.jobs`` without asking for their answers.
        """
        order = (*self.single, *self.many) if alone else (*self.many, *self.single)
        request = next((request for request in order if request.free), None)
        if request is None:
            raise RuntimeError("more jobs under way than the detector offers")
        return request


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
        self._region: tuple[slice, slice] | None = None
        self._finished = threading.Event()
        self.free = True  # not under way, and its answer was read

    def start(self, image: Image, on_done: Callable[[], None]) -> Letterbox:
        """Fit the picture into the input and set the device to work."""
        _, height, width, _ = self._pixels.shape
        letterbox = fit(image, width, height)
        if self._region != letterbox.region:
            self._pixels.fill(PAD_VALUE)
        self._region = letterbox.region
        target = self._pixels[0][letterbox.region]
        if target.shape == image.shape:
            np.copyto(target, image)
        else:
            cv2.resize(image, (letterbox.width_px, letterbox.height_px), target, interpolation=cv2.INTER_LINEAR)
        self._finished.clear()
        self.free = False

        def finish(_: object) -> None:  # in a thread of OpenVINO's
            self._finished.set()
            on_done()

        self._request.set_callback(finish, None)
        self._request.start_async()
        return letterbox

    def finished(self) -> bool:
        """Whether the answer is there."""
        return self._finished.is_set()

    def result(self) -> Any:  # noqa: ANN401 - openvino is not typed
        """Wait for the answer: an array that is good until the next ``start``.

        Raises:
            TimeoutError: none came.
        """
        if not self._request.wait_for(round(self._answer_timeout_s * 1000)):
            _hung.append(self)  # whoever destroys a request that hangs, hangs: this one must never be collected
            raise TimeoutError(f"OpenVINO gave no answer within {self._answer_timeout_s:g} s")
        return self._request.get_output_tensor().data


class _Answer:
    """A picture under way."""

    def __init__(
        self,
        request: _Request,
        letterbox: Letterbox,
        layout: OutputLayout,
        labels: Sequence[str],
        thresholds: tuple[float, float],
    ) -> None:
        self._request = request
        self._letterbox = letterbox
        self._layout = layout
        self._labels = labels
        self._thresholds = thresholds

    def done(self) -> bool:
        """Whether ``result`` would answer at once."""
        return self._request.finished()

    def result(self) -> list[list[Detection]]:
        """Wait for the answer and read it; the request is free again after that."""
        output = self._request.result()
        boxes = decode(output, self._layout, *self._thresholds)
        self._request.free = True
        return [to_detections(boxes, self._letterbox, self._labels)]


class _Compiler:
    """Makes a model ready to run on a device, for one shape of pictures after the other.

    Attributes:
        device: where it runs; may become the CPU while the first shape is compiled.
        square: width and height of the input that takes every picture; of a model of one size, that size.
        layout: of the model's output.
    """

    def __init__(self, core: ov.Core, graph: ModelGraph, settings: DetectorSettings, answer_timeout_s: float) -> None:
        self._core = core
        self._graph = graph
        self._workers = settings.workers or _AUTO_WORKERS
        self._may_move = settings.device == "auto"
        self._answer_timeout_s = answer_timeout_s
        longest_px = max(graph.size_px)
        self._shaped = graph.any_shape and not settings.square and longest_px % GRID_PX == 0
        self.square = (longest_px, longest_px) if self._shaped else graph.size_px
        self.device = choose_device(core.available_devices, settings.device)
        self.layout = graph.layout

    def shape_for(self, width_px: int, height_px: int) -> tuple[int, int]:
        """Width and height of the input that a picture of this size is best looked at with."""
        return input_size(width_px, height_px, self.square[0]) if self._shaped else self.square

    def compile(self, width_px: int, height_px: int) -> _Lanes:
        """Compile for latency and, if more than one worker is allowed, for throughput.

        Raises:
            ModelRefused: the model does not take that size.
            ModelUnavailable: the device does not take the model.
        """
        model = self._graph.build(width_px, height_px)
        hints = [{"PERFORMANCE_HINT": "LATENCY"}]
        if self._workers > 1:
            hints.append({"PERFORMANCE_HINT": "THROUGHPUT", "PERFORMANCE_HINT_NUM_REQUESTS": str(self._workers)})
        # CPUs that can calculate in bfloat16 do so by default. Its 8 bits round a coordinate of 500 to the next 2
        # pixels, and on the one we measured it is no faster (INT8 model) or slower (FP32: 120 ms of CPU time, not 72).
        precision = {"INFERENCE_PRECISION_HINT": "f32"} if self.device == "CPU" else {}
        try:
            single, *many = [self._core.compile_model(model, self.device, hint | precision) for hint in hints]
        except RuntimeError as error:
            if self.device == "CPU" or not self._may_move:
                raise ModelUnavailable(
                    f"the device {self.device} does not take the model: {last_line(error)}",
                    "set detector.device to CPU",
                ) from error
            log.warning("the device %s does not take the model, the CPU does it: %s", self.device, last_line(error))
            self.device = "CPU"
            return self.compile(width_px, height_px)
        size = (width_px, height_px, self._answer_timeout_s)
        return _Lanes(
            # The second one waits in OpenVINO's own queue when several come and nothing else is there to take them.
            [_Request(single, *size) for _ in range(1 if many else 2)],
            # One more than work at a time: it waits in the queue, so that no core is idle while we read an answer.
            [_Request(lane, *size) for lane in many for _ in range(_parallel(lane) + 1)],
        )


def _usable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        log.info("compiled models are not kept: %s", error)
        return False
    return True


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


def _parallel(compiled: ov.CompiledModel) -> int:
    return int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
