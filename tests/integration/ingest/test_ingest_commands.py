"""Commands on real connections: where they arrive, what is heard of them, and what becomes of those that are lost."""

from __future__ import annotations

import json
import logging
import socket
import struct
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from bridge.ingest.fake import FakeTalk
from bridge.ingest.server import IngestServer
from bridge.ingest.settings import IngestSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from websockets.sync.connection import Connection

    from tests.conftest import WaitUntil
    from tests.integration.ingest.conftest import DialRaw, Port, StartPort

pytestmark = pytest.mark.integration

TEXT, CLOSE = 1, 8
HELLO = json.dumps({"type": "hello", "v": 1, "capabilities": ["flash"]})
GREETED = ("greeted", "yard", {"v": 1, "capabilities": ["flash"]})
LEFT = ("left", "yard")


def heard(camera: Connection) -> dict[str, Any]:
    """The next message to a camera."""
    message: dict[str, Any] = json.loads(camera.recv(timeout=5))
    return message


def say(camera: Connection, kind: str, **fields: object) -> None:
    camera.send(json.dumps({"type": kind, **fields}))


@contextmanager
def modern(port: Port, camera_id: str = "yard") -> Iterator[Connection]:
    """A camera that has been welcomed."""
    with connect(port.url(f"/ws/{camera_id}")) as camera:
        camera.send(HELLO)
        assert heard(camera)["type"] == "welcome"
        yield camera


# --- there and back ------------------------------------------------------------------------------------------------


def test_a_command_reaches_the_camera_and_its_answers_come_back(port: Port, wait_until: WaitUntil) -> None:
    with modern(port) as camera:
        assert port.server.set_values("yard", 7, {"framesize": "VGA", "flash": 128})
        assert heard(camera) == {"type": "set", "id": 7, "values": {"framesize": "VGA", "flash": 128}}
        say(camera, "ack", id=7, ok=True)
        say(camera, "state", framesize="VGA", flash=128)
        assert port.server.restart("yard", 8)
        assert heard(camera) == {"type": "restart", "id": 8}
        say(camera, "ack", id=8, ok=False, error="not now")
    wait_until(lambda: port.talk.heard[-1] == LEFT)
    assert port.talk.heard == [
        GREETED,
        ("acknowledged", "yard", 7, ""),
        ("told_state", "yard", {"framesize": "VGA", "flash": 128}),
        ("acknowledged", "yard", 8, "not now"),
        LEFT,
    ]


def test_a_command_is_there_at_once(port: Port) -> None:
    with modern(port) as camera:
        times_s = []
        for number in range(50):
            began_s = time.monotonic()
            assert port.server.set_values("yard", number, {"quality": 20})
            heard(camera)
            times_s.append(time.monotonic() - began_s)
    assert sorted(times_s)[25] < 0.1


def test_every_camera_gets_its_own_commands(port: Port) -> None:
    with modern(port, "yard") as yard, modern(port, "camera") as other:
        assert port.server.set_values("camera", 1, {"flash": 1})
        assert port.server.set_values("yard", 2, {"flash": 2})
        assert (heard(yard)["id"], heard(other)["id"]) == (2, 1)


def test_a_welcome_brings_the_newest_values_each_time(port: Port) -> None:
    port.talk.values["yard"] = {"max_fps": 7}
    with connect(port.url("/ws/yard")) as camera:
        camera.send(HELLO)
        assert heard(camera)["values"] == {"max_fps": 7}
        port.talk.values["yard"] = {"max_fps": 3, "framesize": "VGA"}
        camera.send(HELLO)
        assert heard(camera)["values"] == {"max_fps": 3, "framesize": "VGA"}


def test_a_command_given_at_the_greeting_comes_after_the_welcome(start_port: StartPort) -> None:
    class Eager(FakeTalk):
        """Has something to say at once."""

        def greeted(self, camera_id: str, hello: object) -> None:
            self.heard.append((port.server.set_values(camera_id, 1, {"flash": 0}), hello))

    port = start_port(talk=Eager())
    with connect(port.url("/ws/yard")) as camera:
        camera.send(HELLO)
        assert [heard(camera)["type"] for _ in range(2)] == ["welcome", "set"]
    assert port.talk.heard[0][0] is True


# --- who gets none -------------------------------------------------------------------------------------------------


