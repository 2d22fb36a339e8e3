"""Boards that are not there: the firmware's manners on any link, and the first sketch's.

A twin captures a picture when the link can take it and never before, so nothing old is ever sent: what falls due
while the link is busy is counted as dropped.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import Enum, auto
from random import Random, uniform
from typing import TYPE_CHECKING, TypeVar

from bridge import __version__
from bridge.errors import LinkLost
from bridge.link.table import FRAMESIZES
from bridge.runtime.backoff import Backoff
from bridge.runtime.rate import RateMeter
from bridge.simulate.faults import Faults, FaultyLink
from bridge.simulate.messages import Board, Health, Values, frame, framesizes_for, jpeg_quality
from bridge.simulate.pace import Pace
from bridge.simulate.update import UpdateFailed, UpdateManner, UpdateOrder, fetch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from bridge.runtime.clock import Clock
    from bridge.simulate.link import Link
    from bridge.simulate.source import Source

log = logging.getLogger(__name__)

TELEMETRY_EVERY_S = 10.0
SKETCH_GREETING = "hello from ESP32 camera stream!"

_BOARD_QUALITY = 12  # what most firmwares begin with
_SKETCH_QUALITY = 15
_SKETCH_FRAMESIZE = "VGA"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a board waits for what.

    Attributes:
        lost: after a link that broke.
        refused_s: draws the wait after the bridge refused this camera: a person must mend that, and may at any moment.
        welcome_s: for the answer to its hello.
        restart_s: a board takes about 5 s to boot; nobody gains from waiting for a simulated one.
    """

    lost: Backoff = field(default_factory=lambda: Backoff(first_s=1.0, max_s=30.0))
    refused_s: Callable[[], float] = lambda: uniform(8.0, 12.0)  # noqa: S311 - as the firmware
    welcome_s: float = 10.0
    restart_s: float = 0.5


@dataclass(frozen=True, slots=True)
class Looks:
    """What a board is, and what is the matter with it.

    Attributes:
        board: the name of its model, which images of the firmware are made for.
        version: of its firmware.
        lacks: which of ``messages.ABILITIES`` it does not have.
        deaf: whether it passes over every command without an answer.
        updates: what becomes of them.
        faults: what goes wrong on the way to the bridge.
    """

    board: str = "simulated"
    version: str = __version__
    lacks: frozenset[str] = frozenset()
    deaf: bool = False
    updates: UpdateManner = UpdateManner.WORKS
    faults: Faults = field(default_factory=Faults)


class Outcome(Enum):
    """Why a twin stopped by itself."""

    FOOTAGE_ENDED = auto()
    LINK_CLOSED = auto()  # only of the first sketch, which never dials again


class Twin(ABC):
    """What all boards do: send a footage's pictures at a steady rate.

    Args:
        camera_id: for the log.
        source: the footage; the twin closes it.
        fps: pictures a second; None: the footage's own rate.
        dial: makes a link to the bridge, or raises LinkLost.
        clock: where the time comes from.
    """

    def __init__(
        self,
        camera_id: str,
        source: Source,
        *,
        dial: Callable[[], Awaitable[Link]],
        clock: Clock,
        fps: float | None = None,
    ) -> None:
        self.camera_id = camera_id
        self.sent = 0
        self.dropped = 0
        self.fps = fps or source.fps
        self._source = source
        self._dial = dial
        self._clock = clock
        self._pace = Pace(self.fps, source.fps if source.filmed else None)
        self._rate = RateMeter()
        self._send_spent_s = 0.0  # since the last telemetry
        self._send_count = 0

    @abstractmethod
    async def run(self) -> Outcome:
        """Send pictures until the footage ends, or the link does for good.

        Raises:
            SourceError: the footage cannot be read any more.
        """

    def progress(self) -> str:
        """One line for the person who watches."""
        fps = self._rate.per_s(self._clock.mono_s())
        return f"{self.camera_id}: {self.sent} frames sent, {fps:.1f} fps, {self.dropped} dropped"

    def close(self) -> None:
        """Let go of the footage."""
        self._source.close()

    async def _stream(self, link: Link, wrap: Callable[[bytes], bytes]) -> Outcome:
        while (jpeg := await self._capture()) is not None:
            await self._send_picture(link, wrap(jpeg))
        return Outcome.FOOTAGE_ENDED

    async def _send_picture(self, link: Link, message: bytes) -> None:
        begun_s = self._clock.mono_s()
        await link.send(message)
        now_s = self._clock.mono_s()
        self._send_spent_s += now_s - begun_s
        self._send_count += 1
        self.sent += 1
        self._rate.add(now_s)

    async def _capture(self) -> bytes | None:
        await asyncio.sleep(self._pace.wait_s(self._clock.mono_s()))
        slot = self._pace.take(self._clock.mono_s())
        self.dropped += slot.missed
        # In a thread: decoding takes milliseconds, and a webcam blocks until it has a picture.
        return await asyncio.to_thread(self._source.read, slot.index)


