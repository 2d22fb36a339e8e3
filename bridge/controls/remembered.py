"""How the desk's memory looks on the disk: offers and users' wishes to JSON and back. Pure.

What comes back may be damaged, edited by hand, or another version's: what cannot be read is as if never remembered.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from bridge.controls.catalogue import BRIDGE_CONTROLS
from bridge.model import Control, ControlValue, Offer

if TYPE_CHECKING:
    from collections.abc import Mapping

OFFERS: Final = "offers"
"""The section with what each camera last said of itself: ``{camera: offer}``."""

WISHES: Final = "controls"
"""The section with what users set: ``{camera: {control: {"value": …, "configured": …}}}``; ``configured`` is what the
configuration said at that time (null: nothing)."""


def offer_to_json(offer: Offer) -> dict[str, Any] | None:
    """The offer; None for that of a camera that says nothing, which needs no remembering."""
    return None if offer == Offer() else asdict(offer)


def offer_from_json(kept: object) -> Offer:
    """The offer as it was remembered; the default for what cannot be read."""
    if not isinstance(kept, dict):
        return Offer()
    named = set(_texts(kept.get("controls")))
    return Offer(
        controls=tuple(control for control in Control if control in BRIDGE_CONTROLS or control in named),
        framesizes=_texts(kept.get("framesizes")),
        reports_health=kept.get("reports_health") is True,
        board=_text(kept.get("board")),
        firmware=_text(kept.get("firmware")),
        mac=_text(kept.get("mac")),
        takes_updates=kept.get("takes_updates") is True,
    )


def wishes_to_json(
    wishes: Mapping[Control, ControlValue], configured: Mapping[Control, ControlValue]
) -> dict[str, Any] | None:
    """What users set, each beside what the configuration says of it now; None when nothing is set."""
    return {
        control.value: {"value": value, "configured": configured.get(control)} for control, value in wishes.items()
    } or None


def wishes_from_json(kept: object, configured: Mapping[Control, ControlValue]) -> dict[Control, ControlValue]:
    """What users set and the configuration does not say anew since then; values may be of any kind, and out of range.

    A configuration that changed is the newer will of the two.
    """
    if not isinstance(kept, dict):
        return {}
    wishes: dict[Control, ControlValue] = {}
    for control in Control:
        match kept.get(control.value):
            case {"value": bool() | int() | float() | str() as value, "configured": said}:
                if said == configured.get(control):
                    wishes[control] = value
    return wishes


def _text(kept: object) -> str:
    return kept if isinstance(kept, str) else ""


def _texts(kept: object) -> tuple[str, ...]:
    return tuple(text for text in kept if isinstance(text, str)) if isinstance(kept, list) else ()
