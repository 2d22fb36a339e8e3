"""What a subscriber of a real Mosquitto sees while all is well: topics, order, retained flags, stop, last will."""

from __future__ import annotations

import json
import signal
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bridge.model import ChangeType
from bridge.publish.stages import PACE_S

if TYPE_CHECKING:
    from tests.conftest import ListenerFactory, MosquittoFactory, WaitUntil
    from tests.integration.mqtt.conftest import StartPublisher

pytestmark = pytest.mark.integration

REPOSITORY = Path(__file__).resolve().parents[3]
CAM = "espcam/front_door"
JPEG = b"\xff\xd8\xff\xfe\x00\x07id A\x00\x01\xff\xd9"


def test_a_newcomer_finds_discovery_states_and_pictures_retained_but_no_event(
    mosquitto: MosquittoFactory, mqtt_listener: ListenerFactory, start_publisher: StartPublisher
) -> None:
    broker = mosquitto()
    early = mqtt_listener(broker.port)
    running = start_publisher(broker.port)
    running.publisher.snapshot("front_door", JPEG)
    running.change(ChangeType.NEW, "A", JPEG)
    early.wait_for(f"{CAM}/detected")
    newcomer = mqtt_listener(broker.port)
    newcomer.wait_for(f"{CAM}/person/thumbnail", JPEG)
    newcomer.wait_for(f"{CAM}/snapshot", JPEG)
    newcomer.wait_for("espcam/bridge/state", b"online")
    newcomer.wait_for(f"{CAM}/availability", b"offline")
    newcomer.wait_for(f"{CAM}/person", b"OFF")
    config = newcomer.wait_for("homeassistant/device/espcam-bridge_front_door/config").json()
    assert config["cmps"]["detected"]["event_types"] == ["person"]
    assert all(heard.retain for heard in newcomer.heard)
    assert newcomer.on(f"{CAM}/events") == []
    assert newcomer.on(f"{CAM}/detected") == []


def test_the_picture_comes_before_its_event_byte_for_byte(
    mosquitto: MosquittoFactory, mqtt_listener: ListenerFactory, start_publisher: StartPublisher
) -> None:
    broker = mosquitto()
    listener = mqtt_listener(broker.port, f"{CAM}/#")
    running = start_publisher(broker.port)
    for visitor in ("A", "B", "C"):
        running.change(ChangeType.NEW, visitor, JPEG + visitor.encode())
        running.change(ChangeType.END, visitor)
    listener.wait_for(f"{CAM}/events", count=6)
    told = [heard for heard in listener.heard if heard.topic in {f"{CAM}/person/thumbnail", f"{CAM}/events"}]
    for number, visitor in enumerate(("A", "B", "C")):
        picture, new, end = told[number * 3 : number * 3 + 3]
        assert picture.payload == JPEG + visitor.encode()
        assert (picture.qos, new.qos) == (0, 1)
        assert [(change.json()["id"], change.json()["type"]) for change in (new, end)] == [
            (visitor, "new"),
            (visitor, "end"),
        ]


def test_a_burst_of_events_arrives_complete_in_order_and_once(
    mosquitto: MosquittoFactory, mqtt_listener: ListenerFactory, start_publisher: StartPublisher
) -> None:
    broker = mosquitto()
    # Mosquitto would drop what it cannot hand to this subscriber at once beyond 1,000.
    listener = mqtt_listener(broker.port, f"{CAM}/events")
    running = start_publisher(broker.port)
    for number in range(800):
        running.change(ChangeType.UPDATE, str(number), JPEG * 100)
    listener.wait_for(f"{CAM}/events", count=800, timeout_s=20)
    assert [heard.json()["id"] for heard in listener.on(f"{CAM}/events")] == [str(number) for number in range(800)]


def test_large_pictures_arrive_whole_and_hold_up_no_event_for_long(
    mosquitto: MosquittoFactory, mqtt_listener: ListenerFactory, start_publisher: StartPublisher
) -> None:
    broker = mosquitto()
    listener = mqtt_listener(broker.port, f"{CAM}/#")
    running = start_publisher(broker.port)
    picture = JPEG * 60_000  # about a megabyte
    running.publisher.snapshot("front_door", picture)
    running.change(ChangeType.NEW, "A")
    listener.wait_for(f"{CAM}/snapshot", picture)
    listener.wait_for(f"{CAM}/events")


def test_the_latency_metric_counts_each_event_when_the_broker_acknowledged_it(
    mosquitto: MosquittoFactory, start_publisher: StartPublisher, wait_until: WaitUntil
) -> None:
    running = start_publisher(mosquitto().port)
    wait_until(lambda: running.publisher.connected)
    for kind in ChangeType:
        running.change(kind, "A")
    wait_until(lambda: running.metric("espcam_event_latency_seconds_count") == 3)
    assert 0 < running.metric("espcam_event_latency_seconds_sum") < 3
    wait_until(lambda: running.metric("espcam_outbox_messages") == 0)
    assert running.metric("espcam_mqtt_connected") == 1


