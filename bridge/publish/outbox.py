"""What waits for the broker, and what the broker must be told again. Pure; its owner guards it with a lock.

Loss policy, by kind of message:

- **Events** wait in order until the broker acknowledged them, by a PUBACK or because it sent us the event itself
  (``recognise``). Of those that are nowhere else the oldest beyond ``max_events`` are dropped; those with a letter on
  the disk never are: whoever keeps the letters bounds how many are here.
- **States, discovery, telemetry, snapshots**: of each topic only the newest waits.
- **An empty retained message** takes something back. The broker then holds nothing there, so once it is acknowledged
  there is nothing to repeat; until then it is repeated as all else.
- **Answers** are not retained, so each one is sent, in order; those that wait while the connection breaks are lost, as
  whoever asked does not wait that long.
- **Thumbnails** keep their place before the event that they belong to, because Home Assistant shows whatever picture
  lies on the topic when the event arrives. A better view of the *same* event takes the older one's place while that is
  the last one waiting on its topic; another event's picture never does. Beyond ``max_pictures`` the oldest are dropped.

A connection that comes up finds a broker that may have forgotten everything (Mosquitto without persistence), so
``resume`` puts the newest retained message of every topic before the events that wait. Of a thumbnail's topic that is
the last one whose event the broker *acknowledged*: the events that follow refer to it. A thumbnail has no
acknowledgement of its own; it goes again in front of its event when that has to go again.
"""

from __future__ import annotations

import itertools
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from bridge.publish.letters import identity
from bridge.publish.messages import Message, MessageKind

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)


class Parcel(NamedTuple):
    """A message that is to be sent now; the ticket acknowledges it."""

    ticket: int
    message: Message


@dataclass(slots=True)
class _Entry:
    message: Message
    again: bool = False  # a copy of what is retained; it does not count as waiting
    in_flight: bool = False


def _is_event(message: Message) -> bool:
    return message.kind is MessageKind.EVENT


def _may_be_dropped(message: Message) -> bool:
    return _is_event(message) and message.number == 0


def _is_thumbnail(message: Message) -> bool:
    return message.event_id is not None


def _takes_back(message: Message) -> bool:
    return message.retain and not message.payload


