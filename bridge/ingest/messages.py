"""The JSON that travels on the camera link, checked field by field: what a camera sends may be anything.

Unknown keys are dropped, so that newer firmware can talk to an older bridge. A ``hello`` with a known key of the wrong
type is refused, because its author can mend it at once; a wrong value in ``telemetry`` or ``state`` is only left out,
because it may be one sensor reading of a thousand.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from bridge.errors import PeerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PROTOCOL_VERSION: Final = 1
MALFORMED_HELLO: Final = 4400

MAX_TEXT_CHARS: Final = 16_384  # a hello with every framesize has 600; Links2004's client stops at 15 KB itself
MAX_SENT_BYTES: Final = 15_359  # Links2004's client refuses messages of 15 KB and more
MAX_REASON_BYTES: Final = 123  # RFC 6455, section 5.5.1: a close frame holds 125 bytes, two are the code

_MAX_FIELD_CHARS: Final = 128
_MAX_ERROR_CHARS: Final = 200
_MAX_LAMP: Final = 255  # the duty cycle of the lamp's pin, 8 bits
_MAX_QUALITY: Final = 63  # the sensor's register has 6 bits
_MAX_LIST_ITEMS: Final = 64
_MAX_NUMBER: Final = 1e15  # keeps huge JSON integers out of floats; 2**50 bytes of heap are far away

_TELEMETRY_KEYS: Final = frozenset(
    {
        "rssi_dbm",
        "heap_free_bytes",
        "heap_min_bytes",
        "psram_free_bytes",
        "uptime_s",
        "fps",
        "frames_sent",
        "frames_failed",
        "camera_errors",
        "reconnects",
        "temperature_c",
    }
)


def read_json(text: str) -> Mapping[str, Any] | None:
    """The JSON object that ``text`` holds; None for anything else, however large or deep."""
    if len(text) > MAX_TEXT_CHARS:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):  # 16,384 opening brackets are deeper than the parser goes
        return None
    return value if isinstance(value, dict) else None


def read_hello(message: Mapping[str, Any]) -> dict[str, Any]:
    """The known fields of a ``hello``.

    Raises:
        PeerError: 4400, the reason says which field and what it must be.
    """
    version = message.get("v")
    if type(version) is not int or version != PROTOCOL_VERSION:
        said = close_reason(repr(version), 20)
        raise PeerError(MALFORMED_HELLO, f"hello.v is {said}, must be {PROTOCOL_VERSION}: update firmware or bridge")
    hello: dict[str, Any] = {"v": version}
    for key, (accepts, wanted) in _HELLO_FIELDS.items():
        if key not in message:
            continue
        if not accepts(message[key]):
            raise PeerError(MALFORMED_HELLO, f"hello.{key} must be {wanted}: mend the camera's firmware")
        hello[key] = message[key]
    return hello


def read_telemetry(message: Mapping[str, Any]) -> dict[str, float]:
    """The known numbers of a ``telemetry`` message that are finite and sane; the rest is left out."""
    return {key: value for key in _TELEMETRY_KEYS if _is_number(value := message.get(key))}


def read_state(message: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that a ``state`` message says are in force; what is unknown, null or of a wrong type is left out.

    Returns:
        As far as it says: ``framesize`` text, ``quality`` int (0..63), ``max_fps`` and ``fps`` numbers from 0,
        ``flash`` int from 0 (off) to 255; a camera that only knows on and off says true for 255.
    """
    state = {key: message[key] for key, accepts in _STATE_FIELDS.items() if key in message and accepts(message[key])}
    if isinstance(flash := state.get("flash"), bool):
        state["flash"] = _MAX_LAMP if flash else 0
    return state


