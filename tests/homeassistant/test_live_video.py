"""Live pictures in Home Assistant: its ``mjpeg`` and ``generic`` integrations take our addresses, whether the camera
sends or not."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.homeassistant.harness.house import OFFLINE_AFTER_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.homeassistant.harness.home import HomeAssistant
    from tests.homeassistant.harness.house import House

pytestmark = [pytest.mark.homeassistant, pytest.mark.timeout(180)]

_FORM_LIMIT_S = 10.0  # what its forms give each address


@contextmanager
def yard_is(house: House, *, online: bool) -> Iterator[None]:
    """The camera in the yard, switched off meanwhile if need be."""
    if online:
        yield
        return
    house.cameras["yard"].stop()
    try:
        house.home.wait_for("binary_sensor.yard_motion", "unavailable", OFFLINE_AFTER_S + 5)
        yield
    finally:
        house.cameras["yard"].start()
        house.settle(15)


def mjpeg(house: House, name: str) -> list[dict[str, Any]]:
    """What a user fills into the form of ``mjpeg``."""
    form = {
        "name": name,
        "mjpeg_url": f"{house.bridge.url}/cameras/yard/stream.mjpg",
        "still_image_url": f"{house.bridge.url}/cameras/yard/snapshot.jpg",
        "password": "",
        "verify_ssl": True,
    }
    return [form]


def generic(house: House) -> list[dict[str, Any]]:
    """What a user fills into the form of ``generic``, and the confirmation that asks whether the picture is right."""
    address = {"still_image_url": f"{house.bridge.url}/cameras/yard/snapshot.jpg"}
    more = {"framerate": 2, "verify_ssl": True, "authentication": "basic"}
    year = int(house.home.version.partition(".")[0])
    form = {**address, **more} if year < 2026 else {**address, "advanced": more}
    return [form, {"confirmed_ok": True}]


def newest_entity(home: HomeAssistant, platform: str, entry_id: str) -> str:
    """The camera that an entry brought."""
    (found,) = [one for one in home.entities(platform) if one["config_entry_id"] == entry_id]
    return str(found["entity_id"])


@pytest.mark.parametrize("online", [True, False], ids=["online", "offline"])
@pytest.mark.parametrize("integration", ["mjpeg", "generic"])
def test_form_takes_our_addresses_and_shows_a_picture(house: House, integration: str, online: bool) -> None:
    with yard_is(house, online=online):
        steps = mjpeg(house, f"Yard {online}") if integration == "mjpeg" else generic(house)
        began_s = time.monotonic()
        answer = house.home.config_flow(integration, *steps)
        assert answer["type"] == "create_entry", answer
        assert time.monotonic() - began_s < _FORM_LIMIT_S
        entry_id = answer["result"]["entry_id"]
        picture = house.home.picture(newest_entity(house.home, integration, entry_id))
        assert (picture.status, picture.content_type) == (200, "image/jpeg")
        assert picture.body.startswith(b"\xff\xd8")
    house.home.remove_entry(entry_id)


def test_mjpeg_relays_the_stream_at_the_cameras_rate(house: House) -> None:
    answer = house.home.config_flow("mjpeg", *mjpeg(house, "Relayed"))
    entry_id = answer["result"]["entry_id"]
    entity_id = newest_entity(house.home, "mjpeg", entry_id)
    began_s = time.monotonic()
    house.home.read_stream(f"/api/camera_proxy_stream/{entity_id}", pictures=20)
    assert time.monotonic() - began_s < 4  # 20 pictures at 10 a second; the camera entity would give 2 a second
    house.home.remove_entry(entry_id)
