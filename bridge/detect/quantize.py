"""INT8 by NNCF: the ranges of all activations are learned from the user's own frames.

NNCF comes with scikit-learn and more, so it is optional and nothing imports this file until it is needed. It would
phone home through ``openvino_telemetry``; with that silenced it takes the stub that it carries.
"""

from __future__ import annotations

import contextlib
import io
import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.detect.telemetry import silence_openvino
from bridge.detect.yolo import PAD_VALUE, fit
from bridge.errors import DependencyMissing
from bridge.frames.opencv import cv2

silence_openvino()
try:
    import nncf
except ImportError as error:
    raise DependencyMissing("nncf (it makes INT8 models)", "run: pip install 'espcam-bridge[export]'") from error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.detect.openvino_graph import ov
    from bridge.detect.port import Progress
    from bridge.detect.yolo import Floats
    from bridge.model import Image

_library: Any = nncf
_library.set_log_level(logging.ERROR)
_CHANNELS = 3


def quantize(model: ov.Model, frames: Sequence[Image], size_px: tuple[int, int], progress: Progress) -> ov.Model:
    """Quantize a float model.

    A model of any size is calibrated at ``size_px`` and takes any size again afterwards.

    Args:
        model: takes ``(1, 3, height, width)`` float32, RGB, 0..1.
        frames: what it will see, each of any size; a lazy sequence keeps the memory small.
        size_px: width and height that the frames are fitted into.
        progress: told now and then how far it is.
    """
    width, height = size_px
    original = model.input().partial_shape
    model.reshape([1, _CHANNELS, height, width])
    with contextlib.redirect_stdout(io.StringIO()):  # its progress bars
        quantized = _library.quantize(
            model,
            _library.Dataset(_Told(frames, progress), lambda image: _as_input(image, width, height)),
            # Symmetric weights, asymmetric activations: SiLU goes a little below zero and far above it.
            preset=_library.QuantizationPreset.MIXED,
            subset_size=len(frames),
            ignored_scope=_library.IgnoredScope(names=_delicate(model), validate=False),
        )
    quantized.reshape(original)
    return quantized


def _delicate(model: ov.Model) -> list[str]:
    """The operations that 8 bits spoil: sigmoids everywhere, and the arithmetic of the head behind its convolutions.

    Coordinates reach 640 there; 256 steps of 2.5 pixels would move every edge. ultralytics spares the same ones.
    """
    operations = model.get_ordered_ops()
    sigmoids = [one.get_friendly_name() for one in operations if one.get_type_name() == "Sigmoid"]
    if not sigmoids:
        return []
    head = sigmoids[-1].rpartition("/")[0].split("/aten::")[0]  # __module.model.23 or, from ONNX, /model.23
    inside = (f"{head}/", f"{head}.dfl")
    kinds = {"Convolution", "GroupConvolution", "Constant"}
    in_head = [
        one.get_friendly_name()
        for one in operations
        if one.get_friendly_name().startswith(inside)
        and (one.get_type_name() not in kinds or "dfl" in one.get_friendly_name())
    ]
    return sorted({*sigmoids, *in_head})


def _as_input(image: Image, width_px: int, height_px: int) -> Floats:
    letterbox = fit(image, width_px, height_px)
    pixels = np.full((height_px, width_px, _CHANNELS), PAD_VALUE, np.uint8)
    size = (letterbox.width_px, letterbox.height_px)
    pixels[letterbox.region] = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(pixels[..., ::-1].transpose(2, 0, 1)[np.newaxis], np.float32) / np.float32(255)


class _Told:
    """Frames that tell how far NNCF got with them."""

    def __init__(self, frames: Sequence[Image], progress: Progress) -> None:
        self._frames = frames
        self._progress = progress

    def __iter__(self) -> Iterator[Image]:
        total = len(self._frames)
        for number, frame in enumerate(self._frames, 1):
            if number % max(total // 4, 1) == 0:
                self._progress(f"calibrating: {number} of {total} frames")
            yield frame