def test_who_is_not_there_or_has_not_said_hello_gets_no_command(port: Port, wait_until: WaitUntil) -> None:
    assert not port.server.set_values("yard", 1, {"flash": 0})
    assert not port.server.restart("nobody", 2)
    with connect(port.url("/ws/yard")) as camera:
        assert not port.server.restart("yard", 3)
        camera.send(HELLO)
        assert heard(camera)["type"] == "welcome"
        assert port.server.set_values("yard", 4, {"flash": 0})
        assert heard(camera)["id"] == 4
    wait_until(lambda: LEFT in port.talk.heard)
    assert not port.server.set_values("yard", 5, {"flash": 0})


def test_a_legacy_camera_is_greeted_as_one_and_gets_no_command(
    port: Port, dial_raw: DialRaw, jpeg: bytes, wait_until: WaitUntil
) -> None:
    sketch = dial_raw(port)
    sketch.handshake()
    sketch.send(TEXT, b"hello from ESP32 camera stream!")
    for _ in range(3):
        sketch.send(2, jpeg)
    wait_until(lambda: port.status().received == 3)
    assert not port.server.set_values("camera", 1, {"flash": 0})
    assert not port.server.restart("camera", 2)
    sketch.socket.settimeout(0.2)
    with pytest.raises(TimeoutError):
        sketch.socket.recv(1)
    sketch.socket.close()
    wait_until(lambda: len(port.talk.heard) == 2)
    assert port.talk.heard == [("greeted", "camera", {}), ("left", "camera")]


def test_before_the_start_and_after_the_stop_nobody_gets_a_command(port: Port) -> None:
    server = IngestServer(
        IngestSettings(host="127.0.0.1", port=0),
        port.store,
        clock=port.clock,
        supervisor=port.supervisor,
        admit=port.admitted.append,
        talk=FakeTalk(),
        redirect_url=str,
    )
    assert not server.restart("camera", 1)
    with modern(port):
        assert port.server.stop()
        assert not port.server.set_values("yard", 1, {"flash": 0})
        assert port.talk.heard == [GREETED, LEFT]


def test_while_the_bridge_stops_nobody_gets_a_command(port: Port, dial_raw: DialRaw) -> None:
    stubborn = dial_raw(port)  # it does not answer the goodbye, so that the stop takes its time
    stubborn.handshake("/ws/yard")
    stubborn.send(TEXT, HELLO.encode())
    assert stubborn.frame()[0] == TEXT
    assert port.server.restart("yard", 1)
    assert stubborn.frame()[0] == TEXT
    stopping = threading.Thread(target=port.server.stop)
    stopping.start()
    assert stubborn.frame()[0] == CLOSE
    assert not port.server.restart("yard", 2)
    assert LEFT not in port.talk.heard  # it was still on its way out
    stopping.join(5)


def test_values_that_cannot_be_sent_are_the_callers_fault_and_harm_nobody(port: Port) -> None:
    with modern(port) as camera:
        for values in ({"framesize": "x" * 20_000}, {"max_fps": float("nan")}):
            with pytest.raises(ValueError, match=r"cameras take|JSON"):
                port.server.set_values("yard", 1, values)
        assert port.server.restart("yard", 2)
        assert heard(camera)["id"] == 2


# --- cameras that do not answer, or go -----------------------------------------------------------------------------


def test_a_camera_that_never_answers_holds_nobody_up(port: Port, jpeg: bytes, wait_until: WaitUntil) -> None:
    with modern(port) as deaf:
        assert all(port.server.set_values("yard", number, {"flash": number}) for number in range(10))
        deaf.send(jpeg)
        wait_until(lambda: port.status("yard").received == 1)
        assert port.talk.heard == [GREETED]
    wait_until(lambda: port.talk.heard == [GREETED, LEFT])


def test_a_camera_that_does_not_read_holds_nobody_up_and_is_dropped(
    port: Port, dial_raw: DialRaw, wait_until: WaitUntil
) -> None:
    stuck = dial_raw(port, receive_buffer_bytes=4096)
    stuck.handshake("/ws/yard")
    stuck.send(TEXT, HELLO.encode())
    wait_until(lambda: GREETED in port.talk.heard)
    began_s = time.monotonic()
    number = 0
    while LEFT not in port.talk.heard and number < 20_000:
        port.server.set_values("yard", number, {"framesize": "x" * 10_000})
        number += 1
    assert LEFT in port.talk.heard
    assert time.monotonic() - began_s < 5


