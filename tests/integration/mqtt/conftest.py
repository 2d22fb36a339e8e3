"""A publisher with its metrics, for tests against a real broker."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from bridge.model import ChangeType, Event, EventChange
from bridge.publish.publisher import Publisher
from bridge.publish.settings import PublishedCamera, PublishSettings
from bridge.runtime.clock import SystemClock
from bridge.runtime.metrics import Metrics
from bridge.runtime.worker import Supervisor

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Running:
    """A started publisher and what a test looks at."""

    publisher: Publisher
    metrics: Metrics
    supervisor: Supervisor

    def metric(self, name: str) -> float:
        """A metric's value."""
        lines = self.metrics.render().decode().splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith(f"{name} ")))

    def change(self, kind: ChangeType, event_id: str, jpeg: bytes | None = None) -> None:
        """Report one step of a person's visit at the front door."""
        now = SystemClock()
        end_unix_s = now.unix_s() if kind is ChangeType.END else None
        box = (0.1, 0.2, 0.3, 0.4)
        event = Event(
            event_id, "front_door", "person", 0.8, 0.9, box, now.unix_s(), end_unix_s, now.unix_s(), now.mono_s()
        )
        self.publisher.event(EventChange(kind, event, jpeg))


class StartPublisher(Protocol):
    """See the fixture ``start_publisher``."""

    def __call__(self, port: int, **settings: Any) -> Running: ...  # noqa: ANN401 - fields of PublishSettings


@pytest.fixture
def start_publisher() -> Iterator[StartPublisher]:
    """Start publishers with one camera, ``front_door``; they stop with the test, and none may have crashed."""
    started: list[Running] = []

    def start(port: int, **settings: Any) -> Running:  # noqa: ANN401 - fields of PublishSettings
        metrics, supervisor = Metrics(), Supervisor()
        known = replace(PublishSettings(port=port, version="1.2.3"), **settings)
        publisher = Publisher(known, clock=SystemClock(), metrics=metrics, supervisor=supervisor)
        running = Running(publisher, metrics, supervisor)
        started.append(running)
        publisher.start()
        publisher.add_camera(PublishedCamera("front_door", "Front door", ("person",)))
        return running

    yield start
    for running in started:
        running.publisher.stop()
        assert not running.supervisor.stopping, "the publisher's thread crashed"
