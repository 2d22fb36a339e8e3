"""Fixtures that all tests may use: a real broker, a real MQTT listener, free ports, shared material, waiting.

Client libraries are imported only where a fixture needs them, so that unit tests stay light. Types for annotations:
``from tests.conftest import Listener, Mosquitto, TcpProxy`` under ``TYPE_CHECKING``.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import hypothesis
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from paho.mqtt.client import Client, MQTTMessage


# A machine that others use may pause an example for longer than hypothesis's 200 ms; each test has a time-out anyway.
_PATIENT = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
# Few examples, so that the unit tests are over in seconds: make test ARGS=--hypothesis-profile=thorough tries many.
hypothesis.settings.register_profile("quick", _PATIENT, max_examples=10)
hypothesis.settings.register_profile("thorough", _PATIENT, max_examples=500)
# The same examples every time, so that a landing does not hang on luck.
hypothesis.settings.register_profile("ci", _PATIENT, max_examples=200, derandomize=True)
hypothesis.settings.load_profile("quick")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Make two streams of the tests that talk to real servers, for ``--dist loadgroup``.

    The main job plays minutes of footage, at which its core is idle half of the time; with the models' tests it takes
    as long as all others. Within a stream one test follows the other, so that none measures the load of ten.
    """
    for item in items:
        if not {"integration", "firmware", "browser"}.isdisjoint(item.path.parts):
            sees = "main_job" in item.path.parts or item.path.name.startswith("test_detect")
            item.add_marker(pytest.mark.xdist_group("sees" if sees else "others"))


class WaitUntil(Protocol):
    """See the fixture ``wait_until``."""

    def __call__(self, predicate: Callable[[], object], timeout_s: float = 5.0, what: str = "") -> None: ...


def _wait_until(predicate: Callable[[], object], timeout_s: float = 5.0, what: str = "") -> None:
    deadline_s = time.monotonic() + timeout_s
    while not predicate():
        if time.monotonic() > deadline_s:
            pytest.fail(f"not within {timeout_s} s: {what or predicate}")
        time.sleep(0.01)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def wait_until() -> WaitUntil:
    """Wait until a predicate is true, else fail the test: ``wait_until(lambda: ..., timeout_s=5, what="...")``."""
    return _wait_until


