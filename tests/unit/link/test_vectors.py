"""The examples of the camera link that the firmware is tested with as well (firmware/tests/test_vectors.cpp)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bridge.ingest import messages
from bridge.link.table import FIELDS, FRAMESIZES, MessageType
from bridge.simulate.messages import Board, Values, frame

_PROTOCOL = Path(__file__).resolve().parents[3] / "firmware" / "protocol"
_VECTORS: dict[str, list[dict[str, Any]]] = json.loads((_PROTOCOL / "vectors.json").read_text())

_READERS = {
    "hello": messages.read_hello,
    "telemetry": messages.read_telemetry,
    "state": messages.read_state,
    "ack": lambda message: dict(zip(("id", "error"), messages.read_ack(message) or (), strict=True)),
    "progress": lambda message: dict(
        zip(FIELDS[MessageType.PROGRESS], messages.read_progress(message) or (), strict=True)
    ),
}


def by_name(kind: str) -> list[Any]:
    return [pytest.param(entry, id=entry.get("name")) for entry in _VECTORS[kind]]


@pytest.mark.parametrize("entry", by_name("to_camera"))
def test_a_simulated_board_makes_of_it_what_the_firmware_does(entry: dict[str, Any]) -> None:
    before = Values(framesize="HD", quality=33, max_fps=11.0, flash=77)
    board = Board("door", "1.0.0", 10.0, before, tuple(FRAMESIZES))
    heard = board.hear(entry["text"])
    replies = [json.loads(reply) for reply in heard.replies]
    answers = [reply for reply in replies if reply["type"] == "ack"]

    now = {name: value for name in Values.__slots__ if (value := getattr(board.values, name)) != getattr(before, name)}
    assert now == entry.get("values", {})
    assert heard.welcomed == (entry["kind"] == "welcome")
    match entry["kind"]:
        case "none":
            assert replies == []
        case "update" if not entry["problem"]:
            order = heard.update
            assert order is not None
            assert answers == []
            told = {
                "url": order.url,
                "sha256": order.sha256.lower(),
                "size": order.size_bytes,
                "version": order.version,
            }
            assert told == entry["update"]
        case "set" | "restart" | "update" | "unknown":
            (answer,) = answers
            assert answer["id"] == entry["id"]
            assert answer["ok"] == (not entry["problem"] and entry["kind"] != "unknown")
            assert heard.restart == (entry["kind"] == "restart")


@pytest.mark.parametrize("entry", by_name("from_camera"))
def test_the_bridge_reads_what_the_firmware_writes(entry: dict[str, Any]) -> None:
    message = messages.read_json(entry["text"])
    assert message is not None
    assert message["type"] == entry["type"]
    assert _READERS[entry["type"]](message) == entry["fields"]


@pytest.mark.parametrize("entry", _VECTORS["frames"])
def test_the_header_before_a_picture(entry: dict[str, Any]) -> None:
    made = frame(entry["sequence"], entry["captured_unix_us"], b"jpeg", entry["flags"])
    assert made.hex() == entry["hex"] + b"jpeg".hex()


def test_what_the_bridge_writes_is_among_the_examples() -> None:
    texts = {
        json.dumps(json.loads(entry["text"]), sort_keys=True)
        for entry in _VECTORS["to_camera"]
        if entry["kind"] != "none"
    }
    for written in (
        messages.write_welcome("front_door", 1764158400, {"framesize": "VGA", "quality": 12, "max_fps": 7.5}),
        messages.write_set(1, {"framesize": "UXGA", "quality": 4, "max_fps": 60, "flash": 255}),
        messages.write_restart(50),
        messages.write_update(
            60,
            "http://192.168.1.2:3001/firmware/abc",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            1048576,
            "1.2.0",
        ),
    ):
        assert json.dumps(json.loads(written), sort_keys=True) in texts


def test_the_tables_fit_their_one_source() -> None:
    done = subprocess.run(
        [sys.executable, _PROTOCOL / "generate.py", "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
