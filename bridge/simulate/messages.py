"""What a board says and how it answers: text in, text out, no sockets and no clock.

The messages are those of the camera link (version 1). ``Board`` is the part of the firmware that keeps the settings
and obeys commands.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bridge.link.table import (
    FIELDS,
    FLASH_RANGE,
    FRAME_MAGIC,
    FRAMESIZES,
    LINK_VERSION,
    MAX_FPS_RANGE,
    MAX_URL_BYTES,
    MAX_VERSION_BYTES,
    QUALITY_RANGE,
    Capability,
    MessageType,
)
from bridge.simulate.update import UpdateOrder

if TYPE_CHECKING:
    from collections.abc import Mapping

ABILITIES = tuple(ability for ability in Capability if ability is not Capability.ECF1)
"""What a board can do when it is told to, by the names that its ``hello`` gives them; it may lack any of them."""

SETTINGS = frozenset({Capability.FRAMESIZE, Capability.QUALITY, Capability.MAX_FPS, Capability.FLASH})
"""Those of them that have a value."""

_HEADER = struct.Struct(">4sIQI")
_COMMANDS = frozenset({MessageType.SET, MessageType.RESTART, MessageType.UPDATE})
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_EXCERPT_CHARS = 200


@dataclass(frozen=True, slots=True)
class Values:
    """What the bridge can set on a board.

    Attributes:
        framesize: one of ``FRAMESIZES``; None when the pictures have a size of their own.
        quality: the sensor's number, 4 (best) to 63; None when the pictures are encoded already.
        max_fps: the highest rate the bridge wants; None while it did not say.
        flash: the lamp's brightness, 0 (off) to 255.
    """

    framesize: str | None = None
    quality: int | None = None
    max_fps: float | None = None
    flash: int = 0


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
    send_ms: float | None = None
    frames_dropped: int = 0
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
        update: the board must fetch this image, tell how far it is, and answer at the end.
        told: for the log: which command it was and what became of it; empty when it was none.
    """

    replies: tuple[str, ...] = ()
    welcomed: bool = False
    restart: bool = False
    update: UpdateOrder | None = None
    told: str = ""


