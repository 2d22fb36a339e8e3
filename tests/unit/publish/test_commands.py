from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model import Control
from bridge.publish.commands import MAX_BYTES, BadCommand, InstallUpdate, Request, SetControl, filters, parse
from bridge.publish.sweep import fits

BASE = "home/espcam"


def value(control: str, payload: str) -> object:
    command = parse(BASE, f"{BASE}/yard/{control}/set", payload.encode())
    assert isinstance(command, SetControl), command
    assert (command.camera_id, command.control) == ("yard", Control(control))
    return command.value


def problem(control: str, payload: bytes) -> str:
    command = parse(BASE, f"{BASE}/yard/{control}/set", payload)
    assert isinstance(command, BadCommand), command
    assert command.topic == f"{BASE}/yard/{control}/set"
    return command.problem


@pytest.mark.parametrize(
    ("control", "payload", "expected"),
    [
        ("detect", "ON", True),
        ("detect", " off\n", False),
        ("detect", "True", True),
        ("detect", "false", False),
        ("confidence", "0.35", 0.35),
        ("confidence", "1", 1.0),
        ("max_fps", "7.5", 7.5),
        ("quality", "12", 12),
        ("quality", "12.0", 12),
        ("framesize", "SVGA", "SVGA"),
        ("flash", "ON", 255),
        ("flash", "off", 0),
        ("flash", "128", 128),
        ("flash", '{"state": "ON", "brightness": 77}', 77),
        ("flash", '{"state": "ON"}', 255),
        ("flash", '{"brightness": 5}', 5),
        ("flash", '{"state": "OFF", "brightness": 77}', 0),
        ("flash", '{"state": "ON", "transition": 2}', 255),
        ("restart", "PRESS", True),
        ("restart", "whatever", True),
    ],
)
def test_a_value_is_read_as_its_control_takes_it(control: str, payload: str, expected: object) -> None:
    found = value(control, payload)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("control", "payload", "allowed"),
    [
        ("detect", b"perhaps", "ON or OFF"),
        ("detect", b"", "ON or OFF"),
        ("detect", b"\xff\xfe", "UTF-8"),
        ("confidence", b"high", "a number"),
        ("confidence", b"nan", "a number"),
        ("max_fps", b"inf", "a number"),
        ("quality", b"12.5", "a whole number"),
        ("framesize", b"", "VGA"),
        ("framesize", b"V\x00GA", "VGA"),
        ("framesize", b"x" * 101, "VGA"),
        ("flash", b"bright", "0 to 255"),
        ("flash", b"{", "brightness"),
        ("flash", b"[" * 9000, "0 to 255"),
        ("flash", b'{"a":' * 3000, "brightness"),
        ("flash", b'{"state": "maybe"}', "ON or OFF"),
        ("flash", b'{"state": 1}', "ON or OFF"),
        ("flash", b'{"brightness": true}', "brightness"),
        ("flash", b'{"brightness": null}', "brightness"),
        ("restart", b"", "any text"),
        ("zoom", b"1", "detect, confidence"),
        ("update", b"", "install"),
        ("update", b"1.2.0", "install"),
        ("detect", b"x" * (MAX_BYTES + 1), str(MAX_BYTES)),
    ],
)
def test_what_cannot_be_read_says_what_is_allowed(control: str, payload: bytes, allowed: str) -> None:
    assert allowed in problem(control, payload)


def test_a_camera_is_told_to_update() -> None:
    assert parse(BASE, f"{BASE}/yard/update/set", b"install") == InstallUpdate("yard")


@pytest.mark.parametrize("payload", [b"bright" * 1000, b"\x1b[31m", "\u202e".encode() * 10])
def test_what_somebody_sends_cannot_flood_or_forge_the_log(payload: bytes) -> None:
    text = problem("detect", payload)
    assert text.isprintable()
    assert len(text) < 200


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"", {}),
        (b"PRESS", {}),
        (b"\xff\xfe", {}),
        (b"[1]", {}),
        (b'"text"', {}),
        (b' {"transaction": "7", "camera": "yard"} ', {"transaction": "7", "camera": "yard"}),
    ],
)
def test_a_request_takes_an_object_and_anything_that_is_none_counts_as_nothing(
    payload: bytes, expected: dict[str, str]
) -> None:
    assert parse(BASE, f"{BASE}/bridge/request/reload", payload) == Request("reload", expected)


@pytest.mark.parametrize(
    ("name", "payload"), [("reload", b'{"a": '), ("reload", b"{" * 20_000), ("Reload", b""), ("a" * 33, b""), ("", b"")]
)
def test_a_request_that_cannot_be_read_says_so(name: str, payload: bytes) -> None:
    assert isinstance(parse(BASE, f"{BASE}/bridge/request/{name}", payload), BadCommand)


@given(st.text(max_size=20), st.text(max_size=20), st.binary(max_size=200))
def test_nothing_that_comes_in_raises(first: str, second: str, payload: bytes) -> None:
    for topic in (f"{BASE}/{first}/{second}/set", f"{BASE}/bridge/request/{first}"):
        if any(fits(wanted, topic) for wanted in filters(BASE)):
            assert isinstance(parse(BASE, topic, payload), SetControl | InstallUpdate | Request | BadCommand)


@given(st.sampled_from(list(Control)), st.text(max_size=30))
def test_every_control_reads_any_text(control: Control, text: str) -> None:
    command = parse(BASE, f"{BASE}/yard/{control}/set", text.encode("utf-8", "replace"))
    assert isinstance(command, SetControl | BadCommand)
