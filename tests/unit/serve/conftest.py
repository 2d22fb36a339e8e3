"""What the unit tests of the web share: pictures to tell apart, and a store on a clock that a test moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bridge.frames import codec
from bridge.frames.store import FrameStore
from bridge.model import Event, Scene, Track
from bridge.runtime.clock import ManualClock
from bridge.runtime.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.model import Frame


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def store(clock: ManualClock, metrics: Metrics) -> FrameStore:
    """A store with one camera, ``door``."""
    store = FrameStore(clock, metrics)
    store.add_camera("door", name="Front door", offline_after_s=10)
    return store


@pytest.fixture
def grey_jpeg() -> Callable[[int], bytes]:
    """A QVGA picture of one shade of grey, by which it can be told from others."""
    return lambda shade: codec.encode(np.full((240, 320, 3), shade, np.uint8), 90)


@pytest.fixture
def put(store: FrameStore, grey_jpeg: Callable[[int], bytes]) -> Callable[[int], Frame]:
    """Let camera ``door`` send a picture of this shade."""
    return lambda shade: store.put("door", grey_jpeg(shade), 320, 240)


@pytest.fixture
def show_person(store: FrameStore, clock: ManualClock) -> Callable[[], None]:
    """Let the analysis see a person in the middle, now."""

    def show() -> None:
        track = Track(1, "person", 0.9, (0.25, 0.25, 0.75, 0.75), 5)
        store.set_scene(Scene("door", 1, clock.mono_s(), (track,)))

    return show


@pytest.fixture
def make_event() -> Callable[..., Event]:
    """A person at the door for 12.5 s from ``start_unix_s`` on; any attribute may be another."""

    def make(start_unix_s: float = 1_764_100_000.0, number: int = 1, **changes: Any) -> Event:  # noqa: ANN401 - by name
        attributes: dict[str, Any] = {
            "id": f"{round(start_unix_s * 1000):013d}-{number:06x}",
            "camera_id": "door",
            "label": "person",
            "score": 0.71239,
            "top_score": 0.9,
            "box_xyxy_norm": (0.25, 0.123456, 0.75, 1.0),
            "start_unix_s": start_unix_s,
            "end_unix_s": start_unix_s + 12.5,
            "frame_unix_s": start_unix_s + 17.5,
            "frame_mono_s": 0.0,
        }
        return Event(**attributes | changes)

    return make
