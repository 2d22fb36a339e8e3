"""What the tests of the store share: a store on a clock that a test moves."""

from __future__ import annotations

import pytest

from bridge.frames.store import FrameStore
from bridge.runtime.clock import ManualClock
from bridge.runtime.metrics import Metrics


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def store(clock: ManualClock, metrics: Metrics) -> FrameStore:
    """A store with the cameras ``door`` and ``yard``."""
    store = FrameStore(clock, metrics)
    store.add_camera("door", name="Front door")
    store.add_camera("yard")
    return store