def test_an_event_is_not_held_back_behind_its_picture(
    mosquitto: MosquittoFactory, start_publisher: StartPublisher, wait_until: WaitUntil
) -> None:
    running = start_publisher(mosquitto().port)
    wait_until(lambda: running.publisher.connected)
    latencies_s = []
    for number in range(1, 22):
        before_s = running.metric("espcam_event_latency_seconds_sum")
        running.change(ChangeType.UPDATE, str(number), JPEG * 1000)
        wait_until(lambda number=number: running.metric("espcam_event_latency_seconds_count") == number)  # type: ignore[misc]
        latencies_s.append(running.metric("espcam_event_latency_seconds_sum") - before_s)
    assert statistics.median(latencies_s) < 0.03, "Nagle's algorithm and delayed ACKs make it 0.04"


def test_home_assistants_birth_brings_discovery_and_states_again_but_no_event(
    mosquitto: MosquittoFactory, mqtt_listener: ListenerFactory, start_publisher: StartPublisher
) -> None:
    broker = mosquitto()
    listener = mqtt_listener(broker.port)
    running = start_publisher(broker.port)
    running.change(ChangeType.NEW, "A", JPEG)
    listener.wait_for(f"{CAM}/detected")
    time.sleep(PACE_S)  # before that it works off what the connection began with
    listener.clear()
    listener.publish("homeassistant/status", b"online")
    born_s = time.monotonic()
    listener.wait_for("espcam/bridge/state", b"online")
    repeated = [heard.topic for heard in listener.heard if heard.topic != "homeassistant/status"]
    assert repeated[0] == "homeassistant/device/espcam-bridge/config"
    assert repeated[-1] == "espcam/bridge/state", "whoever sees it finds everything else in place"
    assert {"homeassistant/device/espcam-bridge_front_door/config", f"{CAM}/person", f"{CAM}/availability"} < set(
        repeated
    )
    assert not {f"{CAM}/events", f"{CAM}/detected", f"{CAM}/person/thumbnail"} & set(repeated)
    assert 0.2 <= listener.on("espcam/bridge/state")[0].at_mono_s - born_s < 3


def test_a_clean_stop_hands_over_everything_says_offline_and_needs_no_last_will(
    mosquitto: MosquittoFactory, mqtt_listener: ListenerFactory, start_publisher: StartPublisher, wait_until: WaitUntil
) -> None:
    broker = mosquitto()
    listener = mqtt_listener(broker.port)
    running = start_publisher(broker.port)
    wait_until(lambda: running.publisher.connected)
    for number in range(100):
        running.change(ChangeType.UPDATE, str(number))
    began_s = time.monotonic()
    running.publisher.stop()
    assert time.monotonic() - began_s < 2
    assert not running.publisher.status().ready
    listener.wait_for("espcam/bridge/state", b"offline")
    assert len(listener.on(f"{CAM}/events")) == 100
    assert [heard.payload for heard in listener.on("espcam/bridge/state")] == [b"online", b"offline"]
    assert mqtt_listener(broker.port).wait_for("espcam/bridge/state").payload == b"offline", "retained"
    wait_until(lambda: "espcam-bridge disconnected" in broker.log())


def test_a_bridge_that_is_killed_is_reported_offline_by_its_last_will(
    mosquitto: MosquittoFactory, mqtt_listener: ListenerFactory
) -> None:
    broker = mosquitto()
    listener = mqtt_listener(broker.port)
    program = f"""if True:
        import time
        from bridge.publish.publisher import Publisher
        from bridge.publish.settings import PublishSettings
        from bridge.runtime.clock import SystemClock
        from bridge.runtime.metrics import Metrics
        from bridge.runtime.worker import Supervisor
        settings = PublishSettings(port={broker.port})
        Publisher(settings, clock=SystemClock(), metrics=Metrics(), supervisor=Supervisor()).start()
        time.sleep(60)
    """
    with subprocess.Popen([sys.executable, "-c", program], cwd=REPOSITORY) as bridge:
        try:
            listener.wait_for("espcam/bridge/state", b"online", timeout_s=10)
        finally:
            bridge.send_signal(signal.SIGKILL)
    listener.wait_for("espcam/bridge/state", b"offline")
    assert mqtt_listener(broker.port).wait_for("espcam/bridge/state").payload == b"offline", "retained"


def test_a_stop_is_quick_while_nobody_listens(free_port: int, start_publisher: StartPublisher) -> None:
    running = start_publisher(free_port)
    time.sleep(0.2)
    began_s = time.monotonic()
    running.publisher.stop()
    assert time.monotonic() - began_s < 1


def test_a_stop_is_quick_while_the_other_side_accepts_but_never_answers(start_publisher: StartPublisher) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        running = start_publisher(mute.getsockname()[1])
        time.sleep(0.2)
        began_s = time.monotonic()
        running.publisher.stop()
        assert time.monotonic() - began_s < 1


def test_with_another_base_topic_and_prefix_everything_moves(
    mosquitto: MosquittoFactory, mqtt_listener: ListenerFactory, start_publisher: StartPublisher
) -> None:
    broker = mosquitto()
    listener = mqtt_listener(broker.port)
    start_publisher(broker.port, base_topic="home/cams", discovery_prefix="ha", client_id="second")
    listener.wait_for("home/cams/bridge/state", b"online")
    assert all(heard.topic.startswith(("home/cams/", "ha/device/second")) for heard in listener.heard)
    config = listener.wait_for("ha/device/second_front_door/config").payload
    assert "espcam/" not in json.dumps(json.loads(config)["cmps"])
