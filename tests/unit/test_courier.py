"""The courier between a real database, a real publisher and a broker in memory."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bridge.courier import Courier
from bridge.errors import BrokerError
from bridge.history.house import HistorySettings, build
from bridge.model import ChangeType, Event, EventChange, PictureKind
from bridge.publish.fake import FakeBroker
from bridge.publish.publisher import Publisher
from bridge.publish.settings import PublishedCamera, PublishSettings
from bridge.runtime.clock import SystemClock
from bridge.runtime.metrics import Metrics
from bridge.runtime.worker import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bridge.publish.messages import Message
    from tests.conftest import WaitUntil

BASE_UNIX_S = 1_800_000_000.0
AWAY = BrokerError("away")


class Life:
    """One life of the bridge, as far as the courier goes, on the files of ``folder``."""

    def __init__(self, folder: Path, broker: FakeBroker, *, history: bool = True, **limits: int) -> None:
        settings = HistorySettings(f"sqlite:///{folder / 'history.db'}", folder / "media") if history else None
        self.supervisor, clock, metrics = Supervisor(), SystemClock(), Metrics()
        self.metrics = metrics
        self.house = build(settings)
        self.publisher = Publisher(
            PublishSettings(durable=history, discovery=False),
            clock=clock,
            metrics=metrics,
            supervisor=self.supervisor,
            delivered=lambda number: self.courier.delivered(number),  # noqa: PLW0108 - made below
            connect=broker.connect,
        )
        self.courier = Courier(
            ledger=self.house.ledger,
            publisher=self.publisher,
            clock=clock,
            metrics=metrics,
            supervisor=self.supervisor,
            **limits,
        )
        self.publisher.add_camera(PublishedCamera("door", "Door", ("person",)))
        self.courier.open()
        self.publisher.start()
        self.courier.start()

    def end(self) -> None:
        """Stop cleanly."""
        self.courier.stop()
        self.publisher.stop()
        self.courier.close()
        assert not self.supervisor.stopping

    def waiting(self) -> int:
        return self.house.ledger.waiting_count(0.0)


def change(number: int, kind: ChangeType = ChangeType.NEW, *, picture: bytes | None = None) -> EventChange:
    start_s = BASE_UNIX_S + number
    event = Event(
        id=f"{round(start_s * 1000):013d}-{number:06x}",
        camera_id="door",
        label="person",
        score=0.5,
        top_score=0.5,
        box_xyxy_norm=(0.0, 0.0, 0.5, 0.5),
        start_unix_s=start_s,
        end_unix_s=start_s + 2 if kind is ChangeType.END else None,
        frame_unix_s=start_s + 2,
        frame_mono_s=0.0,
        has_thumbnail=picture is not None,
        has_snapshot=picture is not None,
    )
    return EventChange(kind, event, picture, picture)


def told(broker: FakeBroker) -> list[tuple[str, str]]:
    return [(step["type"], step["id"][-6:]) for step in map(json.loads, broker.payloads("espcam/door/events"))]


def steps(*numbers: int, kinds: tuple[str, ...] = ("new", "end")) -> list[tuple[str, str]]:
    return [(kind, f"{number:06x}") for number in numbers for kind in kinds]


@pytest.fixture
def broker() -> FakeBroker:
    return FakeBroker(remembers=True)


@pytest.fixture
def live(tmp_path: Path, broker: FakeBroker) -> Callable[..., Life]:
    def begin(**options: Any) -> Life:  # noqa: ANN401 - Life's own
        return Life(tmp_path, broker, **options)

    return begin


def test_event_and_its_pictures_are_on_the_disk_before_anybody_hears_of_them(
    live: Callable[..., Life], broker: FakeBroker, wait_until: WaitUntil
) -> None:
    life, seen = live(), []
    accept = broker.echo

    def look(message: Message) -> Any:  # noqa: ANN401 - as the broker answers
        if message.topic.endswith("/events"):
            event_id = json.loads(message.payload)["id"]
            archive = life.house.archive
            assert archive is not None
            seen.append((archive.get(event_id) is not None, archive.picture(event_id, PictureKind.SNAPSHOT)))
        return accept(message)

    broker.echo = look  # type: ignore[method-assign]
    life.courier.event(change(1, picture=b"jpeg"))
    wait_until(lambda: seen, 5, "the event")
    wait_until(lambda: life.waiting() == 0, 5, "the letters leave when the broker has them")
    life.end()
    assert seen == [(True, b"jpeg")]


def test_states_come_after_the_events_that_changed_them(
    live: Callable[..., Life], broker: FakeBroker, wait_until: WaitUntil
) -> None:
    life = live()
    wait_until(lambda: life.publisher.connected, 5, "a connection: a new one begins with the states")
    life.courier.event(change(1))
    life.courier.presence("door", {"person": 1})
    wait_until(lambda: b"ON" in broker.payloads("espcam/door/person"), 5, "the state")
    life.end()
    order = [(message.topic, message.payload) for message in broker.received]
    state = order.index(("espcam/door/person", b"ON"))
    assert "espcam/door/events" in [topic for topic, _ in order[:state]]


def test_what_waited_when_the_bridge_ended_goes_first_and_open_events_are_ended(
    live: Callable[..., Life], broker: FakeBroker, wait_until: WaitUntil
) -> None:
    broker.down = AWAY
    life = live()
    life.courier.event(change(1, picture=b"\xff\xd8\xff\xd9"))
    life.courier.event(change(2))
    life.courier.event(change(2, ChangeType.END))
    life.end()  # nobody ended the first one: as if killed
    broker.down = None
    life = live()
    life.courier.event(change(3))
    wait_until(lambda: life.waiting() == 0, 5, "everything is delivered")
    life.end()
    assert told(broker) == [*steps(1, kinds=("new",)), *steps(2), *steps(1, kinds=("end",)), *steps(3, kinds=("new",))]
    end = json.loads(broker.payloads("espcam/door/events")[3])
    assert end["end_time"] == "2027-01-15T08:00:03.000Z", "when it was last heard of"
    assert end["zones"] == []
    topics = [
        message.topic
        for message in broker.received
        if "person/thumbnail" in message.topic or "/events" in message.topic
    ]
    assert topics[0] == "espcam/door/person/thumbnail", "its picture before it"


def test_more_than_fits_into_memory_waits_on_the_disk_and_goes_in_order(
    live: Callable[..., Life], broker: FakeBroker, wait_until: WaitUntil
) -> None:
    broker.down = AWAY
    life = live(held_max=6)
    for number in range(1, 31):
        life.courier.event(change(number))
        life.courier.event(change(number, ChangeType.END))
    wait_until(lambda: life.waiting() == 90, 5, "all on the disk")
    wait_until(lambda: b"espcam_letters_waiting 90.0" in life.metrics.render(), 5, "and counted")
    broker.down = None
    wait_until(lambda: life.waiting() == 0, 20, "all delivered")
    wait_until(lambda: b"espcam_letters_waiting 0.0" in life.metrics.render(), 5, "and counted")
    life.courier.event(change(31))
    wait_until(lambda: told(broker)[-1:] == steps(31, kinds=("new",)), 5, "and then at once")
    life.end()
    assert told(broker)[:-1] == steps(*range(1, 31))


def test_updates_are_left_out_when_too_much_waits_but_beginnings_and_ends_never(
    live: Callable[..., Life], broker: FakeBroker, wait_until: WaitUntil
) -> None:
    broker.down = AWAY
    life = live(held_max=2, updates_max=10)
    for number in range(1, 11):
        for kind in (ChangeType.NEW, ChangeType.UPDATE, ChangeType.END):
            life.courier.event(change(number, kind))
            time.sleep(0.002)  # not all in one batch
    broker.down = None
    wait_until(lambda: told(broker)[-1:] == steps(10, kinds=("end",)), 20, "the last end")
    life.end()
    without = [step for step in told(broker) if step[0] != "update"]
    assert without == steps(*range(1, 11))
    updates = len(told(broker)) - len(without)
    assert 1 <= updates < 10


def test_without_a_history_events_are_sent_all_the_same(
    live: Callable[..., Life], broker: FakeBroker, wait_until: WaitUntil, tmp_path: Path
) -> None:
    life = live(history=False)
    life.courier.event(change(1, picture=b"jpeg"))
    life.courier.event(change(1, ChangeType.END))
    wait_until(lambda: told(broker) == steps(1), 5, "both")
    life.end()
    assert list(tmp_path.iterdir()) == []


def test_event_that_goes_on_when_the_database_comes_late_is_not_ended(
    live: Callable[..., Life],
    broker: FakeBroker,
    wait_until: WaitUntil,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bridge.history.ledger._RETRY_S", 0.0)
    (tmp_path / "history.db").write_bytes(b"no database" * 1000)
    life = live()
    assert not life.courier.status().ready
    life.courier.event(change(1))
    wait_until(lambda: told(broker) == steps(1, kinds=("new",)), 5, "sent without")
    (tmp_path / "history.db").unlink()
    wait_until(lambda: life.courier.status().ready, 5, "the database is there")
    life.courier.event(replace(change(1, ChangeType.END)))
    wait_until(lambda: len(told(broker)) == 2, 5, "the end")
    life.end()
    assert told(broker) == steps(1)
