"""Where the outcomes of a session end up: in the store, in the counters and, sparingly, in the log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bridge.ingest.protocol import FrameReceived, FrameRefused, HelloReceived, Ignored, TelemetryReceived
from bridge.ingest.quiet import OncePerMinute

if TYPE_CHECKING:
    from bridge.frames.store import FrameStore
    from bridge.ingest.protocol import Outcome
    from bridge.runtime.clock import Clock

log = logging.getLogger(__name__)


class Intake:
    """Hands what cameras said to the store.

    Args:
        store: knows every camera that is handed in.
        clock: for the log's pace.
    """

    def __init__(self, store: FrameStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._quiet = OncePerMinute()

    def take(self, camera_id: str, outcome: Outcome) -> None:
        """Store, count or log one outcome; those that concern the connection itself are passed over."""
        match outcome:
            case FrameReceived(jpeg, width_px, height_px, captured_unix_s):
                self._store.put(camera_id, jpeg, width_px, height_px, captured_unix_s)
            case FrameRefused():
                self._reject(camera_id, outcome)
            case TelemetryReceived(values):
                self._store.note_telemetry(camera_id, values)
            case HelloReceived(hello):
                log.info("%s: hello from %s %s", camera_id, hello.get("firmware", "?"), hello.get("version", "?"))
                self._store.note_hello(camera_id, hello)
            case Ignored(excerpt):
                log.info("%s: ignored the text %r (and any later one)", camera_id, excerpt)

    def _reject(self, camera_id: str, refused: FrameRefused) -> None:
        self._store.reject(camera_id, refused.reason)
        passed_over = self._quiet.due(camera_id, self._clock.mono_s())
        if passed_over is not None:
            more = f" ({passed_over} more since the last such line)" if passed_over else ""
            log.warning("%s: dropped a damaged frame: %s: %s%s", camera_id, refused.reason, refused.detail, more)
