"""Firmware on its way to a camera: the order over the link, the image over HTTP on the same port."""

from __future__ import annotations

import http.client
import json
import logging
import random
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from websockets.sync.client import connect

from bridge.model import UpdateOrder

if TYPE_CHECKING:
    import ssl

    from bridge.ingest.settings import TlsFiles
    from tests.conftest import WaitUntil
    from tests.integration.ingest.conftest import DialRaw, Port, StartPort

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

HELLO = '{"type": "hello", "v": 1, "firmware": "espcam", "version": "1.0.0", "board": "ai-thinker"}'
IMAGE = random.Random(1).randbytes(1_500_000)  # noqa: S311 - the same at every run
ORDER = UpdateOrder("t1cket", "ab" * 32, len(IMAGE), "1.1.0")


def fetched(port: Port, path: str) -> tuple[int, bytes]:
    """What a camera gets there."""
    connection = http.client.HTTPConnection("127.0.0.1", port.server.port, timeout=10)
    try:
        connection.request("GET", path)
        with connection.getresponse() as answer:
            return answer.status, answer.read()
    finally:
        connection.close()


def test_a_camera_is_told_where_its_image_is_and_finds_it_there(port: Port) -> None:
    port.images["t1cket"] = IMAGE
    with connect(port.url("/ws/yard")) as camera:
        camera.send(HELLO)
        camera.recv(timeout=5)
        assert port.server.update("yard", 7, ORDER)
        told = json.loads(camera.recv(timeout=5))
    url = told.pop("url")
    assert told == {"type": "update", "id": 7, "sha256": "ab" * 32, "size": len(IMAGE), "version": "1.1.0"}
    assert url == f"http://127.0.0.1:{port.server.port}/firmware/t1cket"
    assert fetched(port, urlsplit(url).path) == (200, IMAGE)


def test_a_client_that_leaves_the_port_out_of_its_host_header_finds_it_too(port: Port, dial_raw: DialRaw) -> None:
    camera = dial_raw(port)
    camera.handshake("/ws/yard")  # Host: 192.168.0.15
    camera.send(1, HELLO.encode())
    camera.frame()
    assert port.server.update("yard", 7, ORDER)
    assert json.loads(camera.frame()[1])["url"] == f"http://192.168.0.15:{port.server.port}/firmware/t1cket"


def test_without_a_ticket_there_is_nothing(port: Port, caplog: pytest.LogCaptureFixture) -> None:
    port.images["t1cket"] = IMAGE
    for path in ("/firmware/other", "/firmware/", "/firmware/t1cket/", "/firmware/..%2ft1cket", "/firmware/t1cket?x"):
        status, body = fetched(port, path)
        assert (status, b"no such image" in body) == (404, True), path
    del port.images["t1cket"]
    assert fetched(port, "/firmware/t1cket")[0] == 404
    assert not any("t1cket" in message for message in caplog.messages)


def test_a_slow_camera_gets_all_of_it_and_nobody_waits_for_it(port: Port, jpeg: bytes, wait_until: WaitUntil) -> None:
    port.images["t1cket"] = IMAGE
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.settimeout(10)
        slow.connect(("127.0.0.1", port.server.port))
        slow.sendall(b"GET /firmware/t1cket HTTP/1.1\r\nHost: bridge\r\n\r\n")
        answer = slow.recv(4096)
        with connect(port.url("/ws/yard")) as other:
            other.send(HELLO)
            for _ in range(50):
                other.send(jpeg)
            wait_until(lambda: port.status("yard").received == 50, 5, "the other camera's pictures")
        while more := slow.recv(4096):
            answer += more
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"Content-Length: 1500000" in head
    assert body == IMAGE


def test_an_image_that_was_handed_out_is_no_broken_handshake(port: Port, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    port.images["t1cket"] = b"\xe9"
    assert fetched(port, "/firmware/t1cket") == (200, b"\xe9")
    port.server.stop()
    assert not any("handshake" in message for message in caplog.messages)


def test_a_camera_that_is_not_there_is_not_told(port: Port) -> None:
    assert not port.server.update("yard", 7, ORDER)
    with connect(port.url("/ws/yard")) as camera:
        camera.send(b"\xff\xd8")
        assert not port.server.update("yard", 7, ORDER)


def test_over_tls_the_image_is_behind_the_same_certificate(
    start_port: StartPort, certificates: tuple[TlsFiles, ssl.SSLContext]
) -> None:
    files, trust = certificates
    port = start_port(tls=files)
    port.images["t1cket"] = IMAGE
    with connect(f"wss://127.0.0.1:{port.server.port}/ws/yard", ssl=trust) as camera:
        camera.send(HELLO)
        camera.recv(timeout=5)
        assert port.server.update("yard", 7, ORDER)
        url = json.loads(camera.recv(timeout=5))["url"]
    assert url == f"https://127.0.0.1:{port.server.port}/firmware/t1cket"
    connection = http.client.HTTPSConnection("127.0.0.1", port.server.port, timeout=10, context=trust)
    try:
        connection.request("GET", "/firmware/t1cket")
        with connection.getresponse() as answer:
            assert answer.read() == IMAGE
    finally:
        connection.close()
