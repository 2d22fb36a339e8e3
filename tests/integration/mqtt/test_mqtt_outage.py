"""What happens when the broker is away, dies, forgets, freezes or refuses: with a real Mosquitto."""

from __future__ import annotations

import itertools
import logging
import signal
import socket
import ssl
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest

from bridge.model import ChangeType
from bridge.publish.settings import TlsClient

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Listener, ListenerFactory, MosquittoFactory, TcpProxy, WaitUntil
    from tests.integration.mqtt.conftest import Running, StartPublisher

pytestmark = pytest.mark.integration

CAM = "espcam/front_door"
RETAINED = {
    "homeassistant/device/espcam-bridge/config",
    "homeassistant/device/espcam-bridge_front_door/config",
    "espcam/bridge/state",
    f"{CAM}/availability",
    f"{CAM}/motion",
    f"{CAM}/person",
    f"{CAM}/person/count",
}


def events(listener: Listener) -> list[tuple[str, str]]:
    """Type and id of the events, in order."""
    told = [heard.json() for heard in listener.on(f"{CAM}/events")]
    return [(change["type"], change["id"]) for change in told]


def visit(running: Running, visitor: str) -> list[tuple[str, str]]:
    """A whole visit; what it must look like."""
    running.change(ChangeType.NEW, visitor, b"picture of " + visitor.encode())
    running.change(ChangeType.UPDATE, visitor)
    running.change(ChangeType.END, visitor)
    return [("new", visitor), ("update", visitor), ("end", visitor)]


def test_a_broker_that_starts_after_the_bridge_gets_everything(
    mosquitto: MosquittoFactory,
    mqtt_listener: ListenerFactory,
    start_publisher: StartPublisher,
    tcp_proxy: Callable[[int], TcpProxy],
    wait_until: WaitUntil,
) -> None:
    broker = mosquitto(start=False)
    proxy = tcp_proxy(broker.port)
    running = start_publisher(proxy.port)
    expected = visit(running, "A") + visit(running, "B")
    wait_until(lambda: proxy.accepted >= 2, what="the first tries fail")
    assert not running.publisher.connected
    proxy.cut()
    broker.start()
    listener = mqtt_listener(broker.port)
    proxy.mend()
    listener.wait_for(f"{CAM}/events", count=6, timeout_s=15)
    assert events(listener) == expected
    assert {heard.topic for heard in listener.heard} >= RETAINED


def test_a_killed_broker_that_forgot_everything_gets_all_retained_topics_back_and_the_waiting_events_once(
    mosquitto: MosquittoFactory,
    mqtt_listener: ListenerFactory,
    start_publisher: StartPublisher,
    tcp_proxy: Callable[[int], TcpProxy],
    wait_until: WaitUntil,
) -> None:
    broker = mosquitto()
    proxy = tcp_proxy(broker.port)
    running = start_publisher(proxy.port)
    before = visit(running, "A")
    running.publisher.presence("front_door", {"person": 1})
    witness = mqtt_listener(broker.port)
    witness.wait_for(f"{CAM}/person", b"ON")
    wait_until(lambda: running.metric("espcam_outbox_messages") == 0)

    broker.kill()
    wait_until(lambda: not running.publisher.connected, what="the loss is noticed")
    waiting = visit(running, "B") + visit(running, "C")
    for count in (2, 0, 3):
        running.publisher.presence("front_door", {"person": count})
    proxy.cut()
    broker.start()
    listener = mqtt_listener(broker.port)
    assert listener.heard == [], "it has forgotten everything"
    proxy.mend()

    listener.wait_for(f"{CAM}/events", count=len(waiting), timeout_s=20)
    running.change(ChangeType.NEW, "D")
    listener.wait_for(f"{CAM}/events", count=len(waiting) + 1)
    assert before[0] not in events(listener)
    assert events(listener) == [*waiting, ("new", "D")]
    assert {heard.topic for heard in mqtt_listener(broker.port).heard} | {heard.topic for heard in listener.heard} >= (
        RETAINED
    )
    assert [heard.payload for heard in listener.on(f"{CAM}/person/count")] == [b"3"], "only the newest state"
    assert_each_new_follows_its_own_picture(listener, "B", "C")


def assert_each_new_follows_its_own_picture(listener: Listener, *visitors: str) -> None:
    told = [heard for heard in listener.heard if heard.topic in {f"{CAM}/person/thumbnail", f"{CAM}/events"}]
    for before, heard in itertools.pairwise(told):
        if heard.topic.endswith("events") and heard.json()["type"] == "new" and heard.json()["id"] in visitors:
            assert before.payload == b"picture of " + heard.json()["id"].encode()


