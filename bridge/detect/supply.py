"""Gets a detector and keeps trying: a missing model never takes the cameras down.

Loading takes a second (OpenVINO) to many minutes (download and export), so it has a thread of its own. The inference
loop asks ``current()`` before each batch and does without while there is none.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from bridge.errors import BridgeError
from bridge.model import Readiness
from bridge.runtime.backoff import Backoff
from bridge.runtime.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.detect.port import Detector
    from bridge.runtime.worker import Supervisor

log = logging.getLogger(__name__)

_PART = "detector"
# A detector that worked for this long is not the cause of a quick series of failures: waits begin short again.
_SOUND_AFTER_S = 60.0


class DetectorSupply:
    """Loads a detector in the background, and again after it failed.

    Args:
        load: makes a detector, or raises ``BridgeError`` with the reason and the mend.
        supervisor: told when the loader itself is broken.
        backoff: waits between tries.
        sound_after_s: a detector that worked for this long counts as a success.
    """

    def __init__(
        self,
        load: Callable[[], Detector],
        supervisor: Supervisor,
        backoff: Backoff | None = None,
        sound_after_s: float = _SOUND_AFTER_S,
    ) -> None:
        self._load = load
        self._backoff = backoff or Backoff(first_s=5.0, max_s=300.0)
        self._sound_after_s = sound_after_s
        self._lock = threading.Lock()
        self._detector: Detector | None = None
        self._reason = "loading the model"
        self._broken = (
            threading.Event()
        )  # wakes the loader: the detector failed, another is wanted, or the supply stops
        self._renewed = False
        self._worker = Worker("model", self._run, supervisor, on_stop=self._broken.set)

    def start(self) -> None:
        """Begin to load."""
        self._worker.start()

    def stop(self, timeout_s: float = 1.0) -> None:
        """Stop trying and let the detector go. A download under way is left to die with the process."""
        self._worker.stop(timeout_s)
        self._let_go("stopped")

    def current(self) -> Detector | None:
        """The detector, or None while there is none."""
        with self._lock:
            return self._detector

    def renew(self, load: Callable[[], Detector]) -> None:
        """Get the detector from somewhere else from now on; the one that is there works until the new one can."""
        self._load, self._renewed = load, True
        self._broken.set()

    def failed(self, error: Exception) -> None:
        """The detector broke while it worked (a GPU that went away, out of memory): drop it and load anew.

        Called by the thread that uses the detector.
        """
        log.error("the detector failed and is loaded anew", exc_info=error)
        self._let_go(f"the detector failed: {error}")
        self._broken.set()

    def readiness(self) -> Readiness:
        """Whether there is a detector; if not, why."""
        with self._lock:
            if self._detector is None:
                return Readiness(_PART, ready=False, detail=self._reason)
            info = self._detector.info
            return Readiness(_PART, ready=True, detail=f"{info.model} on {info.runtime} {info.device}")

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self._renewed = False
            if self._try_to_load(stop):
                self._watch()
            if stop.is_set():
                return
            # Also before a detector that failed is loaded anew: one that loads but never works would else be
            # compiled again and again without a pause.
            if self._renewed:
                self._backoff.reset()
                continue
            wait_s = self._backoff.next_s()
            log.debug("next try to load the model in %.0f s", wait_s)
            self._broken.wait(wait_s)
            self._broken.clear()

    def _try_to_load(self, stop: threading.Event) -> bool:
        try:
            detector = self._load()
        except BridgeError as error:
            self._explain(str(error))
            return False
        if stop.is_set():  # nobody would close it any more
            detector.close()
            return False
        with self._lock:
            before, self._detector = self._detector, detector
        if before is not None:
            _close(before)
        log.info("model ready: %s", self.readiness().detail)
        return True

    def _watch(self) -> None:
        """Wait until the detector fails or the supply stops."""
        if not self._broken.wait(self._sound_after_s):
            self._backoff.reset()
            self._broken.wait()
        self._broken.clear()

    def _let_go(self, reason: str) -> None:
        with self._lock:
            detector, self._detector = self._detector, None
            self._reason = reason
        if detector is not None:
            _close(detector)

    def _explain(self, reason: str) -> None:
        with self._lock:
            news = reason != self._reason
            self._reason = reason
        # The same reason every few minutes for days would bury everything else in the log.
        log.log(logging.WARNING if news else logging.DEBUG, "no detection, trying again: %s", reason)


def _close(detector: Detector) -> None:
    try:
        detector.close()
    except Exception:
        log.exception("the detector could not be closed")