class Esp32Twin(Twin):
    """Speaks the camera link as our firmware does, and comes back for ever.

    Args:
        camera_id: the board's name; its MAC address is made from it.
        source: the footage; the twin closes it.
        fps: pictures a second unless the bridge wants fewer; None: the footage's own rate.
        dial: makes a link to the bridge, or raises LinkLost.
        clock: where the time comes from.
        patience: how long it waits for what.
        looks: what the board is, has and lacks, and what goes wrong with it.
    """

    def __init__(
        self,
        camera_id: str,
        source: Source,
        *,
        dial: Callable[[], Awaitable[Link]],
        clock: Clock,
        fps: float | None = None,
        patience: Patience | None = None,
        looks: Looks | None = None,
    ) -> None:
        super().__init__(camera_id, source, dial=dial, clock=clock, fps=fps)
        self._looks = looks or Looks()
        self._board = _board_for(camera_id, source, self.fps, self._looks)
        self._patience = patience or Patience()
        self._random = Random(f"{self._looks.faults.seed}/{camera_id}")  # noqa: S311 - the same at every run
        self._orders: asyncio.Queue[UpdateOrder] = asyncio.Queue()
        self._boot("power_on")

    async def run(self) -> Outcome:
        """Send pictures until the footage ends; whatever happens to the link, dial again."""
        while True:
            try:
                return await self._session()
            except LinkLost as lost:
                wait_s = self._patience.refused_s() if lost.refused else self._patience.lost.next_s()
                log.warning("%s: no link: %s; next try in %.1f s", self.camera_id, lost, wait_s)
                await asyncio.sleep(wait_s)
                self._reconnects += 1
            except _RestartAsked:
                log.info("%s: restarting, as the bridge asked", self.camera_id)
                await asyncio.sleep(self._patience.restart_s)
                self._boot("software")

    def _boot(self, reset_reason: str) -> None:
        """Count from nothing; the board keeps its settings, as the firmware does in its flash memory."""
        self._reset_reason = reset_reason
        self._reconnects = self._seq = 0
        self._sent_before, self._dropped_before = self.sent, self.dropped
        self._started_mono_s = self._clock.mono_s()

    async def _session(self) -> Outcome:
        """One link, from hello to the footage's end."""
        link = await self._dial()
        if self._looks.faults.any:
            link = FaultyLink(link, self._looks.faults, self._random)
        try:
            await link.send(self._board.hello(self._reset_reason))
            await self._send_sample(link)
            await self._await_welcome(link)
            log.info("%s: welcome, sending %.4g fps", self.camera_id, self._board.effective_fps)
            self._patience.lost.reset()
            return await first_of(
                self._stream(link, self._wrap), self._obey(link), self._report(link), self._update(link)
            )
        finally:
            self._pace.pause()
            await link.close()

    async def _send_sample(self, link: Link) -> None:
        """One picture before the welcome: the bridge shows it to who approves the camera."""
        if (jpeg := await self._capture()) is not None:
            await self._send_picture(link, self._wrap(jpeg))

    async def _await_welcome(self, link: Link) -> None:
        try:
            async with asyncio.timeout(self._patience.welcome_s):
                while not await self._hear(link):
                    pass
        except TimeoutError:
            raise LinkLost(f"no welcome within {self._patience.welcome_s:.4g} s; is that an espcam-bridge?") from None

    async def _hear(self, link: Link) -> bool:
        """Obey one message.

        Returns:
            True for a welcome.

        Raises:
            _RestartAsked: for a restart, once it is acknowledged.
        """
        message = await link.receive()
        heard = self._board.hear(message) if isinstance(message, str) else None
        if heard is None:
            return False
        if heard.told:
            log.info("%s: %s", self.camera_id, heard.told)
        if heard.update is not None:
            self._orders.put_nowait(heard.update)
        self._use_settings()  # first: an answer says that they are in force
        for reply in heard.replies:
            await link.send(reply)
        if heard.restart:
            raise _RestartAsked
        return heard.welcomed

    async def _obey(self, link: Link) -> Outcome:
        while True:
            await self._hear(link)

    async def _update(self, link: Link) -> Outcome:
        """Fetch what the bridge orders, one image after the other; the new version begins with a restart."""
        while True:
            order = await self._orders.get()
            try:
                async for written_bytes in fetch(order, self._board.board, self._looks.updates):
                    await link.send(self._board.progress(order, written_bytes))
            except UpdateFailed as failed:
                log.warning("%s: the update failed: %s", self.camera_id, failed)
                await link.send(self._board.answer(order, str(failed)))
                continue
            await link.send(self._board.answer(order))
            if self._looks.updates is UpdateManner.ROLLS_BACK:
                log.info("%s: version %s does not reach the bridge and is taken back", self.camera_id, order.version)
            else:
                self._board.version = order.version
            raise _RestartAsked

    async def _report(self, link: Link) -> Outcome:
        while True:
            await link.send(self._board.telemetry(self._health()))
            await asyncio.sleep(TELEMETRY_EVERY_S)

    def _health(self) -> Health:
        now_s = self._clock.mono_s()
        count, self._send_count, spent_s, self._send_spent_s = self._send_count, 0, self._send_spent_s, 0.0
        return Health(
            uptime_s=int(now_s - self._started_mono_s),
            fps=round(self._rate.per_s(now_s), 2),
            frames_sent=self.sent - self._sent_before,
            frames_failed=0,
            reconnects=self._reconnects,
            rssi_dbm=self._looks.faults.rssi_dbm,
            send_ms=round(1000 * spent_s / count, 1) if count else None,
            frames_dropped=self.dropped - self._dropped_before,
        )

    def _wrap(self, jpeg: bytes) -> bytes:
        self._seq += 1
        return frame(self._seq, int(self._clock.unix_s() * 1_000_000), jpeg)

    def _use_settings(self) -> None:
        self._pace.change(self._board.effective_fps)
        values = self._board.values
        if values.framesize is not None and values.quality is not None:
            self._source.adjust(jpeg_quality(values.quality), FRAMESIZES[values.framesize])