def test_a_broker_restarted_on_its_port_is_found_again_without_help(
    mosquitto: MosquittoFactory,
    mqtt_listener: ListenerFactory,
    start_publisher: StartPublisher,
    wait_until: WaitUntil,
) -> None:
    broker = mosquitto()
    running = start_publisher(broker.port)
    for _ in range(2):
        wait_until(lambda: running.publisher.connected, 15)
        broker.kill()
        wait_until(lambda: not running.publisher.connected)
        broker.start()
    listener = mqtt_listener(broker.port)
    listener.wait_for("espcam/bridge/state", b"online", timeout_s=15)
    wait_until(lambda: {heard.topic for heard in listener.heard} >= RETAINED)
    assert running.metric("espcam_mqtt_connected") == 1


def test_connections_cut_in_the_middle_of_a_stream_lose_no_event_and_keep_the_order(
    mosquitto: MosquittoFactory,
    mqtt_listener: ListenerFactory,
    start_publisher: StartPublisher,
    tcp_proxy: Callable[[int], TcpProxy],
    wait_until: WaitUntil,
) -> None:
    broker = mosquitto()
    proxy = tcp_proxy(broker.port)
    listener = mqtt_listener(broker.port, f"{CAM}/events")
    running = start_publisher(proxy.port)
    wait_until(lambda: running.publisher.connected)
    for number in range(400):
        running.change(ChangeType.UPDATE, f"{number:03}", b"x" * 20_000)
        if number in {100, 250}:
            proxy.cut()
            proxy.mend()
    listener.wait_for(f"{CAM}/events", count=400, timeout_s=20)
    wait_until(lambda: running.metric("espcam_outbox_messages") == 0, 20)
    ids = [event_id for _, event_id in events(listener)]
    assert list(dict.fromkeys(ids)) == [f"{number:03}" for number in range(400)]
    assert len(ids) - 400 <= 2 * 20, "only what was under way may come twice"


def test_after_an_outage_the_picture_is_published_again_before_what_follows(
    mosquitto: MosquittoFactory,
    mqtt_listener: ListenerFactory,
    start_publisher: StartPublisher,
    tcp_proxy: Callable[[int], TcpProxy],
    wait_until: WaitUntil,
) -> None:
    broker = mosquitto()
    proxy = tcp_proxy(broker.port)
    running = start_publisher(proxy.port)
    running.change(ChangeType.NEW, "A", b"picture of A")
    mqtt_listener(broker.port).wait_for(f"{CAM}/person/thumbnail")
    wait_until(lambda: running.metric("espcam_outbox_messages") == 0)
    proxy.cut()
    broker.restart()
    wait_until(lambda: not running.publisher.connected)
    running.change(ChangeType.END, "A")
    listener = mqtt_listener(broker.port, f"{CAM}/#")
    proxy.mend()
    listener.wait_for(f"{CAM}/events", timeout_s=15)
    told = [heard for heard in listener.heard if heard.topic in {f"{CAM}/person/thumbnail", f"{CAM}/events"}]
    assert told[0].payload == b"picture of A"
    assert events(listener) == [("end", "A")]


def test_a_frozen_broker_is_noticed_and_served_again_when_it_thaws(
    mosquitto: MosquittoFactory,
    mqtt_listener: ListenerFactory,
    start_publisher: StartPublisher,
    wait_until: WaitUntil,
) -> None:
    broker = mosquitto()
    running = start_publisher(broker.port, keepalive_s=1)
    wait_until(lambda: running.publisher.connected)
    broker.signal(signal.SIGSTOP)
    try:
        wait_until(lambda: not running.publisher.connected, 8, "the keepalive finds it")
        running.change(ChangeType.NEW, "A")
    finally:
        broker.signal(signal.SIGCONT)
    listener = mqtt_listener(broker.port)
    running.change(ChangeType.END, "A")
    wait_until(lambda: ("end", "A") in events(listener), 20)
    assert running.publisher.connected


def test_a_twin_with_the_same_client_id_does_not_keep_us_away(
    mosquitto: MosquittoFactory, mqtt_listener: ListenerFactory, start_publisher: StartPublisher, wait_until: WaitUntil
) -> None:
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion

    broker = mosquitto()
    running = start_publisher(broker.port)
    wait_until(lambda: running.publisher.connected)
    twin = Client(CallbackAPIVersion.VERSION2, client_id="espcam-bridge", reconnect_on_failure=False)
    mqtt_listener(broker.port, "nothing", twin)
    listener = mqtt_listener(broker.port, "espcam/bridge/state")
    wait_until(lambda: [heard.payload for heard in listener.heard][-1:] == [b"online"], 10)
    assert running.publisher.connected


def write_login(password_file: Path, password: str) -> None:
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(password_file), "bridge", password], check=True)
    password_file.chmod(0o644)


