"""The JSON that travels on the camera link, checked field by field: what a camera sends may be anything.

Unknown keys are dropped, so that newer firmware can talk to an older bridge. A ``hello`` with a known key of the wrong
type is refused, because its author can mend it at once; a wrong number in ``telemetry`` is only left out, because it
may be one sensor reading of a thousand.
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
MAX_REASON_BYTES: Final = 123  # RFC 6455, section 5.5.1: a close frame holds 125 bytes, two are the code

_MAX_FIELD_CHARS: Final = 128
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


def write_welcome(camera_id: str, now_unix_s: float, values: Mapping[str, Any]) -> str:
    """The ``welcome`` that answers a ``hello``; values that are None are left out."""
    return json.dumps(
        {
            "type": "welcome",
            "v": PROTOCOL_VERSION,
            "camera_id": camera_id,
            "server_time_ms": int(now_unix_s * 1000),
            "values": {key: value for key, value in values.items() if value is not None},
        },
        separators=(",", ":"),
    )


def close_reason(text: str, max_bytes: int = MAX_REASON_BYTES) -> str:
    """``text`` cut to what a close frame can hold, without half characters and control characters."""
    printable = "".join(char if char.isprintable() else "?" for char in text)
    return printable.encode()[:max_bytes].decode(errors="ignore")


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
