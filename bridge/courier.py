"""The way of an event: written down first, then sent.

A sink of the pipeline. One thread, ``history``, takes what the cameras saw, in its order, and for each change of an
event it

1. writes the pictures,
2. writes the row and the messages about it (letters) in one transaction,
3. hands the messages to the publisher; when the broker has one, its letter goes.

So whatever is announced is on the disk before, and a bridge that is killed at any moment goes on where it was: letters
that still wait are sent before anything new, and events that nobody ended are ended with the last time known.

What waits, and what may go
---------------------------
* In memory at most ``_HELD_MAX`` letters; beyond that they stay on the disk and are fetched as the broker takes them.
* On the disk beginnings and ends without limit; updates are left out while more than ``_UPDATES_MAX`` letters wait.
* When nothing can be written (a full disk, a database that is away; see ``bridge.history.ledger``), events are sent
  without: those of a bridge that is then killed are not ended, and what the broker has not taken by then is lost.
"""

from __future__ import annotations

import json
import logging
from collections import deque
from dataclasses import replace
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from bridge.model import ChangeType, EventChange, Letter
from bridge.publish.messages import MessageKind
from bridge.runtime.worker import Worker

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence

    from bridge.history.ledger import Ledger
    from bridge.history.off import NoLedger
    from bridge.model import Event, Readiness
    from bridge.publish.messages import Message
    from bridge.publish.publisher import Publisher
    from bridge.runtime.clock import Clock
    from bridge.runtime.metrics import Metrics
    from bridge.runtime.worker import Supervisor

log = logging.getLogger(__name__)

# A letter is about 1 kB; the broker takes some hundred a second.
_HELD_MAX = 2_000
# 50 MB, or a day of updates of ten busy cameras.
_UPDATES_MAX = 100_000
# Changes that are written in one transaction when they come faster than the disk.
_BATCH_MAX = 50
# Pictures that wait while the disk is slow; then only events do.
_PICTURES_WAIT_MAX = 200
# How often old events are looked for, and a failed disk is tried.
_TEND_S = 1.0


