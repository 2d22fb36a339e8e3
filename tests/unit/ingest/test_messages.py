from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import PeerError
from bridge.ingest.messages import (
    MAX_REASON_BYTES,
    MAX_TEXT_BYTES,
    MAX_TEXT_CHARS,
    close_reason,
    read_ack,
    read_hello,
    read_json,
    read_progress,
    read_state,
    read_telemetry,
    write_restart,
    write_set,
    write_update,
    write_welcome,
)

FULL_HELLO: dict[str, Any] = {
    "v": 1,
    "firmware": "espcam",
    "version": "1.2.3",
    "board": "ai-thinker",
    "chip": "ESP32-D0WDQ6",
    "psram": True,
    "mac": "24:6f:28:00:00:01",
    "sensor": "OV2640",
    "framesizes": ["QVGA", "VGA"],
    "capabilities": ["flash", "ota"],
    "reset_reason": "POWERON",
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


# --- JSON ----------------------------------------------------------------------------------------------------------


def test_only_objects_are_messages() -> None:
    assert read_json('{"type": "hello"}') == {"type": "hello"}
    for text in ("", "hello from ESP32 camera stream!", "[]", "1", "null", '"type"', '{"type": "hello", v: 1}'):
        assert read_json(text) is None


def test_huge_and_deep_json_is_refused_and_not_parsed() -> None:
    assert read_json("[" * MAX_TEXT_CHARS) is None
    assert read_json('{"a":' * 3000 + "1" + "}" * 3000) is None
    assert read_json('{"a": ' + "9" * 5000 + "}") is None
    assert read_json('{"a": "' + "x" * MAX_TEXT_CHARS + '"}') is None


@given(st.text())
def test_any_text_is_a_message_or_none(text: str) -> None:
    message = read_json(text)
    assert message is None or isinstance(message, dict)


# --- hello ---------------------------------------------------------------------------------------------------------


def test_a_full_hello_is_read_whole() -> None:
    assert read_hello({"type": "hello", **FULL_HELLO}) == FULL_HELLO


def test_only_the_version_must_be_there() -> None:
    assert read_hello({"type": "hello", "v": 1}) == {"v": 1}


def test_fields_of_newer_firmware_are_dropped() -> None:
    assert read_hello({"v": 1, "colour": "red", "nested": {"a": [1]}}) == {"v": 1}


@pytest.mark.parametrize("psram", [True, False, 4_194_304, 0])
def test_psram_is_a_switch_or_a_size(psram: object) -> None:
    assert read_hello({"v": 1, "psram": psram})["psram"] == psram


@pytest.mark.parametrize("version", [None, 0, 2, -1, "1", 1.0, True, [1], 10**30, "x" * 500])
def test_another_version_is_refused_with_the_mend(version: object) -> None:
    with pytest.raises(PeerError, match=r"hello.v is .* must be 1: update firmware or bridge") as caught:
        read_hello({"v": version})
    assert caught.value.close_code == 4400
    assert len(caught.value.reason.encode()) <= MAX_REASON_BYTES


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("firmware", 5, "printable text"),
        ("version", None, "printable text"),
        ("board", "x" * 129, "128 characters"),
        ("mac", "a\nb", "printable text"),
        ("sensor", "\ud800", "printable text"),
        ("psram", "yes", "true, false or a number"),
        ("psram", float("nan"), "true, false or a number"),
        ("framesizes", "VGA", "a list"),
        ("framesizes", [1], "a list"),
        ("framesizes", ["VGA"] * 65, "64 short texts"),
        ("capabilities", {"flash": True}, "a list"),
    ],
)
def test_a_known_field_of_a_wrong_type_is_refused_and_named(key: str, value: object, wanted: str) -> None:
    with pytest.raises(PeerError) as caught:
        read_hello({**FULL_HELLO, key: value})
    assert caught.value.close_code == 4400
    assert f"hello.{key} must be " in caught.value.reason
    assert wanted in caught.value.reason
    assert len(caught.value.reason.encode()) <= MAX_REASON_BYTES


@given(st.dictionaries(st.sampled_from([*FULL_HELLO, "other"]), json_values))
def test_any_hello_is_read_or_refused_with_a_reason_that_fits(message: dict[str, Any]) -> None:
    reason = ""
    try:
        hello = read_hello(message)
        json.dumps(hello, allow_nan=False, ensure_ascii=False).encode()  # fit for the API as it is
    except PeerError as error:
        reason = error.reason
    assert len(reason.encode()) <= MAX_REASON_BYTES


