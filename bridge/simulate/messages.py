"""What a board says and how it answers: text in, text out, no sockets and no clock.

The messages are those of the camera link (version 1). ``Board`` is the part of the firmware that keeps the settings
and obeys commands.
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LINK_VERSION = 1

FRAMESIZES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "QQVGA": (160, 120),
        "QVGA": (320, 240),
        "HVGA": (480, 320),
        "VGA": (640, 480),
        "SVGA": (800, 600),
        "XGA": (1024, 768),
        "HD": (1280, 720),
        "SXGA": (1280, 1024),
        "UXGA": (1600, 1200),
    }
)
"""Width and height in pixels of what an OV2640 offers, smallest first, by the driver's names."""

_HEADER = struct.Struct(">4sIQI")
_QUALITY_RANGE = (4, 63)  # below 4 the driver's buffer overflows on busy scenes
_FPS_RANGE = (0.1, 60.0)


@dataclass(frozen=True, slots=True)
class Values:
    """What the bridge can set on a board.

    Attributes:
        framesize: one of ``FRAMESIZES``; None when the pictures have a size of their own.
        quality: the sensor's number, 4 (best) to 63; None when the pictures are encoded already.
        max_fps: the highest rate the bridge wants; None while it did not say.
        flash: whether the lamp is on.
    """

    framesize: str | None = None
    quality: int | None = None
    max_fps: float | None = None
    flash: bool = False


@dataclass(frozen=True, slots=True)
class Health:
    """The numbers in ``telemetry`` that change; the field names are the message's."""

    uptime_s: int
    fps: float
    frames_sent: int
    frames_failed: int
    reconnects: int
    camera_errors: int = 0
    rssi_dbm: int = -55
    heap_free_bytes: int = 180_000
    heap_min_bytes: int = 150_000
    psram_free_bytes: int = 3_500_000
    temperature_c: float = 48.0


@dataclass(frozen=True, slots=True)
class Heard:
    """What a message asks the board's link to do.

    Attributes:
        replies: texts to send back, in order.
        welcomed: the bridge accepted this camera.
        restart: the board must drop the link and come back.
    """

    replies: tuple[str, ...] = ()
    welcomed: bool = False
    restart: bool = False


@dataclass
class Board:
    """The settings and manners of one board.

    Args:
        camera_id: the board's MAC address is derived from it, so that it stays the same.
        version: of the firmware.
        fps: the rate that the board sends at unless told to be slower.
        values: the settings at power-on; those that are None cannot be set.
        framesizes: the names that ``framesize`` may take.
    """

    camera_id: str
    version: str
    fps: float
    values: Values = field(default_factory=Values)
    framesizes: tuple[str, ...] = ()

    @property
    def effective_fps(self) -> float:
        """The rate to send at: the board's own, or the bridge's limit when that is lower."""
        return self.fps if self.values.max_fps is None else min(self.fps, self.values.max_fps)

    def hello(self, reset_reason: str) -> str:
        """The first message on a new link."""
        return _text(
            "hello",
            v=LINK_VERSION,
            firmware=f"simulate/{self.version}",
            version=self.version,
            board="simulated",
            chip="simulated",
            psram=True,
            mac=_mac(self.camera_id),
            sensor="simulated",
            framesizes=list(self.framesizes),
            capabilities=["ecf1", "restart", *self._settable()],
            reset_reason=reset_reason,
        )

    def telemetry(self, health: Health) -> str:
        """The board's report of its own health."""
        return _text("telemetry", **{name: getattr(health, name) for name in Health.__slots__})

    def state(self) -> str:
        """The settings in force."""
        values = self.values
        return _text(
            "state",
            framesize=values.framesize,
            quality=values.quality,
            fps=self.effective_fps,
            max_fps=values.max_fps,
            flash=values.flash,
        )

    def hear(self, text: str) -> Heard:
        """Obey a message of the bridge; one that is no JSON object is ignored, as the firmware does."""
        message = _parse(text)
        match message.get("type"):
            case "welcome":
                self._apply(message.get("values"))
                return Heard(replies=(self.state(),), welcomed=True)
            case "set":
                problem = self._apply(message.get("values"))
                return Heard(replies=(_ack(message, problem), self.state()))
            case "restart":
                return Heard(replies=(_ack(message),), restart=True)
            case "update":
                return Heard(replies=(_ack(message, "simulated"),))
            case str(unknown) if "id" in message:
                return Heard(replies=(_ack(message, f"unknown command {unknown}"),))
            case _:
                return Heard()

    def _settable(self) -> list[str]:
        values = self.values
        pairs = (("framesize", values.framesize), ("quality", values.quality))
        return [*(name for name, value in pairs if value is not None), "max_fps", "flash"]

    def _apply(self, wanted: object) -> str | None:
        """Take over what can be; returns what could not, in words. A null leaves the setting as it is."""
        if not isinstance(wanted, dict):
            return "values is no object"
        problems = []
        for name, value in wanted.items():
            if value is None:
                continue
            problem = self._refusal(name, value)
            if problem is None:
                self.values = replace(self.values, **{name: value})
            else:
                problems.append(f"{name}: {problem}")
        return "; ".join(problems) or None

    def _refusal(self, name: str, value: object) -> str | None:
        if name not in self._settable():
            return "cannot be set on this board"
        match name:
            case "framesize":
                return None if value in self.framesizes else f"not one of {', '.join(self.framesizes)}"
            case "quality":
                return _outside(value, *_QUALITY_RANGE, whole=True)
            case "max_fps":
                return _outside(value, *_FPS_RANGE)
            case _:
                return None if isinstance(value, bool) else "neither true nor false"


def frame(seq: int, captured_unix_us: int, jpeg: bytes, flags: int = 0) -> bytes:
    """A JPEG behind its 20-byte ``ECF1`` header; ``seq`` wraps at 32 bits as on the board."""
    return _HEADER.pack(b"ECF1", seq & 0xFFFF_FFFF, captured_unix_us, flags) + jpeg


def framesizes_for(size_px: tuple[int, int]) -> tuple[str, ...]:
    """The frame sizes that a sensor of ``size_px`` offers: up to the first that holds its whole picture."""
    names = []
    for name, (width, height) in FRAMESIZES.items():
        names.append(name)
        if width >= size_px[0] and height >= size_px[1]:
            break
    return tuple(names)


def jpeg_quality(quality: int) -> int:
    """An encoder's quality (1..100) that looks about like the sensor's number (4..63): 12 is 81, 63 is 1."""
    return max(1, round(100 - 1.58 * quality))


def _text(kind: str, **fields: object) -> str:
    return json.dumps({"type": kind, **fields}, separators=(",", ":"))


def _ack(message: Mapping[str, Any], error: str | None = None) -> str:
    outcome = {"ok": True} if error is None else {"ok": False, "error": error}
    return _text("ack", id=message.get("id"), **outcome)


def _parse(text: str) -> Mapping[str, Any]:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}


def _outside(value: object, low: float, high: float, *, whole: bool = False) -> str | None:
    kinds = (int,) if whole else (int, float)
    if isinstance(value, kinds) and not isinstance(value, bool) and low <= value <= high:
        return None
    return f"not a number from {low:g} to {high:g}"


def _mac(camera_id: str) -> str:
    # 02: an address that no maker owns (the "locally administered" bit).
    return ":".join(["02", *(f"{byte:02x}" for byte in hashlib.sha256(camera_id.encode()).digest()[:5])])
