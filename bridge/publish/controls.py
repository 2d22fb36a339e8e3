"""A camera's controls on the broker: the entity that each becomes, and how its value is written. Pure.

How a command is read stands in ``commands``. No entity guesses: Home Assistant shows a new value only when it comes on
``B/<cam>/<control>/state``, and that is published when the value took effect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.model import CONTROL_RANGES, Control
from bridge.publish.messages import Message, MessageKind, json_payload
from bridge.publish.wording import named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.model import ControlValue, Offer


class ControlPart(NamedTuple):
    """What is special of a control's entity.

    Attributes:
        key: of the entity.
        platform: ``switch``, ``number``, ...
        config: its own part.
    """

    key: str
    platform: str
    config: Mapping[str, Any]


_PLATFORMS: Mapping[Control, str] = {
    Control.DETECT: "switch",
    Control.CONFIDENCE: "number",
    Control.FLASH: "light",
    Control.FRAMESIZE: "select",
    Control.QUALITY: "number",
    Control.MAX_FPS: "number",
    Control.RESTART: "button",
}
_SET_UP = {"entity_category": "config"}
_EXTRAS: Mapping[Control, Mapping[str, Any]] = {
    Control.DETECT: {"icon": "mdi:eye-outline"},
    Control.CONFIDENCE: {"icon": "mdi:target", "mode": "slider", **_SET_UP},
    Control.FLASH: {
        "icon": "mdi:flashlight",
        "schema": "json",
        "brightness": True,
        "supported_color_modes": ["brightness"],
    },
    Control.FRAMESIZE: {"icon": "mdi:image-size-select-large", **_SET_UP},
    Control.QUALITY: {"icon": "mdi:quality-high", "mode": "slider", **_SET_UP},
    Control.MAX_FPS: {"icon": "mdi:speedometer-slow", "mode": "box", "unit_of_measurement": "fps", **_SET_UP},
    Control.RESTART: {"device_class": "restart", **_SET_UP},
}


def parts(camera_topic: str, offer: Offer) -> list[ControlPart]:
    """An entity a control that the camera offers; a choice without anything to choose from is left out.

    Args:
        camera_topic: ``B/<cam>``.
        offer: what the camera can.
    """
    shown = [control for control in Control if control in offer.controls]
    if not offer.framesizes and Control.FRAMESIZE in shown:
        shown.remove(Control.FRAMESIZE)
    return [ControlPart(control.value, _PLATFORMS[control], _config(camera_topic, control, offer)) for control in shown]


def control_state(base: str, camera_id: str, control: Control, value: ControlValue) -> Message | None:
    """The value in force, retained; None for a push, which has none."""
    if control is Control.RESTART:
        return None
    payload = _flash(value) if control is Control.FLASH else _plain(value)
    return Message(f"{base}/{camera_id}/{control.value}/state", payload, MessageKind.STATE)


def _config(camera_topic: str, control: Control, offer: Offer) -> dict[str, Any]:
    topic = f"{camera_topic}/{control.value}"
    config: dict[str, Any] = {"name": named(control.value), "command_topic": f"{topic}/set"}
    if control is not Control.RESTART:
        config["state_topic"] = f"{topic}/state"
    if control is Control.FRAMESIZE:
        config["options"] = list(dict.fromkeys(offer.framesizes))
    elif _PLATFORMS[control] == "number":
        limits = CONTROL_RANGES[control]
        config |= {"min": limits.low, "max": limits.high, "step": limits.step}
    return {**config, **_EXTRAS[control]}


def _flash(value: ControlValue) -> bytes:
    """Home Assistant's JSON light; off, the brightness of last time stays where it shows it."""
    brightness = round(float(value))
    if brightness <= 0:
        return json_payload({"state": "OFF"})
    return json_payload({"state": "ON", "brightness": brightness, "color_mode": "brightness"})


def _plain(value: ControlValue) -> bytes:
    if isinstance(value, bool):
        return b"ON" if value else b"OFF"
    if isinstance(value, float):
        return f"{value:g}".encode()
    return str(value).encode()
