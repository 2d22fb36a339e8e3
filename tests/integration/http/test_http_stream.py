"""Live streams and snapshots over real HTTP."""

from __future__ import annotations

import http.client
import threading
import time
from typing import TYPE_CHECKING

import pytest

from bridge.frames import codec
from bridge.serve.live import StreamOptions

if TYPE_CHECKING:
    from tests.conftest import WaitUntil
    from tests.integration.http.conftest import Site, SiteFactory, StreamFactory

pytestmark = pytest.mark.integration


def _is_notice(jpeg: bytes) -> bool:
    """Notices are dark with white letters; the test pictures are one shade of grey."""
    image = codec.decode(jpeg)
    return bool(image[5, 5].max() < 90 and image.max() > 200)


def _has_box(jpeg: bytes) -> bool:
    image = codec.decode(jpeg).astype(int)
    return bool(abs(image[120, 80] - image[5, 5]).max() > 40)


def test_every_frame_comes_with_the_newest_tracks_drawn_on_it(
    site: Site, watch: StreamFactory, wait_until: WaitUntil
) -> None:
    site.feed(10, person=True)
    wait_until(lambda: site.store.newest("door"), what="the first frame")
    viewer = watch(site)
    pictures = viewer.read_for(2.0)
    assert viewer.response.headers["Content-Type"] == "multipart/x-mixed-replace; boundary=frame"
    assert len(pictures) == pytest.approx(20, abs=3)
    assert all(_has_box(picture) for picture in pictures)
    shades = [round(float(codec.decode(picture)[5, 5].mean())) for picture in pictures]
    assert len(set(shades)) == len(shades), "each one is another frame"


def test_raw_is_what_the_camera_sent_byte_for_byte(site: Site, watch: StreamFactory) -> None:
    site.show_person()
    frame = site.send(123)
    assert watch(site, "/cameras/door/stream.mjpg?raw=1").read() == frame.jpeg
    assert site.get("/cameras/door/snapshot.jpg?raw=1").body == frame.jpeg
    assert site.get("/cameras/door/snapshot.jpg").body != frame.jpeg


def test_twenty_viewers_cost_one_encode_a_frame_and_none_watching_costs_none(
    site: Site, watch: StreamFactory, wait_until: WaitUntil
) -> None:
    view = site.server.site.view("door")
    site.feed(10, person=True)
    time.sleep(0.5)
    assert view.encodes == 0, "nobody watches"
    viewers = [watch(site) for _ in range(20)]
    threads = [threading.Thread(target=viewer.read_for, args=(1.5,)) for viewer in viewers]
    before = (view.encodes, site.store.status("door").received)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made, came = view.encodes - before[0], site.store.status("door").received - before[1]
    assert 0 < made <= came + 1
    for viewer in viewers:
        viewer.close()
    wait_until(lambda: site.viewers() == 0, what="all viewers gone")
    at_rest = view.encodes
    time.sleep(0.5)
    assert view.encodes == at_rest, "nobody watches any more"


