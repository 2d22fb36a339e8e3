"""The cameras that wait to be approved. Pure: the time comes in as a value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.model import Guest

FORGET_AFTER_S: Final = 300.0
"""One that comes no more is forgotten; firmware tries again every ten seconds, people press reset."""

MAX_WAITING: Final = 16
"""At a time, so that a stranger in the network fills neither memory nor the page."""

MAX_PICTURE_BYTES: Final = 262_144
"""Of a picture that is kept for the page; a larger one is left out."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A camera that waits, and when it was here first and last."""

    guest: Guest
    first_mono_s: float
    last_mono_s: float


class WaitingRoom:
    """Who waits, the newest last; two boards of one name with different keys are two."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], Entry] = {}

    def came(self, guest: Guest, now_mono_s: float) -> bool:
        """Note a camera; what it said or showed before is kept where it says nothing now.

        Returns:
            Whether it did not wait before.
        """
        self.expire(now_mono_s)
        key = (guest.camera_id, guest.key_sha256)
        before = self._entries.pop(key, None)
        self._entries[key] = Entry(
            _merged(guest, before.guest if before else None),
            before.first_mono_s if before else now_mono_s,
            now_mono_s,
        )
        while len(self._entries) > MAX_WAITING:
            del self._entries[next(iter(self._entries))]  # whoever was here longest ago
        return before is None

    def expire(self, now_mono_s: float) -> None:
        """Forget who has not been here for long."""
        gone = [key for key, entry in self._entries.items() if now_mono_s - entry.last_mono_s >= FORGET_AFTER_S]
        for key in gone:
            del self._entries[key]

    def entries(self) -> Sequence[Entry]:
        """Everybody who waits, who came first at the front."""
        return sorted(self._entries.values(), key=lambda entry: entry.first_mono_s)

    def named(self, camera_id: str) -> Sequence[Entry]:
        """Those that call themselves so."""
        return [entry for entry in self.entries() if entry.guest.camera_id == camera_id]

    def dismiss(self, camera_id: str) -> bool:
        """Forget those of that name; they may come again. False when there are none."""
        keys = [key for key in self._entries if key[0] == camera_id]
        for key in keys:
            del self._entries[key]
        return bool(keys)


def _merged(guest: Guest, before: Guest | None) -> Guest:
    jpeg = guest.jpeg if guest.jpeg is not None and len(guest.jpeg) <= MAX_PICTURE_BYTES else None
    if before is None:
        return replace(guest, jpeg=jpeg)
    return replace(guest, hello=guest.hello or before.hello, jpeg=jpeg or before.jpeg)