class SketchTwin(Twin):
    """Behaves as the first sketch: a greeting, bare JPEGs, deaf to everything, and never a second try."""

    async def run(self) -> Outcome:
        """Send pictures until the footage ends or the link does."""
        if self._source.adjustable:
            self._source.adjust(jpeg_quality(_SKETCH_QUALITY), FRAMESIZES[_SKETCH_FRAMESIZE])
        try:
            link = await self._dial()
        except LinkLost as lost:
            log.error("%s: WS connect failed! %s", self.camera_id, lost)  # noqa: TRY400 - a refusal is no bug
            return Outcome.LINK_CLOSED
        try:
            await link.send(SKETCH_GREETING)
            log.info("%s: connected as the first sketch, sending %.4g fps", self.camera_id, self.fps)
            return await first_of(self._stream(link, bytes), self._ignore(link))
        except LinkLost as lost:
            log.error("%s: link closed: %s; the first sketch never dials again", self.camera_id, lost)  # noqa: TRY400
            return Outcome.LINK_CLOSED
        finally:
            await link.close()

    async def _ignore(self, link: Link) -> Outcome:
        while True:
            await link.receive()


class _RestartAsked(Exception):
    """The bridge sent ``restart``."""


async def first_of(*jobs: Coroutine[None, None, _T]) -> _T:
    """Run all until the first ends; its result or exception is the outcome, the others are cancelled."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(task for task in tasks if task.done()).result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _board_for(camera_id: str, source: Source, fps: float, looks: Looks) -> Board:
    names = () if source.size_px is None else framesizes_for(source.size_px)
    values = Values(framesize=names[-1], quality=_BOARD_QUALITY) if names else Values()
    return Board(camera_id, looks.version, fps, values, names, board=looks.board, lacks=looks.lacks, deaf=looks.deaf)
