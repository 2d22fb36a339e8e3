"""A house whose cameras can be told everything, some things or nothing, and whose configuration changes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from tests.homeassistant.harness.house import House, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

AGAIN_S = 30.0
"""Within this time everything is right after a restart, a reload, or a change of what there is."""

IMAGES = "firmware-images"
"""The folder that the bridge takes firmware from; a test makes it."""

DRIVE: dict[str, Any] = {
    "id": "drive",
    "name": "Drive",
    "labels": ["person", "dog"],
    "zones": {
        "gate": {"points": [[0, 0], [0.34, 0], [0.34, 1], [0, 1]], "labels": ["person"]},
        "steps": {"points": [[0.66, 0], [1, 0], [1, 1], [0.66, 1]], "labels": ["person"]},
    },
}
SHED: dict[str, Any] = {"id": "shed", "name": "Shed", "labels": ["person"]}
ATTIC: dict[str, Any] = {"id": "attic", "name": "Attic", "labels": ["person"]}


def workshop(folder: Path) -> House:
    """``drive`` can do everything, ``shed`` is an old firmware without lamp and restart, ``attic`` is deaf."""
    scene = folder / "scene.png"  # no JPEG: size and quality can be set
    cv2.imwrite(str(scene), np.full((320, 480, 3), 128, np.uint8))
    often = ("--fps", "2")  # enough to be online, little enough to leave the machine to the rest
    twins = {
        "drive": ("--source", str(scene), *often),
        "shed": ("--source", str(scene), *often, "--without", "flash,restart"),
        "attic": ("--source", str(scene), *often, "--deaf"),
    }
    settings = {"cameras": [DRIVE, SHED, ATTIC], "firmware": {"dir": str(folder / IMAGES)}}
    return House(folder, home={"automation": []}, bridge=settings, twins=twins)


def timed(
    house: House, service: str, entity_id: str, state: str | Callable[[str | None], bool], **data: object
) -> float:
    """Call a service of Home Assistant and wait until the entity has the state; returns the seconds of both."""
    began_s = time.monotonic()
    house.home.call_service(service, entity_id, **data)
    house.home.wait_for(entity_id, state)
    return time.monotonic() - began_s


def take_up(house: House, changes: Mapping[str, Any]) -> None:
    """Change the bridge's configuration and press its button in Home Assistant; returns when it is answered.

    Args:
        house: which.
        changes: sections, instead of those that it began with.
    """
    house.bridge.configure({**house.settings, **changes})
    listener = house.listen("espcam/bridge/#")
    house.home.call_service("button.press", "button.espcam_bridge_reload")
    answer = listener.wait_for("espcam/bridge/response/reload", timeout_s=10).json()
    listener.close()
    assert answer["status"] == "ok", answer


def registry(house: House) -> dict[str, dict[str, Any]]:
    """The entities that the bridge brought: entity id to what Home Assistant's registry has of it."""
    return {entity["entity_id"]: entity for entity in house.home.entities()}


def wait_for_entities(house: House, wanted: set[str], timeout_s: float = AGAIN_S) -> float:
    """Wait until the bridge has brought exactly these entities; returns the seconds."""
    began_s = time.monotonic()
    while (there := set(registry(house))) != wanted:
        if time.monotonic() - began_s > timeout_s:
            raise TimeoutError(f"too many: {there - wanted}; missing: {wanted - there}")
        time.sleep(0.2)
    return time.monotonic() - began_s


def back_again(house: House, camera_id: str = "drive") -> float:
    """Wait until a camera is there again and everything is as the broker says; returns the seconds."""
    began_s = time.monotonic()
    topic = f"espcam/{camera_id}/availability"
    wait_until(lambda: house.retained().get(topic) == b"online", AGAIN_S, f"{camera_id} is online")
    house.settle(AGAIN_S)
    return time.monotonic() - began_s
