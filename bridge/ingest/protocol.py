"""One camera's session on the link, without sockets or clocks: messages in, outcomes out.

Rules
=====
1. A session begins **UNDECIDED**. Its first message decides for good: a JSON ``hello`` makes it **MODERN**, anything
   else (binary, other text, broken JSON) makes it **LEGACY**.
2. Each ``hello`` of a MODERN session is to be answered with a ``welcome`` that holds the newest values (a board may
   say hello again after changing its sensor). A LEGACY session is never answered, and a later ``hello`` in it is
   ignored.
3. A malformed ``hello`` ends the session (4400). Everything else that is wrong with a message leaves it open.
4. A binary message is one JPEG, or ``"ECF1" | u32 seq | u64 captured_unix_us | u32 flags`` (big-endian) and one JPEG.
   It passes the integrity gate (``frames.jpeg``) or is refused with a reason. An impossible capture time is ignored.
5. Only a MODERN session takes commands, so only from one are ``state``, ``ack`` and ``progress`` heard. An ``ack`` or
   ``progress`` that does not say which command it is about is passed over.
6. Text that is no JSON object with a known ``type`` is reported once a session and then passed over in silence.
7. Access may have been granted to one kind of session only (``Admission``); the other kind ends with 4401.
8. Any message, ping or pong is a sign of life. A session without one for 60 s ends. A MODERN session that has been
   silent for 20 s is asked with a ping, because it may have nothing to send; a LEGACY one is not, because its client
   answers pings only between two frames: frames are its sign of life.
9. After its end a session produces nothing more.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from bridge.errors import FrameRejected, PeerError, RejectReason
from bridge.ingest.messages import (
    close_reason,
    read_ack,
    read_hello,
    read_json,
    read_progress,
    read_state,
    read_telemetry,
)
from bridge.link.table import CLOSE_BAD_TOKEN, CLOSE_SILENT, FRAME_MAGIC, MessageType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.frames.jpeg import Gate

SILENCE_LIMIT_S: Final = 60.0  # boards stall for up to 4.4 s over Wi-Fi; a minute is a dead one, even behind a NAT
ASK_AFTER_S: Final = 20.0  # the interval of websockets' own keep-alive

_HEADER: Final = struct.Struct(">4sIQI")
_EARLIEST_CAPTURE_UNIX_S: Final = 1_577_836_800.0  # 2020-01-01: an ESP32 without network time counts from 1970
_FUTURE_TOLERANCE_S: Final = 86_400.0  # a day: wrong time zones pass, rubbish does not
_EXCERPT_CHARS: Final = 80


class Kind(Enum):
    """How far a session has come."""

    UNDECIDED = auto()  # nothing received yet
    LEGACY = auto()  # frames only, no answers
    MODERN = auto()  # said hello
    ENDED = auto()  # told to close


class Admission(Enum):
    """Which kinds of session the connection was let in for."""

    ANY = auto()
    LEGACY_ONLY = auto()  # the camera has a token, but the first sketch may come without
    MODERN_ONLY = auto()  # legacy cameras are switched off


@dataclass(frozen=True, slots=True)
class FrameReceived:
    """A whole picture; ``captured_unix_s`` is the camera's own clock, None when it sent none or nonsense."""

    jpeg: bytes
    width_px: int
    height_px: int
    captured_unix_s: float | None


@dataclass(frozen=True, slots=True)
class FrameRefused:
    """A damaged picture: count it and go on."""

    reason: RejectReason
    detail: str


@dataclass(frozen=True, slots=True)
class SettledAsLegacy:
    """The session turned out to be a LEGACY one and may stay; comes once, before what its first message brings."""


