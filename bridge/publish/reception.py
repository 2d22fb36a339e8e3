"""What others say to the bridge over the broker: Home Assistant's birth, and commands. Used by the mqtt thread only."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bridge.publish.commands import BadCommand, filters, parse
from bridge.publish.sweep import fits

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.publish.commands import Command
    from bridge.publish.connection import Received
    from bridge.runtime.clock import Clock

log = logging.getLogger(__name__)

_COMPLAIN_EVERY_S = 60.0


class Reception:
    """Tells what a message means, and passes commands on.

    Args:
        base: the base topic.
        status_topic: where Home Assistant says ``online`` when it starts; empty = nobody listens for discovery.
        commands: called with each command; must be quick. None = the bridge takes none.
        clock: bounds how often is complained.

    Attributes:
        subscriptions: topic filters, each with its QoS.
    """

    def __init__(self, base: str, status_topic: str, commands: Callable[[Command], None] | None, clock: Clock) -> None:
        self._base = base
        self._status_topic = status_topic
        self._commands = commands
        self._clock = clock
        self._filters = filters(base) if commands is not None else ()
        self._blamed_retained = False
        self._quiet_until_s: float | None = None
        # A broker that remembers us must not keep commands for a bridge that is away: a lamp would go on an hour later.
        self.subscriptions: tuple[tuple[str, int], ...] = (
            *(((status_topic, 1),) if status_topic else ()),
            *((wanted, 0) for wanted in self._filters),
        )

    def knows(self, topic: str) -> bool:
        """Whether a message on this topic is for ``hear``."""
        return topic == self._status_topic or any(fits(wanted, topic) for wanted in self._filters)

    def hear(self, received: Received) -> bool:
        """Take a message; whether it is Home Assistant's birth."""
        if received.topic == self._status_topic:
            # A retained one is no birth: it greets every subscriber, and this connection was filled a moment ago.
            return received.payload == b"online" and not received.retain
        if received.retain:
            self._blame_retained(received)
            return False
        command = parse(self._base, received.topic, received.payload)
        if isinstance(command, BadCommand):
            self._complain(command)
        elif self._commands is not None:
            self._commands(command)
        return False

    def _blame_retained(self, received: Received) -> None:
        if received.payload and not self._blamed_retained:
            self._blamed_retained = True
            log.warning(
                "%s: a retained command is not carried out, it would be at every start; publish it without retain",
                received.topic,
            )

    def _complain(self, bad: BadCommand) -> None:
        now_s = self._clock.mono_s()
        if self._quiet_until_s is None or now_s >= self._quiet_until_s:
            self._quiet_until_s = now_s + _COMPLAIN_EVERY_S
            log.warning("%s: %s", bad.topic, bad.problem)
