from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from bridge.commands.config import check, init, schema
from bridge.config.schema import Config

ROOT = Path(__file__).parents[3]


def described(node: dict[str, Any]) -> list[str]:
    """Keys of a JSON Schema object that lack a description."""
    return [key for key, value in node.get("properties", {}).items() if not value.get("description")]


def test_check_names_the_file_and_the_cameras(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "my.yaml"
    file.write_text("cameras: [{id: a}, {id: b}]\n")
    assert check(file, {}) == 0
    assert capsys.readouterr() == (f"OK: {file}: 2 cameras (a, b)\n", "")
    file.write_text("cameras: [{id: a}]\n")
    assert check(None, {"ESPCAM_BRIDGE_CONFIG": str(file)}) == 0
    assert capsys.readouterr().out == f"OK: {file}: 1 camera (a)\n"
    file.write_text("")
    assert check(file, {}) == 0
    assert capsys.readouterr().out == f"OK: {file}: 0 cameras configured, camera exists by itself\n"


def test_check_prints_every_problem_and_returns_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "my.yaml"
    file.write_text("mqtt:\n  port: 0\nhtp: {}\n")
    assert check(file, {}) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split(": ")[0] for line in err.splitlines()] == [f"{file}:2", f"{file}:3"]


def test_check_of_a_file_that_is_not_there_returns_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(tmp_path / "none.yaml", {}) == 2
    assert "espcam-bridge init" in capsys.readouterr().err


def test_what_init_writes_passes_the_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new" / "folder"
    assert init(folder) == 0
    out, err = capsys.readouterr()
    assert str(folder / "espcam-bridge.yaml") in out
    assert str(folder / "secrets.yaml") in out
    assert err == ""
    assert check(folder / "espcam-bridge.yaml", {}) == 0


def test_the_secrets_that_init_writes_are_for_their_owner_alone(tmp_path: Path) -> None:
    init(tmp_path)
    assert stat.S_IMODE((tmp_path / "secrets.yaml").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["espcam-bridge.yaml", "secrets.yaml"])
def test_init_never_overwrites(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    (tmp_path / name).write_text("mine")
    assert init(tmp_path) == 1
    assert capsys.readouterr().err == f"{tmp_path / name} exists already; nothing was written\n"
    assert [file.read_text() for file in tmp_path.iterdir()] == ["mine"]


def test_init_does_not_write_through_a_dangling_link(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "secrets.yaml").symlink_to(tmp_path / "elsewhere")
    assert init(tmp_path) == 1
    assert "exists already" in capsys.readouterr().err
    assert not (tmp_path / "elsewhere").exists()


def test_init_in_a_place_that_is_no_folder_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert init(tmp_path / "file") == 1
    assert capsys.readouterr().err == f"cannot write to {tmp_path / 'file'}: File exists\n"


def test_the_schema_is_complete_and_every_key_has_a_description(capsys: pytest.CaptureFixture[str]) -> None:
    assert schema() == 0
    document = json.loads(capsys.readouterr().out)
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert document["title"] == "espcam-bridge.yaml"
    assert "!secret" in document["description"]
    assert set(document["properties"]) == set(Config.model_fields)
    assert described(document) == []
    assert {name: described(part) for name, part in document["$defs"].items() if described(part)} == {}
    assert all(part["additionalProperties"] is False for part in (document, *document["$defs"].values()))


def test_the_schema_tells_editors_choices_ranges_and_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    schema()
    parts = json.loads(capsys.readouterr().out)["$defs"]
    assert parts["DetectorConfig"]["properties"]["runtime"]["enum"] == ["auto", "openvino", "ultralytics"]
    port = parts["MqttConfig"]["properties"]["port"]
    assert (port["minimum"], port["maximum"], port["default"]) == (1, 65535, 1883)
    assert parts["CameraConfig"]["properties"]["rotate"]["enum"] == [0, 90, 180, 270]
    assert parts["CameraConfig"]["required"] == ["id"]
    assert parts["HistoryConfig"]["properties"]["url"]["default"] == "sqlite:///espcam-bridge.db"
