"""A publisher with its metrics, and one beside a history, for tests against a real broker."""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from bridge.model import ChangeType, Event, EventChange, Letter
from bridge.publish.messages import MessageKind
from bridge.publish.publisher import Publisher
from bridge.publish.settings import PublishedCamera, PublishSettings
from bridge.runtime.clock import SystemClock
from bridge.runtime.metrics import Metrics
from bridge.runtime.worker import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bridge.publish.messages import Message

CAMERA = PublishedCamera("front_door", "Front door", ("person",))


def change_of(kind: ChangeType, event_id: str, jpeg: bytes | None = None) -> EventChange:
    """One step of a person's visit at the front door, now."""
    now = SystemClock()
    end_unix_s = now.unix_s() if kind is ChangeType.END else None
    box = (0.1, 0.2, 0.3, 0.4)
    event = Event(event_id, CAMERA.id, "person", 0.8, 0.9, box, now.unix_s(), end_unix_s, now.unix_s(), now.mono_s())
    return EventChange(kind, event, jpeg)


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
        self.publisher.event(change_of(kind, event_id, jpeg))


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
        publisher.add_camera(CAMERA)
        return running

    yield start
    for running in started:
        running.publisher.stop()
        assert not running.supervisor.stopping, "the publisher's thread crashed"


class Desk:
    """A bridge's publisher beside letters on the disk: what the history does, with two files in place of a database.

    It outlives a SIGKILL: every line is with the operating system before anything else happens.

    Args:
        folder: of the files; whatever waits there is sent first.
        port: the broker's.
        settle_s: how long a letter that was delivered stays on the disk.
        restore_late: whether the letters are read only when the connection stands.
        settings: of the publisher.
    """

    def __init__(
        self,
        folder: Path,
        port: int,
        *,
        settle_s: float = 0.0,
        restore_late: bool = False,
        **settings: Any,  # noqa: ANN401 - fields of PublishSettings
    ) -> None:
        self._written, self._gone = folder / "written", folder / "gone"
        self._settle_s = settle_s
        self._delivered: queue.Queue[int] = queue.Queue()
        self.metrics, self.supervisor = Metrics(), Supervisor()
        self.publisher = Publisher(
            replace(PublishSettings(port=port, durable=True), **settings),
            clock=SystemClock(),
            metrics=self.metrics,
            supervisor=self.supervisor,
            delivered=self._delivered.put,
        )
        self.publisher.add_camera(CAMERA)
        threading.Thread(target=self._remove, name="history", daemon=True).start()
        self._lines = len(_lines(self._written))
        if restore_late:
            self.publisher.start()
            while not self.publisher.connected:
                time.sleep(0.001)
            time.sleep(0.2)
        for letter in self.waiting():
            self.publisher.send(self.publisher.restore(letter, picture_of(letter.event_id)))
        if not restore_late:
            self.publisher.start()

    def change(self, kind: ChangeType, event_id: str) -> None:
        """A step of a visit, onto the disk and then on its way."""
        change = change_of(kind, event_id, picture_of(event_id) if kind is ChangeType.NEW else None)
        messages = self.publisher.compose(change)
        rows = [
            {"event_id": event_id, "topic": message.topic, "payload": message.payload.decode()}
            for message in messages
            if message.kind is MessageKind.EVENT
        ]
        _append(self._written, "\n".join(json.dumps(row) for row in rows))  # in one go, as in a transaction
        self.publisher.send([self._numbered(message) for message in messages])

    def waiting(self) -> list[Letter]:
        """The letters on the disk."""
        gone = {int(line) for line in _lines(self._gone)}
        rows = [json.loads(line) for line in _lines(self._written)]
        return [
            Letter(number, CAMERA.id, row["event_id"], row["topic"], row["payload"].encode())
            for number, row in enumerate(rows, 1)
            if number not in gone
        ]

    def written(self) -> list[str]:
        """The payloads of all letters there ever were, in order."""
        return [json.loads(line)["payload"] for line in _lines(self._written)]

    def stop(self) -> None:
        """A clean stop; what is not delivered stays on the disk."""
        self.publisher.stop()
        assert not self.supervisor.stopping, "the publisher's thread crashed"

    def _numbered(self, message: Message) -> Message:
        if message.kind is not MessageKind.EVENT:
            return message
        self._lines += 1
        return replace(message, number=self._lines)

    def _remove(self) -> None:
        while True:
            numbers = [self._delivered.get()]
            time.sleep(self._settle_s)
            with contextlib.suppress(queue.Empty):
                while True:
                    numbers.append(self._delivered.get_nowait())
            _append(self._gone, "\n".join(map(str, numbers)))
            self.publisher.settled(numbers)