def read_ack(message: Mapping[str, Any]) -> tuple[int, str] | None:
    """Which command an ``ack`` answers, and the camera's error: empty exactly when the command was carried out.

    Returns:
        None when it does not say which: nobody can do anything with it.
    """
    command_id = message.get("id")
    if type(command_id) is not int or abs(command_id) > _MAX_NUMBER:
        return None
    if message.get("ok") is True:
        return command_id, ""
    error = message.get("error")
    said = _printable(error)[:_MAX_ERROR_CHARS].strip() if isinstance(error, str) else ""
    return command_id, said or "the camera did not say why"


def write_welcome(camera_id: str, now_unix_s: float, values: Mapping[str, Any]) -> str:
    """The ``welcome`` that answers a ``hello``; values that are None are left out.

    Raises:
        ValueError: it would be longer than a camera takes, or a value is none that JSON has.
    """
    return _write(
        "welcome",
        v=PROTOCOL_VERSION,
        camera_id=camera_id,
        server_time_ms=int(now_unix_s * 1000),
        values={key: value for key, value in values.items() if value is not None},
    )


def write_set(command_id: int, values: Mapping[str, Any]) -> str:
    """The ``set`` that changes settings; the camera's ``ack`` will bear the same id.

    Raises:
        ValueError: it would be longer than a camera takes, or a value is none that JSON has.
    """
    return _write("set", id=command_id, values=dict(values))


def write_restart(command_id: int) -> str:
    """The ``restart`` that makes a camera boot; its ``ack`` will bear the same id."""
    return _write("restart", id=command_id)


def close_reason(text: str, max_bytes: int = MAX_REASON_BYTES) -> str:
    """``text`` cut to what a close frame can hold, without half characters and control characters."""
    return _printable(text).encode()[:max_bytes].decode(errors="ignore")


def _write(kind: str, **fields: object) -> str:
    text = json.dumps({"type": kind, **fields}, separators=(",", ":"), allow_nan=False)
    if len(text) > MAX_SENT_BYTES:  # all ASCII: json escapes the rest
        raise ValueError(f"a {kind} of {len(text)} bytes is more than cameras take ({MAX_SENT_BYTES})")
    return text


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)


def _is_number(value: object) -> TypeGuard[float]:
    # bool is an int to Python, and no reading; NaN and infinity fail the comparison.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _MAX_NUMBER


def _is_text(value: object) -> bool:
    # Printable leaves out control characters (they would break log lines) and lone surrogates (no UTF-8 for them).
    return isinstance(value, str) and len(value) <= _MAX_FIELD_CHARS and value.isprintable()


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and len(value) <= _MAX_LIST_ITEMS and all(map(_is_text, value))


def _is_psram(value: object) -> bool:
    return isinstance(value, bool) or _is_number(value)  # whether there is some, or how many bytes


def _is_rate(value: object) -> bool:
    return _is_number(value) and value >= 0


def _is_whole(value: object, highest: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= highest


def _is_quality(value: object) -> bool:
    return _is_whole(value, _MAX_QUALITY)


def _is_lamp(value: object) -> bool:
    return isinstance(value, bool) or _is_whole(value, _MAX_LAMP)


_STATE_FIELDS: Final[Mapping[str, Callable[[object], bool]]] = {
    "framesize": _is_text,
    "quality": _is_quality,
    "max_fps": _is_rate,
    "fps": _is_rate,
    "flash": _is_lamp,
}
_TEXT: Final = (_is_text, f"printable text, {_MAX_FIELD_CHARS} characters at most")
_TEXTS: Final = (_is_texts, f"a list of {_MAX_LIST_ITEMS} short texts at most")
_HELLO_FIELDS: Final[Mapping[str, tuple[Callable[[object], bool], str]]] = {
    "firmware": _TEXT,
    "version": _TEXT,
    "board": _TEXT,
    "chip": _TEXT,
    "psram": (_is_psram, "true, false or a number of bytes"),
    "mac": _TEXT,
    "sensor": _TEXT,
    "framesizes": _TEXTS,
    "capabilities": _TEXTS,
    "reset_reason": _TEXT,
}