@dataclass(frozen=True, slots=True)
class HelloReceived:
    """What the camera says of itself: only known fields, of the right types. Answer it with ``welcome``."""

    hello: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TelemetryReceived:
    """The camera's health: only known fields, finite numbers."""

    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class StateReceived:
    """The settings that are in force in the camera: only known ones, of the right types; maybe none."""

    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The answer to a command; ``error`` is safe to show, and empty when the command was carried out."""

    command_id: int
    error: str


@dataclass(frozen=True, slots=True)
class Progressed:
    """How much of an image the camera has."""

    command_id: int
    written_bytes: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Send a ping; report the pong with ``heard``."""


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection; ``reason`` (at most 123 bytes) says the mend."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """A text that means nothing here; reported once a session. ``excerpt`` is safe to log."""

    excerpt: str


Outcome: TypeAlias = (
    FrameReceived
    | FrameRefused
    | SettledAsLegacy
    | HelloReceived
    | TelemetryReceived
    | StateReceived
    | Acknowledged
    | Progressed
    | Close
    | Ignored
)
Outcomes: TypeAlias = tuple[Outcome, ...]


class CameraSession:
    """The conversation with one connected camera.

    Args:
        camera_id: who it is, as access control found.
        gate: checks its pictures.
        admission: which kinds of session access was granted for.
        now_mono_s: when the connection was made.
    """

    def __init__(
        self,
        camera_id: str,
        *,
        gate: Gate,
        admission: Admission,
        now_mono_s: float,
    ) -> None:
        self.camera_id = camera_id
        self.kind = Kind.UNDECIDED
        self._gate = gate
        self._admission = admission
        self._heard_mono_s = self._asked_mono_s = now_mono_s
        self._reported_text = False

    def heard(self, now_mono_s: float) -> None:
        """Note a sign of life."""
        self._heard_mono_s = self._asked_mono_s = now_mono_s

    def check(self, now_mono_s: float) -> Ask | Close | None:
        """What silence asks for now; call it every few seconds."""
        if self.kind is Kind.ENDED:
            return None
        if now_mono_s - self._heard_mono_s >= SILENCE_LIMIT_S:
            return self._end(CLOSE_SILENT, f"nothing heard for {SILENCE_LIMIT_S:.0f} s: connect again")
        if self.kind is Kind.MODERN and now_mono_s - self._asked_mono_s >= ASK_AFTER_S:
            self._asked_mono_s = now_mono_s
            return Ask()
        return None

    def receive_binary(self, data: bytes, now_unix_s: float) -> Outcomes:
        """Take a binary message."""
        settled = self._settle(Kind.LEGACY) if self.kind is Kind.UNDECIDED else ()
        if self.kind is Kind.ENDED:
            return settled
        try:
            captured_unix_s, jpeg = _split(data, now_unix_s)
            picture = self._gate.inspect(jpeg)
        except FrameRejected as error:
            return (*settled, FrameRefused(error.reason, error.detail))
        return (*settled, FrameReceived(picture.jpeg, picture.width_px, picture.height_px, captured_unix_s))

    def receive_text(self, text: str) -> Outcomes:
        """Take a text message."""
        message = read_json(text) or {}
        kind = Kind.MODERN if message.get("type") == MessageType.HELLO else Kind.LEGACY
        settled = self._settle(kind) if self.kind is Kind.UNDECIDED else ()
        if self.kind is Kind.ENDED:
            return settled
        return (*settled, *self._take_message(message, text))

    def _settle(self, kind: Kind) -> Outcomes:
        """Let the first message decide the kind of session, and whether that kind may come in."""
        self.kind = kind
        if kind is Kind.LEGACY and self._admission is Admission.MODERN_ONLY:
            return (self._end(CLOSE_BAD_TOKEN, f"dial /ws/{self.camera_id}, or set ingest.allow_legacy: true"),)
        if kind is Kind.MODERN and self._admission is Admission.LEGACY_ONLY:
            return (self._end(CLOSE_BAD_TOKEN, f"no token: give the board the token of camera {self.camera_id}"),)
        return (SettledAsLegacy(),) if kind is Kind.LEGACY else ()

    def _take_message(self, message: Mapping[str, Any], text: str) -> Outcomes:
        match message.get("type"):
            case MessageType.HELLO if self.kind is Kind.MODERN:
                return (self._take_hello(message),)
            case MessageType.STATE if self.kind is Kind.MODERN:
                return (StateReceived(read_state(message)),)
            case MessageType.ACK if self.kind is Kind.MODERN:
                ack = read_ack(message)
                return (Acknowledged(*ack),) if ack else ()
            case MessageType.PROGRESS if self.kind is Kind.MODERN:
                progress = read_progress(message)
                return (Progressed(*progress),) if progress else ()
            case MessageType.TELEMETRY:
                return (TelemetryReceived(read_telemetry(message)),)
        return self._report_once(text)

    def _take_hello(self, message: Mapping[str, Any]) -> HelloReceived | Close:
        try:
            return HelloReceived(read_hello(message))
        except PeerError as error:
            return self._end(error.close_code, error.reason)

    def _report_once(self, text: str) -> Outcomes:
        if self._reported_text:
            return ()
        self._reported_text = True
        return (Ignored(close_reason(text[:_EXCERPT_CHARS])),)

    def _end(self, code: int, reason: str) -> Close:
        self.kind = Kind.ENDED
        return Close(code, close_reason(reason))


def _split(data: bytes, now_unix_s: float) -> tuple[float | None, bytes]:
    """The capture time, if there is a credible one, and the JPEG of a binary message."""
    if not data.startswith(FRAME_MAGIC):
        return None, data
    if len(data) < _HEADER.size:
        raise FrameRejected(RejectReason.BAD_HEADER, f"an ECF1 header of {len(data)} bytes, must be {_HEADER.size}")
    captured_unix_s = _HEADER.unpack_from(data)[2] / 1e6
    credible = _EARLIEST_CAPTURE_UNIX_S <= captured_unix_s <= now_unix_s + _FUTURE_TOLERANCE_S
    return captured_unix_s if credible else None, data[_HEADER.size :]