def picture_of(event_id: str) -> bytes:
    """The picture of a visit; any bytes do."""
    return b"picture of " + event_id.encode()


def _append(file: Path, text: str) -> None:
    with file.open("ab", buffering=0) as out:
        out.write(f"{text}\n".encode())


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


class StartDesk(Protocol):
    """See the fixture ``start_desk``."""

    def __call__(self, port: int, **options: Any) -> Desk: ...  # noqa: ANN401 - those of Desk


@pytest.fixture
def start_desk(tmp_path: Path) -> Iterator[StartDesk]:
    """Start publishers beside letters on the disk, all on the same letters; they stop with the test."""
    desks: list[Desk] = []

    def start(port: int, **options: Any) -> Desk:  # noqa: ANN401 - those of Desk
        desks.append(Desk(tmp_path, port, **options))
        return desks[-1]

    yield start
    for desk in desks:
        desk.stop()


@dataclass(frozen=True, slots=True)
class Break:
    """How a connection ends.

    Attributes:
        up_bytes: cut when so many went to the broker; None = not so.
        down_bytes: when so many came from the broker, the rest is swallowed, while the broker still takes all; None =
            not so.
        half_open: then nothing is cut either: the broker's end stays open.
    """

    up_bytes: int | None = None
    down_bytes: int | None = None
    half_open: bool = False


class BreakingProxy:
    """Stands between the bridge and the broker and breaks the first connections, one by one, each as told.

    Args:
        target_port: the broker's.
        breaks: for the first connections; later ones hold.
    """

    def __init__(self, target_port: int, breaks: list[Break]) -> None:
        self._target_port = target_port
        self._breaks = list(breaks)
        self._sockets: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, name="breaking-proxy", daemon=True).start()

    @property
    def left(self) -> int:
        """How many connections are still to be broken."""
        return len(self._breaks)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the listening socket was closed
            while True:
                client, _ = self._server.accept()
                broker = socket.create_connection(("127.0.0.1", self._target_port))
                self._sockets += [client, broker]
                how = self._breaks.pop(0) if self._breaks else Break()
                for body in (self._up, self._down):
                    threading.Thread(target=body, args=(client, broker, how), name="pump", daemon=True).start()

    def _up(self, client: socket.socket, broker: socket.socket, how: Break) -> None:
        left = how.up_bytes
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                broker.sendall(data[:left])
                if left is not None:
                    left -= len(data)
                    if left <= 0:
                        break
        if not how.half_open:
            _end(client, broker)

    def _down(self, client: socket.socket, broker: socket.socket, how: Break) -> None:
        left = how.down_bytes
        with contextlib.suppress(OSError):
            while data := broker.recv(65536):
                client.sendall(data if left is None else data[: max(left, 0)])
                if left is not None:
                    left -= len(data)
                    if left <= 0 and not how.half_open:
                        threading.Timer(0.2, _end, (client, broker)).start()
                        how = replace(how, half_open=True)  # one timer is enough
        _end(client, broker)

    def close(self) -> None:
        """Break everything for good."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        _end(*self._sockets)
        for sock in self._sockets:
            sock.close()


def _end(*ends: socket.socket) -> None:
    for end in ends:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def breaking_proxy() -> Iterator[Callable[[int, list[Break]], BreakingProxy]]:
    """Make proxies that break connections: ``proxy = breaking_proxy(broker.port, [Break(up_bytes=9000)])``."""
    proxies: list[BreakingProxy] = []

    def make(target_port: int, breaks: list[Break]) -> BreakingProxy:
        proxies.append(BreakingProxy(target_port, breaks))
        return proxies[-1]

    yield make
    for proxy in proxies:
        proxy.close()
