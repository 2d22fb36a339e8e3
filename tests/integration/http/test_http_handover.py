"""The HTTP server hands a connection over when, and only when, the head of a stream is sent."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from bridge.runtime.clock import SystemClock
from bridge.serve.listener import HAND_OVER, Listener

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.conftest import WaitUntil

pytestmark = pytest.mark.integration

STREAM = "multipart/x-mixed-replace; boundary=frame"


@dataclass
class Heir:
    """Notes what becomes of the connection."""

    taken: list[socket.socket] = field(default_factory=list)
    given_up: int = 0

    def take(self, sock: socket.socket) -> None:
        self.taken.append(sock)

    def give_up(self) -> None:
        self.given_up += 1


@pytest.fixture
def heir() -> Iterator[Heir]:
    heir = Heir()
    yield heir
    for sock in heir.taken:
        sock.close()


@pytest.fixture
def connect(heir: Heir) -> Iterator[Callable[[str], socket.socket]]:
    """Ask a server whose application hands the connection over and answers with this type (``fails``: not at all)."""
    kind = ""

    def application(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        environ[HAND_OVER](heir)
        if kind == "fails":
            raise RuntimeError("on purpose")
        start_response("200 OK", [("Content-Type", kind)])
        return iter((b"begin",))

    server = Listener(("127.0.0.1", 0), application, threads=2, clock=SystemClock())
    server.prepare()
    thread = threading.Thread(target=server.serve)
    thread.start()
    clients: list[socket.socket] = []

    def ask(wanted: str) -> socket.socket:
        nonlocal kind
        kind = wanted
        clients.append(socket.create_connection(("127.0.0.1", server.bind_addr[1]), 5))
        clients[-1].sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        return clients[-1]

    yield ask
    server.stop()
    thread.join()
    for client in clients:
        client.close()


def _read_until(client: socket.socket, end: bytes) -> bytes:
    data = b""
    while not data.endswith(end):
        data += client.recv(4096)
    return data


def test_a_streams_connection_is_handed_over_open_and_the_head_is_sent(
    heir: Heir, connect: Callable[[str], socket.socket], wait_until: WaitUntil
) -> None:
    client = connect(STREAM)
    head = _read_until(client, b"begin")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Connection: close\r\n" in head
    assert b"Transfer-Encoding" not in head
    wait_until(lambda: heir.taken, what="the connection handed over")
    heir.taken[0].sendall(b"and on")
    assert _read_until(client, b"and on") == b"and on"
    assert heir.given_up == 0


@pytest.mark.parametrize("kind", ["text/plain", "fails"])
def test_any_other_answer_gives_it_up_and_stays_with_the_server(
    heir: Heir, connect: Callable[[str], socket.socket], wait_until: WaitUntil, kind: str
) -> None:
    client = connect(kind)
    assert client.recv(4096).startswith(b"HTTP/1.1 ")
    wait_until(lambda: heir.given_up == 1, what="given up")
    client.close()
    assert heir.taken == []


def test_what_was_handed_over_is_left_alone(
    heir: Heir, connect: Callable[[str], socket.socket], wait_until: WaitUntil
) -> None:
    client = connect(STREAM)
    wait_until(lambda: heir.taken, what="the connection handed over")
    other = connect("text/plain")
    _read_until(other, b"0\r\n\r\n")
    heir.taken[0].sendall(b"still here")
    assert _read_until(client, b"still here").endswith(b"begin" + b"still here")
