"""Beside a history every event reaches a subscriber once and in order, whatever dies in between: a real Mosquitto."""

from __future__ import annotations

import json
import logging
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bridge.model import ChangeType

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Listener, ListenerFactory, MosquittoFactory, TcpProxy, WaitUntil
    from tests.integration.mqtt.conftest import Break, BreakingProxy, Desk, StartDesk

    MakeProxy = Callable[[int, list[Break]], BreakingProxy]

pytestmark = pytest.mark.integration

REPOSITORY = Path(__file__).resolve().parents[3]
CAM = "espcam/front_door"


@pytest.fixture
def make_break() -> type[Break]:
    from tests.integration.mqtt.conftest import Break

    return Break


def burst(desk: Desk, first: int, last: int) -> None:
    """Whole visits, one after the other."""
    for number in range(first, last):
        for kind in ChangeType:
            desk.change(kind, f"{number:04}")


def brief(texts: list[str]) -> list[str]:
    contents = [json.loads(text) for text in texts]
    return [f"{content['id']} {content.get('type', 'news')}" for content in contents]


def heard(listener: Listener) -> list[str]:
    """All event messages in order, without what differs from copy to copy."""
    told = [
        (message.topic, message.json()) for message in listener.heard if message.topic.endswith(("events", "detected"))
    ]
    for _, content in told:
        content.pop("published_time", None)
        content.pop("latency_ms", None)
    return [json.dumps(content) for _, content in told]


def once(listener: Listener) -> list[str]:
    """The steps of events without what the broker itself sent twice: such copies have the same time of publishing."""
    raw = dict.fromkeys(message.payload for message in listener.on(f"{CAM}/events"))
    return [json.dumps(json.loads(payload)) for payload in raw]


def written(desk: Desk) -> list[str]:
    return [json.dumps(json.loads(payload)) for payload in desk.written()]


def assert_each_visit_begins_with_its_picture(listener: Listener) -> None:
    picture = b""
    for message in listener.heard:
        if message.topic == f"{CAM}/person/thumbnail":
            picture = message.payload
        elif message.topic == f"{CAM}/events" and message.json()["type"] == "new":
            assert picture == b"picture of " + message.json()["id"].encode()


def wait_for_all(desk: Desk, wait_until: WaitUntil, timeout_s: float = 40.0) -> None:
    wait_until(lambda: desk.waiting() == [], timeout_s, "the broker has every letter")


BREAKS = {
    "cut on the way up": [{"up_bytes": size} for size in (9_000, 7_300, 14_001)],
    "cut after the broker took more than it could say": [{"down_bytes": size} for size in (900, 3_000, 5_001)],
    "half open": [{"down_bytes": 1_500, "half_open": True}, {"down_bytes": 4_000, "half_open": True}],
    "cut while it tells what it has": [{"down_bytes": 2_000}, {"down_bytes": 700}, {"up_bytes": 300}],
}


@pytest.mark.parametrize("breaks", list(BREAKS))
@pytest.mark.parametrize("window", ["0", "3"])
def test_connections_that_break_in_a_burst_double_and_lose_nothing(
    breaks: str,
    window: str,
    mosquitto: MosquittoFactory,
    mqtt_listener: ListenerFactory,
    breaking_proxy: MakeProxy,
    make_break: type[Break],
    start_desk: StartDesk,
    wait_until: WaitUntil,
) -> None:
    broker = mosquitto(config=(f"max_inflight_messages {window}",))
    listener = mqtt_listener(broker.port, f"{CAM}/#")
    proxy = breaking_proxy(broker.port, [make_break(**how) for how in BREAKS[breaks]])
    desk = start_desk(proxy.port, keepalive_s=1, settle_s=0.002)
    wait_until(lambda: desk.publisher.connected)
    burst(desk, 0, 60)
    wait_until(lambda: proxy.left == 0, 20, "all connections that were to break broke")
    burst(desk, 60, 70)
    wait_for_all(desk, wait_until)
    wait_until(lambda: len(heard(listener)) >= 280)
    assert brief(heard(listener)) == brief(written(desk))
    if window == "0":  # else Mosquitto's pictures (QoS 0) overtake its own events on their way to the subscriber
        assert_each_visit_begins_with_its_picture(listener)


def test_a_broker_that_saves_its_sessions_and_is_restarted_in_a_burst_doubles_and_loses_nothing(
    mosquitto: MosquittoFactory, mqtt_listener: ListenerFactory, start_desk: StartDesk, wait_until: WaitUntil
) -> None:
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion

    broker = mosquitto(persistence=True)
    witness = Client(CallbackAPIVersion.VERSION2, client_id="witness", clean_session=False)
    witness.reconnect_delay_set(1, 1)
    listener = mqtt_listener(broker.port, f"{CAM}/#", witness)
    desk = start_desk(broker.port)
    for number in range(3):
        burst(desk, number * 40, number * 40 + 20)
        broker.stop()
        burst(desk, number * 40 + 20, number * 40 + 40)
        broker.start()
        wait_until(lambda: desk.publisher.connected, 20)
    wait_for_all(desk, wait_until)
    steps = [text for text in written(desk) if '"type"' in text]
    wait_until(lambda: len(once(listener)) >= len(steps), 20)
    assert brief(once(listener)) == brief(steps)