# --- telemetry -----------------------------------------------------------------------------------------------------


def test_known_numbers_are_read_and_the_rest_is_dropped() -> None:
    message = {
        "type": "telemetry",
        "rssi_dbm": -61,
        "fps": 9.5,
        "uptime_s": 0,
        "heap_free_bytes": "many",
        "frames_sent": None,
        "frames_failed": True,
        "camera_errors": [1],
        "reconnects": float("inf"),
        "heap_min_bytes": float("nan"),
        "psram_free_bytes": 10**400,
        "temperature_c": -1e15,
        "humidity": 40,
    }
    assert read_telemetry(message) == {"rssi_dbm": -61, "fps": 9.5, "uptime_s": 0, "temperature_c": -1e15}


@given(st.dictionaries(st.sampled_from(["rssi_dbm", "fps", "uptime_s", "other"]), json_values))
def test_any_telemetry_yields_numbers_that_json_and_gauges_take(message: dict[str, Any]) -> None:
    values = read_telemetry(message)
    json.dumps(values, allow_nan=False)
    assert all(abs(float(value)) <= 1e15 for value in values.values())


# --- state ---------------------------------------------------------------------------------------------------------


def test_a_full_state_is_read_whole() -> None:
    state = {"framesize": "VGA", "quality": 12, "max_fps": 7.5, "fps": 5, "flash": 128}
    assert read_state({"type": "state", **state}) == state


def test_what_a_state_does_not_say_is_left_out() -> None:
    assert read_state({"type": "state"}) == {}
    assert read_state({"type": "state", "framesize": None, "quality": None, "max_fps": None, "night": True}) == {}


@pytest.mark.parametrize(("said", "brightness"), [(True, 255), (False, 0), (0, 0), (1, 1), (255, 255)], ids=repr)
def test_a_lamp_that_is_only_on_or_off_has_a_brightness_too(said: object, brightness: int) -> None:
    flash = read_state({"flash": said})["flash"]
    assert (flash, type(flash)) == (brightness, int)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("framesize", 5),
        ("framesize", "x" * 129),
        ("framesize", "V\nGA"),
        ("quality", 12.5),
        ("quality", True),
        ("quality", "12"),
        ("quality", -1),
        ("quality", 64),
        ("max_fps", "5"),
        ("max_fps", True),
        ("max_fps", -1),
        ("fps", float("nan")),
        ("fps", float("inf")),
        ("flash", 256),
        ("flash", -1),
        ("flash", 127.5),
        ("flash", "on"),
        ("flash", [255]),
    ],
)
def test_a_wrong_value_in_a_state_is_left_out_and_the_others_are_read(key: str, value: object) -> None:
    good: dict[str, Any] = {"framesize": "VGA", "quality": 12, "max_fps": 5, "fps": 5, "flash": 0}
    assert read_state({**good, key: value}) == {name: good[name] for name in good if name != key}


@given(st.dictionaries(st.sampled_from(["framesize", "quality", "max_fps", "fps", "flash", "other"]), json_values))
def test_any_state_yields_values_that_json_and_topics_take(message: dict[str, Any]) -> None:
    state = read_state(message)
    json.dumps(state, allow_nan=False, ensure_ascii=False).encode()
    assert not any(value is None or isinstance(value, bool | list | dict) for value in state.values())


# --- ack -----------------------------------------------------------------------------------------------------------


def test_an_ack_says_which_command_was_carried_out() -> None:
    assert read_ack({"type": "ack", "id": 7, "ok": True}) == (7, "")
    assert read_ack({"type": "ack", "id": 7, "ok": True, "error": "none"}) == (7, "")


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        ("no lamp", "no lamp"),
        ("a\nb\x1b[31m\ud800", "a?b?[31m?"),
        ("x" * 300, "x" * 200),
        ("ü" * 300, "ü" * 200),
        ("", "the camera did not say why"),
        ("  ", "the camera did not say why"),
        (None, "the camera did not say why"),
        (7, "the camera did not say why"),
        ({"why": "no lamp"}, "the camera did not say why"),
    ],
)
def test_an_ack_says_why_a_command_was_not_carried_out(error: object, shown: str) -> None:
    assert read_ack({"type": "ack", "id": 0, "ok": False, "error": error}) == (0, shown)


