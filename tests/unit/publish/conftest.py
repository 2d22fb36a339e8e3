"""Values that the publish tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from bridge.model import ChangeType, Event, EventChange
from bridge.publish.settings import PublishedCamera, PublishSettings

if TYPE_CHECKING:
    from bridge.model import Box


class MakeChange(Protocol):
    """See the fixture ``make_change``."""

    def __call__(
        self, kind: ChangeType = ..., *, event_id: str = ..., label: str = ..., jpeg: bytes | None = ..., box: Box = ...
    ) -> EventChange: ...


@pytest.fixture
def settings() -> PublishSettings:
    return PublishSettings(public_url="http://bridge.local:8080", version="1.2.3")


@pytest.fixture
def camera() -> PublishedCamera:
    zones = {"porch": ("person",), "front_lawn": ("person", "dog")}
    return PublishedCamera("front_door", "Front door", ("person", "traffic light"), zones)


@pytest.fixture
def make_change() -> MakeChange:
    def make(
        kind: ChangeType = ChangeType.NEW,
        *,
        event_id: str = "1800000000123-a1b2c3",
        label: str = "person",
        jpeg: bytes | None = None,
        box: Box = (0.1, 0.2, 0.34567, 0.9),
    ) -> EventChange:
        event = Event(
            id=event_id,
            camera_id="front_door",
            label=label,
            score=0.81249,
            top_score=0.9,
            box_xyxy_norm=box,
            start_unix_s=1_800_000_000.123,
            end_unix_s=1_800_000_009.5 if kind is ChangeType.END else None,
            frame_unix_s=1_800_000_001.0,
            frame_mono_s=999.5,
            captured_unix_s=1_800_000_000.9,
            detected_unix_s=None if kind is ChangeType.END else 1_800_000_001.03,
            zones=("porch",),
            entered_zones=("drive", "porch"),
            stationary=kind is ChangeType.END,
            has_snapshot=jpeg is not None,
        )
        return EventChange(kind, event, jpeg)

    return make
