"""OpenVINO models before they are compiled: reading them, giving them an input shape, building preprocessing in.

A model that was exported for one fixed square spends a quarter of its time on the grey margins above and below a
4:3 picture. ``ModelGraph`` gives it the shape of the pictures instead: models with a dynamic input by OpenVINO's own
``reshape``; fixed ones after the few constants in them that hold the square's size are written anew, where all of
those are recognized.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bridge.detect.models import ModelKind, ModelMetadata, last_line, parse_metadata, read_metadata
from bridge.detect.telemetry import silence_openvino
from bridge.detect.yolo import OutputLayout, output_layout
from bridge.errors import DependencyMissing, ModelRefused, ModelUnavailable

silence_openvino()
try:
    import openvino as ov
except ImportError as error:
    raise DependencyMissing("openvino", "run: pip install openvino") from error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.detect.models import ModelFiles
    from bridge.detect.yolo import Floats

__all__ = ["ModelGraph", "ov"]

log = logging.getLogger(__name__)

_CHANNELS = 3
_STRIDES = (8, 16, 32)  # of the three grids that YOLO's head reads
_ONNX_BEGIN = b"\x08"  # the first field of a ModelProto, its version
_XML_BEGIN = b"<"
_EXPORT_ANEW = "export the model again with ultralytics (format=openvino), or use another one"


class ModelGraph:
    """A YOLO detector as it lies on the disk, to be given an input shape.

    Args:
        core: OpenVINO.
        files: an OpenVINO or ONNX model.
        image_size: longer side of the input in pixels, for models of any size; others keep theirs.

    Raises:
        ModelRefused: broken, or no detector that we can read.
        ModelUnavailable: the files cannot be read.
    """

    def __init__(self, core: ov.Core, files: ModelFiles, image_size: int) -> None:
        self._model = _read(core, files)
        self._name = files.name
        self.metadata = _metadata(self._model, files)
        if len(self._model.inputs) != 1 or len(self._model.outputs) != 1:
            raise ModelRefused(
                f"{self._name} has {len(self._model.inputs)} inputs and {len(self._model.outputs)} outputs, "
                "not one each",
                _EXPORT_ANEW,
            )
        self._dynamic = self._model.input().partial_shape.is_dynamic
        if self._dynamic:
            self._reshape(self._model, image_size, image_size)
        shape = tuple(self._model.input().shape)
        if len(shape) != 4 or shape[:2] != (1, _CHANNELS):  # noqa: PLR2004 - NCHW
            raise ModelRefused(
                f"{self._name} takes {shape}, not one colour picture (1, 3, height, width)", _EXPORT_ANEW
            )
        self.layout = output_layout(_shape(self._model.output()), len(self.metadata.labels))
        self._height_px, self._width_px = shape[2:]
        if not self._dynamic and (self._height_px, self._width_px) != (image_size, image_size):
            log.info(
                "%s was exported for %d x %d pixels and keeps that size", self._name, self._width_px, self._height_px
            )
        self._resizable = not self._dynamic and _find_sized(self._model, self.layout) is not None

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the input: of a model of any size, the square of ``image_size``."""
        return self._width_px, self._height_px

    @property
    def any_shape(self) -> bool:
        """Whether ``build`` takes other shapes than ``size_px``."""
        return self._dynamic or self._resizable

    def build(self, width_px: int, height_px: int) -> ov.Model:
        """The model for pictures of this size as OpenCV decodes them: ``(1, height, width, 3)`` uint8, BGR.

        Args:
            width_px: a multiple of 32.
            height_px: a multiple of 32.

        Raises:
            ModelRefused: the model does not take that size.
        """
        model = self._model.clone()
        if (width_px, height_px) != self.size_px:
            if sized := None if self._dynamic else _find_sized(model, self.layout):
                _resize(sized, self.size_px, (width_px, height_px))
                # Now, unchecked: ``reshape`` first checks the model as it is, with the old input and the new constants.
                model.get_parameters()[0].set_partial_shape(ov.PartialShape([1, _CHANNELS, height_px, width_px]))
            self._reshape(model, width_px, height_px)
        return _with_preprocessing(model)

    def _reshape(self, model: ov.Model, width_px: int, height_px: int) -> None:
        try:
            # A fixed shape: on CPUs with AMX, INT8 models of dynamic shape crash (openvino#37577); it is also faster.
            model.reshape([1, _CHANNELS, height_px, width_px])
        except RuntimeError as error:
            raise ModelRefused(
                f"{self._name} does not take pictures of {max(width_px, height_px)} pixels: {last_line(error)}",
                "set detector.image_size to a multiple of 32",
            ) from error


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


