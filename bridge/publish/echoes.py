"""Did the broker take an event whose acknowledgement we never saw? It tells us itself, so that no event comes twice.

QoS 1 promises "at least once": when a connection, or the whole bridge, dies between the broker's taking a message and
our learning of it, the message would be sent again, and an automation would run twice. MQTT 3.1.1's own cure, QoS 2,
needs the client's half of the dialogue on a disk as well, and costs two more packets for every event.

Instead the bridge subscribes to its own event topics in a session that the broker keeps (``clean_session`` false).
While we are gone, it holds for us what it took from us; on the next connection these echoes come first, and each that
matches an event in doubt acknowledges it. A probe, published to ourselves, tells where they end: MQTT keeps the order
[MQTT-4.6.0-6], and what a broker holds for a session goes out before what comes in later (seen on Mosquitto 2.0.11,
also when fewer may be in flight than it holds, and when a new connection takes the session over from a half-open one).

An echo is confirmed (PUBACK) only when its letter has left the disk: if we are killed in between, it comes again with
the letter. At most 20 events are under way (``link``), and Mosquitto holds 1,000 for an absent client
(``max_queued_messages``), so nothing is missing.

Letters should be handed in before the link connects. Those that come later are known by echoes that were noted in
memory and confirmed; only a bridge that is killed a second time before these letters left the disk sends them again.

Without the right to read these topics the bridge goes on with "at least once", and says so. A broker that forgets its
sessions when it dies cannot tell either: what was under way at that moment comes again.
"""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING

from bridge.publish.letters import identity
from bridge.publish.messages import Message, MessageKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.publish.connection import Received

log = logging.getLogger(__name__)

# What Mosquitto holds for an absent client, and what it may have under way: a bound for what other bridges leave us.
_MAX_UNCLAIMED = 1_020


class Echoes:
    """What is known from the echoes of our own events; used by the mqtt thread alone.

    Args:
        base: the base topic.

    Attributes:
        topics: what to subscribe to.
        count: how many echoes came so far.
    """

    def __init__(self, base: str) -> None:
        self._probe_topic = f"{base}/bridge/probe"
        self.topics = (f"{base}/+/events", f"{base}/+/detected", self._probe_topic)
        self._nonce = b""
        self._blamed = False
        self._first = True
        # Echoes that came before their letters were read from the disk; these letters need not be sent.
        self._unclaimed: set[tuple[str, bytes]] = set()
        # Letters that the broker has, but the disk as well; and the receipts of their echoes on this connection.
        self._leaving: dict[int, tuple[str, bytes]] = {}
        self._numbers: dict[tuple[str, bytes], int] = {}
        self._receipts: dict[int, int] = {}
        self.count = 0

    @property
    def probing(self) -> bool:
        """Whether echoes may still come that the broker held for us."""
        return bool(self._nonce)

    @property
    def first(self) -> bool:
        """Whether no event was sent yet since the process started: what comes now is of an earlier process."""
        return self._first

    def begin(self) -> None:
        """A new connection: what was not confirmed on the old one comes again."""
        self._nonce = b""
        self._receipts.clear()

    def probe(self) -> Message:
        """The message that comes back after all echoes that the broker held."""
        self._nonce = secrets.token_hex(8).encode()
        return Message(self._probe_topic, self._nonce, MessageKind.TELEMETRY, retain=False)

    def give_up(self, why: str) -> None:
        """There is no telling which events the broker has; said once."""
        self._nonce = b""
        if not self._blamed:
            self._blamed = True
            log.warning("%s: an event that was under way when a connection broke may come twice", why)

    def arrived(self, received: Received) -> int:
        """Something came on one of our own topics, and acknowledged no event that waits.

        Returns:
            The receipt to confirm now; 0 while its letter is on the disk.
        """
        if received.topic == self._probe_topic:
            if received.payload == self._nonce:
                self._nonce = b""
            return received.receipt
        key = identity(received.topic, received.payload)
        if key not in self._numbers and self._first and len(self._unclaimed) < _MAX_UNCLAIMED:
            self._unclaimed.add(key)
        return self.hold(received)

    def hold(self, received: Received) -> int:
        """An echo came.

        Returns:
            The receipt to confirm now; 0 while its letter is on the disk.
        """
        self.count += 1
        number = self._numbers.get(identity(received.topic, received.payload))
        if number is None:
            return received.receipt
        self._receipts[number] = received.receipt
        return 0

    def claim(self, message: Message) -> bool:
        """An event is about to be sent: did the broker send us this one before we knew of it?"""
        key = identity(message.topic, message.payload)
        if key in self._unclaimed:
            self._unclaimed.remove(key)
            return True
        self._first = False
        return False

    def delivered(self, message: Message) -> None:
        """The broker has this one; its letter is about to leave the disk."""
        key = identity(message.topic, message.payload)
        self._leaving[message.number] = key
        self._numbers[key] = message.number

    def settled(self, numbers: Sequence[int]) -> list[int]:
        """These letters left the disk.

        Returns:
            The receipts to confirm.
        """
        for number in numbers:
            key = self._leaving.pop(number, None)
            if key is not None:
                self._numbers.pop(key, None)
        return [self._receipts.pop(number) for number in numbers if number in self._receipts]
