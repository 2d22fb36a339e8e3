"""Beginning and end: ports, certificates, replaced and silent connections, the bridge's stop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from typing import TYPE_CHECKING, NoReturn

import pytest

# Over TLS not the client with threads: it reads and writes one TLS object at the same time, and of 250 handshakes on a
# busy machine one never ended; of 600 with this one none.
from websockets.asyncio.client import connect as dial_tls
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK
from websockets.sync.client import connect

from bridge.errors import ListenError, WorkerCrashed
from bridge.frames.store import FrameStore
from bridge.ingest.fake import FakeTalk
from bridge.ingest.server import IngestServer
from bridge.ingest.settings import IngestSettings, TlsFiles
from bridge.runtime.clock import SystemClock
from bridge.runtime.metrics import Metrics
from bridge.runtime.worker import Supervisor

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

    from tests.conftest import WaitUntil
    from tests.integration.ingest.conftest import DialRaw, Port, StartPort

pytestmark = pytest.mark.integration

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
HELLO = json.dumps({"type": "hello", "v": 1})


def server_of(settings: IngestSettings) -> IngestServer:
    clock, supervisor = SystemClock(), Supervisor()
    store = FrameStore(clock, Metrics())
    return IngestServer(
        settings,
        store,
        clock=clock,
        supervisor=supervisor,
        admit=store.add_camera,
        talk=FakeTalk(),
        redirect_url=str,
    )


# --- listening -----------------------------------------------------------------------------------------------------


def test_a_taken_port_is_named_with_the_mend() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        server = server_of(IngestSettings(host="127.0.0.1", port=taken))
        with pytest.raises(ListenError, match=f"on 127.0.0.1:{taken}: another program has it") as caught:
            server.start()
    assert "ingest.port" in str(caught.value)
    assert not server.listening
    assert server.stop()


@pytest.mark.parametrize("host", ["192.0.2.1", "nobody.invalid"])
def test_a_host_that_is_not_this_machine_is_named_with_the_mend(host: str) -> None:
    with pytest.raises(ListenError, match=r"set ingest.host to an address of this machine"):
        server_of(IngestSettings(host=host, port=0)).start()


def test_ipv6_is_listened_on() -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    with server_of(IngestSettings(host="::", port=0)) as server:
        for host in ("[::1]", "127.0.0.1"):
            with connect(f"ws://{host}:{server.port}/ws") as camera:
                assert camera.ping().wait(5), f"an answer on {host}"


def test_a_server_listens_from_start_to_stop_in_a_thread_named_ingest(port: Port) -> None:
    assert port.server.listening
    assert "ingest" in {thread.name for thread in threading.enumerate()}
    assert port.server.stop()
    assert not port.server.listening
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port.server.port), 1).close()


def test_the_same_port_can_be_listened_on_again_at_once(port: Port, jpeg: bytes) -> None:
    with connect(port.url()) as camera:
        camera.send(jpeg)
        assert port.server.stop()
    with server_of(IngestSettings(host="127.0.0.1", port=port.server.port)) as again:
        assert again.listening


# --- TLS -----------------------------------------------------------------------------------------------------------


def test_a_camera_can_dial_in_over_tls(
    start_port: StartPort, certificates: tuple[TlsFiles, ssl.SSLContext], jpeg: bytes, wait_until: WaitUntil
) -> None:
    files, trust = certificates
    port = start_port(tls=files)

    async def talk() -> None:
        async with dial_tls(f"wss://127.0.0.1:{port.server.port}/ws", ssl=trust) as camera:
            for _ in range(20):
                await camera.send(jpeg)
            await camera.send(jpeg * 30)  # several TLS records and reads
            await asyncio.to_thread(wait_until, lambda: port.status().received == 21)
            assert await asyncio.to_thread(port.server.stop)
            await asyncio.wait_for(camera.recv(), 5)

    with pytest.raises(ConnectionClosedOK) as caught:
        asyncio.run(talk())
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1001


def test_who_does_not_speak_tls_gets_nothing_and_harms_nothing(
    start_port: StartPort, certificates: tuple[TlsFiles, ssl.SSLContext], jpeg: bytes, wait_until: WaitUntil
) -> None:
    files, trust = certificates
    port = start_port(tls=files)
    with socket.create_connection(("127.0.0.1", port.server.port), 5) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            while plain.recv(4096):
                pass

    async def talk() -> None:
        async with dial_tls(f"wss://127.0.0.1:{port.server.port}/ws", ssl=trust) as camera:
            await camera.send(jpeg)
            await asyncio.to_thread(wait_until, lambda: port.status().received == 1)

    asyncio.run(talk())


@pytest.mark.parametrize("content", [None, "no PEM at all"])
def test_a_certificate_that_cannot_be_read_is_named(tmp_path: Path, content: str | None) -> None:
    files = TlsFiles(tmp_path / "cert.pem", tmp_path / "key.pem")
    if content is not None:
        files.cert_file.write_text(content)
        files.key_file.write_text(content)
    with pytest.raises(ListenError, match=r"ingest.tls: cannot use .*cert.pem"):
        server_of(IngestSettings(host="127.0.0.1", port=0, tls=files)).start()


# --- the newest connection wins ------------------------------------------------------------------------------------


def test_a_newer_connection_of_the_same_camera_replaces_the_older(
    port: Port, jpeg: bytes, wait_until: WaitUntil
) -> None:
    with connect(port.url("/ws/yard")) as older:
        older.send(jpeg)
        wait_until(lambda: port.status("yard").received == 1)
        with connect(port.url("/ws/yard")) as newer:
            with pytest.raises(ConnectionClosedError) as caught:
                older.recv(timeout=5)
            newer.send(jpeg)
            wait_until(lambda: port.status("yard").received == 2)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 4409
    assert caught.value.rcvd.reason == "replaced by a newer connection: one board only as yard"


def test_a_board_that_reconnects_without_closing_is_back_at_once(
    port: Port, jpeg: bytes, dial_raw: DialRaw, wait_until: WaitUntil
) -> None:
    for count in range(1, 6):
        board = dial_raw(port)  # the older ones neither read nor close
        board.handshake()
        board.send(BINARY, jpeg)
        wait_until(lambda count=count: port.status().received == count)


def test_a_replaced_board_that_goes_on_sending_is_not_heard_and_dropped(
    port: Port, jpeg: bytes, dial_raw: DialRaw, wait_until: WaitUntil
) -> None:
    older = dial_raw(port)
    older.handshake("/ws/yard")
    with connect(port.url("/ws/yard")) as newer:
        begin_s = time.monotonic()
        with pytest.raises(OSError, match=r"reset|[Bb]roken pipe"):
            older.send_until_dropped(older.masked(BINARY, jpeg), pause_s=0.02)
        assert time.monotonic() - begin_s < 4  # two seconds to answer the close
        assert port.messages("yard") == 0
        newer.send(jpeg)
        wait_until(lambda: port.status("yard").received == 1)


# --- silence -------------------------------------------------------------------------------------------------------


def test_a_modern_board_that_is_silent_is_asked_and_its_pong_keeps_it(port: Port, dial_raw: DialRaw) -> None:
    board = dial_raw(port)
    board.handshake()
    board.send(TEXT, HELLO.encode())
    assert board.frame()[0] == TEXT
    for _ in range(3):
        port.clock.advance(25)
        opcode, payload = board.frame()
        assert opcode == PING
        board.send(PONG, payload)
        time.sleep(0.2)  # it has been taken before the clock moves on
    port.clock.advance(61)
    opcode, payload = board.frame()
    assert (opcode, payload[:2]) == (CLOSE, (1011).to_bytes(2, "big"))
    assert b"nothing heard for 60 s: connect again" in payload


def test_a_boards_own_heartbeat_is_answered_and_keeps_it(port: Port, dial_raw: DialRaw) -> None:
    board = dial_raw(port)
    board.handshake()
    for beat in (b"1", b"2", b"3"):
        port.clock.advance(40)
        board.send(PING, beat)
        assert board.frame() == (PONG, beat)


def test_a_connection_that_stays_silent_from_the_start_is_ended(port: Port, dial_raw: DialRaw) -> None:
    board = dial_raw(port)
    board.handshake()
    port.clock.advance(61)
    assert board.frame()[0] == CLOSE
    assert board.frame() == (0, b"")  # gone, though the close was not answered


def test_a_board_that_talks_but_never_listens_is_dropped(port: Port, dial_raw: DialRaw) -> None:
    deaf = dial_raw(port, receive_buffer_bytes=4096)
    deaf.handshake()
    with pytest.raises(OSError, match=r"reset|[Bb]roken pipe"):
        deaf.send_until_dropped(deaf.masked(TEXT, HELLO.encode()) * 1000)  # each is answered with 100 KB of welcomes


# --- the end -------------------------------------------------------------------------------------------------------


def test_stopping_tells_every_camera_and_takes_less_than_a_second(port: Port, dial_raw: DialRaw, jpeg: bytes) -> None:
    in_handshake, half = dial_raw(port), dial_raw(port)
    half.socket.sendall(b"GET /ws HTTP/1.1\r\nHost:")
    with connect(port.url()) as polite, connect(port.url("/ws/yard")) as other:
        polite.send(jpeg)
        begin_s = time.monotonic()
        stopping = threading.Thread(target=port.server.stop)
        stopping.start()
        for camera in (polite, other):
            with pytest.raises(ConnectionClosedOK) as caught:
                camera.recv(timeout=5)
            assert caught.value.rcvd is not None
            assert caught.value.rcvd.code == 1001
            assert caught.value.rcvd.reason == "the bridge is stopping: connect again in a moment"
        stopping.join(5)
        assert time.monotonic() - begin_s < 1
        for raw in (in_handshake, half):
            with contextlib.suppress(ConnectionResetError):
                assert raw.socket.recv(100) == b""


def test_a_camera_that_does_not_answer_cannot_hold_up_the_stop(
    port: Port, dial_raw: DialRaw, jpeg: bytes, wait_until: WaitUntil
) -> None:
    stubborn = dial_raw(port)
    stubborn.handshake()
    stubborn.send(BINARY, jpeg)
    wait_until(lambda: port.status().received == 1)
    begin_s = time.monotonic()
    assert port.server.stop()
    assert time.monotonic() - begin_s < 1


def test_stopping_twice_or_before_the_start_is_fine(port: Port) -> None:
    assert port.server.stop()
    assert port.server.stop()
    assert server_of(IngestSettings(host="127.0.0.1", port=0)).stop()


def test_a_fault_of_ours_ends_the_process_and_not_only_the_connection(start_port: StartPort, dial_raw: DialRaw) -> None:
    def broken(camera_id: str) -> NoReturn:
        raise RuntimeError(f"no room for {camera_id}")

    port = start_port(cameras={}, admit=broken)
    assert dial_raw(port).handshake() == []  # the connection is dropped
    with pytest.raises(WorkerCrashed, match="no room for camera"):
        port.supervisor.wait(5)
    port.supervisor._crash = None  # seen: the fixture need not fail