@pytest.fixture
def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on."""
    return _free_port()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of material that is too big or not ours to ship; the test skips where it is not there."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip(f"no shared material at {folder}")
    return folder


# --- broker ------------------------------------------------------------------------------------------------------


class Mosquitto:
    """A real Mosquitto on a port of its own on 127.0.0.1.

    Args:
        folder: for its configuration, log and data.
        port: where it listens; the same after a restart.
        config: more lines of ``mosquitto.conf``; with any ``allow_anonymous`` or ``listener`` line they replace ours.
        persistence: whether retained messages outlive a clean stop.
    """

    def __init__(self, folder: Path, port: int, *, config: tuple[str, ...] = (), persistence: bool = False) -> None:
        self.port = port
        self.log_file = folder / f"mosquitto-{port}.log"
        self._config_file = folder / f"mosquitto-{port}.conf"
        self._process: subprocess.Popen[bytes] | None = None
        data = folder / f"mosquitto-{port}-data"
        data.mkdir()
        self._write_config(config, f"{data}/" if persistence else "")

    def _write_config(self, config: tuple[str, ...], data: str) -> None:
        given = {line.split()[0] for line in config}
        lines = [
            f"log_dest file {self.log_file}",
            "log_type all",
            f"persistence {str(bool(data)).lower()}",
            "user root",
        ]
        lines += [f"persistence_location {data}"] if data else []
        lines += [] if "listener" in given else [f"listener {self.port} 127.0.0.1"]
        lines += [] if "allow_anonymous" in given else ["allow_anonymous true"]
        self._config_file.write_text("\n".join([*lines, *config]) + "\n")

    def start(self) -> Mosquitto:
        """Start it and wait until it listens."""
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
        if program is None:
            pytest.skip("mosquitto is not installed: sudo apt-get install mosquitto")
        self._process = subprocess.Popen(
            [program, "-c", str(self._config_file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        process = self._process
        _wait_until(lambda: process.poll() is not None or _listens(self.port), 10, f"mosquitto on {self.port}")
        if process.poll() is not None:
            pytest.fail(f"mosquitto ended at once: {self.log()}")
        return self

    def stop(self) -> None:
        """End it cleanly (SIGTERM)."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def restart(self) -> None:
        """Kill and start again; without persistence it has forgotten everything."""
        self.kill()
        self.start()

    def signal(self, number: int) -> None:
        """Send it a signal, for example SIGSTOP, or SIGHUP after a change of its password file."""
        assert self._process is not None
        self._process.send_signal(number)

    def log(self) -> str:
        """What it logged so far."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""


class MosquittoFactory(Protocol):
    """See the fixture ``mosquitto``."""

    def __call__(
        self, *, config: tuple[str, ...] = (), persistence: bool = False, port: int = 0, start: bool = True
    ) -> Mosquitto: ...


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[MosquittoFactory]:
    """Make brokers: ``broker = mosquitto()`` listens on ``broker.port``; they end with the test."""
    brokers: list[Mosquitto] = []

    def make(
        *, config: tuple[str, ...] = (), persistence: bool = False, port: int = 0, start: bool = True
    ) -> Mosquitto:
        broker = Mosquitto(tmp_path, port or _free_port(), config=config, persistence=persistence)
        brokers.append(broker)
        return broker.start() if start else broker

    yield make
    for broker in brokers:
        broker.kill()


# --- listener ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Heard:
    """One message as a subscriber got it."""

    topic: str
    payload: bytes
    retain: bool
    qos: int
    at_mono_s: float

    def json(self) -> Any:  # noqa: ANN401 - that is what JSON is
        """The payload as JSON."""
        return json.loads(self.payload)


class Listener:
    """A real MQTT client that records everything below ``topic``; also publishes, as Home Assistant would.

    Args:
        port: the broker's port on 127.0.0.1.
        topic: the subscription.
        client: an unconnected paho client, for a login or TLS of its own; None = anonymous.
    """

    def __init__(self, port: int, topic: str = "#", client: Client | None = None) -> None:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        self.heard: list[Heard] = []
        self._subscribed = threading.Event()
        self._client = client or Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe(topic, 1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port, 30)
        self._client.loop_start()
        if not self._subscribed.wait(5):
            pytest.fail(f"no subscription on port {port} within 5 s")

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        heard = Heard(message.topic, bytes(message.payload), message.retain, message.qos, time.monotonic())
        self.heard.append(heard)

    def on(self, topic: str) -> list[Heard]:
        """What came on this topic, in order."""
        return [heard for heard in list(self.heard) if heard.topic == topic]

    def newest(self, topic: str) -> bytes | None:
        """The newest payload on this topic."""
        heard = self.on(topic)
        return heard[-1].payload if heard else None

    def wait_for(self, topic: str, payload: bytes | None = None, timeout_s: float = 5.0, count: int = 1) -> Heard:
        """Wait until ``count`` messages (with this payload) came on the topic.

        Returns:
            The last of them.
        """

        def fitting() -> list[Heard]:
            return [heard for heard in self.on(topic) if payload is None or heard.payload == payload]

        _wait_until(lambda: len(fitting()) >= count, timeout_s, f"{count} times {topic} {payload!r}")
        return fitting()[count - 1]

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish with QoS 1 and wait until the broker has it."""
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(5)

    def clear(self) -> None:
        """Forget what came."""
        self.heard.clear()

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()
        # paho closes the pair of sockets that wakes its thread only when it is collected, which pytest complains of.
        self._client._reset_sockets(sockpair_only=True)


class ListenerFactory(Protocol):
    """See the fixture ``mqtt_listener``."""

    def __call__(self, port: int, topic: str = "#", client: Client | None = None) -> Listener: ...


@pytest.fixture
def mqtt_listener() -> Iterator[ListenerFactory]:
    """Make listeners: ``heard = mqtt_listener(broker.port, "espcam/#")``; they end with the test."""
    listeners: list[Listener] = []

    def make(port: int, topic: str = "#", client: Client | None = None) -> Listener:
        listeners.append(Listener(port, topic, client))
        return listeners[-1]

    yield make
    for listener in listeners:
        listener.close()


# --- network -----------------------------------------------------------------------------------------------------


class TcpProxy:
    """Stands between a client and a server on 127.0.0.1 and can break the transport.

    Args:
        target_port: where connections go; nobody need listen there yet.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._open = True
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.accepted = 0
        threading.Thread(target=self._accept, name="tcp-proxy", daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the listening socket was closed
            while True:
                client, _ = self._server.accept()
                self.accepted += 1
                self._join(client)

    def _join(self, client: socket.socket) -> None:
        try:
            if not self._open:
                raise ConnectionRefusedError
            server = socket.create_connection(("127.0.0.1", self._target_port), 2)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        self._pairs.append((client, server))
        for source, target in ((client, server), (server, client)):
            threading.Thread(target=self._pump, args=(source, target), name="tcp-proxy-pump", daemon=True).start()

    @staticmethod
    def _pump(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """Break every connection and let no new one through."""
        self._open = False
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()

    def mend(self) -> None:
        """Let connections through again."""
        self._open = True

    def close(self) -> None:
        """Break everything for good."""
        self.cut()
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()


@pytest.fixture
def tcp_proxy() -> Iterator[Callable[[int], TcpProxy]]:
    """Make proxies: ``proxy = tcp_proxy(broker.port)``; clients dial ``proxy.port``."""
    proxies: list[TcpProxy] = []

    def make(target_port: int) -> TcpProxy:
        proxies.append(TcpProxy(target_port))
        return proxies[-1]

    yield make
    for proxy in proxies:
        proxy.close()
