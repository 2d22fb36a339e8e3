"""Who keeps the cameras that were adopted, and is told of those that wait."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.model import Guest


class Reception(Protocol):
    """Called in ingest's thread; must neither block nor raise."""

    def adopted(self) -> Mapping[str, str]:
        """The SHA-256 of each adopted camera's key, hex, by id; empty for a camera that had none."""

    def came(self, guest: Guest) -> None:
        """A camera that waits was here; it comes again in about ten seconds."""


class NobodyAtReception:
    """Adopts nobody; for links without the rest of the bridge."""

    def adopted(self) -> Mapping[str, str]:
        """None."""
        return MappingProxyType({})

    def came(self, guest: Guest) -> None:
        """Nobody listens."""