class Courier:
    """Takes events to the disk and to the broker.

    Args:
        ledger: writes them down.
        publisher: makes messages of them, and sends.
        clock: the time.
        metrics: ``history_ok`` and ``letters_waiting`` are kept here.
        supervisor: told when the thread dies.
        held_max: letters that may be in memory.
        updates_max: letters that may wait on the disk before updates are left out.
    """

    def __init__(
        self,
        *,
        ledger: Ledger | NoLedger,
        publisher: Publisher,
        clock: Clock,
        metrics: Metrics,
        supervisor: Supervisor,
        held_max: int = _HELD_MAX,
        updates_max: int = _UPDATES_MAX,
    ) -> None:
        self._ledger = ledger
        self._publisher = publisher
        self._clock = clock
        self._metrics = metrics
        self._held_max = held_max
        self._updates_max = updates_max
        self._inbox: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._worker = Worker("history", self._run, supervisor, on_stop=lambda: self._inbox.put(_nothing))
        self._ended = True
        # Below: the thread's own, and before it starts and after it ended the main thread's.
        self._changes: list[EventChange] = []  # come, not yet written
        self._done: list[int] = []  # delivered, still on the disk
        self._waiting = 0  # letters on the disk
        self._held = 0  # those of them that are with the publisher
        self._last = 0  # the newest letter that the publisher was given
        self._spilled = False  # newer ones wait on the disk
        self._kept = False  # whether the ledger kept when it was last looked at
        self._open_here: set[str] = set()  # events that this process began and has not ended
        self._behind: deque[list[Message]] = deque()  # without letters, after those that wait on the disk

    # --- life --------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Open the history, hand over what waited for the broker, and end what a crash left open."""
        self._ledger.open(self._clock.mono_s())
        self._look_after_ledger()

    def start(self) -> None:
        """Start the thread."""
        self._worker.start()

    def stop(self, timeout_s: float = 1.0) -> None:
        """Write and hand over everything that came, then end the thread."""
        self._ended = self._worker.stop(timeout_s)

    def close(self) -> None:
        """Note what was delivered at the very end; after the publisher stopped."""
        if not self._ended:
            return  # the disk holds the thread up; what it has not written yet, the next start makes good
        self._work_off()
        self._forget()
        self._ledger.close()

    def status(self) -> Readiness:
        """One line for ``/readyz``."""
        return self._ledger.status()

    # --- sink: from the inference thread -----------------------------------------------------------------------

    def event(self, change: EventChange) -> None:
        """An event began, went on or ended."""
        if self._inbox.qsize() > _PICTURES_WAIT_MAX:
            change = replace(change, thumbnail_jpeg=None, snapshot_jpeg=None)
        self._inbox.put(partial(self._changes.append, change))

    def presence(self, camera_id: str, counts: Mapping[str, int]) -> None:
        """How many of each label are there; told after the events that came before."""
        self._after_events(partial(self._publisher.presence, camera_id, dict(counts)))

    def zone_presence(self, camera_id: str, counts: Mapping[str, Mapping[str, int]]) -> None:
        """The same for each zone."""
        self._after_events(partial(self._publisher.zone_presence, camera_id, dict(counts)))

    def motion(self, camera_id: str, on: bool) -> None:
        """Whether anything moves; waits for nothing."""
        self._publisher.motion(camera_id, on)

    def snapshot(self, camera_id: str, jpeg: bytes) -> None:
        """A fresh annotated picture; waits for nothing."""
        self._publisher.snapshot(camera_id, jpeg)

    def delivered(self, number: int) -> None:
        """The broker has a letter; from the publisher's thread."""
        self._inbox.put(partial(self._note_delivered, number))

    def _after_events(self, tell: Callable[[], None]) -> None:
        def work() -> None:
            self._write()
            tell()

        self._inbox.put(work)

    # --- the history thread ------------------------------------------------------------------------------------

    def _run(self, stop: threading.Event) -> None:
        tend_s, busy = self._clock.mono_s(), False
        while not stop.is_set():
            now_s = self._clock.mono_s()
            if busy or tend_s - now_s < 0:
                busy = self._ledger.tend(now_s, self._clock.unix_s())
                tend_s = self._clock.mono_s() + _TEND_S
                self._look_after_ledger()
            self._work_off(0.0 if busy else max(0.0, tend_s - now_s))
        self._work_off()

    def _work_off(self, wait_s: float = 0.0) -> None:
        """Do what is in the inbox; wait for the first of it this long."""
        try:
            work = self._inbox.get(timeout=wait_s) if wait_s > 0 else self._inbox.get_nowait()
            while True:
                work()
                if len(self._changes) >= _BATCH_MAX:
                    self._write()
                work = self._inbox.get_nowait()
        except Empty:
            pass
        self._write()
        self._forget()
        if self._spilled:
            self._fetch()

    def _write(self) -> None:
        """Write the changes that came, then hand their messages over."""
        if not self._changes:
            return
        changes, now_s = self._changes.copy(), self._clock.mono_s()
        self._changes.clear()  # the same list: the inbox appends to it
        crowded = self._waiting > self._updates_max
        told = [self._ledger.keep_pictures(change, now_s) for change in changes]
        letters: list[list[Message]] = [
            [] if crowded and change.type is ChangeType.UPDATE else self._publisher.compose(change) for change in told
        ]
        entries = [
            (change.event, [_letter(change.event, message) for message in messages if _is_event(message)])
            for change, messages in zip(told, letters, strict=True)
        ]
        numbers = self._ledger.write(entries, now_s)
        self._count(sum(number > 0 for own in numbers for number in own))
        for change, messages, own in zip(told, letters, numbers, strict=True):
            (self._open_here.discard if change.type is ChangeType.END else self._open_here.add)(change.event.id)
            self._hand_over(messages, own)

    def _hand_over(self, messages: Sequence[Message], numbers: Sequence[int]) -> None:
        left = iter(numbers)
        numbered = [replace(message, number=next(left)) if _is_event(message) else message for message in messages]
        if not any(numbers):
            # Not on the disk; behind what waits there, so that no end overtakes its beginning.
            if self._spilled:
                self._behind.append(numbered)
            else:
                self._publisher.send(numbered)
        elif self._spilled or self._held >= self._held_max:
            self._spilled = True
        else:
            self._give(numbered)

    def _give(self, messages: Sequence[Message]) -> None:
        own = [message.number for message in messages if message.number]
        self._held += len(own)
        self._last = max([self._last, *own])
        self._publisher.send(messages)

    def _fetch(self) -> None:
        """Hand over letters from the disk, as many as there is room for."""
        while self._held < (self._held_max + 1) // 2:
            room = self._held_max - self._held
            letters = self._ledger.waiting(self._last, room, self._clock.mono_s())
            for letter in letters:
                thumbnail = self._ledger.thumbnail(letter.event_id) if _has_picture(letter) else None
                self._give(self._publisher.restore(letter, thumbnail))
            if len(letters) < room:
                self._spilled = False
                while self._behind:
                    self._publisher.send(self._behind.popleft())
                return

    def _note_delivered(self, number: int) -> None:
        self._held -= 1
        self._done.append(number)

    def _forget(self) -> None:
        if self._done and self._ledger.delivered(self._done, self._clock.mono_s()):
            self._publisher.settled(self._done)
            self._count(-len(self._done))
            self._done = []

    def _count(self, change: int) -> None:
        self._waiting += change
        self._metrics.letters_waiting.set(self._waiting)

    def _look_after_ledger(self) -> None:
        """When events are kept again (the first time: at the start), go on with what the disk holds."""
        kept, self._kept = self._kept, self._ledger.keeps
        self._metrics.history_ok.set(int(self._ledger.status().ready))
        if not self._kept or kept:
            return
        self._count(self._ledger.waiting_count(self._clock.mono_s()) - self._waiting)
        self._spilled = True
        self._fetch()
        left = [event for event in self._ledger.unfinished(self._clock.mono_s()) if event.id not in self._open_here]
        if left:
            log.warning("%d events were open when the bridge ended: they are ended now", len(left))
        for event in left:
            self._changes.append(EventChange(ChangeType.END, _ended(event)))
            if len(self._changes) >= _BATCH_MAX:
                self._write()
        self._write()


def _nothing() -> None:
    """Wakes the thread."""


def _is_event(message: Message) -> bool:
    return message.kind is MessageKind.EVENT


def _letter(event: Event, message: Message) -> Letter:
    return Letter(0, event.camera_id, event.id, message.topic, message.payload)


def _ended(event: Event) -> Event:
    """An event of which nothing more is known: it ended when it was last heard of."""
    return replace(event, end_unix_s=max(event.start_unix_s, event.frame_unix_s), detected_unix_s=None, zones=())


def _has_picture(letter: Letter) -> bool:
    """Whether the letter is the beginning of an event that has a picture."""
    try:
        payload = json.loads(letter.payload)
    except ValueError:
        return False
    return payload.get("type") == ChangeType.NEW.value and bool(payload.get("has_thumbnail"))
