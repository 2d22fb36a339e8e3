"""One connection to the broker, and the few things that an examination does with it.

Under a client id of its own and with a session that the broker forgets: a bridge that runs is not disturbed.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self, TypeAlias

from bridge.errors import BrokerError
from bridge.publish.connection import Received, Refused
from bridge.publish.messages import Message, MessageKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bridge.publish.connection import Connection, Happening
    from bridge.publish.settings import PublishSettings

    Connect: TypeAlias = Callable[[PublishSettings, Message], Connection]

_QUIET_S = 0.5  # nothing new for so long: what the broker keeps has come


@dataclass
class Heard:
    """What came on some topics.

    Attributes:
        kept: retained messages, by topic.
        refused: filters that the broker does not let us subscribe to.
    """

    kept: dict[str, bytes] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)


class Line:
    """An open connection, for a ``with``; only one at a time, for all have the same client id.

    Args:
        settings: the bridge's own; the client id gets ``-doctor`` behind it.
        connect: makes connections.

    Raises:
        BrokerError: the broker cannot be reached, or refuses us; says why and what mends it.
    """

    def __init__(self, settings: PublishSettings, connect: Connect) -> None:
        ours = replace(settings, client_id=f"{settings.client_id}-doctor", durable=False)
        self._token = secrets.token_hex(8)
        # Nobody listens there, and nothing is kept: a client must have a last will here, but nobody wants this one's.
        will = Message(self.own_topic(settings.base_topic), b"", MessageKind.STATE, qos=0, retain=False)
        self._connection = connect(ours, will)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Say goodbye."""
        with contextlib.suppress(BrokerError):
            self._connection.close()

    def own_topic(self, parent: str) -> str:
        """A topic below ``parent`` that nobody else uses; Home Assistant takes none for discovery."""
        return f"{parent}/bridge/doctor/{self._token}"

    def round_trip(self, topic: str, payload: bytes, wait_s: float) -> float | None:
        """Send a message to ourselves.

        Returns:
            How long it took, in seconds; None: it did not come within ``wait_s``, or may not be subscribed to.

        Raises:
            BrokerError: the broker hung up.
        """
        self._connection.subscribe(topic)
        began_s = time.monotonic()
        self._connection.publish(Message(topic, payload, MessageKind.STATE, retain=False))
        for happening in self._until(began_s + wait_s):
            match happening:
                case Received(topic=came) if came == topic and happening.payload == payload:
                    return time.monotonic() - began_s
                case Refused(topic=refused) if refused == topic:
                    return None
        return None

    def listen(self, filters: Sequence[str], least_s: float, most_s: float) -> Heard:
        """Take in what the broker keeps on these topics.

        Args:
            filters: topics with wildcards.
            least_s: listen for so long, and then until nothing new comes.
            most_s: but no longer than this.

        Raises:
            BrokerError: the broker hung up.
        """
        for one in filters:
            # At QoS 1 Mosquitto drops retained messages beyond its queue of 1,000: of 3,000, 1,020 were seen.
            self._connection.subscribe(one, qos=0)
        heard = Heard()
        began_s = newest_s = time.monotonic()
        while (now_s := time.monotonic()) < began_s + most_s:
            if now_s > max(began_s + least_s, newest_s + _QUIET_S):
                break
            for happening in self._poll(_QUIET_S / 5):
                if isinstance(happening, Refused):
                    heard.refused.add(happening.topic)
                elif isinstance(happening, Received) and happening.retain:
                    newest_s = time.monotonic()
                    heard.kept[happening.topic] = happening.payload
        return heard

    def clear(self, topics: Sequence[str], wait_s: float) -> set[str]:
        """Let the broker forget what it keeps on these topics.

        Returns:
            Those that it forgot: it told us so.

        Raises:
            BrokerError: the broker hung up.
        """
        for topic in topics:
            self._connection.subscribe(topic)
            self._connection.publish(Message(topic, b"", MessageKind.STATE))
        left = set(topics)
        if left:
            for happening in self._until(time.monotonic() + wait_s):
                if isinstance(happening, Received) and not happening.payload:
                    left.discard(happening.topic)
                if not left:
                    break
        return set(topics) - left

    def _until(self, deadline_s: float) -> Iterator[Happening]:
        while (left_s := deadline_s - time.monotonic()) > 0:
            yield from self._poll(left_s)

    def _poll(self, wait_s: float) -> list[Happening]:
        happenings = self._connection.poll(min(wait_s, 1.0))
        for happening in happenings:
            if isinstance(happening, Received):
                self._connection.confirm(happening.receipt)
        return happenings
