"""The twins' links on real sockets, against a small WebSocket server that is not ours."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from bridge.errors import LinkLost
from bridge.simulate.camera import dial, dial_as_sketch

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from websockets.http11 import Request, Response
    from websockets.sync.server import Server

    from bridge.simulate.twin import Link
    from tests.conftest import WaitUntil

    Handler = Callable[[ServerConnection], None]

pytestmark = pytest.mark.integration


@dataclass
class Bridge:
    """What the server heard."""

    port: int
    requests: list[Request] = field(default_factory=list)
    messages: list[str | bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/door"


@contextlib.contextmanager
def listening(handler: Handler | None = None, refuse: tuple[int, str] | None = None) -> Iterator[Bridge]:
    """A server; without a handler it records every message."""
    bridge = Bridge(0)

    def process_request(connection: ServerConnection, request: Request) -> Response | None:
        bridge.requests.append(request)
        return connection.respond(*refuse) if refuse else None

    def record(connection: ServerConnection) -> None:
        bridge.messages.extend(connection)

    # A small window, so that a server that stops reading is felt soon.
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
    bridge.port = listener.getsockname()[1]
    with serve(
        handler or record, sock=listener, process_request=process_request, ping_interval=None, close_timeout=1
    ) as server:
        thread = _serve(server)
        try:
            yield bridge
        finally:
            server.shutdown()
            thread.join(5)


def _serve(server: Server) -> threading.Thread:
    thread = threading.Thread(target=server.serve_forever, name="server", daemon=True)
    thread.start()
    return thread


KINDS = pytest.mark.parametrize("kind", [0, 1], ids=["firmware", "sketch"])
DIALS: tuple[Callable[[str], Coroutine[None, None, Link]], ...] = (dial, dial_as_sketch)


@KINDS
def test_texts_and_frames_arrive_as_they_were_sent(kind: int, wait_until: WaitUntil) -> None:
    messages: list[str | bytes] = ["grüß Gott", b"\xff\xd8\xff\xd9", b"", b"x" * 200_000]

    async def talk(url: str) -> None:
        link = await DIALS[kind](url)
        for message in messages:
            await link.send(message)
        await link.close()

    with listening() as bridge:
        asyncio.run(talk(bridge.url))
        wait_until(lambda: len(bridge.messages) == 4)
        assert bridge.messages == messages


@KINDS
def test_messages_of_the_bridge_arrive(kind: int) -> None:
    async def listen(url: str) -> list[str | bytes]:
        link = await DIALS[kind](url)
        try:
            return [await link.receive(), await link.receive()]
        finally:
            await link.close()

    def greet(connection: ServerConnection) -> None:
        connection.send("welcome")
        connection.send(b"bytes")
        with contextlib.suppress(ConnectionClosed):
            connection.recv()

    with listening(greet) as bridge:
        heard = asyncio.run(listen(bridge.url))
    assert heard == ["welcome", b"bytes"]


@KINDS
def test_the_close_code_and_the_reason_arrive(kind: int) -> None:
    async def listen(url: str) -> None:
        link = await DIALS[kind](url)
        try:
            await link.receive()
        finally:
            await link.close()

    refuse = listening(lambda connection: connection.close(4403, "waiting for approval"))
    with refuse as bridge, pytest.raises(LinkLost) as lost:
        asyncio.run(listen(bridge.url))
    assert (lost.value.close_code, lost.value.reason, lost.value.refused) == (4403, "waiting for approval", True)
    assert str(lost.value) == "4403 waiting for approval"


@KINDS
def test_a_bridge_that_stops_is_no_refusal(kind: int) -> None:
    async def listen(url: str) -> None:
        link = await DIALS[kind](url)
        try:
            await link.receive()
        finally:
            await link.close()

    stop = listening(lambda connection: connection.close(1001, "stopping"))
    with stop as bridge, pytest.raises(LinkLost, match="1001 stopping") as lost:
        asyncio.run(listen(bridge.url))
    assert not lost.value.refused


@KINDS
def test_a_broken_connection_ends_sending_too(kind: int) -> None:
    async def send_on(url: str) -> None:
        link = await DIALS[kind](url)
        try:
            while True:
                await link.send(b"x" * 1000)
        finally:
            await link.close()

    def hang_up(connection: ServerConnection) -> None:
        connection.recv()
        connection.socket.shutdown(socket.SHUT_RDWR)

    with listening(hang_up) as bridge, pytest.raises(LinkLost) as lost:
        asyncio.run(send_on(bridge.url))
    assert lost.value.close_code == 1006


@KINDS
def test_an_http_refusal_is_shown_with_what_the_bridge_said(kind: int) -> None:
    refuse = listening(refuse=(403, "origin is not in ingest.allowed_origins\n"))
    with refuse as bridge, pytest.raises(LinkLost) as lost:
        asyncio.run(_dial_only(kind, bridge.url))
    assert str(lost.value) == "the bridge refused: HTTP 403 origin is not in ingest.allowed_origins"
    assert lost.value.refused


@KINDS
def test_an_overloaded_bridge_is_no_refusal(kind: int) -> None:
    with listening(refuse=(503, "later\n")) as bridge, pytest.raises(LinkLost, match="HTTP 503 later") as lost:
        asyncio.run(_dial_only(kind, bridge.url))
    assert not lost.value.refused


@KINDS
def test_nobody_there_is_said_without_the_token(kind: int, free_port: int) -> None:
    with pytest.raises(LinkLost, match=f"cannot connect to ws://127.0.0.1:{free_port}/ws/door: ") as lost:
        asyncio.run(_dial_only(kind, f"ws://127.0.0.1:{free_port}/ws/door?token=secret"))
    assert "secret" not in str(lost.value)
    assert not lost.value.refused


async def _dial_only(kind: int, url: str) -> None:
    link = await DIALS[kind](url)
    await link.close()


def test_the_firmware_shows_its_token_and_itself_and_no_origin() -> None:
    async def knock(url: str) -> None:
        link = await dial(url, "s3cret")
        await link.close()

    with listening() as bridge:
        asyncio.run(knock(bridge.url))
    headers = bridge.requests[0].headers
    assert headers["Authorization"] == "Bearer s3cret"
    assert headers["User-Agent"].startswith("espcam-bridge-simulate/")
    assert not {"Origin", "Sec-WebSocket-Extensions", "Sec-WebSocket-Protocol"} & set(headers)


def test_the_firmware_answers_a_ping_and_the_sketch_does_not() -> None:
    answered: list[bool] = []

    def ping(connection: ServerConnection) -> None:
        answered.append(connection.ping().wait(0.5))
        connection.send("enough")
        connection.recv()

    async def wait(kind: int, url: str) -> None:
        link = await DIALS[kind](url)
        await link.receive()
        await link.send("thanks")
        await link.close()

    with listening(ping) as bridge:
        asyncio.run(wait(0, bridge.url))
        asyncio.run(wait(1, bridge.url))
    assert answered == [True, False]


@KINDS
def test_a_bridge_that_reads_slowly_holds_the_sender_back_instead_of_being_shown_the_past(kind: int) -> None:
    taken: list[float] = []
    frame_bytes = 20_000
    go_on = threading.Event()

    def read_later(connection: ServerConnection) -> None:
        go_on.wait(10)
        with contextlib.suppress(ConnectionClosed):
            connection.recv()

    async def send_on(url: str) -> int:
        link = await DIALS[kind](url)
        sent = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.7):
                while True:
                    await link.send(b"x" * frame_bytes)
                    sent += 1
                    taken.append(time.monotonic())
        began_s = time.monotonic()
        await link.close()
        assert time.monotonic() - began_s < 2  # it does not wait for ever either
        return sent

    with listening(read_later) as bridge:
        sent = asyncio.run(send_on(bridge.url))
        go_on.set()
    # Left alone, this machine takes several megabytes before it holds anybody back.
    assert 2 <= sent <= 40
    assert time.monotonic() - taken[-1] > 0.3


def test_the_sketch_sends_the_header_lines_of_its_client_in_their_order() -> None:
    request, error = _shake_hands_with(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    lines = request.decode().split("\r\n")
    key = next(line for line in lines if line.startswith("Sec-WebSocket-Key: "))
    assert lines == [
        "GET /ws HTTP/1.1",
        "Host: 127.0.0.1",
        key,
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "User-Agent: TinyWebsockets Client",
        "Origin: https://github.com/gilmaimon/TinyWebsockets",
        "",
        "",
    ]
    assert "HTTP 404" in str(error)


def test_the_sketch_gives_an_answer_one_second() -> None:
    began_s = time.monotonic()
    _, error = _shake_hands_with(None)
    assert "no answer in time" in str(error)
    assert 0.9 < time.monotonic() - began_s < 3


def test_the_sketch_takes_no_answer_that_is_not_plainly_an_upgrade() -> None:
    _, error = _shake_hands_with(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
        b"Sec-WebSocket-Accept: %s\r\n\r\n"
    )
    assert "'Connection: keep-alive, Upgrade', which the sketch's client does not take" in str(error)


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 101 Switching Protocols\r\n\r\n"])
def test_the_sketch_takes_no_answer_of_another_kind(answer: bytes) -> None:
    _, error = _shake_hands_with(answer)
    assert error.close_code in {None, 1006}


def _shake_hands_with(answer: bytes | None) -> tuple[bytes, LinkLost]:
    """Dial a bare socket that gives this answer; None: none at all. ``%s`` stands for the right accept key."""
    from websockets.utils import accept_key

    requests: list[bytes] = []
    done = threading.Event()

    def serve_once(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        request = b""
        while b"\r\n\r\n" not in request:
            request += connection.recv(4096)
        requests.append(request)
        if answer is None:
            done.wait(10)
        else:
            key = request.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0].decode()
            connection.sendall(answer.replace(b"%s", accept_key(key).encode()))
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve_once, args=(listener,))
        thread.start()
        with pytest.raises(LinkLost) as lost:
            asyncio.run(_dial_only(1, f"ws://127.0.0.1:{listener.getsockname()[1]}/ws"))
        done.set()
        thread.join(5)
    return requests[0], lost.value
