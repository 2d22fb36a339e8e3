"""Six real visitors through lossy cameras at three rates, with the broker away in the middle of it."""

from __future__ import annotations

import json
import random
import struct
import threading
import time
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from websockets.sync.client import connect

from bridge.frames.codec import decode, encode
from bridge.frames.jpeg import read_comment
from bridge.frames.opencv import cv2

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

    from bridge.model import Image
    from tests.conftest import Listener, ListenerFactory, MosquittoFactory, WaitUntil
    from tests.integration.main_job.conftest import Bridge, BridgeStarter, Story

    Grey = npt.NDArray[np.uint8]

pytestmark = [pytest.mark.integration, pytest.mark.model]

FOOTAGE_FPS = 10
RATES = {"ten": 10, "five": 5, "two": 2}
VISITS = 6
DROPPED = 0.1
# Pictures of the footage between two visits. They are as little as 3.3 s apart, which a machine without time may take
# for one visit where end_after_s is 5: it does not see the first visitor reach the edge of the picture.
EMPTY = (210, 475, 722, 895, 1216)
PAUSE_FRAMES = 30  # each of them is shown for so many
AWAY_S = (60.0, 90.0)  # from the middle of visitor three to that of visitor four
SCALE = 0.25
# A busy machine may receive a picture so much later than it was sent; visits are six seconds apart and more.
LATE_FRAMES = 10


@pytest.fixture(scope="module")
def footage(shared: Path) -> list[bytes]:
    """Every picture of the footage as a board would send it, with longer pauses between the visits."""
    path = shared / "footage" / "one-by-one-person.mp4"
    if not path.exists():
        pytest.skip(f"no footage at {path}")
    video = cv2.VideoCapture(str(path))
    frames: list[bytes] = []
    numbers = count()
    while True:
        read, image = video.read()
        if not read:
            return frames
        jpeg = encode(np.asarray(image, np.uint8), 85)
        frames += [jpeg] * (PAUSE_FRAMES if next(numbers) in EMPTY else 1)


@contextmanager
def cameras(url: str, frames: list[bytes], begin_unix_s: float) -> Iterator[threading.Thread]:
    """Three cameras that send the footage once, each at its rate, and lose one picture in ten on the way."""
    stop, dice = threading.Event(), random.Random(7)  # noqa: S311 - no secret
    links = {camera: connect(f"{url}/{camera}") for camera in RATES}

    def play() -> None:
        for index, jpeg in enumerate(frames):
            if stop.wait(max(0.0, begin_unix_s + index / FOOTAGE_FPS - time.time())):
                return
            captured_us = round((begin_unix_s + index / FOOTAGE_FPS) * 1e6)
            for camera, fps in RATES.items():
                if index % (FOOTAGE_FPS // fps) == 0 and dice.random() >= DROPPED:
                    links[camera].send(struct.pack(">4sIQI", b"ECF1", index, captured_us, 0) + jpeg)

    thread = threading.Thread(target=play, daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(5)
        for link in links.values():
            link.close()


def auditor(port: int, mqtt_listener: ListenerFactory) -> Listener:
    """A subscriber for whom the broker keeps what comes while it is away itself, also over the broker's restart."""
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion

    client = Client(CallbackAPIVersion.VERSION2, client_id="auditor", clean_session=False)
    client.reconnect_delay_set(1, 1)
    return mqtt_listener(port, "espcam/+/events", client)


@pytest.mark.timeout(360)
def test_six_visitors_are_six_events_at_any_rate_with_lost_frames_and_a_broker_that_goes_away(
    footage: list[bytes],
    mosquitto: MosquittoFactory,
    mqtt_listener: ListenerFactory,
    start_bridge: BridgeStarter,
    wait_until: WaitUntil,
    story: Story,
) -> None:
    broker = mosquitto(persistence=True, config=("max_queued_messages 0",))
    listener = auditor(broker.port, mqtt_listener)
    settings = "{detect: {max_fps: 10}}"
    bridge = start_bridge(
        broker.port, f"defaults: {settings}\ncameras: [{', '.join(f'{{id: {camera}}}' for camera in RATES)}]"
    )
    wait_until(lambda: bridge.get("/readyz")[0] == 200, 60, "ready")
    begin_unix_s = time.time() + 0.2
    with story(listener), cameras(bridge.camera_url, footage, begin_unix_s) as playing:
        time.sleep(begin_unix_s + AWAY_S[0] - time.time())
        broker.stop()
        time.sleep(begin_unix_s + AWAY_S[1] - time.time())
        assert not bridge.get_json("/readyz")["ready"]
        broker.start()
        playing.join(120)
        wait_until(lambda: ends(listener) >= VISITS * len(RATES), 30, "every end")
        time.sleep(0.5)  # for what must not come
    small = [shrunk(decode(jpeg)) for jpeg in footage]
    with story(listener):
        for camera in RATES:
            check_camera(camera, listener, bridge, small, begin_unix_s)


def check_camera(camera: str, listener: Listener, bridge: Bridge, small: list[Grey], begin_unix_s: float) -> None:
    """Six visits, six rows, and the right picture with each."""
    told = [heard.json() for heard in listener.on(f"espcam/{camera}/events")]
    news = [change for change in told if change["type"] == "new"]
    check_order(told)
    assert len(news) == VISITS, camera
    rows = bridge.get_json(f"/api/events?camera={camera}")["events"]
    assert [row["id"] for row in reversed(rows)] == [new["id"] for new in news], "six rows, in the same order"
    for row in rows:
        check_picture(bridge, row, small, begin_unix_s)


def ends(listener: Listener) -> int:
    return sum(json.loads(heard.payload)["type"] == "end" for heard in list(listener.heard))


def check_order(told: list[dict[str, Any]]) -> None:
    """One visitor after the other, each with one beginning and one end, and times that make sense."""
    ids = list(dict.fromkeys(change["id"] for change in told))
    assert ids == sorted(ids)
    for event_id in ids:
        own = [change for change in told if change["id"] == event_id]
        assert [change["type"] for change in own] == ["new", *["update"] * (len(own) - 2), "end"]
        new, end = own[0], own[-1]
        assert new["captured_time"] <= new["received_time"] <= new["detected_time"] <= new["published_time"]
        assert new["start_time"] <= end["end_time"] <= end["published_time"]


def check_picture(bridge: Bridge, row: dict[str, Any], small: list[Grey], begin_unix_s: float) -> None:
    """The thumbnail is found in the footage, nowhere as well as in a picture of this visit."""
    status, thumbnail = bridge.get(row["thumbnail_path"])
    assert status == 200
    assert read_comment(thumbnail) == row["id"]
    status, snapshot = bridge.get(row["snapshot_path"])
    assert status == 200
    assert read_comment(snapshot) == row["id"]
    wanted = shrunk(decode(thumbnail))
    likeness = [float(cv2.matchTemplate(frame, wanted, cv2.TM_CCOEFF_NORMED).max()) for frame in small]
    best = int(np.argmax(likeness))
    first, last = (
        (datetime.fromisoformat(row[key]).timestamp() - begin_unix_s) * FOOTAGE_FPS
        for key in ("start_time", "end_time")
    )
    assert max(likeness) > 0.97, row
    assert first - LATE_FRAMES <= best <= last + LATE_FRAMES, (
        f"{row['id']}: picture {best}, visit {first:.0f} to {last:.0f}"
    )


def shrunk(image: Image) -> Grey:
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.resize(grey, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_AREA), np.uint8)
