"""Clients that stall, drip, stay silent or send too much: they harm nobody else."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bridge.frames import codec
from bridge.serve import broadcast, listener

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import WaitUntil
    from tests.integration.http.conftest import Site, SiteFactory, StreamFactory

pytestmark = pytest.mark.integration


@contextlib.contextmanager
def _connect(site: Site, receive_buffer: int | None = None) -> Iterator[socket.socket]:
    with socket.socket() as client:
        if receive_buffer is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.settimeout(5)
        client.connect(("127.0.0.1", site.server.port))
        yield client


def _answer(client: socket.socket) -> bytes:
    data = b""
    with contextlib.suppress(TimeoutError, ConnectionResetError):
        while chunk := client.recv(65536):
            data += chunk
    return data


def _feed_noise(site: Site, height: int = 480) -> threading.Event:
    """Large pictures (VGA: 1 MB a second), so that a viewer who does not read is soon full."""
    jpeg = codec.encode(np.random.default_rng(1).integers(0, 255, (height, height, 3), np.uint8), 60)
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(0.1):
            site.store.put("door", jpeg, height, height)

    threading.Thread(target=run, daemon=True).start()
    site._feeding.append(stop)
    return stop


def test_a_viewer_that_never_reads_is_dropped_and_the_others_notice_nothing(
    make_site: SiteFactory, watch: StreamFactory, wait_until: WaitUntil, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcast, "WRITE_S", 2)  # 10 s in earnest
    site = make_site()
    _feed_noise(site)
    wait_until(lambda: site.store.newest("door"))
    with _connect(site, receive_buffer=4096) as stalled:
        stalled.sendall(b"GET /cameras/door/stream.mjpg HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: site.viewers() == 1)
        others = [watch(site) for _ in range(3)]
        counts: list[int] = []
        threads = [threading.Thread(target=lambda v=viewer: counts.append(len(v.read_for(3)))) for viewer in others]
        for thread in threads:
            thread.start()
        wait_until(lambda: site.viewers() == 3, timeout_s=6, what="the stalled one dropped")
        for thread in threads:
            thread.join()
    assert min(counts) >= 25, "of 30 frames"


def test_a_viewer_that_drips_its_pictures_out_is_dropped_too(
    make_site: SiteFactory, wait_until: WaitUntil, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcast, "WRITE_S", 2)
    site = make_site()
    _feed_noise(site, height=1600)
    with _connect(site, receive_buffer=16384) as slow:
        slow.sendall(b"GET /cameras/door/stream.mjpg HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: site.viewers() == 1)
        end_s = time.monotonic() + 8
        while site.viewers():
            assert time.monotonic() < end_s, "it takes a little all the time, and keeps its seat for ever"
            slow.recv(16384)
            time.sleep(0.1)


def test_sixty_four_viewers_do_not_starve_the_api(make_site: SiteFactory, watch: StreamFactory) -> None:
    site = make_site(max_viewers=64)
    site.feed(2)
    viewers = [watch(site) for _ in range(64)]
    for viewer in viewers:
        viewer.read()
    assert site.viewers() == 64
    began = time.perf_counter()
    assert site.get("/healthz").status == 200
    assert len(site.get("/api/cameras").json()["cameras"]) == 1
    assert time.perf_counter() - began < 1


def test_connections_that_send_nothing_hold_no_thread(make_site: SiteFactory) -> None:
    site = make_site()  # eight threads
    with contextlib.ExitStack() as stack:
        for _ in range(60):
            stack.enter_context(_connect(site))
        began = time.perf_counter()
        assert site.get("/healthz").status == 200
        assert time.perf_counter() - began < 1


def test_a_request_that_drips_in_is_cut(make_site: SiteFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "REQUEST_S", 1.0)  # 15 s in earnest
    site = make_site(max_viewers=1)
    with _connect(site) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\n")
        began = time.perf_counter()
        with contextlib.suppress(OSError):  # broken pipe: cut
            while time.perf_counter() - began < 6:
                client.sendall(b"X-Drip: 1\r\n")
                time.sleep(0.2)
        assert time.perf_counter() - began < 4
    assert site.get("/healthz").status == 200


def test_a_live_stream_outlasts_the_deadline_of_requests(
    make_site: SiteFactory, watch: StreamFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "REQUEST_S", 0.5)
    site = make_site()
    site.feed(10)
    assert len(watch(site).read_for(3)) > 20


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Big: " + b"a" * 20000 + b"\r\n\r\n", b"413"),
        (b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"414"),
        (b"POST /api/cameras HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n", b"413"),
        (b"POST /api/cameras HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", b"405"),
        (b"no HTTP at all\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"400"),
    ],
)
def test_too_much_and_nonsense_is_refused_and_the_server_lives(site: Site, request_bytes: bytes, status: bytes) -> None:
    with _connect(site) as client:
        client.sendall(request_bytes)
        client.shutdown(socket.SHUT_WR)
        answer = _answer(client)
    assert answer.split(b" ")[1:2] in ([status], []), answer[:200]
    assert site.get("/healthz").status == 200


def test_many_requests_go_over_one_connection(site: Site) -> None:
    with _connect(site) as client:
        for _ in range(20):
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = b""
            while not answer.endswith(b"ok\n"):
                answer += client.recv(4096)
            assert answer.startswith(b"HTTP/1.1 200")


def test_an_http_1_0_client_gets_its_stream_without_chunks(site: Site) -> None:
    site.send()
    with _connect(site) as client:
        client.sendall(b"GET /cameras/door/stream.mjpg HTTP/1.0\r\n\r\n")
        head = client.recv(65536)
        while b"image/jpeg" not in head:
            head += client.recv(65536)
    assert b"Transfer-Encoding" not in head
    assert head.split(b"\r\n\r\n")[1].startswith(b"--frame\r\nContent-Type")


def test_a_hundred_viewers_that_come_and_go_leave_nothing_behind(site: Site, wait_until: WaitUntil) -> None:
    site.feed(10)
    before = threading.active_count()
    for _ in range(100):
        with _connect(site) as client:
            client.sendall(b"GET /cameras/door/stream.mjpg HTTP/1.1\r\nHost: x\r\n\r\n")
    wait_until(lambda: site.viewers() == 0 and site.server.site.seats.taken == 0, what="seats free")
    assert threading.active_count() <= before + 1, "the one that makes pictures"
