"""The broker inside the demo: what the bridge needs of MQTT, with a real client."""

from __future__ import annotations

import logging
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from bridge.demo.broker import EmbeddedBroker
from bridge.errors import DependencyMissing, ListenError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import ListenerFactory, TcpProxy, WaitUntil

pytestmark = pytest.mark.integration


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    pytest.importorskip("amqtt", reason="the demo's broker is not installed: pip install 'espcam-bridge[demo]'")
    with EmbeddedBroker() as running:
        yield running


def test_it_chooses_a_free_port_and_listens_only_here(broker: EmbeddedBroker, mqtt_listener: ListenerFactory) -> None:
    assert broker.host == "127.0.0.1"
    assert broker.port > 0
    mqtt_listener(broker.port)


def test_messages_arrive_in_order_and_once(broker: EmbeddedBroker, mqtt_listener: ListenerFactory) -> None:
    heard = mqtt_listener(broker.port, "espcam/#")
    sender = mqtt_listener(broker.port, "nothing")
    for number in range(50):
        sender.publish("espcam/door/events", str(number).encode())
    heard.wait_for("espcam/door/events", b"49")
    messages = heard.on("espcam/door/events")
    assert [int(message.payload) for message in messages] == list(range(50))
    assert {(message.qos, message.retain) for message in messages} == {(1, False)}


def test_retained_messages_are_kept_replaced_and_removed(
    broker: EmbeddedBroker, mqtt_listener: ListenerFactory
) -> None:
    sender = mqtt_listener(broker.port, "nothing")
    sender.publish("espcam/door/person", b"ON", retain=True)
    sender.publish("espcam/door/person", b"OFF", retain=True)
    sender.publish("espcam/door/gone", b"x", retain=True)
    sender.publish("espcam/door/gone", b"", retain=True)
    sender.publish("espcam/door/person/thumbnail", b"\xff\xd8" + bytes(300_000), retain=True)
    late = mqtt_listener(broker.port, "espcam/#")
    late.wait_for("espcam/door/person/thumbnail")
    late.wait_for("espcam/door/person")
    assert [(message.payload, message.retain) for message in late.on("espcam/door/person")] == [(b"OFF", True)]
    assert len(late.newest("espcam/door/person/thumbnail") or b"") == 300_002
    assert late.on("espcam/door/gone") == []


def test_the_last_will_is_published_when_a_client_breaks_off_but_not_when_it_says_goodbye(
    broker: EmbeddedBroker,
    mqtt_listener: ListenerFactory,
    tcp_proxy: Callable[[int], TcpProxy],
    wait_until: WaitUntil,
) -> None:
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion

    def with_will(topic: str, port: int) -> Client:
        client = Client(CallbackAPIVersion.VERSION2)
        client.will_set(topic, b"offline", qos=1, retain=True)
        client.connect("127.0.0.1", port, 30)
        client.loop_start()
        wait_until(client.is_connected)
        return client

    heard = mqtt_listener(broker.port, "#")
    proxy = tcp_proxy(broker.port)
    polite, broken = with_will("polite/state", broker.port), with_will("broken/state", proxy.port)
    polite.disconnect()
    proxy.cut()
    heard.wait_for("broken/state", b"offline")
    for client in (polite, broken):
        client.disconnect()
        client.loop_stop()
    assert heard.on("polite/state") == []
    late = mqtt_listener(broker.port, "#")
    assert late.wait_for("broken/state", b"offline").retain


def test_it_stops_within_two_seconds_with_clients_connected(mqtt_listener: ListenerFactory) -> None:
    pytest.importorskip("amqtt")
    with EmbeddedBroker() as broker:
        mqtt_listener(broker.port, "#")
        with socket.create_connection((broker.host, broker.port), 2):  # one that never says anything
            time.sleep(0.1)
            began_s = time.monotonic()
            broker.__exit__(None, None, None)
    assert time.monotonic() - began_s < 2
    assert "broker" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((broker.host, broker.port), 2)


def test_two_brokers_do_not_disturb_each_other(broker: EmbeddedBroker, mqtt_listener: ListenerFactory) -> None:
    with EmbeddedBroker() as other:
        here, there = mqtt_listener(broker.port), mqtt_listener(other.port)
        here.publish("which", b"here")
        there.publish("which", b"there")
        here.wait_for("which", b"here")
        there.wait_for("which", b"there")
        assert len(here.on("which")) == len(there.on("which")) == 1


def test_a_taken_port_is_named(broker: EmbeddedBroker) -> None:
    with (
        pytest.raises(ListenError, match=f"cannot listen on 127.0.0.1:{broker.port}: "),
        EmbeddedBroker(port=broker.port),
    ):
        pass


def test_without_amqtt_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "amqtt.broker", None)
    with pytest.raises(DependencyMissing, match=r"amqtt is not installed; run: pip install 'espcam-bridge\[demo\]'"):
        EmbeddedBroker().__enter__()


def test_its_log_does_not_drown_the_demo(
    broker: EmbeddedBroker, mqtt_listener: ListenerFactory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    listener = mqtt_listener(broker.port)
    listener.publish("a", b"b")
    listener.wait_for("a", b"b")
    with socket.create_connection((broker.host, broker.port), 2):  # hangs up without a word
        time.sleep(0.1)
    broker.__exit__(None, None, None)
    assert [record.name for record in caplog.records if record.name.startswith(("amqtt", "transitions"))] == []
