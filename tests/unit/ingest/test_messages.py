from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import PeerError
from bridge.ingest.messages import (
    MAX_REASON_BYTES,
    MAX_TEXT_CHARS,
    close_reason,
    read_hello,
    read_json,
    read_telemetry,
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


# --- welcome -------------------------------------------------------------------------------------------------------


def test_the_welcome_says_who_when_and_what_is_wanted() -> None:
    text = write_welcome("door", 1_800_000_000.1234, {"framesize": "VGA", "quality": None, "max_fps": 10})
    assert json.loads(text) == {
        "type": "welcome",
        "v": 1,
        "camera_id": "door",
        "server_time_ms": 1_800_000_000_123,
        "values": {"framesize": "VGA", "max_fps": 10},
    }


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
