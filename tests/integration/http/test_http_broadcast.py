"""Connections of live streams, once the HTTP server has let go of them."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bridge.frames import codec
from bridge.serve import annotate
from bridge.serve.bell import Bell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import WaitUntil
    from tests.integration.http.conftest import Site, SiteFactory, StreamFactory

pytestmark = pytest.mark.integration

STREAM = b"GET /cameras/door/stream.mjpg HTTP/1.1\r\nHost: x\r\n\r\n"
RAW = b"GET /cameras/door/stream.mjpg?raw=1 HTTP/1.1\r\nHost: x\r\n\r\n"


@contextlib.contextmanager
def _ask(site: Site, request: bytes = STREAM, receive_buffer: int | None = None) -> Iterator[socket.socket]:
    with socket.socket() as client:
        if receive_buffer is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.settimeout(5)
        client.connect(("127.0.0.1", site.server.port))
        client.sendall(request)
        yield client


def _read_pictures(client: socket.socket, count: int, pause_s: float = 0.0) -> list[bytes]:
    """The next pictures, bytes and all; with a pause, a slow reader."""
    data = b""
    pictures: list[bytes] = []
    while len(pictures) < count:
        while b"\r\n\r\n" not in data:
            data += client.recv(65536)
        head, data = data.split(b"\r\n\r\n", 1)
        if b"Content-Length: " not in head:
            continue  # the response's own
        length = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
        while len(data) < length:
            data += client.recv(65536)
            time.sleep(pause_s)
        pictures.append(data[:length])
        data = data[length:]
    return pictures


def _gone(site: Site) -> bool:
    return site.viewers() == 0 and site.server.site.seats.taken == 0


def _noise(side_px: int, seed: int = 1) -> bytes:
    return codec.encode(np.random.default_rng(seed).integers(0, 255, (side_px, side_px, 3), np.uint8), 60)


def test_streams_hold_no_thread(make_site: SiteFactory, watch: StreamFactory) -> None:
    site = make_site()
    site.feed(5)
    before = threading.active_count()
    viewers = [watch(site) for _ in range(40)]
    for viewer in viewers:
        viewer.read()
    assert threading.active_count() <= before + 1, "the one that makes pictures"


def test_who_closes_only_the_sending_side_is_still_a_viewer(site: Site) -> None:
    site.feed(10)
    with _ask(site) as client:
        client.shutdown(socket.SHUT_WR)
        assert len(_read_pictures(client, 15)) == 15
        assert site.viewers() == 1


def test_what_is_said_after_the_request_is_nobodys_business(site: Site, wait_until: WaitUntil) -> None:
    site.feed(10)
    with _ask(site, STREAM + b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") as client:
        assert len(_read_pictures(client, 3)) == 3
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 5000)
        pictures = _read_pictures(client, 5)
        assert all(codec.decode(picture).shape == (240, 320, 3) for picture in pictures)
        assert site.viewers() == 1
    wait_until(lambda: _gone(site), what="the viewer forgotten")


def test_a_stream_may_follow_another_request_on_the_same_connection(site: Site) -> None:
    site.feed(10)
    with _ask(site, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") as client:
        answer = b""
        while not answer.endswith(b"ok\n"):
            answer += client.recv(4096)
        client.sendall(STREAM)
        assert len(_read_pictures(client, 3)) == 3


def test_who_leaves_with_a_reset_is_forgotten_at_once(site: Site, wait_until: WaitUntil) -> None:
    with _ask(site) as client:  # a silent camera: a write would tell only after a second
        _read_pictures(client, 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until(lambda: _gone(site), timeout_s=0.5, what="the viewer forgotten")


def test_who_leaves_before_the_answer_is_forgotten_too(site: Site, wait_until: WaitUntil) -> None:
    for _ in range(30):
        with _ask(site) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until(lambda: _gone(site), what="the viewers forgotten")
    assert site.get("/healthz").status == 200


def test_a_viewer_with_a_slow_line_gets_whole_pictures_and_the_newest(site: Site) -> None:
    jpegs = [_noise(600, seed) for seed in range(5)]
    sent: list[bytes] = []
    stop = threading.Event()

    def feed() -> None:
        while not stop.wait(0.02):
            sent.append(jpegs[len(sent) % 5])
            site.store.put("door", sent[-1], 600, 600)

    threading.Thread(target=feed, daemon=True).start()
    site._feeding.append(stop)
    with _ask(site, RAW, receive_buffer=16384) as client:
        pictures = _read_pictures(client, 8, pause_s=0.02)
    assert all(picture in jpegs for picture in pictures), "every byte in its place"
    assert len(sent) > 16, "it skipped"


def test_the_last_frame_reaches_a_slow_line_as_soon_as_it_is_free(site: Site, wait_until: WaitUntil) -> None:
    jpegs = [_noise(1500, seed) for seed in range(2)]
    with _ask(site, RAW, receive_buffer=16384) as client:
        wait_until(lambda: site.viewers() == 1)
        _read_pictures(client, 1)  # the notice
        site.store.put("door", jpegs[0], 1500, 1500)
        time.sleep(0.2)
        site.store.put("door", jpegs[1], 1500, 1500)
        time.sleep(0.2)
        began = time.monotonic()
        assert _read_pictures(client, 2) == jpegs
        assert time.monotonic() - began < 0.8, "and not with the repeat"


def test_a_head_request_gets_a_head_and_no_seat(make_site: SiteFactory) -> None:
    site = make_site(max_viewers=1)
    site.feed(10)
    with _ask(site) as viewer:
        _read_pictures(viewer, 1)
        with _ask(site, STREAM.replace(b"GET", b"HEAD")) as client:
            answer = b""
            while chunk := client.recv(65536):
                answer += chunk
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\n"), "nothing follows"


def test_frames_of_a_camera_that_nobody_watches_wake_nobody(
    site: Site, watch: StreamFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.store.add_camera("garden")
    site.send()
    viewer = watch(site)
    viewer.read()
    rings: list[int] = []
    ring = Bell.ring
    monkeypatch.setattr(Bell, "ring", lambda bell: (rings.append(1), ring(bell))[1])
    for _ in range(20):
        site.send(camera_id="garden")
    assert rings == []
    site.send(90)
    viewer.read()
    assert rings == [1]


def test_a_picture_that_cannot_be_drawn_costs_only_that_picture(
    site: Site, watch: StreamFactory, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    site.feed(10, person=True)
    viewer = watch(site)
    viewer.read()
    with monkeypatch.context() as broken:
        broken.setattr(annotate, "draw_tracks", lambda *_: 1 / 0)
        time.sleep(0.35)
    assert "ZeroDivisionError" in caplog.text
    caplog.clear()
    assert len(viewer.read_for(0.5)) >= 3


def test_a_connection_that_comes_when_the_streams_have_ended_is_closed(site: Site) -> None:
    admission = site.server.site.streams.admit(site.server.site.view("door"), raw=False, max_fps=None)
    assert admission is not None
    assert site.viewers() == 1
    site.server.stop()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        admission.take(ours)
        assert theirs.recv(1) == b""
    assert _gone(site)


def test_an_admission_that_is_given_up_frees_its_seat(make_site: SiteFactory) -> None:
    site = make_site(max_viewers=1)
    view = site.server.site.view("door")
    admission = site.server.site.streams.admit(view, raw=False, max_fps=None)
    assert admission is not None
    assert site.server.site.streams.admit(view, raw=False, max_fps=None) is None
    admission.give_up()
    assert _gone(site)
