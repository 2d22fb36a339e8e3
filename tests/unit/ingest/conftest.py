"""A small whole JPEG, sessions and a store to play with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

from bridge.frames.jpeg import Gate
from bridge.frames.store import FrameStore
from bridge.ingest.protocol import Admission, CameraSession
from bridge.runtime.clock import ManualClock
from bridge.runtime.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Mapping


class MakeSession(Protocol):
    """See the fixture ``make_session``."""

    def __call__(self, admission: Admission = ..., values: Mapping[str, Any] | None = None) -> CameraSession: ...


@pytest.fixture(scope="session")
def jpeg() -> bytes:
    """A whole JPEG of 16x8 pixels, made by hand: SOI, SOF, SOS, data, EOI."""
    return bytes.fromhex("ffd8 ffc0000b080008001001011100 ffda0008010100003f00 12ff0034 ffd9")


@pytest.fixture
def make_session() -> MakeSession:
    """Make a session of the camera ``door``, connected at 1000 s; frames up to 1,000 bytes and 10,000 pixels."""

    def make(admission: Admission = Admission.ANY, values: Mapping[str, Any] | None = None) -> CameraSession:
        gate = Gate(max_bytes=1000, max_pixels=10_000)
        return CameraSession("door", gate=gate, welcome_values=values or {}, admission=admission, now_mono_s=1000.0)

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