def test_a_broker_that_forgets_everything_in_a_burst_loses_nothing_and_keeps_the_order(
    mosquitto: MosquittoFactory,
    mqtt_listener: ListenerFactory,
    tcp_proxy: Callable[[int], TcpProxy],
    start_desk: StartDesk,
    wait_until: WaitUntil,
) -> None:
    broker = mosquitto(config=("max_inflight_messages 0",))
    proxy = tcp_proxy(broker.port)
    before = mqtt_listener(broker.port, f"{CAM}/#")
    desk = start_desk(proxy.port)
    wait_until(lambda: desk.publisher.connected)
    burst(desk, 0, 50)
    proxy.cut()
    time.sleep(0.1)  # what the broker took is with the listener
    first = brief(heard(before))
    broker.restart()
    burst(desk, 50, 60)
    after = mqtt_listener(broker.port, f"{CAM}/#")
    proxy.mend()
    wait_for_all(desk, wait_until)
    both = brief(written(desk))
    wait_until(lambda: brief(heard(after))[-1:] == both[-1:])
    second = brief(heard(after))
    assert first == both[: len(first)]
    assert second == both[len(both) - len(second) :]
    assert len(both) <= len(first) + len(second) <= len(both) + 20, "only what was under way may come twice"
    assert_each_visit_begins_with_its_picture(after)


CHILD = """if True:
    import sys, time
    from pathlib import Path
    from bridge.model import ChangeType
    from tests.integration.mqtt.conftest import Desk
    folder, port, total, late = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "late"
    desk = Desk(folder, port, settle_s=0.01, restore_late=late)
    steps = [(kind, f"{number:04}") for number in range(total) for kind in ChangeType]
    done = sum('"type"' in payload for payload in desk.written())
    for kind, event_id in steps[done:]:
        desk.change(kind, event_id)
        time.sleep(0.0005)
    while desk.waiting():
        time.sleep(0.01)
    desk.stop()
"""


@pytest.mark.parametrize("last", ["early", "late"])
def test_a_bridge_killed_again_and_again_in_a_burst_doubles_and_loses_nothing(
    last: str,
    mosquitto: MosquittoFactory,
    mqtt_listener: ListenerFactory,
    start_desk: StartDesk,
    wait_until: WaitUntil,
    tmp_path: Path,
) -> None:
    """The last process reads its letters before it connects, or only when it is connected."""
    broker = mosquitto(config=("max_inflight_messages 0",))
    listener = mqtt_listener(broker.port, f"{CAM}/#")
    draw = random.Random(last)  # noqa: S311 - the same moments every time
    command = [sys.executable, "-c", CHILD, str(tmp_path), str(broker.port), "400"]
    for _ in range(5):
        before = len(listener.on(f"{CAM}/events"))
        with subprocess.Popen([*command, "early"], cwd=REPOSITORY) as bridge:
            wait_until(lambda before=before: len(listener.on(f"{CAM}/events")) > before, 15)  # type: ignore[misc]
            time.sleep(draw.uniform(0.0, 0.1))
            bridge.send_signal(signal.SIGKILL)
    assert subprocess.run([*command, last], cwd=REPOSITORY, check=False, timeout=40).returncode == 0
    desk = start_desk(broker.port, client_id="reader")
    wait_until(lambda: len(heard(listener)) >= 1600, 10)
    assert len(written(desk)) == 1600
    assert brief(heard(listener)) == brief(written(desk))
    assert_each_visit_begins_with_its_picture(listener)


def test_without_the_right_to_read_its_own_topics_nothing_is_lost_and_the_log_says_what_may_happen(
    mosquitto: MosquittoFactory,
    mqtt_listener: ListenerFactory,
    breaking_proxy: MakeProxy,
    make_break: type[Break],
    start_desk: StartDesk,
    wait_until: WaitUntil,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion

    rights = tmp_path / "rights"
    rights.write_text("topic write #\n\nuser listener\ntopic readwrite #\n")
    rights.chmod(0o600)
    broker = mosquitto(config=(f"acl_file {rights}",))
    client = Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set("listener")
    listener = mqtt_listener(broker.port, f"{CAM}/#", client)
    proxy = breaking_proxy(broker.port, [make_break(down_bytes=150), make_break(up_bytes=9_000)])
    with caplog.at_level(logging.WARNING, "bridge.publish.echoes"):
        desk = start_desk(proxy.port)
        wait_until(lambda: desk.publisher.connected)
        burst(desk, 0, 40)
        wait_for_all(desk, wait_until)
    ids = heard(listener)
    assert list(dict.fromkeys(ids)) == written(desk)
    assert len(ids) <= 160 + 2 * 20
    assert len([record for record in caplog.records if record.name == "bridge.publish.echoes"]) == 1


def test_the_demos_broker_which_remembers_nobody_gets_every_event_in_order(
    mqtt_listener: ListenerFactory,
    breaking_proxy: MakeProxy,
    make_break: type[Break],
    start_desk: StartDesk,
    wait_until: WaitUntil,
) -> None:
    pytest.importorskip("amqtt", reason="the demo's broker is not installed: pip install 'espcam-bridge[demo]'")
    from bridge.demo.broker import EmbeddedBroker

    with EmbeddedBroker() as broker:
        listener = mqtt_listener(broker.port, f"{CAM}/#")
        proxy = breaking_proxy(broker.port, [make_break(up_bytes=9_000), make_break(down_bytes=3_000)])
        desk = start_desk(proxy.port)
        wait_until(lambda: desk.publisher.connected)
        burst(desk, 0, 40)
        wait_for_all(desk, wait_until)
        wait_until(lambda: len(set(heard(listener))) == 160)
        assert list(dict.fromkeys(brief(heard(listener)))) == brief(written(desk))
        assert len(heard(listener)) <= 160 + 2 * 20
        desk.stop()