def test_commands_to_a_connection_that_has_just_broken_are_lost_without_a_word(
    start_port: StartPort, dial_raw: DialRaw, wait_until: WaitUntil, caplog: pytest.LogCaptureFixture
) -> None:
    go_on = threading.Event()

    class Slow(FakeTalk):
        """Holds the thread up, so that commands gather."""

        def told_state(self, camera_id: str, values: Mapping[str, Any]) -> None:
            super().told_state(camera_id, values)
            go_on.wait(5)

    port = start_port(talk=Slow())
    board = dial_raw(port)
    board.handshake("/ws/yard")
    board.send(TEXT, HELLO.encode())
    assert board.frame()[0] == TEXT
    board.send(TEXT, b'{"type": "state"}')
    wait_until(lambda: port.talk.heard[-1][0] == "told_state")
    board.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    board.socket.close()  # with a reset
    assert all(port.server.restart("yard", number) for number in range(100))
    go_on.set()
    wait_until(lambda: port.talk.heard[-1] == LEFT)
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_camera_that_reconnects_in_the_middle_of_a_command_is_greeted_anew_and_is_not_sent_it_again(
    port: Port, wait_until: WaitUntil
) -> None:
    with modern(port) as camera:
        assert port.server.set_values("yard", 1, {"flash": 255})
        assert heard(camera)["id"] == 1
        camera.socket.shutdown(socket.SHUT_RDWR)  # as when the power fails
    wait_until(lambda: port.talk.heard == [GREETED, LEFT])
    with modern(port) as camera:
        assert port.server.set_values("yard", 2, {"flash": 0})
        assert heard(camera)["id"] == 2
        say(camera, "ack", id=2, ok=True)
        wait_until(lambda: ("acknowledged", "yard", 2, "") in port.talk.heard)
    assert port.talk.heard[:4] == [GREETED, LEFT, GREETED, ("acknowledged", "yard", 2, "")]


def test_a_replaced_connection_leaves_before_the_newer_one_greets_and_gets_no_more_commands(
    port: Port, wait_until: WaitUntil
) -> None:
    with modern(port) as older, modern(port) as newer:
        assert port.talk.heard == [GREETED, LEFT, GREETED]
        assert port.server.set_values("yard", 1, {"flash": 0})
        assert heard(newer)["id"] == 1
        with pytest.raises(ConnectionClosed, match="4409"):
            older.recv(timeout=5)
        say(newer, "ack", id=1, ok=True)
        wait_until(lambda: len(port.talk.heard) == 4)
    wait_until(lambda: port.talk.heard[-1] == LEFT)
    assert port.talk.heard == [GREETED, LEFT, GREETED, ("acknowledged", "yard", 1, ""), LEFT]


# --- many at once --------------------------------------------------------------------------------------------------

THREADS, EACH = 8, 100


def in_threads(job: Callable[[int], None]) -> list[threading.Thread]:
    threads = [threading.Thread(target=job, args=(number,), name=f"caller {number}") for number in range(THREADS)]
    for thread in threads:
        thread.start()
    return threads


def test_commands_of_many_threads_all_arrive_and_each_threads_in_order(port: Port) -> None:
    def command(thread: int) -> None:
        for count in range(EACH):
            assert port.server.set_values("yard", thread * EACH + count, {"quality": 20})

    with modern(port) as camera:
        threads = in_threads(command)
        ids = [heard(camera)["id"] for _ in range(THREADS * EACH)]
        for thread in threads:
            thread.join(5)
    assert sorted(ids) == list(range(THREADS * EACH))
    for number in range(THREADS):
        own = [command_id for command_id in ids if command_id // EACH == number]
        assert own == sorted(own)


def test_a_command_is_answered_before_its_camera_is_said_to_have_left_or_never(
    port: Port, wait_until: WaitUntil
) -> None:
    given: dict[int, int] = {}  # how much had been heard once the command was taken, by its id
    stop = threading.Event()

    def command(thread: int) -> None:
        command_id = thread * 1_000_000
        while not stop.wait(0.002):
            command_id += 1
            if port.server.set_values("yard", command_id, {"flash": 0}):
                given[command_id] = len(port.talk.heard)

    threads = in_threads(command)
    for _ in range(15):
        with connect(port.url("/ws/yard")) as camera:  # now before and now after the older connection has ended
            camera.send(HELLO)
            for _ in range(20):
                if (message := heard(camera))["type"] == "set":
                    say(camera, "ack", id=message["id"], ok=True)
            camera.socket.shutdown(socket.SHUT_RDWR)
    stop.set()
    for thread in threads:
        thread.join(5)
    wait_until(lambda: port.talk.heard[-1] == LEFT)
    told = port.talk.heard
    answered = {int(str(what[2])): place for place, what in enumerate(told) if what[0] == "acknowledged"}
    assert answered
    assert len(given) > len(answered)  # some were lost with their connection
    assert [number for number, place in answered.items() if LEFT in told[given[number] : place]] == []
    assert [what[0] for what in told if what[0] != "acknowledged"] == ["greeted", "left"] * 15