@dataclass
class Board:
    """The settings and manners of one board.

    Args:
        camera_id: the board's MAC address is derived from it, so that it stays the same.
        version: of the firmware.
        fps: the rate that the board sends at unless told to be slower.
        values: the settings at power-on; those that are None cannot be set.
        framesizes: the names that ``framesize`` may take.
        board: the name of its model, which images of the firmware are made for.
        lacks: which of ``ABILITIES`` it does not have.
        deaf: whether it passes over every command, as a board whose firmware hangs.
    """

    camera_id: str
    version: str
    fps: float
    values: Values = field(default_factory=Values)
    framesizes: tuple[str, ...] = ()
    board: str = "simulated"
    lacks: frozenset[str] = frozenset()
    deaf: bool = False

    @property
    def effective_fps(self) -> float:
        """The rate to send at: the board's own, or the bridge's limit when that is lower."""
        return self.fps if self.values.max_fps is None else min(self.fps, self.values.max_fps)

    def hello(self, reset_reason: str) -> str:
        """The first message on a new link."""
        return _text(
            MessageType.HELLO,
            v=LINK_VERSION,
            firmware=f"simulate/{self.version}",
            version=self.version,
            board=self.board,
            chip="simulated",
            psram=True,
            mac=_mac(self.camera_id),
            sensor="simulated",
            framesizes=list(self.framesizes) if Capability.FRAMESIZE in self._abilities() else [],
            capabilities=["ecf1", *self._abilities()],
            reset_reason=reset_reason,
        )

    def telemetry(self, health: Health) -> str:
        """The board's report of its own health; what it does not know it leaves out."""
        numbers = {name: getattr(health, name) for name in FIELDS[MessageType.TELEMETRY]}
        return _text(MessageType.TELEMETRY, **{name: value for name, value in numbers.items() if value is not None})

    def progress(self, order: UpdateOrder, written_bytes: int) -> str:
        """How far it is with an image."""
        return _text(MessageType.PROGRESS, id=order.id, written_bytes=written_bytes, size=order.size_bytes)

    def answer(self, order: UpdateOrder, error: str | None = None) -> str:
        """The end of an update: None when the image is in place and the board about to restart."""
        return _ack({"id": order.id}, error)

    def state(self) -> str:
        """The settings in force, of those that the board has."""
        values = self.values
        fields = {
            "framesize": values.framesize,
            "quality": values.quality,
            "fps": self.effective_fps,
            "max_fps": values.max_fps,
            "flash": values.flash,
        }
        return _text(MessageType.STATE, **{name: value for name, value in fields.items() if name not in self.lacks})

    def hear(self, text: str) -> Heard:
        """Obey a message of the bridge; one that is no JSON object is ignored, as the firmware does."""
        message = _parse(text)
        match message.get("type"):
            case MessageType.WELCOME:
                self._apply(message.get("values"))
                return Heard(replies=(self.state(),), welcomed=True)
            case str(command) if command in _COMMANDS or "id" in message:
                return self._obey(command, message)
        return Heard()

    def _obey(self, command: str, message: Mapping[str, Any]) -> Heard:
        if self.deaf:
            return Heard(told=_told(message, "passed over, being deaf"))
        if command == MessageType.UPDATE and Capability.UPDATE in self._abilities():
            order = _read_update(message)
            if isinstance(order, UpdateOrder):
                return Heard(update=order, told=_told(message, f"fetching version {order.version}"))
            return Heard(replies=(_ack(message, order),), told=_told(message, f"refused: {order}"))
        problem = self._carry_out(command, message)
        ack = _ack(message, problem)
        return Heard(
            replies=(ack, self.state()) if command == MessageType.SET else (ack,),
            restart=command == MessageType.RESTART and problem is None,
            told=_told(message, "done" if problem is None else f"refused: {problem}"),
        )

    def _carry_out(self, command: str, message: Mapping[str, Any]) -> str | None:
        """Do it; returns what could not be done, in words."""
        match command:
            case MessageType.SET:
                return self._apply(message.get("values"))
            case MessageType.RESTART if Capability.RESTART in self._abilities():
                return None
            case MessageType.RESTART | MessageType.UPDATE:
                return f"{command}: cannot be done on this board"
        return f"unknown command {command}"

    def _abilities(self) -> list[str]:
        values = self.values
        fixed = {Capability.FRAMESIZE: values.framesize is None, Capability.QUALITY: values.quality is None}
        return [name for name in ABILITIES if name not in self.lacks and not fixed.get(name)]

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
                self.values = replace(self.values, **{name: _as_kept(name, value)})
            else:
                problems.append(f"{name}: {problem}")
        return "; ".join(problems) or None

    def _refusal(self, name: str, value: object) -> str | None:
        if name not in SETTINGS or name not in self._abilities():
            return "cannot be set on this board"
        match name:
            case "framesize":
                return None if value in self.framesizes else f"not one of {', '.join(self.framesizes)}"
            case "quality":
                return _outside(value, *QUALITY_RANGE, whole=True)
            case "max_fps":
                return _outside(value, *MAX_FPS_RANGE)
            case _:
                return None if isinstance(value, bool) else _outside(value, *FLASH_RANGE, whole=True)


def frame(seq: int, captured_unix_us: int, jpeg: bytes, flags: int = 0) -> bytes:
    """A JPEG behind its 20-byte ``ECF1`` header; ``seq`` wraps at 32 bits as on the board."""
    return _HEADER.pack(FRAME_MAGIC, seq & 0xFFFF_FFFF, captured_unix_us, flags) + jpeg


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
    return _text(MessageType.ACK, id=message.get("id"), **outcome)


def _read_update(message: Mapping[str, Any]) -> UpdateOrder | str:
    """The order, or what is wrong with it."""
    url, sha256, size_bytes, version = (message.get(key) for key in ("url", "sha256", "size", "version"))
    if not (isinstance(url, str) and len(url) <= MAX_URL_BYTES and _is_web_address(url)):
        return f"url: not an http:// or https:// address of {MAX_URL_BYTES} bytes at most"
    if not (isinstance(sha256, str) and _SHA256.fullmatch(sha256)):
        return "sha256: not 64 hex digits"
    if isinstance(size_bytes, bool) or not (isinstance(size_bytes, int) and 0 < size_bytes < 2**31):
        return "size: not a number of bytes"
    if not (isinstance(version, str) and 0 < len(version.encode()) <= MAX_VERSION_BYTES):
        return f"version: not a text of {MAX_VERSION_BYTES} bytes at most"
    return UpdateOrder(message.get("id"), url, sha256, size_bytes, version)


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


def _as_kept(name: str, value: Any) -> Any:  # noqa: ANN401 - of the type that this setting has
    # A bridge that knows only on and off says true and false.
    return FLASH_RANGE[value] if name == Capability.FLASH and isinstance(value, bool) else value


def _told(message: Mapping[str, Any], outcome: str) -> str:
    """Which command it was and what became of it, in one line."""
    wanted = f" {_excerpt(json.dumps(message['values']))}" if "values" in message else ""
    return (
        f"command {_excerpt(json.dumps(message.get('id')))}: {_excerpt(message['type'])}{wanted}: {_excerpt(outcome)}"
    )


def _excerpt(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)[:_EXCERPT_CHARS]


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
