"""What a camera can be asked for, and whether a value may be asked of it. Pure.

A hello says what a camera can; what it does not say, it is not asked for. Nothing goes to a camera that was not checked
here, and what a camera says of itself is checked by the same rules.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from bridge.errors import ControlRefused
from bridge.link.table import Capability
from bridge.model import CONTROL_RANGES, Control, ControlValue, Offer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

BRIDGE_CONTROLS: Final = frozenset({Control.DETECT, Control.CONFIDENCE})
"""What the bridge itself carries out, for every camera; the others are the camera's."""

_MAC: Final = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", re.ASCII)
_NO_MAC: Final = "00:00:00:00:00:00"
_GROUP_BIT: Final = 0x01  # of the first byte: an address of many (broadcast, multicast), never of one device
_CONFIDENCE_DIGITS: Final = 2
_EXCERPT_CHARS: Final = 40


def offer_from_hello(hello: Mapping[str, Any]) -> Offer:
    """What the camera is and can.

    Args:
        hello: checked for types; empty = a legacy camera, which takes no commands.
    """
    if not hello:
        return Offer()
    framesizes = _distinct(hello.get("framesizes", ()))
    named = set(hello.get("capabilities", ()))
    if not framesizes:
        named.discard(Control.FRAMESIZE)  # nothing to choose from
    return Offer(
        controls=tuple(control for control in Control if control in BRIDGE_CONTROLS or control in named),
        framesizes=framesizes,
        reports_health=True,
        board=hello.get("board", "").strip(),
        firmware=_firmware(hello.get("firmware", "").strip(), hello.get("version", "").strip()),
        mac=_mac(hello.get("mac", "")),
        takes_updates=Capability.UPDATE in named,
    )


def checked(control: Control, value: object, offer: Offer) -> ControlValue:
    """The value as it is to be carried out: numbers of the right type, the frame size in the camera's own spelling.

    Raises:
        ControlRefused: the camera does not offer this, or not this value; says what is allowed.
    """
    if control not in offer.controls:
        raise ControlRefused(f"{control} is not offered by this camera: it offers {', '.join(offer.controls)}")
    match control:
        case Control.DETECT:
            if isinstance(value, bool):
                return value
            raise _refused(control, value, "true or false")
        case Control.RESTART:
            if value is True:
                return True
            raise _refused(control, value, "true")
        case Control.FRAMESIZE:
            return _checked_framesize(value, offer.framesizes)
        case Control.CONFIDENCE:
            return round(float(_checked_number(control, value)), _CONFIDENCE_DIGITS)
        case Control.MAX_FPS:
            return float(_checked_number(control, value))
        case Control.FLASH | Control.QUALITY:
            return int(_checked_number(control, value, whole=True))


def usable(control: Control, value: object, offer: Offer) -> ControlValue | None:
    """Like ``checked``, but None where that raises: for what was said or remembered and is not asked for now."""
    try:
        return checked(control, value, offer)
    except ControlRefused:
        return None


def _checked_framesize(value: object, framesizes: tuple[str, ...]) -> str:
    if isinstance(value, str):
        wanted = value.strip().casefold()
        for name in framesizes:
            if name.casefold() == wanted:
                return name
    raise _refused(Control.FRAMESIZE, value, f"one of {', '.join(framesizes)}")


def _checked_number(control: Control, value: object, *, whole: bool = False) -> int | float:
    allowed = CONTROL_RANGES[control]
    if _is_number(value) and allowed.low <= value <= allowed.high and not (whole and value % 1):
        return value
    kind = "a whole number" if whole else "a number"
    raise _refused(control, value, f"{kind} from {allowed.low:g} to {allowed.high:g}")


def _is_number(value: object) -> TypeGuard[int | float]:
    # bool is an int to Python, and no number to people. NaN and infinity lie in no range.
    return isinstance(value, int | float) and not isinstance(value, bool)


def _refused(control: Control, value: object, allowed: str) -> ControlRefused:
    return ControlRefused(f"{control} cannot be {_excerpt(value)}: it must be {allowed}")


def _excerpt(value: object) -> str:
    try:
        said = repr(value)
    except ValueError:  # an integer of more than 4300 digits is not spelt out
        return "so large a number"
    return said if len(said) <= _EXCERPT_CHARS else f"{said[:_EXCERPT_CHARS]}…"


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    """Each once, in the camera's order; upper and lower case are the same."""
    kept: dict[str, str] = {}
    for name in map(str.strip, names):
        if name:
            kept.setdefault(name.casefold(), name)
    return tuple(kept.values())


def _firmware(name: str, version: str) -> str:
    # The simulator's name has its version in it already: "simulate/1.2".
    return name if version in name else f"{name} {version}".strip()


def _mac(text: str) -> str:
    """The address in lower case with colons; empty when it is none.

    Home Assistant takes devices with the same address for one device, so an address that many boards may say is worse
    than none.
    """
    mac = text.strip().lower().replace("-", ":")
    if _MAC.fullmatch(mac) is None or mac == _NO_MAC or int(mac[:2], 16) & _GROUP_BIT:
        return ""
    return mac