def test_fps_and_max_fps_thin_the_stream(site: Site, watch: StreamFactory) -> None:
    site.bridge.options["door"] = StreamOptions(max_fps=8)
    site.feed(25)
    by_camera, by_viewer = watch(site), watch(site, "/cameras/door/stream.mjpg?fps=3")
    counts: dict[str, int] = {}
    threads = [
        threading.Thread(target=lambda: counts.update(camera=len(by_camera.read_for(2)))),
        threading.Thread(target=lambda: counts.update(viewer=len(by_viewer.read_for(2)))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts["camera"] == pytest.approx(17, abs=3)
    assert counts["viewer"] == pytest.approx(7, abs=2)


@pytest.mark.parametrize("fps", ["0", "-1", "nan", "inf", "fast", ""])
def test_an_fps_that_is_no_rate_is_refused(site: Site, fps: str) -> None:
    reply = site.get(f"/cameras/door/stream.mjpg?fps={fps}")
    assert (reply.status, reply.json()["error"]) == (400, "bad_request")
    assert site.viewers() == 0


def test_a_camera_that_never_sent_shows_a_notice_at_once_and_again(site: Site, watch: StreamFactory) -> None:
    began = time.monotonic()
    viewer = watch(site)
    pictures = [viewer.read() for _ in range(3)]
    assert time.monotonic() - began < 3.5
    assert all(_is_notice(picture) for picture in pictures)


def test_a_camera_that_dies_gets_a_notice_and_comes_back_live_on_the_same_stream(
    site: Site, watch: StreamFactory
) -> None:
    first = site.feed(10)
    viewer = watch(site)
    assert not _is_notice(viewer.read_for(0.3)[-1])
    first.set()
    end_s = time.monotonic() + 4
    while not _is_notice(viewer.read()):
        assert time.monotonic() < end_s, "a frozen picture"
    assert _is_notice(viewer.read()), "and again"
    site.feed(10)
    end_s = time.monotonic() + 1.5
    while _is_notice(viewer.read()):
        assert time.monotonic() < end_s, "the notice stays though frames come"


def test_frames_that_cannot_be_read_are_skipped_and_the_stream_goes_on(site: Site, watch: StreamFactory) -> None:
    site.show_person()
    site.send(50)
    viewer = watch(site)
    viewer.read()
    for shade in (60, 70, 80):
        time.sleep(0.1)
        site.store.put("door", b"\xff\xd8garbage\xff\xd9", 320, 240)
        time.sleep(0.1)
        site.show_person()
        site.send(shade)
        assert codec.decode(viewer.read())[5, 5].mean() == pytest.approx(shade, abs=3)


def test_viewers_are_counted_and_forgotten_when_they_leave(
    site: Site, watch: StreamFactory, wait_until: WaitUntil
) -> None:
    site.feed(10)
    viewers = [watch(site) for _ in range(3)]
    for viewer in viewers:
        viewer.read()
    assert site.viewers() == 3
    assert b'espcam_viewers{camera="door"} 3.0' in site.get("/metrics").body
    for viewer in viewers:
        viewer.close()
    wait_until(lambda: site.viewers() == 0, what="viewers forgotten")


def test_viewers_of_a_silent_camera_are_forgotten_too(site: Site, watch: StreamFactory, wait_until: WaitUntil) -> None:
    viewer = watch(site)
    viewer.read()
    viewer.close()
    wait_until(lambda: site.viewers() == 0, timeout_s=3, what="viewer forgotten")


def test_a_head_request_opens_no_stream(site: Site, wait_until: WaitUntil) -> None:
    reply = site.get("/cameras/door/stream.mjpg", method="HEAD")
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("multipart/x-mixed-replace")
    wait_until(lambda: site.viewers() == 0, what="the seat given back")


@pytest.mark.parametrize("sent_before", [False, True], ids=["never connected", "offline"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("what", ["stream.mjpg", "snapshot.jpg"])
def test_a_camera_that_is_not_there_answers_home_assistants_check_within_a_second(
    site: Site, sent_before: bool, method: str, what: str
) -> None:
    if sent_before:
        site.send()
        time.sleep(1.1)
    connection = http.client.HTTPConnection("127.0.0.1", site.server.port, timeout=5)
    began_s = time.monotonic()
    connection.request(method, f"/cameras/door/{what}")
    response = connection.getresponse()
    if method == "GET":
        assert response.read(1000)
    assert time.monotonic() - began_s < 1
    assert response.status == 200
    response.close()
    connection.close()


def test_fifty_quick_looks_at_a_camera_that_is_gone_leave_no_seat_taken(site: Site, wait_until: WaitUntil) -> None:
    began_s = time.monotonic()
    for _ in range(50):
        connection = http.client.HTTPConnection("127.0.0.1", site.server.port, timeout=5)
        connection.request("GET", "/cameras/door/stream.mjpg")
        response = connection.getresponse()
        assert response.status == 200
        response.close()
        connection.close()
    assert time.monotonic() - began_s < 10
    wait_until(lambda: site.viewers() == 0 and site.server.site.seats.taken == 0, timeout_s=3, what="every seat free")


def test_over_max_viewers_is_503_with_retry_after_and_a_seat_is_free_again_later(
    make_site: SiteFactory, watch: StreamFactory, wait_until: WaitUntil
) -> None:
    site = make_site(max_viewers=2)
    site.feed(10)
    viewers = [watch(site) for _ in range(2)]
    for viewer in viewers:
        viewer.read()
    refused = site.get("/cameras/door/stream.mjpg")
    assert refused.status == 503
    assert refused.headers["retry-after"] == "5"
    assert refused.json()["error"] == "service_unavailable"
    assert "max_viewers" in refused.json()["detail"]
    assert site.get("/cameras/door/snapshot.jpg").status == 200, "snapshots are no viewers"
    viewers[0].close()
    wait_until(lambda: site.viewers() == 1, what="a seat is free")
    assert watch(site).read()


def test_a_snapshot_is_the_newest_picture_with_its_age(site: Site) -> None:
    site.show_person()
    site.send(90)
    time.sleep(0.2)
    reply = site.get("/cameras/door/snapshot.jpg")
    assert reply.status == 200
    assert reply.headers["content-type"] == "image/jpeg"
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["x-camera-state"] == "online"
    assert 200 <= int(reply.headers["x-frame-age-ms"]) < 700
    assert _has_box(reply.body)


def test_a_snapshot_of_a_camera_that_is_gone_is_200_and_says_so(site: Site) -> None:
    waiting = site.get("/cameras/door/snapshot.jpg")
    assert (waiting.status, waiting.headers["x-camera-state"]) == (200, "waiting")
    assert "x-frame-age-ms" not in waiting.headers
    frame = site.send(200)
    time.sleep(1.1)
    offline = site.get("/cameras/door/snapshot.jpg")
    assert (offline.status, offline.headers["x-camera-state"]) == (200, "offline")
    assert int(offline.headers["x-frame-age-ms"]) >= 1000
    assert _is_notice(offline.body)
    assert site.get("/cameras/door/snapshot.jpg?raw=1").body == frame.jpeg


def test_new_stream_options_take_effect_for_the_next_viewer(site: Site) -> None:
    site.send(100)
    assert codec.decode(site.get("/cameras/door/snapshot.jpg").body).shape == (240, 320, 3)
    site.bridge.options["door"] = StreamOptions(rotate=90)
    assert codec.decode(site.get("/cameras/door/snapshot.jpg").body).shape == (320, 240, 3)
