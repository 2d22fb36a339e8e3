from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bridge.model import CameraState, CameraStatus, ChangeType, Control, Letter, Offer, UpdateStatus, UpdateStep
from bridge.publish.commands import SetControl
from bridge.publish.fake import FakeBroker
from bridge.publish.messages import MessageKind
from bridge.publish.publisher import Publisher
from bridge.publish.settings import PublishedCamera, PublishSettings, TlsClient
from bridge.runtime.clock import ManualClock
from bridge.runtime.memory import ShortMemory
from bridge.runtime.metrics import Metrics
from bridge.runtime.worker import Supervisor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import WaitUntil
    from tests.unit.publish.conftest import MakeChange

CAM = "espcam/front_door"


@pytest.fixture
def broker() -> FakeBroker:
    return FakeBroker()


@pytest.fixture
def publisher(settings: PublishSettings, broker: FakeBroker) -> Iterator[Publisher]:
    """Started when the test starts it; stopped in any case."""
    made = Publisher(settings, clock=ManualClock(), metrics=Metrics(), supervisor=Supervisor(), connect=broker.connect)
    yield made
    made.stop()


def deliver(publisher: Publisher) -> None:
    """Connect, hand over everything, disconnect."""
    publisher.start()
    deadline_s = time.monotonic() + 5
    while not publisher.connected and time.monotonic() < deadline_s:
        time.sleep(0.001)
    publisher.stop()


def topics(broker: FakeBroker) -> list[str]:
    return [message.topic for message in broker.received]


def test_a_new_camera_is_announced_with_states_that_are_true_until_something_is_known(
    publisher: Publisher, broker: FakeBroker, camera: PublishedCamera
) -> None:
    publisher.add_camera(camera)
    deliver(publisher)
    told = {message.topic: message.payload for message in broker.received}
    assert told[f"{CAM}/availability"] == b"offline"
    assert told[f"{CAM}/motion"] == b"OFF"
    for label in ("person", "traffic_light"):
        assert (told[f"{CAM}/{label}"], told[f"{CAM}/{label}/count"]) == (b"OFF", b"0")
    assert {"homeassistant/device/espcam-bridge/config", "homeassistant/device/espcam-bridge_front_door/config"} < set(
        told
    )
    assert topics(broker)[-1] == "espcam/bridge/state"
    assert broker.payloads("espcam/bridge/state") == [b"online", b"offline"]
    assert [(will.topic, will.payload, will.retain) for will in broker.wills] == [
        ("espcam/bridge/state", b"offline", True)
    ]


def test_a_new_event_is_told_picture_first_then_the_event_then_the_news(
    publisher: Publisher, broker: FakeBroker, camera: PublishedCamera, make_change: MakeChange
) -> None:
    publisher.add_camera(camera)
    publisher.event(make_change(ChangeType.NEW, jpeg=b"jpeg"))
    deliver(publisher)
    order = [topic for topic in topics(broker) if topic.endswith(("thumbnail", "events", "detected"))]
    assert order == [f"{CAM}/person/thumbnail", f"{CAM}/events", f"{CAM}/detected"]
    assert json.loads(broker.payloads(f"{CAM}/events")[0])["latency_ms"] == 500.0


def test_detected_is_said_once_an_event(
    publisher: Publisher, broker: FakeBroker, camera: PublishedCamera, make_change: MakeChange
) -> None:
    publisher.add_camera(camera)
    for kind in (ChangeType.NEW, ChangeType.UPDATE, ChangeType.END):
        publisher.event(make_change(kind))
    deliver(publisher)
    assert len(broker.payloads(f"{CAM}/events")) == 3
    assert len(broker.payloads(f"{CAM}/detected")) == 1


@pytest.mark.parametrize("durable", [True, False])
def test_an_event_leads_to_its_pictures_only_where_a_history_keeps_them(
    settings: PublishSettings, broker: FakeBroker, make_change: MakeChange, durable: bool
) -> None:
    made = Publisher(
        replace(settings, durable=durable),
        clock=ManualClock(),
        metrics=Metrics(),
        supervisor=Supervisor(),
        connect=broker.connect,
    )
    step = json.loads(made.compose(make_change(jpeg=b"jpeg"))[1].payload)
    assert step["has_thumbnail"] is True
    assert [key for key in step if key.endswith("_url")] == (["thumbnail_url", "snapshot_url"] if durable else [])