def test_a_refused_login_is_shown_with_its_mend_logged_once_and_recovers_when_it_is_put_right(
    mosquitto: MosquittoFactory,
    start_publisher: StartPublisher,
    wait_until: WaitUntil,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    password_file = tmp_path / "passwords"
    write_login(password_file, "other")
    broker = mosquitto(config=("allow_anonymous false", f"password_file {password_file}"))
    with caplog.at_level(logging.WARNING, "bridge"):
        running = start_publisher(broker.port, username="bridge", password="right")
        wait_until(lambda: broker.log().count("not authorised") >= 3, 10, "it keeps trying")
        status = running.publisher.status()
        assert not status.ready
        assert "check mqtt.username and mqtt.password" in status.detail
        assert len(caplog.records) == 1
    write_login(password_file, "right")
    broker.signal(signal.SIGHUP)
    wait_until(lambda: running.publisher.connected, 15)
    assert running.publisher.status().ready
    assert "right" not in caplog.text


def test_what_is_wrong_with_the_address_is_said_plainly(
    free_port: int, start_publisher: StartPublisher, wait_until: WaitUntil
) -> None:
    nobody = start_publisher(free_port)
    wait_until(lambda: f"nothing listens on 127.0.0.1:{free_port}" in nobody.publisher.status().detail)
    for host in ("no-such-host.invalid", "x" * 80):
        nameless = start_publisher(1883, host=host)
        wait_until(lambda running=nameless: "check mqtt.host" in running.publisher.status().detail, 20)  # type: ignore[misc]


def test_a_port_where_something_else_listens_is_said_plainly(
    start_publisher: StartPublisher, wait_until: WaitUntil
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            client, _ = server.accept()
            with client:
                client.recv(100)
                client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        running = start_publisher(server.getsockname()[1])
        wait_until(lambda: "is it an MQTT broker" in running.publisher.status().detail)


@pytest.fixture
def tls_broker(mosquitto: MosquittoFactory, tmp_path: Path, free_port: int) -> tuple[int, Path]:
    """A broker that speaks TLS and asks for a client's certificate; its port and the folder of the certificates."""
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    server = authority.issue_cert("127.0.0.1", "localhost")
    server.private_key_pem.write_to_path(tmp_path / "server.key")
    server.cert_chain_pems[0].write_to_path(tmp_path / "server.pem")
    client = authority.issue_cert("bridge@example.org")
    client.private_key_pem.write_to_path(tmp_path / "client.key")
    client.cert_chain_pems[0].write_to_path(tmp_path / "client.pem")
    mosquitto(
        port=free_port,
        config=(
            f"listener {free_port} 127.0.0.1",
            "allow_anonymous true",
            f"cafile {tmp_path}/ca.pem",
            f"certfile {tmp_path}/server.pem",
            f"keyfile {tmp_path}/server.key",
            "require_certificate true",
        ),
    )
    return free_port, tmp_path


def full_tls(folder: Path, *, verify: bool = True) -> TlsClient:
    return TlsClient(
        ca_file=str(folder / "ca.pem") if verify else "",
        cert_file=str(folder / "client.pem"),
        key_file=str(folder / "client.key"),
        verify=verify,
    )


def test_over_tls_with_certificates_on_both_sides_all_is_the_same(
    tls_broker: tuple[int, Path], mqtt_listener: ListenerFactory, start_publisher: StartPublisher
) -> None:
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion

    port, folder = tls_broker
    client = Client(CallbackAPIVersion.VERSION2)
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    context.load_cert_chain(folder / "client.pem", folder / "client.key")
    client.tls_set_context(context)
    listener = mqtt_listener(port, "#", client)
    running = start_publisher(port, tls=full_tls(folder))
    expected = [change for number in range(50) for change in visit(running, str(number))]
    listener.wait_for(f"{CAM}/events", count=150, timeout_s=10)
    assert events(listener) == expected
    listener.publish("homeassistant/status", b"online")
    listener.wait_for("homeassistant/device/espcam-bridge/config", count=2)
    began_s = time.monotonic()
    running.publisher.stop()
    assert time.monotonic() - began_s < 2
    listener.wait_for("espcam/bridge/state", b"offline")


def test_a_certificate_nobody_vouches_for_is_refused_unless_verify_is_off(
    tls_broker: tuple[int, Path], start_publisher: StartPublisher, wait_until: WaitUntil
) -> None:
    port, folder = tls_broker
    wary = start_publisher(port, tls=TlsClient())
    wait_until(lambda: "is not trusted" in wary.publisher.status().detail)
    assert "set mqtt.tls.ca_file" in wary.publisher.status().detail
    trusting = start_publisher(port, tls=full_tls(folder, verify=False), client_id="trusting")
    wait_until(lambda: trusting.publisher.connected)


def test_a_tls_port_without_tls_and_files_that_are_not_there_are_said_plainly(
    tls_broker: tuple[int, Path], start_publisher: StartPublisher, wait_until: WaitUntil
) -> None:
    port, folder = tls_broker
    plain = start_publisher(port)
    wait_until(lambda: "mqtt.tls" in plain.publisher.status().detail)
    missing = start_publisher(port, tls=TlsClient(ca_file=str(folder / "nowhere.pem")))
    wait_until(lambda: "the certificates cannot be read" in missing.publisher.status().detail)
