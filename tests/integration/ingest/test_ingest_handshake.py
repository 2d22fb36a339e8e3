"""Who gets in, byte for byte, and what those hear who do not."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
from typing import TYPE_CHECKING

import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect

from bridge.ingest.settings import CameraAccess, UnknownCameras

if TYPE_CHECKING:
    from tests.conftest import WaitUntil
    from tests.integration.ingest.conftest import DialRaw, Port, StartPort

pytestmark = pytest.mark.integration

TEXT, BINARY = 1, 2
ORIGIN = "https://github.com/gilmaimon/TinyWebsockets"
ACCEPT = "HSmrc0sMlYUkAGmm5OPpG2HaGWk="  # of the key in RawCamera, by RFC 6455, section 1.3
HELLO = {"type": "hello", "v": 1, "firmware": "espcam", "version": "1.0", "board": "ai-thinker"}


def closed_with(
    port: Port, path: str, first: str | bytes | None = None, **headers: str
) -> tuple[int | None, str | None]:
    """The code and reason that a connection ends with, though it goes on sending."""
    with connect(port.url(path), additional_headers=headers) as camera:
        if first is not None:
            with contextlib.suppress(ConnectionClosedError):
                camera.send(first)
        with pytest.raises(ConnectionClosedError):
            camera.recv(timeout=5)
        return camera.close_code, camera.close_reason


# --- the first sketch ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [(), ("User-Agent: TinyWebsockets Client", f"Origin: {ORIGIN}")])
def test_the_first_sketch_is_let_in_and_served_as_it_is(
    start_port: StartPort, dial_raw: DialRaw, jpeg: bytes, wait_until: WaitUntil, more: tuple[str, ...]
) -> None:
    port = start_port(cameras={})
    sketch = dial_raw(port)
    answer = sketch.handshake("/ws", *more)
    assert answer[0].startswith("HTTP/1.1 101 ")
    assert {"Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Accept: {ACCEPT}"} <= set(answer)
    assert not any(line.lower().startswith(("sec-websocket-extensions", "sec-websocket-protocol")) for line in answer)
    sketch.send(TEXT, b"hello from ESP32 camera stream!")
    for _ in range(10):
        sketch.send(BINARY, jpeg)
    wait_until(lambda: port.admitted == ["camera"] and port.status().received == 10)
    sketch.socket.settimeout(0.2)
    with pytest.raises(TimeoutError):
        sketch.socket.recv(1)  # no welcome, no ping: it would not answer


def test_the_first_sketch_needs_no_pong_to_stay(
    port: Port, dial_raw: DialRaw, jpeg: bytes, wait_until: WaitUntil
) -> None:
    sketch = dial_raw(port)
    sketch.handshake()
    for count in range(1, 4):
        sketch.send(BINARY, jpeg)
        wait_until(lambda count=count: port.status().received == count)
        port.clock.advance(50)


def test_where_legacy_is_switched_off_the_first_sketch_hears_why(start_port: StartPort, jpeg: bytes) -> None:
    port = start_port(allow_legacy=False)
    assert closed_with(port, "/ws", jpeg) == (4401, "dial /ws/camera, or set ingest.allow_legacy: true")
    assert port.messages() == 0


def test_allow_legacy_lets_the_sketch_but_no_modern_board_in_without_the_token(
    start_port: StartPort, jpeg: bytes, wait_until: WaitUntil
) -> None:
    port = start_port(default_camera="door", allow_legacy=True)
    with connect(port.url()) as sketch:
        sketch.send(jpeg)
        wait_until(lambda: port.status("door").received == 1)
    code, reason = closed_with(port, "/ws", json.dumps(HELLO))
    assert (code, reason) == (4401, "no token: give the board the token of camera door")


# --- a modern board ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "headers"),
    [("/ws/door", {"Authorization": "Bearer s3cret"}), ("/ws/door?token=s3cret", {})],
)
def test_a_modern_board_shows_its_token_says_hello_and_is_welcomed(
    port: Port, jpeg: bytes, wait_until: WaitUntil, path: str, headers: dict[str, str]
) -> None:
    with connect(port.url(path), additional_headers=headers, origin="file://", subprotocols=["arduino"]) as camera:  # type: ignore[list-item, arg-type]
        assert camera.subprotocol == "arduino"
        camera.send(json.dumps(HELLO))
        welcome = json.loads(camera.recv(timeout=5))
        camera.send(jpeg)
        camera.send(json.dumps({"type": "telemetry", "rssi_dbm": -61}))
        wait_until(lambda: port.status("door").telemetry == {"rssi_dbm": -61})
    assert welcome == {
        "type": "welcome",
        "v": 1,
        "camera_id": "door",
        "server_time_ms": 1_800_000_000_000,
        "values": {"framesize": "VGA"},
    }
    assert port.status("door").hello["board"] == "ai-thinker"
    assert port.status("door").received == 1


def test_no_extension_is_agreed_on(port: Port) -> None:
    with connect(port.url(), compression="deflate") as camera:
        assert camera.protocol.extensions == []


# --- closed doors --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "code", "mend"),
    [
        ("/ws/door", 4401, "'Authorization: Bearer TOKEN' or ?token="),
        ("/ws/door?token=wrong", 4401, "send the one that the configuration has for door"),
        ("/ws/Front-Door", 4404, "use 1 to 32 of a-z, 0-9 and _"),
        ("/ws/bridge", 4404, "not 'bridge'"),
    ],
)
@pytest.mark.parametrize("eager", [False, True])
def test_who_may_not_come_in_hears_the_mend_even_while_sending(
    port: Port, jpeg: bytes, path: str, code: int, mend: str, eager: bool
) -> None:
    said = closed_with(port, path, jpeg * 100 if eager else None)
    assert said[0] == code
    assert mend in str(said[1])


def test_an_unknown_camera_shows_a_picture_and_hears_that_it_waits(port: Port, jpeg: bytes) -> None:
    with connect(port.url("/ws/newcomer")) as camera:
        camera.send(json.dumps(HELLO))
        camera.send(jpeg)
        with pytest.raises(ConnectionClosed) as closed:
            camera.recv(timeout=5)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403
    assert "waits for approval" in closed.value.rcvd.reason


def test_where_unknown_cameras_are_rejected_they_hear_4404(start_port: StartPort) -> None:
    port = start_port(unknown_cameras=UnknownCameras.REJECT)
    code, reason = closed_with(port, "/ws/newcomer")
    assert code == 4404
    assert str(reason).startswith("no camera newcomer: add it")


def test_where_unknown_cameras_are_accepted_they_are_admitted_first(
    start_port: StartPort, jpeg: bytes, wait_until: WaitUntil
) -> None:
    port = start_port(unknown_cameras=UnknownCameras.ACCEPT)
    with connect(port.url("/ws/newcomer")) as camera:
        camera.send(jpeg)
        wait_until(lambda: port.admitted == ["newcomer"] and port.status("newcomer").received == 1)


def test_a_malformed_hello_is_closed_with_4400(port: Port) -> None:
    code, reason = closed_with(port, "/ws", json.dumps({**HELLO, "v": 2}))
    assert (code, reason) == (4400, "hello.v is 2, must be 1: update firmware or bridge")


@pytest.mark.parametrize("origin", ["http://evil.example", "null"])
def test_a_browser_is_refused_with_403(port: Port, origin: str) -> None:
    with pytest.raises(InvalidStatus) as caught, connect(port.url("/ws"), origin=origin):  # type: ignore[arg-type]
        pass
    assert caught.value.response.status_code == 403
    assert b"ingest.allowed_origins" in (caught.value.response.body or b"")


def test_two_origins_at_once_are_refused(port: Port, dial_raw: DialRaw) -> None:
    answer = dial_raw(port).handshake("/ws", f"Origin: {ORIGIN}", "Origin: http://evil.example")
    assert answer[0].startswith("HTTP/1.1 403 ")


def test_another_path_is_404(port: Port) -> None:
    with pytest.raises(InvalidStatus) as caught, connect(port.url("/stream")):
        pass
    assert caught.value.response.status_code == 404


# --- browsers and scanners -----------------------------------------------------------------------------------------


def ask(port: Port, request: str) -> str:
    with socket.create_connection(("127.0.0.1", port.server.port), 5) as client:
        client.sendall(request.encode())
        answer = b""
        while data := client.recv(4096):
            answer += data
    return answer.decode()


def test_a_browser_at_the_root_is_sent_to_the_live_stream(port: Port) -> None:
    answer = ask(port, "GET / HTTP/1.1\r\nHost: bridge.local:3001\r\nConnection: keep-alive\r\n\r\n")
    assert answer.startswith("HTTP/1.1 302 ")
    assert "\r\nLocation: http://bridge.local:8080/cameras/camera/stream.mjpg\r\n" in answer


def test_a_browser_at_the_camera_path_hears_what_it_is(port: Port) -> None:
    assert "Cameras dial here" in ask(port, "GET /ws HTTP/1.1\r\nHost: bridge\r\n\r\n")
    assert ask(port, "GET /favicon.ico HTTP/1.1\r\nHost: bridge\r\n\r\n").startswith("HTTP/1.1 404 ")


@pytest.mark.parametrize(
    "request_text",
    [
        "\x16\x03\x01\x02\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / SPDY\r\n\r\n",
        "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive\r\n\r\n",
        "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        "GET /ws HTTP/1.1\r\nHost: x\r\nX: " + "y" * 20_000 + "\r\n\r\n",
    ],
)
def test_what_is_no_handshake_is_turned_away_with_one_quiet_line(
    port: Port, jpeg: bytes, caplog: pytest.LogCaptureFixture, wait_until: WaitUntil, request_text: str
) -> None:
    with caplog.at_level(logging.DEBUG, "bridge"):
        assert " 101 " not in ask(port, request_text)
        with connect(port.url()) as camera:
            camera.send(jpeg)
            wait_until(lambda: port.status().received == 1)
    assert not [record for record in caplog.records if record.levelno > logging.INFO or record.exc_info]
    assert len([message for message in caplog.messages if "no WebSocket handshake" in message]) <= 1


def test_no_token_is_ever_logged(start_port: StartPort, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        port = start_port(cameras={"door": CameraAccess("s3cret-token")})
        closed_with(port, "/ws/door?token=wrong-token")
        closed_with(port, "/ws/door", Authorization="Bearer wrong-token")
        with connect(port.url("/ws/door?token=s3cret-token")):
            pass
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("websockets.client")]
    assert any("refused" in message for message in ours)
    assert not [message for message in ours if "-token" in message]