@pytest.mark.parametrize("ok", [False, None, 1, "true", "yes", [True]])
def test_only_true_is_a_success(ok: object) -> None:
    assert read_ack({"id": 1, "ok": ok}) == (1, "the camera did not say why")
    assert read_ack({"id": 1}) == (1, "the camera did not say why")


@pytest.mark.parametrize("command_id", [None, "7", 7.0, True, [7], 10**400, float("nan")])
def test_an_ack_of_no_known_command_means_nothing(command_id: object) -> None:
    assert read_ack({"type": "ack", "id": command_id, "ok": True}) is None


@given(st.dictionaries(st.sampled_from(["id", "ok", "error"]), json_values))
def test_any_ack_is_an_answer_that_can_be_shown_or_none(message: dict[str, Any]) -> None:
    ack = read_ack(message)
    if ack is not None:
        command_id, error = ack
        assert type(command_id) is int
        assert error.isprintable()
        assert len(error) <= 200
        assert (error == "") == (message.get("ok") is True)


# --- what cameras are told -----------------------------------------------------------------------------------------


def test_the_welcome_says_who_when_and_what_is_wanted() -> None:
    text = write_welcome("door", 1_800_000_000.1234, {"framesize": "VGA", "quality": None, "max_fps": 10})
    assert json.loads(text) == {
        "type": "welcome",
        "v": 1,
        "camera_id": "door",
        "server_time_ms": 1_800_000_000_123,
        "values": {"framesize": "VGA", "max_fps": 10},
    }


def test_a_set_names_the_command_and_the_settings() -> None:
    assert json.loads(write_set(7, {"framesize": "VGA", "flash": 128, "max_fps": 7.5})) == {
        "type": "set",
        "id": 7,
        "values": {"framesize": "VGA", "flash": 128, "max_fps": 7.5},
    }


def test_a_restart_names_the_command() -> None:
    assert json.loads(write_restart(8)) == {"type": "restart", "id": 8}


@given(st.dictionaries(st.text(max_size=200), st.booleans() | st.integers() | st.text(), max_size=10))
def test_nothing_is_written_that_a_camera_would_refuse_for_its_length(values: dict[str, Any]) -> None:
    try:
        texts = [write_set(1, values), write_welcome("door", 0.0, values)]
    except ValueError:
        texts = []
    assert all(len(text.encode()) <= MAX_TEXT_BYTES for text in texts)


def test_a_message_that_is_too_long_for_a_camera_is_not_written() -> None:
    assert len(write_set(1, {"framesize": "x" * 15_000}).encode()) < 15 * 1024
    for write in (lambda size: write_set(1, {"framesize": size}), lambda size: write_welcome("d", 0, {"s": size})):
        with pytest.raises(ValueError, match=r"bytes is more than cameras take"):
            write("ü" * 2600)  # six bytes each


def test_what_json_does_not_have_is_not_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_set(1, {"max_fps": float("nan")})


# --- close reasons -------------------------------------------------------------------------------------------------


@given(st.text(max_size=300), st.integers(1, MAX_REASON_BYTES))
def test_a_close_reason_fits_its_frame_and_a_log_line(text: str, max_bytes: int) -> None:
    reason = close_reason(text, max_bytes)
    assert len(reason.encode()) <= max_bytes
    assert reason.isprintable()


def test_a_short_reason_stays_as_it_is() -> None:
    assert close_reason("wrong token: grüße") == "wrong token: grüße"


def test_a_long_reason_is_cut_between_characters() -> None:
    assert close_reason("ü" * 100, 5) == "üü"


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"id": 1, "written_bytes": 5},
        {"id": "1", "written_bytes": 5, "size": 9},
        {"id": 1, "written_bytes": 10, "size": 9},
        {"id": 1, "written_bytes": -1, "size": 9},
        {"id": 1, "written_bytes": 1.5, "size": 9},
        {"id": True, "written_bytes": 1, "size": 9},
        {"id": 1, "written_bytes": 1, "size": 10**16},
    ],
)
def test_progress_that_cannot_be_is_none(told: dict[str, object]) -> None:
    assert read_progress(told) is None


def test_an_update_that_a_camera_would_not_take_is_not_written() -> None:
    with pytest.raises(ValueError, match="255 bytes"):
        write_update(1, "http://a/" + "b" * 250, "00" * 32, 5, "1.0.0")
    with pytest.raises(ValueError, match="32 at most"):
        write_update(1, "http://a/b", "00" * 32, 5, "1" * 33)
