"""What must be remembered from one run of the bridge to the next; ``statefile`` keeps it on the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Memory(Protocol):
    """Values under a key in a section; JSON values only. All methods are thread-safe and quick."""

    def section(self, name: str) -> Mapping[str, Any]:
        """All of a section, a copy; empty when there is none."""

    def put(self, section: str, key: str, value: Any) -> None:  # noqa: ANN401 - any JSON value
        """Remember a value; None forgets it."""


class ShortMemory:
    """One that ends with the process: what is gone when the bridge starts is then not taken back."""

    def __init__(self) -> None:
        self._sections: dict[str, dict[str, Any]] = {}

    def section(self, name: str) -> Mapping[str, Any]:
        """All of a section."""
        return dict(self._sections.get(name, {}))

    def put(self, section: str, key: str, value: Any) -> None:  # noqa: ANN401 - any JSON value
        """Remember a value."""
        known = self._sections.setdefault(section, {})
        if value is None:
            known.pop(key, None)
        else:
            known[key] = value
