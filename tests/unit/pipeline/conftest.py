"""What the tests of the pipeline share: a sink that keeps what it is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from bridge.detect.fake import FakeDetector
from bridge.runtime.clock import ManualClock
from tests.unit.pipeline.site import PLAN, Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bridge.analyst import CameraPlan
    from bridge.detect.port import Detector
    from bridge.model import EventChange
    from bridge.runtime.clock import Clock
    from tests.conftest import WaitUntil


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


@pytest.fixture
def site_with(recorder: Recorder, wait_until: WaitUntil) -> Iterator[Callable[..., Site]]:
    """Make a site with a detector that is loaded already (None: there is no model)."""
    sites: list[Site] = []

    def make(detector: Detector | None, *plans: CameraPlan, clock: Clock | None = None) -> Site:
        site = Site(clock or ManualClock(), lambda: detector or FakeDetector(), recorder)
        sites.append(site)
        for plan in plans or (PLAN,):
            site.add(plan)
        if detector is not None:
            site.supply.start()
            wait_until(lambda: site.supply.current() is not None)
        return site

    yield make
    for site in sites:
        site.close()
