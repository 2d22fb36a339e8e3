"""Runs any number of twins at once, until told to stop."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from bridge.simulate.twin import Outcome

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from bridge.simulate.twin import Twin

log = logging.getLogger(__name__)

PROGRESS_EVERY_S = 10.0

# The stop event belongs to threads, the twins to asyncio: looking every 50 ms costs nothing and needs no bridge.
_LOOK_EVERY_S = 0.05


class Fleet:
    """Twins that start together and stop together.

    Args:
        twins: they, and their footage, belong to the fleet.
        duration_s: stop after this time; None: when the footage ends, or never.
        progress_every_s: how often to log a line for each twin.
    """

    def __init__(
        self, twins: Sequence[Twin], *, duration_s: float | None = None, progress_every_s: float = PROGRESS_EVERY_S
    ) -> None:
        self.twins = tuple(twins)
        self.failed = False
        self._duration_s = float("inf") if duration_s is None else duration_s
        self._progress_every_s = progress_every_s

    def run(self, stop: threading.Event) -> None:
        """Play until ``stop`` is set, the time is over, or every twin has ended; fits ``Worker``.

        Afterwards ``failed`` tells whether a twin ended because its link closed.

        Raises:
            SourceError: footage cannot be read any more.
        """
        try:
            asyncio.run(self._run(stop))
        finally:
            for twin in self.twins:
                twin.close()

    async def _run(self, stop: threading.Event) -> None:
        tasks = [asyncio.create_task(self._start(place), name=twin.camera_id) for place, twin in enumerate(self.twins)]
        try:
            await self._watch(tasks, stop)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._log_progress()

    async def _start(self, place: int) -> Outcome:
        twin = self.twins[place]
        # Spread over one picture's time, so that the cameras do not all send at the same moment.
        await asyncio.sleep(place / len(self.twins) / twin.fps)
        return await twin.run()

    async def _watch(self, tasks: Sequence[asyncio.Task[Outcome]], stop: threading.Event) -> None:
        end_s = time.monotonic() + self._duration_s
        progress_s = time.monotonic() + self._progress_every_s
        running = set(tasks)
        while running and not stop.is_set() and time.monotonic() < end_s:
            ended, running = await asyncio.wait(running, timeout=_LOOK_EVERY_S)
            if Outcome.LINK_CLOSED in [task.result() for task in ended]:
                self.failed = True
            if time.monotonic() >= progress_s:
                progress_s += self._progress_every_s
                self._log_progress()

    def _log_progress(self) -> None:
        for twin in self.twins:
            log.info("%s", twin.progress())
