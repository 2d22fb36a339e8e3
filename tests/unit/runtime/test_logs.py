"""Log lines for machines say which camera and which event they are about."""

from __future__ import annotations

import json
import logging

import pytest

from bridge.runtime import logs


@pytest.mark.parametrize(
    ("message", "values", "about"),
    [
        ("%s: connected from %s", ("front_door", "10.0.0.7"), {"camera": "front_door"}),
        (
            "%s: %s arrived (%.0f %%), event %s",
            ("door", "person", 87.0, "1764072000000-00abcd"),
            {"camera": "door", "event": "1764072000000-00abcd"},
        ),
        ("event %s could not be written", ("1764072000000-00abcd",), {"event": "1764072000000-00abcd"}),
        ("%s: cannot be read", ("/etc/espcam-bridge.yaml",), {}),
        ("%s did not stop within %.1f s", ("web", 2.0), {}),
        ("broker: nothing listens", (), {}),
        ("%d messages: %s", (7, "door"), {}),
        ("%(a)s: x", ({"a": "door"},), {}),
    ],
)
def test_a_line_says_what_it_is_about(
    capsys: pytest.CaptureFixture[str], message: str, values: tuple[object, ...], about: dict[str, str]
) -> None:
    before = logging.getLogger().handlers[:]
    level = logging.getLogger().level
    try:
        logs.configure("json")
        logging.getLogger("bridge.test").warning(message, *values)
    finally:
        logging.getLogger().handlers[:] = before
        logging.getLogger().setLevel(level)
    line = json.loads(capsys.readouterr().err)
    assert {key: line[key] for key in ("camera", "event") if key in line} == about
    assert {"time", "level", "thread", "logger", "message"} <= line.keys()
