"""What every detector offers, whatever runs the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.model import Detection, Image

Runtime: TypeAlias = Literal["auto", "openvino", "ultralytics"]

Progress: TypeAlias = "Callable[[str], None]"
"""Told in one line, now and then, what takes long (a download, an export)."""


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """The detector's slice of the configuration.

    Attributes:
        runtime: what runs the model; ``auto`` chooses by the model's files.
        model: ``auto``, a name that ultralytics knows (``yolo11n``) or a path.
        device: ``auto`` or a name that the runtime knows (``CPU``, ``GPU``; ``cuda:0`` with ultralytics).
        image_size: side of the square that pictures are fitted into, in pixels; a model exported for one fixed size
            keeps that size.
        workers: how many pictures to work on at once; None lets the runtime choose.
    """

    runtime: Runtime = "auto"
    model: str = "auto"
    device: str = "auto"
    image_size: int = 640
    workers: int | None = None


@dataclass(frozen=True, slots=True)
class DetectorInfo:
    """What a loaded detector says of itself.

    Attributes:
        runtime: ``openvino``, ``ultralytics`` or ``fake``.
        model: the model's name, for people.
        device: where it runs, in the runtime's words.
        labels: the names that detections can carry, by class number.
        input_width_px: width of the model's input.
        input_height_px: height of the model's input.
        parallel: how many pictures to hand in at once so that the device stays busy.
    """

    runtime: str
    model: str
    device: str
    labels: tuple[str, ...]
    input_width_px: int
    input_height_px: int
    parallel: int


class Detector(Protocol):
    """Finds objects in pictures. It keeps nothing from one picture to the next; one thread at a time may call it."""

    @property
    def info(self) -> DetectorInfo:
        """What was loaded."""
        ...

    def detect(self, images: Sequence[Image], confidence: float, iou: float) -> list[list[Detection]]:
        """Find the objects in every picture.

        Args:
            images: pictures of any sizes, each ``(height, width, 3)`` uint8, BGR. Each is asked for once, in order and
                as late as possible, so a lazy sequence overlaps its decoding with the inference of the earlier ones.
            confidence: only objects with a higher score count, 0..1.
            iou: of two boxes of one class that overlap more than this, the better one stays, 0..1. Models that need
                no suppression (NMS-free) ignore it.

        Returns:
            One list a picture, in the order given; best score first; boxes in pixels of that picture, clipped to it.

        Raises:
            ValueError: a picture has another shape or type.
            TimeoutError: the device gave no answer.
        """
        ...

    def close(self) -> None:
        """Give back the model's memory; no ``detect`` after that."""
        ...
