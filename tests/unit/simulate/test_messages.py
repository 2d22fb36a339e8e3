"""What a simulated board says, and how it obeys."""

from __future__ import annotations

import json
import re
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.link.table import FRAMESIZES
from bridge.model import Control
from bridge.simulate.messages import (
    Board,
    Health,
    Values,
    frame,
    framesizes_for,
    jpeg_quality,
)
from bridge.simulate.update import UpdateOrder


def board() -> Board:
    return Board("door", "1.2.3", 10.0, Values(framesize="VGA", quality=12), ("QVGA", "VGA"))


def replies(to: Board, **message: object) -> list[Any]:
    return [json.loads(reply) for reply in to.hear(json.dumps(message)).replies]


def test_hello_carries_every_field_of_the_camera_link() -> None:
    hello = json.loads(board().hello("power_on"))
    assert hello.pop("mac") == json.loads(board().hello("brownout"))["mac"]
    assert hello == {
        "type": "hello",
        "v": 1,
        "firmware": "simulate/1.2.3",
        "version": "1.2.3",
        "board": "simulated",
        "chip": "simulated",
        "psram": True,
        "sensor": "simulated",
        "framesizes": ["QVGA", "VGA"],
        "capabilities": ["ecf1", "framesize", "quality", "max_fps", "flash", "restart", "update"],
        "reset_reason": "power_on",
    }


def test_every_camera_has_a_mac_address_of_its_own_that_no_maker_owns() -> None:
    macs = {json.loads(Board(name, "1", 5.0).hello("power_on"))["mac"] for name in ("a", "b", "c")}
    assert len(macs) == 3
    assert all(re.fullmatch(r"02(:[0-9a-f]{2}){5}", mac) for mac in macs)


def test_telemetry_carries_every_field_of_the_camera_link() -> None:
    health = Health(
        uptime_s=60, fps=9.8, frames_sent=588, frames_failed=3, reconnects=1, send_ms=40.5, frames_dropped=2
    )
    assert json.loads(board().telemetry(health)) == {
        "type": "telemetry",
        "rssi_dbm": -55,
        "heap_free_bytes": 180_000,
        "heap_min_bytes": 150_000,
        "psram_free_bytes": 3_500_000,
        "uptime_s": 60,
        "fps": 9.8,
        "frames_sent": 588,
        "send_ms": 40.5,
        "frames_failed": 3,
        "frames_dropped": 2,
        "camera_errors": 0,
        "reconnects": 1,
        "temperature_c": 48.0,
    }


def test_a_welcome_applies_its_values_and_is_answered_with_the_state() -> None:
    camera = board()
    heard = camera.hear(
        json.dumps({"type": "welcome", "v": 1, "camera_id": "door", "values": {"framesize": "QVGA", "max_fps": 4}})
    )
    assert heard.welcomed
    assert [json.loads(reply) for reply in heard.replies] == [
        {"type": "state", "framesize": "QVGA", "quality": 12, "fps": 4, "max_fps": 4, "flash": 0}
    ]
    assert camera.effective_fps == 4


@pytest.mark.parametrize("values", [{}, None, [], {"framesize": None, "max_fps": None}])
def test_a_welcome_without_values_changes_nothing(values: object) -> None:
    camera = board()
    assert camera.hear(json.dumps({"type": "welcome", "values": values})).welcomed
    assert camera.values == Values(framesize="VGA", quality=12)


def test_a_limit_above_the_boards_own_rate_does_not_speed_it_up() -> None:
    camera = board()
    replies(camera, type="set", id=1, values={"max_fps": 30})
    assert camera.effective_fps == 10.0


def test_set_is_acknowledged_and_then_the_new_state_is_told() -> None:
    camera = board()
    ack, state = replies(camera, type="set", id=7, values={"quality": 20, "flash": 128})
    assert ack == {"type": "ack", "id": 7, "ok": True}
    assert (state["type"], state["quality"], state["flash"]) == ("state", 20, 128)


