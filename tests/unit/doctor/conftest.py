"""A bridge with a camera, and everything that its broker keeps of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.model import Control, Offer
from bridge.publish.discovery import discovery_messages
from bridge.publish.settings import PublishedCamera, PublishSettings

if TYPE_CHECKING:
    from collections.abc import Callable

STATES = {
    "availability": b"online",
    "motion": b"OFF",
    "snapshot": b"\xff\xd8\xff\xd9",
    "telemetry": b'{"fps":5.0}',
    "person": b"ON",
    "person/count": b"1",
    "person/thumbnail": b"\xff\xd8\n\xff\xd9",
    "zones/porch/person": b"ON",
    "quality/state": b"12",
    "detect/state": b"ON",
}


@pytest.fixture
def settings() -> PublishSettings:
    return PublishSettings()


@pytest.fixture
def camera() -> PublishedCamera:
    able = Offer((Control.DETECT, Control.QUALITY), reports_health=True)
    return PublishedCamera("door", "Front door", ("person",), {"porch": ("person",)}, able)


@pytest.fixture
def keep() -> Callable[..., dict[str, bytes]]:
    """What the broker keeps of a bridge with these cameras, each with a person in its porch."""

    def kept(settings: PublishSettings, *cameras: PublishedCamera) -> dict[str, bytes]:
        base = settings.base_topic
        messages = discovery_messages(settings, cameras)
        found = {message.topic: message.payload for message in messages}
        found |= {f"{base}/bridge/state": b"online", f"{base}/bridge/info": b'{"cameras":["door"]}'}
        for camera in cameras:
            found |= {f"{base}/{camera.id}/{name}": payload for name, payload in STATES.items()}
        return found

    return kept
