"""What may be asked of the bridge over the broker: bytes in, commands out. Pure.

=========================== =======================================================================================
topic                       payload
=========================== =======================================================================================
``B/<cam>/<control>/set``   ``detect``: ``ON``, ``OFF``, ``true``, ``false``; ``confidence``, ``quality``,
                            ``max_fps``: a number; ``framesize``: its name; ``flash``: ``ON``, ``OFF``, 0 to 255, or
                            ``{"state": "ON", "brightness": 128}``; ``restart``: any text
``B/<cam>/update/set``      ``install``
``B/bridge/request/<name>`` nothing, any text, or a JSON object
=========================== =======================================================================================

Whether a camera has a control, and whether a number is in its range, is for whoever carries it out.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from bridge.model import Control

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.model import ControlValue

MAX_BYTES = 16_384
INSTALL = "install"
_UPDATE = "update"
_TEXT_CHARS = 100
_SHOWN_CHARS = 40
_WORDS = {"on": True, "true": True, "off": False, "false": False}
_BRIGHTEST = 255
_NAME = re.compile(r"[a-z][a-z_]{0,31}")
_CONTROLS = ", ".join([*Control, _UPDATE])


@dataclass(frozen=True, slots=True)
class SetControl:
    """Set a camera's control; the value has the type that ``Control`` says."""

    camera_id: str
    control: Control
    value: ControlValue


@dataclass(frozen=True, slots=True)
class InstallUpdate:
    """Have a camera take the newest firmware that there is for it."""

    camera_id: str


@dataclass(frozen=True, slots=True)
class Request:
    """Do something with the whole bridge.

    Attributes:
        name: what; ``[a-z_]``.
        payload: the JSON object that came with it.
    """

    name: str
    payload: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class BadCommand:
    """Nothing that can be carried out.

    Attributes:
        topic: where it came.
        problem: what is wrong, and what is allowed.
    """

    topic: str
    problem: str


Command: TypeAlias = SetControl | InstallUpdate | Request


class _Refusal(Exception):
    """Why a payload cannot be read; never leaves this module."""


def filters(base: str) -> tuple[str, ...]:
    """What to subscribe to."""
    return f"{base}/+/+/set", f"{base}/bridge/request/+"


def parse(base: str, topic: str, payload: bytes) -> Command | BadCommand:
    """A message on one of the ``filters``, understood; never raises.

    Args:
        base: the base topic.
        topic: where it came.
        payload: what came.
    """
    levels = topic.removeprefix(f"{base}/").split("/")
    if len(payload) > MAX_BYTES:
        return BadCommand(topic, f"{len(payload)} bytes are too long; at most {MAX_BYTES} are allowed")
    try:
        if levels[:2] == ["bridge", "request"]:
            return _request(levels[2], payload)
        if levels[1] == _UPDATE:
            return _install(levels[0], _text(payload))
        return _set_control(levels[0], levels[1], _text(payload))
    except _Refusal as refusal:
        return BadCommand(topic, str(refusal))


def _set_control(camera_id: str, name: str, text: str) -> SetControl:
    try:
        control = Control(name)
    except ValueError:
        raise _Refusal(f"there is no control {_shown(name)}; allowed are {_CONTROLS}") from None
    match control:
        case Control.DETECT:
            value: ControlValue = _switch(text)
        case Control.FLASH:
            value = _brightness(text)
        case Control.QUALITY:
            value = _whole(text, "a whole number")
        case Control.CONFIDENCE | Control.MAX_FPS:
            value = _number(text, "a number")
        case Control.FRAMESIZE:
            value = _one_word(text)
        case Control.RESTART:
            if not text:  # what a broker tells when somebody deletes a retained message
                raise _Refusal("nothing came; any text is allowed")
            value = True
    return SetControl(camera_id, control, value)


def _install(camera_id: str, text: str) -> InstallUpdate:
    if text != INSTALL:
        raise _Refusal(f"{_shown(text)} is not allowed; {INSTALL} is")
    return InstallUpdate(camera_id)


def _request(name: str, payload: bytes) -> Request:
    if not _NAME.fullmatch(name):
        raise _Refusal(f"there is no request {_shown(name)}; a name has only small letters and _")
    try:
        content = json.loads(payload) if payload.lstrip()[:1] == b"{" else {}
    except (ValueError, RecursionError) as error:
        raise _Refusal(f"{_shown(payload.decode(errors='replace'))} is no JSON object ({_first_line(error)})") from None
    return Request(name, content)


def _switch(text: str) -> bool:
    word = text.casefold()
    if word not in _WORDS:
        raise _Refusal(f"{_shown(text)} is not allowed; ON or OFF is")
    return _WORDS[word]


def _brightness(text: str) -> int:
    allowed = 'ON, OFF, 0 to 255, or {"state": "ON", "brightness": 128}'
    if text.casefold() in _WORDS:
        return _BRIGHTEST if _WORDS[text.casefold()] else 0
    if not text.startswith("{"):
        return _whole(text, allowed)
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        raise _Refusal(f"{_shown(text)} is no JSON object; allowed is {allowed}") from None
    state, brightness = told.get("state", "ON"), told.get("brightness", _BRIGHTEST)
    if not isinstance(state, str) or state.casefold() not in _WORDS:
        raise _Refusal(f"the state {_shown(str(state))} is not allowed; ON or OFF is")
    if not _WORDS[state.casefold()]:
        return 0
    return _whole(str(brightness), allowed)


def _number(text: str, allowed: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise _Refusal(f"{_shown(text)} is not allowed; {allowed} is")
    return number


def _whole(text: str, allowed: str) -> int:
    number = _number(text, allowed)
    if number != int(number):
        raise _Refusal(f"{_shown(text)} is not allowed; {allowed} is")
    return int(number)


def _one_word(text: str) -> str:
    if not text or len(text) > _TEXT_CHARS or not text.isprintable():
        raise _Refusal(f"{_shown(text)} is no name of a frame size, such as VGA")
    return text


def _text(payload: bytes) -> str:
    try:
        return payload.decode().strip()
    except UnicodeDecodeError:
        raise _Refusal("this is no text (UTF-8)") from None


def _shown(text: str) -> str:
    """What somebody sent, fit for a line of the log."""
    short = text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"
    return ascii(short) if not short.isprintable() else f"'{short}'"


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