def test_composing_sends_nothing(
    publisher: Publisher, broker: FakeBroker, camera: PublishedCamera, make_change: MakeChange
) -> None:
    publisher.add_camera(camera)
    composed = publisher.compose(make_change(jpeg=b"jpeg"))
    assert [message.kind for message in composed] == [MessageKind.PICTURE, MessageKind.EVENT, MessageKind.EVENT]
    deliver(publisher)
    assert broker.payloads(f"{CAM}/events") == []


def test_a_letter_from_the_disk_is_sent_after_its_picture(
    publisher: Publisher, broker: FakeBroker, camera: PublishedCamera, make_change: MakeChange
) -> None:
    publisher.add_camera(camera)
    step, news = publisher.compose(make_change(label="traffic light"))
    written = [Letter(number, "front_door", "A", m.topic, m.payload) for number, m in enumerate((step, news), 1)]
    publisher.send([message for letter in written for message in publisher.restore(letter, None)])
    publisher.send(publisher.restore(written[0], b"jpeg"))
    deliver(publisher)
    order = [topic for topic in topics(broker) if topic.endswith(("thumbnail", "events", "detected"))]
    assert order == [f"{CAM}/events", f"{CAM}/detected", f"{CAM}/traffic_light/thumbnail", f"{CAM}/events"]


def test_a_picture_goes_before_a_step_of_an_event_but_not_before_other_news(
    publisher: Publisher, camera: PublishedCamera, make_change: MakeChange
) -> None:
    publisher.add_camera(camera)
    step, news = publisher.compose(make_change())
    for message, kinds in ((step, [MessageKind.PICTURE, MessageKind.EVENT]), (news, [MessageKind.EVENT])):
        letter = Letter(1, "front_door", "A", message.topic, message.payload)
        assert [restored.kind for restored in publisher.restore(letter, b"jpeg")] == kinds


def test_events_of_a_camera_that_is_not_configured_any_more_are_delivered_all_the_same(
    publisher: Publisher, broker: FakeBroker, make_change: MakeChange
) -> None:
    step = publisher.compose(make_change(ChangeType.END, jpeg=b"jpeg"))[1]
    publisher.send(publisher.restore(Letter(1, "front_door", "A", step.topic, step.payload), b"jpeg"))
    deliver(publisher)
    assert broker.payloads(f"{CAM}/person/thumbnail") == [b"jpeg"]
    assert json.loads(broker.payloads(f"{CAM}/events")[0])["type"] == "end"


def test_whoever_keeps_the_letters_is_told_what_the_broker_has(
    settings: PublishSettings, broker: FakeBroker, camera: PublishedCamera, make_change: MakeChange
) -> None:
    told: list[tuple[int, str]] = []
    made = Publisher(
        replace(settings, durable=True),
        clock=ManualClock(),
        metrics=Metrics(),
        supervisor=Supervisor(),
        delivered=lambda number: told.append((number, threading.current_thread().name)),
        connect=broker.connect,
    )
    made.add_camera(camera)
    made.send([replace(message, number=5) for message in made.compose(make_change(ChangeType.END))])
    made.send([replace(message, number=6) for message in made.compose(make_change(ChangeType.UPDATE))])
    made.event(make_change(ChangeType.UPDATE, event_id="live"))
    deliver(made)
    assert told == [(5, "mqtt"), (6, "mqtt")]


def test_zones_are_told_for_every_label_that_counts_there_and_what_is_missing_is_none(
    publisher: Publisher, broker: FakeBroker, camera: PublishedCamera, wait_until: WaitUntil
) -> None:
    publisher.add_camera(camera)
    publisher.start()
    wait_until(lambda: broker.payloads(f"{CAM}/zones/porch/person") == [b"OFF"])
    for counts, last in (({"porch": {"person": 2, "dog": 1}}, b"ON"), ({"elsewhere": {"person": 1}}, b"OFF")):
        publisher.zone_presence("front_door", counts)
        wait_until(lambda last=last: broker.payloads(f"{CAM}/zones/porch/person")[-1:] == [last])  # type: ignore[misc]
    publisher.stop()
    assert broker.payloads(f"{CAM}/zones/porch/person") == [b"OFF", b"ON", b"OFF"]
    zones = {topic.removeprefix(f"{CAM}/zones/") for topic in topics(broker) if "/zones/" in topic}
    assert zones == {"porch/person", "front_lawn/person", "front_lawn/dog"}