# --- the constants of a fixed model that hold its size ---------------------------------------------------------------


class _Sized(NamedTuple):
    """The constants of a model that depend on the input's size.

    Attributes:
        anchors: centres of all places of the three grids, in cells of their grid: ``(..., 2, N)``.
        strides: the cell size of every place, in pixels: ``(..., 1, N)``.
        patterns: target shapes of ``Reshape`` nodes.
    """

    anchors: list[ov.Node]
    strides: list[ov.Node]
    patterns: list[ov.Node]


def _find_sized(model: ov.Model, layout: OutputLayout) -> _Sized | None:
    """Find them; None when the model holds its size in a way that we do not know."""
    height, width = model.input().shape[2:]
    if layout is not OutputLayout.CANDIDATES or width % _STRIDES[-1] or height % _STRIDES[-1]:
        return None
    anchors, strides = _places(width, height)
    if tuple(model.output().shape)[-1] != anchors.shape[1]:
        return None
    sized = _Sized([], [], [])
    for node in model.get_ordered_ops():
        if node.get_type_name() == "Reshape":
            pattern = node.input_value(1).get_node()
            if pattern.get_type_name() == "ShapeOf":  # follows another shape by itself
                continue
            if pattern.get_type_name() != "Constant":
                return None
            sized.patterns.append(pattern)
        elif node.get_type_name() == "Constant" and tuple(node.shape)[-1:] == (anchors.shape[1],):
            if _holds(node, anchors):
                sized.anchors.append(node)
            elif _holds(node, strides):
                sized.strides.append(node)
            else:
                return None
    return sized if sized.anchors and sized.strides else None


def _places(width_px: int, height_px: int) -> tuple[Floats, Floats]:
    """Every place of the three grids, in the head's order: centres ``(2, N)`` in cells, and strides ``(1, N)``."""
    centres, strides = [], []
    for stride in _STRIDES:
        y, x = np.mgrid[0 : height_px // stride, 0 : width_px // stride]
        centres.append(np.stack([x.ravel(), y.ravel()]) + 0.5)
        strides.append(np.full((1, x.size), stride))
    return np.concatenate(centres, 1).astype(np.float32), np.concatenate(strides, 1).astype(np.float32)


def _holds(node: ov.Node, values: Floats) -> bool:
    data = node.get_data()
    return bool(data.size == values.size and np.array_equal(np.asarray(data, np.float32).reshape(values.shape), values))


def _resize(sized: _Sized, before_px: tuple[int, int], after_px: tuple[int, int]) -> None:
    """Write those constants for another size of the input."""
    anchors, strides = _places(*after_px)
    for nodes, values in ((sized.anchors, anchors), (sized.strides, strides)):
        for node in nodes:
            shape = (*tuple(node.shape)[:-1], values.shape[1])
            _replace(node, values.reshape(shape).astype(node.get_data().dtype))
    for node in sized.patterns:
        _replace(node, np.array(_resized(node.get_data().tolist(), before_px, after_px), np.int64))


def _resized(pattern: Sequence[int], before_px: tuple[int, int], after_px: tuple[int, int]) -> list[int]:
    """A ``Reshape``'s target for another size: its last two numbers are a grid, or its last one a grid's area."""
    if -1 in pattern:
        return list(pattern)
    grids = {stride: (before_px[1] // stride, before_px[0] // stride) for stride in _STRIDES}
    for stride, grid in grids.items():
        if tuple(pattern[-2:]) == grid:
            return [*pattern[:-2], after_px[1] // stride, after_px[0] // stride]
    areas = [rows * columns for rows, columns in grids.values()]
    return [*pattern[:-1], -1] if pattern[-1] in (*areas, sum(areas)) else list(pattern)


def _replace(node: ov.Node, values: Any) -> None:  # noqa: ANN401 - an array of any type
    replacement = ov.op.Constant(values)
    for target in node.output(0).get_target_inputs():
        target.replace_source_output(replacement.output(0))