class Outbox:
    """The queue of messages and the mirror of what is retained.

    Args:
        max_events: how many without a letter may wait; 10,000 are a busy week without a broker, and 5 MB.
        max_pictures: how many thumbnails may wait; 100 are about 3 MB.
    """

    def __init__(self, max_events: int = 10_000, max_pictures: int = 100) -> None:
        self._max_events = max_events
        self._max_pictures = max_pictures
        self._tickets = itertools.count(1)
        self._entries: dict[int, _Entry] = {}  # in the order of sending
        self._newest: dict[str, int] = {}  # topic → the last one waiting on it, where a newer one may take its place
        self._retained: dict[str, Message] = {}  # topic → what the broker should hold, in the order of first appearance
        self._known: dict[tuple[str, bytes], list[int]] = {}  # an event's identity → its tickets, oldest first
        self._loose: list[Message] = []  # thumbnails that were sent, but not yet the event behind them
        self._carried: dict[int, list[Message]] = {}  # an event under way → the thumbnails sent in front of it
        self._events = 0  # those that may be dropped
        self._thumbnails = 0
        self._overflowing = False
        self.dropped_events = 0
        self.dropped_pictures = 0

    def __len__(self) -> int:
        """How many messages were not handed over yet, those under way included."""
        return len(self._entries)

    def put(self, message: Message) -> None:
        """Queue a message; a retained one that says nothing new is ignored."""
        if message.retain and not _is_thumbnail(message):
            if self._retained.get(message.topic) == message:
                return
            self._retained[message.topic] = message
        waiting = self._entries.get(self._newest.get(message.topic, 0)) if message.retain else None
        if waiting is not None and waiting.message.event_id == message.event_id:
            waiting.message = message
            if waiting.again:  # no copy any more: it must outlive this connection
                waiting.again = False
                self._count(message, 1)
            return
        self._append(message)
        self._drop_excess()

    def take(self) -> Parcel | None:
        """The next message to send; QoS 0 is gone with that, QoS 1 stays until ``acknowledge``."""
        for ticket, entry in self._entries.items():
            if entry.in_flight:
                continue
            message = entry.message
            if self._newest.get(message.topic) == ticket:
                del self._newest[message.topic]
            if message.qos == 0:
                self._remove(ticket)
            else:
                entry.in_flight = True
            if _is_event(message):
                self._carried[ticket], self._loose = self._loose, []
            elif _is_thumbnail(message) and not entry.again:
                self._loose.append(message)
            return Parcel(ticket, message)
        return None

    def acknowledge(self, ticket: int) -> Message | None:
        """The broker has it.

        Returns:
            The message; None for a ticket that is not known any more.
        """
        return self._remove(ticket) if ticket in self._entries else None

    def has(self, kind: MessageKind) -> bool:
        """Whether any message of a kind waits or is under way."""
        return any(entry.message.kind is kind for entry in self._entries.values())

    @property
    def has_events(self) -> bool:
        """Whether any event waits or is under way."""
        return bool(self._known)

    def recognise(self, topic: str, payload: bytes) -> Message | None:
        """The broker sent us an event that it has from us: the oldest such one counts as acknowledged.

        Returns:
            The message; None when no such event waits or is under way.
        """
        tickets = self._known.get(identity(topic, payload))
        return self._remove(tickets[0]) if tickets else None

    def retained(self) -> list[Message]:
        """What a broker that knows nothing must be told, discovery first."""
        return sorted(self._retained.values(), key=lambda message: message.kind)

    def resume(self) -> None:
        """A new connection: everything retained first, then the events and thumbnails that are not with the broker."""
        waiting = self._waiting()
        self._entries.clear()
        self._newest.clear()
        self._known.clear()
        self._events = self._thumbnails = 0
        for message in self.retained():
            self._append(message, again=True)
        for message in waiting:
            self._append(message)

    def refresh(self) -> None:
        """Home Assistant started: discovery and states again; the broker has the pictures, and events never repeat."""
        for message in self.retained():
            known = message.kind >= MessageKind.PICTURE or _takes_back(message)
            if not known and message.topic not in self._newest:
                self._append(message, again=True)

    def _waiting(self) -> list[Message]:
        """Events and thumbnails that are not with the broker for sure, in order; what carries thumbnails is emptied."""
        waiting: list[Message] = []
        for ticket, entry in self._entries.items():
            message = entry.message
            if entry.again or not (_is_event(message) or _is_thumbnail(message)):
                continue
            if entry.in_flight:
                waiting += self._carried.pop(ticket)
            else:
                waiting += self._loose
                self._loose = []
            waiting.append(message)
        self._keep(self._loose)
        self._loose = []
        return waiting

    def _keep(self, thumbnails: list[Message]) -> None:
        """Their event is with the broker, or there is none: they are what the broker should hold."""
        for message in thumbnails:
            self._retained[message.topic] = message

    def _append(self, message: Message, *, again: bool = False) -> None:
        ticket = next(self._tickets)
        self._entries[ticket] = _Entry(message, again)
        self._count(message, 0 if again else 1)
        if _is_event(message):
            self._known.setdefault(identity(message.topic, message.payload), []).append(ticket)
        elif message.retain:
            self._newest[message.topic] = ticket

    def _remove(self, ticket: int) -> Message:
        entry = self._entries.pop(ticket)
        message = entry.message
        self._count(message, 0 if entry.again else -1)
        if _is_event(message):
            self._forget(ticket, identity(message.topic, message.payload))
            self._keep(self._carried.pop(ticket, []))
        elif self._newest.get(message.topic) == ticket:
            del self._newest[message.topic]
        if _takes_back(message) and self._retained.get(message.topic) == message:
            del self._retained[message.topic]
        if self._events == 0:
            self._overflowing = False
        return message

    def _forget(self, ticket: int, key: tuple[str, bytes]) -> None:
        tickets = self._known[key]
        tickets.remove(ticket)
        if not tickets:
            del self._known[key]

    def _count(self, message: Message, change: int) -> None:
        if _may_be_dropped(message):
            self._events += change
        elif _is_thumbnail(message):
            self._thumbnails += change

    def _drop_excess(self) -> None:
        if self._thumbnails > self._max_pictures:
            self._drop_oldest(_is_thumbnail)
            self.dropped_pictures += 1
        if self._events > self._max_events:
            self._drop_oldest(_may_be_dropped)
            self.dropped_events += 1
            if not self._overflowing:  # one line an outage, not one an event
                self._overflowing = True
                log.error("%d events wait for the broker: the oldest are dropped from now on", self._max_events)

    def _drop_oldest(self, unwanted: Callable[[Message], bool]) -> None:
        old = (t for t, entry in self._entries.items() if not entry.again and unwanted(entry.message))
        self._remove(next(old))
