"""News for Home Assistant that takes several steps, and how fast they may follow one another. Pure: time is a value.

Home Assistant works off what it hears of a device in the background: it loads a platform, sets entities up, takes them
down. News of the same device that come meanwhile are cut short or refused (see ``discovery``). So each device has a
pace: a stage goes out no sooner than ``PACE_S`` after the one before it, also when a newer plan replaces the rest of an
older one, after a reconnect, and when everything was just repeated because Home Assistant started.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.publish.messages import Message

# Home Assistant itself gives discovery 5 s to settle (DISCOVERY_COOLDOWN in its MQTT client); loading all platforms
# that a camera needs took it 1.5 s on a desktop, and a Raspberry Pi takes some times as long.
PACE_S = 5.0


@dataclass(slots=True)
class _Plan:
    not_before_s: float
    left: list[Sequence[Message]] = field(default_factory=list)
    done: Callable[[], None] | None = None


class Stages:
    """The plans that are under way, one a device; its owner guards it with a lock."""

    def __init__(self) -> None:
        self._plans: dict[str, _Plan] = {}

    def put(
        self, device: str, stages: Sequence[Sequence[Message]], done: Callable[[], None], now_s: float
    ) -> list[Message]:
        """Begin a plan; what is left of an older one for the same device falls away.

        Args:
            device: any name for it.
            stages: what to say, in steps.
            done: called by ``due`` when the last one is over.
            now_s: the time, on the monotonic clock.

        Returns:
            What is to be said at once.
        """
        plan = self._plans.setdefault(device, _Plan(now_s))
        plan.left, plan.done = [stage for stage in stages if stage], done
        return self._next(plan, now_s) if now_s >= plan.not_before_s else []

    def due(self, now_s: float, *, settled: Callable[[], bool]) -> tuple[list[Message], list[Callable[[], None]]]:
        """What is to be said now, and who is to be told that his plan is over.

        Args:
            now_s: the time, on the monotonic clock.
            settled: whether all that was said so far is known to have been heard.
        """
        messages: list[Message] = []
        over: list[Callable[[], None]] = []
        for plan in self._plans.values():
            if now_s < plan.not_before_s:
                continue
            if plan.left:
                messages += self._next(plan, now_s)
            elif plan.done is not None and settled():
                over.append(plan.done)
                plan.done = None
        return messages, over

    def next_s(self, now_s: float) -> float | None:
        """When ``due`` has something to give; None = nobody knows, or never."""
        plans = self._plans.values()
        times_s = [plan.not_before_s for plan in plans if plan.left or (plan.done and plan.not_before_s > now_s)]
        return min(times_s, default=None)

    def hold(self, now_s: float) -> None:
        """Everything said so far was just said again: all that is left keeps its distance from that."""
        for plan in self._plans.values():
            plan.not_before_s = now_s + PACE_S

    def forget_pace(self, device: str) -> None:
        """What was said of this device last was not heard, so nothing need be waited for."""
        if device in self._plans:
            self._plans[device].not_before_s = -math.inf

    def _next(self, plan: _Plan, now_s: float) -> list[Message]:
        plan.not_before_s = now_s + PACE_S
        return list(plan.left.pop(0)) if plan.left else []