def test_presence_is_told_for_every_label_and_only_when_it_changes(
    publisher: Publisher, broker: FakeBroker, camera: PublishedCamera, wait_until: WaitUntil
) -> None:
    publisher.add_camera(camera)
    publisher.start()
    wait_until(lambda: broker.payloads(f"{CAM}/person") == [b"OFF"])
    for counts in ({"person": 1}, {"person": 1}, {"person": 2}, {}, {}):
        publisher.presence("front_door", counts)
        count = str(counts.get("person", 0)).encode()
        wait_until(lambda count=count: broker.payloads(f"{CAM}/person/count")[-1] == count)  # type: ignore[misc]
    publisher.stop()
    assert broker.payloads(f"{CAM}/person") == [b"OFF", b"ON", b"OFF"]
    assert broker.payloads(f"{CAM}/person/count") == [b"0", b"1", b"2", b"0"]
    assert broker.payloads(f"{CAM}/traffic_light") == [b"OFF"]


def test_every_other_report_goes_to_its_topic(
    publisher: Publisher, broker: FakeBroker, camera: PublishedCamera
) -> None:
    publisher.add_camera(camera)
    publisher.motion("front_door", on=True)
    publisher.availability("front_door", online=True)
    publisher.snapshot("front_door", b"jpeg")
    publisher.telemetry(CameraStatus("front_door", "Front door", CameraState.ONLINE, fps=9.0))
    publisher.info({"runtime": "openvino", "cameras": ["front_door"]})
    deliver(publisher)
    assert broker.payloads(f"{CAM}/motion") == [b"ON"]
    assert broker.payloads(f"{CAM}/availability") == [b"online"]
    assert broker.payloads(f"{CAM}/snapshot") == [b"jpeg"]
    assert json.loads(broker.payloads(f"{CAM}/telemetry")[0])["fps"] == 9.0
    info = json.loads(broker.payloads("espcam/bridge/info")[0])
    assert info == {"version": "1.2.3", "runtime": "openvino", "cameras": ["front_door"]}


def test_labels_that_look_alike_in_a_topic_are_told_apart_everywhere(
    publisher: Publisher, broker: FakeBroker, make_change: MakeChange
) -> None:
    publisher.add_camera(PublishedCamera("front_door", "Front door", ("traffic light", "traffic_light")))
    publisher.event(make_change(label="traffic_light", jpeg=b"jpeg"))
    publisher.presence("front_door", {"traffic_light": 1})
    deliver(publisher)
    assert broker.payloads(f"{CAM}/traffic_light_2/thumbnail") == [b"jpeg"]
    assert broker.payloads(f"{CAM}/traffic_light_2") == [b"ON"]
    assert broker.payloads(f"{CAM}/traffic_light") == [b"OFF"]


def test_with_discovery_switched_off_home_assistants_topics_are_left_alone(
    broker: FakeBroker, camera: PublishedCamera
) -> None:
    publisher = Publisher(
        PublishSettings(discovery=False),
        clock=ManualClock(),
        metrics=Metrics(),
        supervisor=Supervisor(),
        connect=broker.connect,
    )
    publisher.add_camera(camera)
    deliver(publisher)
    assert all(topic.startswith("espcam/") for topic in topics(broker))
    assert broker.connections[0].subscriptions == []
    assert broker.payloads("espcam/front_door/availability") == [b"offline"]


