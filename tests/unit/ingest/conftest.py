"""A small whole JPEG, sessions and a store to play with."""

from __future__ import annotations

from typing import Protocol

import pytest

from bridge.frames.jpeg import Gate
from bridge.frames.store import FrameStore
from bridge.ingest.fake import FakeTalk
from bridge.ingest.protocol import Admission, CameraSession
from bridge.runtime.clock import ManualClock
from bridge.runtime.metrics import Metrics


class MakeSession(Protocol):
    """See the fixture ``make_session``."""

    def __call__(self, admission: Admission = ...) -> CameraSession: ...


@pytest.fixture(scope="session")
def jpeg() -> bytes:
    """A whole JPEG of 16x8 pixels, made by hand: SOI, SOF, SOS, data, EOI."""
    return bytes.fromhex("ffd8 ffc0000b080008001001011100 ffda0008010100003f00 12ff0034 ffd9")


@pytest.fixture
def make_session() -> MakeSession:
    """Make a session of the camera ``door``, connected at 1000 s; frames up to 1,000 bytes and 10,000 pixels."""

    def make(admission: Admission = Admission.ANY) -> CameraSession:
        gate = Gate(max_bytes=1000, max_pixels=10_000)
        return CameraSession("door", gate=gate, admission=admission, now_mono_s=1000.0)

    return make


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(clock: ManualClock) -> FrameStore:
    """A store with the cameras ``door`` and ``yard``."""
    store = FrameStore(clock, Metrics())
    store.add_camera("door")
    store.add_camera("yard")
    return store


@pytest.fixture
def talk() -> FakeTalk:
    """Writes down what the cameras say; ``door`` is to send 7 pictures a second."""
    return FakeTalk({"door": {"max_fps": 7}})
