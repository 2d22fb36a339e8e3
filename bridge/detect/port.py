"""What every detector offers, whatever runs the model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass
from itertools import islice
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
        image_size: longer side of the picture as the model sees it, in pixels; a model exported for one fixed size
            keeps that size.
        workers: how many pictures to work on at once; None lets the runtime choose.
        square: pad every picture to a square, as the model was trained; for comparisons. Otherwise OpenVINO is given
            the pictures' own shape where the model takes it, which is faster and finds the same.
    """

    runtime: Runtime = "auto"
    model: str = "auto"
    device: str = "auto"
    image_size: int = 640
    workers: int | None = None
    square: bool = False


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
        batch: how many pictures to hand in with one ``start``.
        jobs: how many ``start``s to have under way, so that the device is never idle.
    """

    runtime: str
    model: str
    device: str
    labels: tuple[str, ...]
    input_width_px: int
    input_height_px: int
    batch: int = 1
    jobs: int = 1


class Job(Protocol):
    """Pictures that a detector is looking at."""

    def done(self) -> bool:
        """Whether ``result`` would answer at once."""
        ...

    def result(self) -> list[list[Detection]]:
        """Wait for the answer; to be asked once.

        Returns:
            One list a picture, in the order given; best score first; boxes in pixels of that picture, clipped to it.

        Raises:
            TimeoutError: the device gave no answer.
            Exception: whatever a driver raises.
        """
        ...


class Detector(ABC):
    """Finds objects in pictures. It keeps nothing from one picture to the next; one thread at a time may call it."""

    @property
    @abstractmethod
    def info(self) -> DetectorInfo:
        """What was loaded."""

    @abstractmethod
    def start(self, images: Sequence[Image], confidence: float, iou: float, on_done: Callable[[], None]) -> Job:
        """Begin to look at pictures; waits for a free place when ``info.jobs`` are under way.

        Args:
            images: up to ``info.batch`` pictures of any sizes, each ``(height, width, 3)`` uint8, BGR. They are not
                needed any more when this returns.
            confidence: only objects with a higher score count, 0..1.
            iou: of two boxes of one class that overlap more than this, the better one stays, 0..1. Models that need
                no suppression (NMS-free) ignore it.
            on_done: called when the answer is there, in any thread; must not block.

        Raises:
            ValueError: a picture has another shape or type.
            TimeoutError: a place was waited for and the device gave no answer.
        """

    @abstractmethod
    def close(self) -> None:
        """Give back the model's memory; no ``start`` after that."""

    def detect(self, images: Sequence[Image], confidence: float, iou: float) -> list[list[Detection]]:
        """Find the objects in every picture, however many, and wait for the answers.

        Args:
            images: each is asked for once, in order and as late as possible, so a lazy sequence overlaps its decoding
                with the inference of the earlier ones.
            confidence: see ``start``.
            iou: see ``start``.

        Returns:
            One list a picture; see ``Job.result``.

        Raises:
            ValueError: a picture has another shape or type.
            TimeoutError: the device gave no answer.
        """
        found: list[list[Detection]] = []
        under_way: deque[Job] = deque()
        pictures = iter(images)
        try:
            while batch := list(islice(pictures, self.info.batch)):
                if len(under_way) == self.info.jobs:
                    found += under_way.popleft().result()
                under_way.append(self.start(batch, confidence, iou, _nothing))
            while under_way:
                found += under_way.popleft().result()
        except TimeoutError:
            raise  # the others would make us wait as long again
        except BaseException:  # a bad picture, or the caller gave up: nothing may still run when the next call comes
            for job in under_way:
                job.result()
            raise
        return found


@dataclass(frozen=True, slots=True)
class FinishedJob:
    """The answer of a detector that does its work at once."""

    found: list[list[Detection]]

    def done(self) -> bool:
        """Always."""
        return True

    def result(self) -> list[list[Detection]]:
        """What was found."""
        return self.found


def _nothing() -> None:
    pass