def test_many_threads_may_report_at_once_and_each_cameras_events_stay_in_order(
    publisher: Publisher, broker: FakeBroker, camera: PublishedCamera, make_change: MakeChange, wait_until: WaitUntil
) -> None:
    publisher.add_camera(camera)
    publisher.start()

    def report(name: str) -> None:
        publisher.event(make_change(ChangeType.NEW, event_id=name))
        for _ in range(50):
            publisher.event(make_change(ChangeType.UPDATE, event_id=name))
            publisher.presence("front_door", {"person": 1})
        publisher.event(make_change(ChangeType.END, event_id=name))

    threads = [threading.Thread(target=report, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    wait_until(lambda: len(broker.payloads(f"{CAM}/events")) == 4 * 52)
    told = [json.loads(payload) for payload in broker.payloads(f"{CAM}/events")]
    for name in "abcd":
        kinds = [change["type"] for change in told if change["id"] == name]
        assert kinds == ["new", *["update"] * 50, "end"]


def test_a_password_is_never_shown() -> None:
    settings = PublishSettings(username="bridge", password="hunter2", tls=TlsClient())
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(settings)


def test_a_camera_that_changes_keeps_what_is_known_of_it(
    publisher: Publisher, broker: FakeBroker, camera: PublishedCamera, wait_until: WaitUntil
) -> None:
    publisher.add_camera(camera)
    publisher.availability("front_door", online=True)
    publisher.presence("front_door", {"person": 1})
    publisher.start()
    wait_until(lambda: broker.payloads(f"{CAM}/person") == [b"ON"])
    publisher.update_camera(replace(camera, labels=("person", "dog")))
    wait_until(lambda: broker.payloads(f"{CAM}/dog") == [b"OFF"])
    publisher.stop()
    assert broker.payloads(f"{CAM}/person") == [b"ON"]
    assert broker.payloads(f"{CAM}/availability") == [b"online"]


def test_a_camera_that_changes_before_anybody_listens_is_announced_once_as_it_is_now(
    publisher: Publisher, broker: FakeBroker, camera: PublishedCamera
) -> None:
    publisher.add_camera(camera)
    publisher.update_camera(replace(camera, offer=Offer(tuple(Control), ("VGA",))))
    deliver(publisher)
    (config,) = broker.payloads("homeassistant/device/espcam-bridge_front_door/config")
    assert "flash" in json.loads(config)["cmps"]


def test_what_an_earlier_run_announced_is_taken_back(
    settings: PublishSettings, broker: FakeBroker, camera: PublishedCamera, wait_until: WaitUntil
) -> None:
    memory = ShortMemory()
    topic = "homeassistant/device/espcam-bridge_front_door/config"
    for keep in (["front_door"], []):
        made = Publisher(
            settings,
            clock=ManualClock(),
            metrics=Metrics(),
            supervisor=Supervisor(),
            memory=memory,
            connect=broker.connect,
        )
        if keep:
            made.add_camera(camera)
        made.forget_others(keep)
        made.start()
        wait_until(lambda keep=keep: (topic in broker.retained) is bool(keep))  # type: ignore[misc]
        made.stop()


def test_commands_reach_whoever_carries_them_out(
    settings: PublishSettings, broker: FakeBroker, wait_until: WaitUntil
) -> None:
    told: list[tuple[object, str]] = []
    made = Publisher(
        settings,
        clock=ManualClock(),
        metrics=Metrics(),
        supervisor=Supervisor(),
        commands=lambda command: told.append((command, threading.current_thread().name)),
        connect=broker.connect,
    )
    made.start()
    wait_until(lambda: made.connected)
    broker.connections[0].deliver(f"{CAM}/quality/set", b"12")
    wait_until(lambda: bool(told))
    made.stop()
    assert told == [(SetControl("front_door", Control.QUALITY, 12), "mqtt")]


def test_controls_figures_and_answers_go_to_their_topics(
    publisher: Publisher, broker: FakeBroker, wait_until: WaitUntil
) -> None:
    publisher.start()
    wait_until(lambda: publisher.connected and bool(broker.payloads("espcam/bridge/state")))
    publisher.control_state("front_door", Control.FLASH, 0)
    publisher.control_state("front_door", Control.RESTART, value=True)
    publisher.update_status("front_door", UpdateStatus("1.0.0", "1.1.0", UpdateStep.LOADING, 40))
    publisher.bridge_telemetry({"cameras": 2})
    publisher.respond("reload", {"status": "ok"})
    publisher.stop()
    assert broker.payloads(f"{CAM}/flash/state") == [b'{"state":"OFF"}']
    assert broker.payloads(f"{CAM}/restart/state") == []
    assert [json.loads(payload)["update_percentage"] for payload in broker.payloads(f"{CAM}/update/state")] == [40]
    (told,) = broker.payloads("espcam/bridge/telemetry")
    assert "queue" in json.loads(told), "how many wait is added"
    assert json.loads(told) | {"queue": 0} == {"cameras": 2, "queue": 0}
    assert broker.payloads("espcam/bridge/response/reload") == [b'{"status":"ok"}']
