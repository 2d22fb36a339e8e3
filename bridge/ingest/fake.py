"""Somebody to talk to who only writes down what is said: for tests and benchmarks of the link without the rest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass
class FakeTalk:
    """A ``CameraTalk`` that records.

    Attributes:
        values: what each camera is welcomed with, by id; may change at any time.
        heard: every call in order: its name, the camera's id, and what was said.
    """

    values: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    heard: list[tuple[object, ...]] = field(default_factory=list)

    def welcome_values(self, camera_id: str) -> Mapping[str, Any]:
        """The values that were set for this camera."""
        return self.values.get(camera_id, {})

    def greeted(self, camera_id: str, hello: Mapping[str, Any]) -> None:
        """Record a greeting."""
        self.heard.append(("greeted", camera_id, dict(hello)))

    def told_state(self, camera_id: str, values: Mapping[str, Any]) -> None:
        """Record a state."""
        self.heard.append(("told_state", camera_id, dict(values)))

    def progressed(self, camera_id: str, command_id: int, written_bytes: int, size_bytes: int) -> None:
        """Record progress."""
        self.heard.append(("progressed", camera_id, command_id, written_bytes, size_bytes))

    def acknowledged(self, camera_id: str, command_id: int, error: str) -> None:
        """Record an answer."""
        self.heard.append(("acknowledged", camera_id, command_id, error))

    def left(self, camera_id: str) -> None:
        """Record a departure."""
        self.heard.append(("left", camera_id))
