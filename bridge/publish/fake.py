"""A broker in memory behind the ``Connection`` protocol, for tests without a network."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from bridge.errors import BrokerError
from bridge.publish.connection import Acknowledged, Happening, Received

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.publish.messages import Message
    from bridge.publish.settings import PublishSettings


class FakeBroker:
    """Notes what reaches it; its ``connect`` fits ``Publisher(connect=...)``.

    Args:
        idle: called with the seconds that a ``poll`` would have waited; a test moves its clock with it. None = wait
            for ``wake`` in real time.
    """

    def __init__(self, idle: Callable[[float], None] | None = None) -> None:
        self.idle = idle
        self.down: BrokerError | None = None
        self.acknowledges = True
        self.wills: list[Message] = []
        self.received: list[Message] = []
        self.connections: list[FakeConnection] = []

    def connect(self, _settings: PublishSettings, will: Message) -> FakeConnection:
        """Accept a connection, unless ``down`` says why not."""
        if self.down is not None:
            raise self.down
        self.wills.append(will)
        self.connections.append(FakeConnection(self))
        return self.connections[-1]

    def payloads(self, topic: str) -> list[bytes]:
        """What came on a topic, in order."""
        return [message.payload for message in list(self.received) if message.topic == topic]


class FakeConnection:
    """One connection to a ``FakeBroker``; ``lost`` and ``happenings`` are set by the test."""

    def __init__(self, broker: FakeBroker) -> None:
        self._broker = broker
        self._woken = threading.Event()
        self._tokens = 0
        self.subscriptions: list[str] = []
        self.happenings: list[Happening] = []
        self.writable = True
        self.lost = False
        self.closed = False

    def subscribe(self, topic: str) -> None:
        """Note the topic."""
        self._check()
        self.subscriptions.append(topic)

    def publish(self, message: Message) -> int | None:
        """Note the message; acknowledged at the next ``poll`` unless the broker is told not to."""
        self._check()
        self._broker.received.append(message)
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