@pytest.mark.parametrize(("said", "kept"), [(True, 255), (False, 0), (0, 0), (1, 1), (255, 255)])
def test_the_lamp_takes_a_brightness_or_on_and_off_and_tells_a_brightness(said: object, kept: int) -> None:
    camera = board()
    camera.values = Values(flash=77)
    ack, state = replies(camera, type="set", id=7, values={"flash": said})
    assert ack["ok"] is True
    assert (state["flash"], type(state["flash"])) == (kept, int)


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"framesize": "UXGA"}, "framesize: not one of QVGA, VGA"),
        ({"framesize": ["VGA"]}, "framesize: not one of QVGA, VGA"),
        ({"quality": 3}, "quality: not a number from 4 to 63"),
        ({"quality": 12.5}, "quality: not a number from 4 to 63"),
        ({"quality": True}, "quality: not a number from 4 to 63"),
        ({"max_fps": 0}, "max_fps: not a number from 0.5 to 60"),
        ({"max_fps": True}, "max_fps: not a number from 0.5 to 60"),
        ({"max_fps": "5"}, "max_fps: not a number from 0.5 to 60"),
        ({"flash": 256}, "flash: not a number from 0 to 255"),
        ({"flash": 0.5}, "flash: not a number from 0 to 255"),
        ({"flash": "on"}, "flash: not a number from 0 to 255"),
        ({"restart": True}, "restart: cannot be set on this board"),
        ({"wings": 2}, "wings: cannot be set on this board"),
        ("fast", "values is no object"),
    ],
)
def test_a_set_that_cannot_be_obeyed_is_refused_with_the_reason(values: object, error: str) -> None:
    camera = board()
    ack, state = replies(camera, type="set", id=8, values=values)
    assert ack == {"type": "ack", "id": 8, "ok": False, "error": error}
    assert state["type"] == "state"
    assert camera.values == board().values


def test_a_set_that_can_be_obeyed_in_part_is() -> None:
    camera = board()
    ack, state = replies(camera, type="set", id=9, values={"quality": 99, "max_fps": 2})
    assert ack["ok"] is False
    assert (state["quality"], state["max_fps"]) == (12, 2)


def test_a_null_leaves_a_setting_as_it_is() -> None:
    ack, state = replies(board(), type="set", id=10, values={"quality": None, "flash": 9})
    assert ack["ok"] is True
    assert (state["quality"], state["flash"]) == (12, 9)


def test_footage_that_is_sent_byte_for_byte_has_no_size_or_quality_to_set() -> None:
    camera = Board("door", "1", 10.0)
    ack, _ = replies(camera, type="set", id=1, values={"framesize": "VGA", "quality": 10})
    assert ack["error"] == "framesize: cannot be set on this board; quality: cannot be set on this board"
    assert "framesize" not in json.loads(camera.hello("power_on"))["capabilities"]


def test_restart_is_acknowledged_and_asked_for() -> None:
    heard = board().hear('{"type": "restart", "id": 3}')
    assert heard.restart
    assert json.loads(heard.replies[0]) == {"type": "ack", "id": 3, "ok": True}


def test_an_update_is_answered_when_it_has_ended() -> None:
    camera = board()
    order = {"type": "update", "id": 4, "url": "http://x/fw.bin", "sha256": "aB" * 32, "size": 9, "version": "2.0.0"}
    heard = camera.hear(json.dumps(order))
    assert heard.replies == ()
    assert heard.update == UpdateOrder(4, "http://x/fw.bin", "aB" * 32, 9, "2.0.0")
    assert json.loads(camera.progress(heard.update, 5)) == {"type": "progress", "id": 4, "written_bytes": 5, "size": 9}
    assert json.loads(camera.answer(heard.update)) == {"type": "ack", "id": 4, "ok": True}
    assert json.loads(camera.answer(heard.update, "no")) == {"type": "ack", "id": 4, "ok": False, "error": "no"}


def test_an_unknown_command_is_declined() -> None:
    answer = replies(board(), type="dance", id=5)
    assert answer == [{"type": "ack", "id": 5, "ok": False, "error": "unknown command dance"}]


def test_a_board_may_lack_abilities_and_then_does_not_offer_tell_or_obey_them() -> None:
    camera = board()
    camera.lacks = frozenset({"restart", "framesize", "flash", "update"})
    hello = json.loads(camera.hello("power_on"))
    assert (hello["capabilities"], hello["framesizes"]) == (["ecf1", "quality", "max_fps"], [])
    ack, state = replies(camera, type="set", id=1, values={"framesize": "QVGA", "flash": 9, "quality": 30})
    assert ack["error"] == "framesize: cannot be set on this board; flash: cannot be set on this board"
    assert state == {"type": "state", "quality": 30, "fps": 10.0, "max_fps": None}
    heard = camera.hear('{"type": "restart", "id": 2}')
    assert not heard.restart
    assert json.loads(heard.replies[0])["error"] == "restart: cannot be done on this board"


