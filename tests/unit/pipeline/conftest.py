"""What the tests of the pipeline share: a sink that keeps what it is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.model import EventChange


@dataclass
class Recorder:
    """A sink that keeps what it is told, in order; it raises at the kind and camera in ``breaks_at``."""

    told: list[tuple[str, str, Any]] = field(default_factory=list)
    breaks_at: tuple[str, str] | None = None

    def event(self, change: EventChange) -> None:
        self._note(change.type.value, change.event.camera_id, change)

    def presence(self, camera_id: str, counts: Mapping[str, int]) -> None:
        self._note("presence", camera_id, dict(counts))

    def zone_presence(self, camera_id: str, counts: Mapping[str, Mapping[str, int]]) -> None:
        self._note("zones", camera_id, {zone: dict(labels) for zone, labels in counts.items()})

    def motion(self, camera_id: str, on: bool) -> None:
        self._note("motion", camera_id, on)

    def snapshot(self, camera_id: str, jpeg: bytes) -> None:
        self._note("snapshot", camera_id, jpeg)

    def _note(self, kind: str, camera_id: str, what: Any) -> None:  # noqa: ANN401 - whatever a sink is told
        if self.breaks_at == (kind, camera_id):
            raise OSError("the disk is full")
        self.told.append((kind, camera_id, what))

    def of(self, kind: str, camera_id: str = "door") -> list[Any]:
        return [what for said, camera, what in self.told if (said, camera) == (kind, camera_id)]

    def kinds(self, *kinds: str, camera_id: str = "door") -> list[str]:
        return [said for said, camera, _ in self.told if said in kinds and camera == camera_id]


@pytest.fixture
def recorder() -> Recorder:
    """A sink that has heard nothing yet."""
    return Recorder()
