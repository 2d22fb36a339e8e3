"""Takes back what the broker still holds of things that are gone. Pure: time is a value.

What lies below a camera's topic, and under which names it was announced, depends on labels, zones and versions of long
ago. So nothing is guessed: the bridge asks the broker for all retained messages there and empties each that comes. That
also keeps Home Assistant's log clean, which warns of an empty message for a device that it does not know.

First discovery, so that Home Assistant takes the entities away; states and pictures only then, because an entity
that still listens cannot read an empty state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bridge.publish.stages import PACE_S

if TYPE_CHECKING:
    from collections.abc import Iterable


class Step(NamedTuple):
    """What a sweep wants of the connection."""

    subscribe: tuple[str, ...] = ()
    unsubscribe: tuple[str, ...] = ()


class Sweep:
    """The topic filters to be emptied; begins anew with each connection. Its owner guards it with a lock."""

    def __init__(self) -> None:
        self._phases: tuple[set[str], ...] = (set(), set())
        self._asked: set[str] = set()
        self._left: set[str] = set()  # asked on an earlier connection: a broker that remembers us goes on sending
        self._phase = 0
        self._next_s = 0.0

    def add(self, configs: Iterable[str], states: Iterable[str] = ()) -> None:
        """These are to be emptied.

        Args:
            configs: filters of discovery topics.
            states: filters of what the entities read.
        """
        for phase, filters in zip(self._phases, (configs, states), strict=True):
            phase.update(filters)
        self._phase = 0

    def spare(self, filters: Iterable[str]) -> None:
        """These belong to something again."""
        filters = set(filters)
        for phase in self._phases:
            phase -= filters  # noqa: PLW2901 - in place

    def begin(self, now_s: float) -> None:
        """A new connection."""
        self._phase, self._next_s = 0, now_s
        self._left |= self._asked
        self._asked = set()

    def due(self, now_s: float) -> Step:
        """What to do now."""
        if now_s < self._next_s:
            return Step()
        before, stale = self._asked, self._asked | self._left
        self._asked, self._left = set(), set()
        if self._phase < len(self._phases):
            self._asked = set(self._phases[self._phase])
            self._phase += 1
            self._next_s = now_s + PACE_S
        return Step(tuple(sorted(self._asked - before)), tuple(sorted(stale - self._asked)))

    def next_s(self) -> float | None:
        """When ``due`` has something to say; None = nothing is left to do."""
        pending = any(self._phases[self._phase :]) or self._asked or self._left
        return self._next_s if pending else None

    def wants(self, topic: str) -> bool:
        """Whether what is retained on a topic is to be emptied."""
        return any(fits(wanted, topic) for wanted in self._asked if any(wanted in phase for phase in self._phases))


def fits(wanted: str, topic: str) -> bool:
    """Whether a topic fits a filter with ``+`` and ``#``."""
    levels, parts = topic.split("/"), wanted.split("/")
    if parts[-1] == "#":
        parts.pop()
        if len(levels) < len(parts):
            return False
        levels = levels[: len(parts)]
    return len(parts) == len(levels) and all(part in {"+", level} for part, level in zip(parts, levels, strict=True))