def test_the_abilities_are_called_as_the_bridge_calls_its_controls() -> None:
    capabilities = json.loads(board().hello("power_on"))["capabilities"]
    assert set(capabilities[1:]) - {"update"} == {
        Control.RESTART,
        Control.FRAMESIZE,
        Control.QUALITY,
        Control.MAX_FPS,
        Control.FLASH,
    }


@pytest.mark.parametrize("kind", ["set", "restart", "update", "dance"])
def test_a_deaf_board_neither_obeys_nor_answers_but_is_welcomed(kind: str) -> None:
    camera = board()
    camera.deaf = True
    assert camera.hear('{"type": "welcome", "values": {"max_fps": 4}}').welcomed
    heard = camera.hear(json.dumps({"type": kind, "id": 1, "values": {"quality": 30}}))
    assert (heard.replies, heard.restart) == ((), False)
    assert camera.values == Values(framesize="VGA", quality=12, max_fps=4)
    assert heard.told == f'command 1: {kind} {{"quality": 30}}: passed over, being deaf'


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ({"type": "set", "id": 7, "values": {"flash": 255}}, 'command 7: set {"flash": 255}: done'),
        (
            {"type": "set", "id": 8, "values": {"x": 1}},
            'command 8: set {"x": 1}: refused: x: cannot be set on this board',
        ),
        ({"type": "restart", "id": 9}, "command 9: restart: done"),
        (
            {"type": "update", "id": 10},
            "command 10: update: refused: url: not an http:// or https:// address of 255 bytes at most",
        ),
        ({"type": "da\nce", "id": "\n"}, 'command "\\n": da?ce: refused: unknown command da?ce'),
        ({"type": "welcome", "values": {"max_fps": 4}}, ""),
        ({"type": "news"}, ""),
    ],
)
def test_what_became_of_a_command_is_one_line_for_the_log(message: dict[str, object], told: str) -> None:
    assert board().hear(json.dumps(message)).told == told


@pytest.mark.parametrize("text", ["", "hello", "[1]", "null", '{"type": "news"}', '{"type": 5, "id": 1}', "[" * 50_000])
def test_what_is_no_command_is_ignored(text: str) -> None:
    heard = board().hear(text)
    assert (heard.replies, heard.welcomed, heard.restart) == ((), False, False)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    ),
    st.sampled_from(["welcome", "set", "restart", "update", "other"]),
)
def test_no_message_breaks_a_board_or_its_settings(values: object, kind: str) -> None:
    camera = board()
    heard = camera.hear(json.dumps({"type": kind, "id": values, "values": values}))
    assert all(json.loads(reply)["type"] in {"ack", "state"} for reply in heard.replies)
    assert camera.values.framesize in {"QVGA", "VGA"}
    assert camera.effective_fps > 0


@given(st.integers(0, 2**40), st.integers(0, 2**64 - 1), st.binary(max_size=50), st.integers(0, 2**32 - 1))
def test_a_frame_is_the_20_byte_header_and_the_jpeg(seq: int, unix_us: int, jpeg: bytes, flags: int) -> None:
    message = frame(seq, unix_us, jpeg, flags)
    assert message[:4] == b"ECF1"
    assert struct.unpack(">IQI", message[4:20]) == (seq % 2**32, unix_us, flags)
    assert message[20:] == jpeg


@pytest.mark.parametrize(
    ("size_px", "largest"),
    [((100, 80), "QQVGA"), ((640, 480), "VGA"), ((768, 432), "SVGA"), ((1280, 720), "HD"), ((3840, 2160), "UXGA")],
)
def test_a_board_offers_sizes_up_to_the_first_that_holds_the_whole_picture(
    size_px: tuple[int, int], largest: str
) -> None:
    names = framesizes_for(size_px)
    assert names[-1] == largest
    assert list(names) == list(FRAMESIZES)[: len(names)]


def test_the_sensors_quality_runs_the_other_way_than_an_encoders() -> None:
    qualities = [jpeg_quality(number) for number in range(4, 64)]
    assert qualities == sorted(qualities, reverse=True)
    assert jpeg_quality(12) == 81
    assert all(1 <= quality <= 100 for quality in qualities)
