from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest

from bridge import __version__
from bridge.cli import main
from bridge.runtime.statefile import StateFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_COMMANDS = ("run", "demo", "simulate", "detect", "check", "init", "schema", "discovery", "doctor", "password")


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """The command sets up the logs of its process, which here is pytest's."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def _exit_code(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert isinstance(caught.value.code, int)
    return caught.value.code


@pytest.mark.parametrize("command", _COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_code(command, "--help") == 0
    assert "usage: espcam-bridge " + command in capsys.readouterr().out


def test_help_names_every_command_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_code("--help") == 0
    text = capsys.readouterr().out
    assert all(f"\n    {command}" in text for command in _COMMANDS)
    assert "examples:" in text


def test_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_code("--version") == 0
    assert capsys.readouterr().out == f"espcam-bridge {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("fly",),
        ("simulate", "--source", "x.mp4"),
        ("simulate", "--url", "ws://h/ws/a", "--source", "x", "--fps", "0"),
        ("simulate", "--url", "ws://h/ws/a", "--source", "x", "--fps", "nan"),
        ("demo", "--cameras", "0"),
        ("demo", "--cameras", "65"),
        ("detect", "a.jpg", "--confidence", "1.5"),
        ("run", "--log-format", "xml"),
    ],
)
def test_wrong_usage_ends_with_two(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_code(*arguments) == 2
    assert "usage:" in capsys.readouterr().err


def test_impossible_request_is_one_line_and_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--url", "http://h/ws/a", "--source", "x.mp4"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("espcam-bridge: http://h/ws/a is no camera link")
    assert len(error.splitlines()) == 1


def test_missing_footage_is_one_line_and_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--url", "ws://h/ws/a", "--source", "/nowhere.mp4"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("espcam-bridge: /nowhere.mp4 does not exist")


def test_missing_configuration_says_where_it_was_looked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "-c", "/nowhere.yaml"]) == 2
    assert "/nowhere.yaml" in capsys.readouterr().err


def test_discovery_prints_what_it_would_publish(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("cameras: [{id: door, name: Front door}]\n")
    assert main(["discovery", "-c", str(config)]) == 0
    messages = json.loads(capsys.readouterr().out)
    assert [message["topic"] for message in messages] == [
        "homeassistant/device/espcam-bridge/config",
        "homeassistant/device/espcam-bridge_door/config",
    ]
    assert messages[1]["payload"]["dev"]["name"] == "Front door"


def test_discovery_knows_what_a_camera_said_that_it_can(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, kept = tmp_path / "bridge.yaml", tmp_path / "state.json"
    config.write_text(f"state_file: {kept}\ncameras: [{{id: porch}}, {{id: yard}}]\n")
    state = StateFile(kept)
    state.put("offers", "porch", {"controls": ["flash"], "board": "AI-Thinker"})
    state.save()
    assert main(["discovery", "-c", str(config)]) == 0
    _, porch, yard = (entry["payload"] for entry in json.loads(capsys.readouterr().out))
    assert "flash" in porch["cmps"]
    assert porch["dev"]["mdl"] == "AI-Thinker"
    assert "flash" not in yard["cmps"]
