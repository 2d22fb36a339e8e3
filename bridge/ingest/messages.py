"""The JSON that travels on the camera link, checked field by field: what a camera sends may be anything.

Unknown keys are dropped, so that newer firmware can talk to an older bridge. A ``hello`` with a known key of the wrong
type is refused, because its author can mend it at once; a wrong value in ``telemetry`` or ``state`` is only left out,
because it may be one sensor reading of a thousand.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from bridge.errors import PeerError
from bridge.link.table import (
    CLOSE_BAD_HELLO,
    FIELDS,
    FLASH_RANGE,
    LINK_VERSION,
    MAX_TEXT_BYTES,
    MAX_URL_BYTES,
    MAX_VERSION_BYTES,
    QUALITY_RANGE,
    MessageType,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_TEXT_CHARS: Final = 16_384  # a hello with every framesize has 600; Links2004's client stops at 15 KB itself
MAX_REASON_BYTES: Final = 123  # RFC 6455, section 5.5.1: a close frame holds 125 bytes, two are the code

_MAX_FIELD_CHARS: Final = 128
_MAX_ERROR_CHARS: Final = 200
_MAX_LIST_ITEMS: Final = 64
_MAX_NUMBER: Final = 1e15  # keeps huge JSON integers out of floats; 2**50 bytes of heap are far away


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
    if type(version) is not int or version != LINK_VERSION:
        said = close_reason(repr(version), 20)
        raise PeerError(CLOSE_BAD_HELLO, f"hello.v is {said}, must be {LINK_VERSION}: update firmware or bridge")
    hello: dict[str, Any] = {"v": version}
    for key, kind in FIELDS[MessageType.HELLO].items():
        accepts, wanted = _KINDS[kind]
        if key not in message:
            continue
        if not accepts(message[key]):
            raise PeerError(CLOSE_BAD_HELLO, f"hello.{key} must be {wanted}: mend the camera's firmware")
        hello[key] = message[key]
    return hello


def read_telemetry(message: Mapping[str, Any]) -> dict[str, float]:
    """The known numbers of a ``telemetry`` message that are finite and sane; the rest is left out."""
    return {key: value for key in FIELDS[MessageType.TELEMETRY] if _is_number(value := message.get(key))}


def read_state(message: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that a ``state`` message says are in force; what is unknown, null or of a wrong type is left out.

    Returns:
        As far as it says: ``framesize`` text, ``quality`` int (0..63), ``max_fps`` and ``fps`` numbers from 0,
        ``flash`` int from 0 (off) to 255; a camera that only knows on and off says true for 255.
    """
    state = {
        key: message[key]
        for key, kind in FIELDS[MessageType.STATE].items()
        if key in message and _KINDS[kind][0](message[key])
    }
    if isinstance(flash := state.get("flash"), bool):
        state["flash"] = FLASH_RANGE[flash]
    return state


def read_ack(message: Mapping[str, Any]) -> tuple[int, str] | None:
    """Which command an ``ack`` answers, and the camera's error: empty exactly when the command was carried out.

    Returns:
        None when it does not say which: nobody can do anything with it.
    """
    command_id = message.get("id")
    if not _is_id(command_id):
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
        MessageType.WELCOME,
        v=LINK_VERSION,
        camera_id=camera_id,
        server_time_ms=int(now_unix_s * 1000),
        values={key: value for key, value in values.items() if value is not None},
    )


def write_set(command_id: int, values: Mapping[str, Any]) -> str:
    """The ``set`` that changes settings; the camera's ``ack`` will bear the same id.

    Raises:
        ValueError: it would be longer than a camera takes, or a value is none that JSON has.
    """
    return _write(MessageType.SET, id=command_id, values=dict(values))


def write_restart(command_id: int) -> str:
    """The ``restart`` that makes a camera boot; its ``ack`` will bear the same id."""
    return _write(MessageType.RESTART, id=command_id)


def write_update(command_id: int, url: str, sha256_hex: str, size_bytes: int, version: str) -> str:
    """The ``update`` that makes a camera fetch an image; its ``progress`` and its ``ack`` will bear the same id.

    Raises:
        ValueError: address or version are longer than a camera takes.
    """
    if len(url) > MAX_URL_BYTES or len(version) > MAX_VERSION_BYTES:
        raise ValueError(f"cameras take addresses of {MAX_URL_BYTES} bytes and versions of {MAX_VERSION_BYTES} at most")
    return _write(MessageType.UPDATE, id=command_id, url=url, sha256=sha256_hex, size=size_bytes, version=version)


def read_progress(message: Mapping[str, Any]) -> tuple[int, int, int] | None:
    """How far a camera is with an image: the command's id, bytes written, bytes in all.

    Returns:
        None when it does not say, or says what cannot be.
    """
    command_id, written_bytes, size_bytes = (message.get(key) for key in FIELDS[MessageType.PROGRESS])
    if not (_is_id(command_id) and _is_id(written_bytes) and _is_id(size_bytes)):
        return None
    return (command_id, written_bytes, size_bytes) if 0 <= written_bytes <= size_bytes else None


def close_reason(text: str, max_bytes: int = MAX_REASON_BYTES) -> str:
    """``text`` cut to what a close frame can hold, without half characters and control characters."""
    return _printable(text).encode()[:max_bytes].decode(errors="ignore")


def _write(kind: str, **fields: object) -> str:
    text = json.dumps({"type": kind, **fields}, separators=(",", ":"), allow_nan=False)
    if len(text) > MAX_TEXT_BYTES:  # all ASCII: json escapes the rest
        raise ValueError(f"a {kind} of {len(text)} bytes is more than cameras take ({MAX_TEXT_BYTES})")
    return text


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)


def _is_number(value: object) -> TypeGuard[float]:
    # bool is an int to Python, and no reading; NaN and infinity fail the comparison.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _MAX_NUMBER


def _is_id(value: object) -> TypeGuard[int]:
    return type(value) is int and abs(value) <= _MAX_NUMBER


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
    return _is_whole(value, QUALITY_RANGE[1])


def _is_lamp(value: object) -> bool:
    return isinstance(value, bool) or _is_whole(value, FLASH_RANGE[1])


_KINDS: Final[Mapping[str, tuple[Callable[[object], bool], str]]] = {
    "text": (_is_text, f"printable text, {_MAX_FIELD_CHARS} characters at most"),
    "texts": (_is_texts, f"a list of {_MAX_LIST_ITEMS} short texts at most"),
    "psram": (_is_psram, "true, false or a number of bytes"),
    "whole": (lambda value: _is_whole(value, int(_MAX_NUMBER)), "a whole number"),
    "framesize": (_is_text, "the name of a frame size"),
    "quality": (_is_quality, f"a whole number to {QUALITY_RANGE[1]}"),
    "rate": (_is_rate, "pictures a second"),
    "lamp": (_is_lamp, f"a whole number to {FLASH_RANGE[1]}, true or false"),
}
"""Whether a value is of that kind (link.toml), and what it must be, in words."""
