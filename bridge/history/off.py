"""What stands in the ledger's place when no history is wanted: nothing is written, nothing is waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.model import Readiness

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bridge.model import Event, EventChange, Letter


class NoLedger:
    """Keeps nothing; see ``bridge.history.ledger.Ledger`` for what the methods mean."""

    keeps = False

    def open(self, now_mono_s: float) -> None:
        """Nothing to open."""

    def close(self) -> None:
        """Nothing to let go of."""

    def status(self) -> Readiness:
        """As it was asked for."""
        return Readiness("history", ready=True, detail="off: no event is kept (history.enabled)")

    def keep_pictures(self, change: EventChange, now_mono_s: float) -> EventChange:  # noqa: ARG002 - a ledger's
        """As it came; nobody can fetch a picture later, but it is published."""
        return change

    def write(self, entries: Sequence[tuple[Event, Sequence[Letter]]], now_mono_s: float) -> list[list[int]]:  # noqa: ARG002
        """None of them has a number."""
        return [[0] * len(letters) for _, letters in entries]

    def delivered(self, numbers: Collection[int], now_mono_s: float) -> bool:  # noqa: ARG002
        """There are none."""
        return True

    def waiting(self, after: int, limit: int, now_mono_s: float) -> list[Letter]:  # noqa: ARG002
        """None."""
        return []

    def waiting_count(self, now_mono_s: float) -> int:  # noqa: ARG002
        """None."""
        return 0

    def unfinished(self, now_mono_s: float) -> list[Event]:  # noqa: ARG002
        """Not known."""
        return []

    def thumbnail(self, event_id: str) -> bytes | None:  # noqa: ARG002
        """Not kept."""
        return None

    def tend(self, now_mono_s: float, now_unix_s: float) -> bool:  # noqa: ARG002
        """Nothing grows old."""
        return False
