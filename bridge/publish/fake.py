"""A broker in memory behind the ``Connection`` protocol, for tests without a network."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING

from bridge.errors import BrokerError
from bridge.publish.connection import Acknowledged, Happening, Received, Refused
from bridge.publish.sweep import fits

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.publish.messages import Message
    from bridge.publish.settings import PublishSettings


class FakeBroker:
    """Notes what reaches it; its ``connect`` fits ``Publisher(connect=...)``.

    Args:
        idle: called with the seconds that a ``poll`` would have waited; a test moves its clock with it. None = wait
            for ``wake`` in real time.
        remembers: keeps the client's subscriptions, and what came on them, from connection to connection.
    """

    def __init__(self, idle: Callable[[float], None] | None = None, *, remembers: bool = False) -> None:
        self.idle = idle
        self.remembers = remembers
        self.unreadable: set[str] = set()  # topics whose messages nobody gets, though they may subscribe
        self.refuses: set[str] = set()  # topics that nobody may subscribe to
        self.subscriptions: list[str] = []
        self.unconfirmed: dict[int, Received] = {}  # by receipt
        self.receipts = itertools.count(1)
        self.down: BrokerError | None = None
        self.acknowledges = True
        self.wills: list[Message] = []
        self.received: list[Message] = []
        self.retained: dict[str, Message] = {}
        self.connections: list[FakeConnection] = []

    def connect(self, _settings: PublishSettings, will: Message) -> FakeConnection:
        """Accept a connection, unless ``down`` says why not."""
        if self.down is not None:
            raise self.down
        self.wills.append(will)
        present = self.remembers and bool(self.connections)
        if not present:
            self.forget()
        self.connections.append(FakeConnection(self, session_present=present))
        return self.connections[-1]

    def forget(self) -> None:
        """Lose the client's session, as a broker without persistence that is restarted."""
        self.subscriptions.clear()
        self.unconfirmed.clear()

    def echo(self, message: Message) -> Received | None:
        """What the client gets of its own message; None when it is not subscribed to the topic."""
        if message.topic in self.unreadable or not any(fits(topic, message.topic) for topic in self.subscriptions):
            return None
        receipt = next(self.receipts) if message.qos else 0
        received = Received(message.topic, message.payload, retain=False, receipt=receipt)
        if receipt:
            self.unconfirmed[receipt] = received
        return received

    def keep(self, message: Message) -> None:
        """Retain a message; an empty one takes back what is there."""
        if message.payload:
            self.retained[message.topic] = message
        else:
            self.retained.pop(message.topic, None)

    def payloads(self, topic: str) -> list[bytes]:
        """What came on a topic, in order."""
        return [message.payload for message in list(self.received) if message.topic == topic]


class FakeConnection:
    """One connection to a ``FakeBroker``; ``lost`` and ``happenings`` are set by the test."""

    def __init__(self, broker: FakeBroker, *, session_present: bool = False) -> None:
        self._broker = broker
        self.session_present = session_present
        self._woken = threading.Event()
        self._tokens = 0
        self.subscriptions: list[str] = []
        self.qos: dict[str, int] = {}
        self.happenings: list[Happening] = list(broker.unconfirmed.values())
        self.confirmed: list[int] = []
        self.writable = True
        self.lost = False
        self.closed = False

    def subscribe(self, topic: str, qos: int = 1) -> None:
        """Note the topic, and send what is retained there."""
        self._check()
        self.subscriptions.append(topic)
        self.qos[topic] = qos
        if topic in self._broker.refuses:
            self.happenings.append(Refused(topic))
            return
        if topic not in self._broker.subscriptions:
            self._broker.subscriptions.append(topic)
        kept = [message for message in self._broker.retained.values() if fits(topic, message.topic)]
        self.happenings += [Received(message.topic, message.payload, retain=True) for message in kept]

    def unsubscribe(self, topic: str) -> None:
        """Forget the topic."""
        self._check()
        if topic in self._broker.subscriptions:
            self._broker.subscriptions.remove(topic)

    def confirm(self, receipt: int) -> None:
        """Note the receipt; the message will not come again."""
        self._check()
        if receipt:
            self.confirmed.append(receipt)
            self._broker.unconfirmed.pop(receipt, None)

    def publish(self, message: Message) -> int | None:
        """Note the message; echo and acknowledgement come at the next ``poll``, unless the broker is told not to."""
        self._check()
        self._broker.received.append(message)
        if message.retain:
            self._broker.keep(message)
        echo = self._broker.echo(message)
        if echo is not None and self._broker.acknowledges:
            self.happenings.append(echo)
        if message.qos == 0:
            return None
        self._tokens += 1
        if self._broker.acknowledges:
            self.happenings.append(Acknowledged(self._tokens))
        return self._tokens

    def deliver(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Let a subscriber's message come in."""
        self.happenings.append(Received(topic, payload, retain))
        self.wake()

    def poll(self, timeout_s: float) -> list[Happening]:
        """Hand out what happened."""
        self._check()
        if not self.happenings:
            if self._broker.idle is not None:
                self._broker.idle(timeout_s)
            else:
                self._woken.wait(timeout_s)
        self._woken.clear()
        happenings, self.happenings = self.happenings, []
        return happenings

    def wake(self) -> None:
        """End a ``poll`` early."""
        self._woken.set()

    def close(self) -> None:
        """Note the goodbye."""
        self.closed = True

    def _check(self) -> None:
        if self.lost:
            raise BrokerError("the connection to the broker is lost")
