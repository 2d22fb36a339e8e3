"""What the link needs of an MQTT client: one connection, used by one thread. ``mqtt.py`` is the real one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from bridge.publish.messages import Message


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The broker has the message that ``publish`` gave this token for."""

    token: int


@dataclass(frozen=True, slots=True)
class Received:
    """A message on a topic that was subscribed to.

    Attributes:
        topic: where it was published.
        payload: the bytes.
        retain: it was published earlier, and the broker kept it for newcomers.
        receipt: for ``Connection.confirm``; 0: the broker wants none (QoS 0).
    """

    topic: str
    payload: bytes
    retain: bool
    receipt: int = 0


@dataclass(frozen=True, slots=True)
class Refused:
    """The broker does not let us subscribe to this topic."""

    topic: str


Happening: TypeAlias = Acknowledged | Received | Refused


class Connection(Protocol):
    """A connection that the broker accepted; it ends for good when a method raises or with ``close``."""

    def subscribe(self, topic: str, qos: int = 1) -> None:
        """Ask for a topic, and what is retained there.

        Args:
            topic: a filter; ``+`` and ``#`` are known.
            qos: 0: a broker that remembers us keeps nothing of it for us while we are away.

        Raises:
            BrokerError: the connection is gone.
        """

    def unsubscribe(self, topic: str) -> None:
        """Ask for a topic no more.

        Raises:
            BrokerError: the connection is gone.
        """

    def publish(self, message: Message) -> int | None:
        """Send a message.

        Returns:
            For QoS 1 the token that ``Acknowledged`` will carry, else None.

        Raises:
            BrokerError: the connection is gone; whether the broker has the message is unknown.
        """

    def confirm(self, receipt: int) -> None:
        """Let the broker forget a message that it sent us; until then it sends it again on the next connection.

        Raises:
            BrokerError: the connection is gone.
        """

    @property
    def session_present(self) -> bool:
        """Whether the broker remembers our subscriptions from the connection before, and what came on them since."""

    @property
    def writable(self) -> bool:
        """False while earlier bytes still wait for the network: what is sent now would pile up in memory."""

    def poll(self, timeout_s: float) -> list[Happening]:
        """Wait until something happens, ``wake`` is called or the time is up.

        Raises:
            BrokerError: the connection is gone.
        """

    def wake(self) -> None:
        """End a ``poll`` early; from any thread, at any time."""

    def close(self) -> None:
        """Say goodbye (no last will then) if the connection still stands, and let go of everything."""
