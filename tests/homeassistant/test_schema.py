"""Home Assistant's own schemas take every payload of ours, and know every key in it. Needs no running one."""

from __future__ import annotations

import copy
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.homeassistant.harness.bridge import printed_discovery
from tests.homeassistant.harness.home import LAUNCHER, ROOT
from tests.homeassistant.harness.house import CAMERAS

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.homeassistant, pytest.mark.timeout(180)]

CHECK = (ROOT / "tests" / "homeassistant" / "harness" / "schema_check.py").read_text()
# Each release knows one of them, see bridge/publish/discovery.py.
ENTITY_IDS = {"object_id", "default_entity_id"}

# Names and labels that people write, and all that makes an entity of its own.
STRANGE: dict[str, Any] = {
    "mqtt": {"client_id": "kitchen-2", "base_topic": "home/espcam"},
    "http": {"public_url": "https://[fe80::1]:8443/cams"},
    "cameras": [
        *CAMERAS,
        {"id": "a" * 32, "name": 'Größe "12" {{ 7 * 6 }} 😀 ' + "x" * 35, "labels": ["traffic light", "motion"]},
        {
            "id": "0",
            "name": "",
            "labels": ["person", "dog", "label_motion", "count"],
            "zones": {
                "motion": {"points": [[0, 0], [1, 0], [1, 1]]},
                "z" * 32: {"points": [[0, 0], [1, 0], [1, 1]], "labels": ["dog"]},
            },
        },
    ],
}
CONFIGURATIONS: dict[str, dict[str, Any] | Path] = {
    "house": {"cameras": CAMERAS},
    "strange": STRANGE,
    "none": {"cameras": []},
    "example": ROOT / "config" / "espcam-bridge.example.yaml",
    "minimal": ROOT / "config" / "minimal.yaml",
}


def payloads(configuration: dict[str, Any] | Path, folder: Path) -> list[dict[str, Any]]:
    """What the bridge would publish for a configuration."""
    if isinstance(configuration, Path):
        return [message["payload"] for message in printed_discovery(configuration)]
    file = folder / "espcam-bridge.yaml"
    file.write_text(json.dumps(configuration, ensure_ascii=False))  # JSON is YAML
    return [message["payload"] for message in printed_discovery(file)]


def findings(devices: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What Home Assistant's schemas say of them."""
    checked = subprocess.run(
        [LAUNCHER, "python", "-c", CHECK], input=json.dumps(devices), capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    found: list[dict[str, Any]] = json.loads(checked.stdout)
    return found


@pytest.mark.usefixtures("home_assistant_is_there")
def test_every_payload_is_accepted_and_every_key_known(tmp_path: Path) -> None:
    devices = [payload for configuration in CONFIGURATIONS.values() for payload in payloads(configuration, tmp_path)]
    found = findings(devices)
    assert len(found) == sum(len(device["cmps"]) for device in devices)
    for finding in found:
        assert finding["refused"] == "", finding
        assert len(set(finding["dropped"]) & ENTITY_IDS) <= 1, finding
        assert set(finding["dropped"]) <= ENTITY_IDS, finding


def _unknown_key(device: dict[str, Any]) -> None:
    device["cmps"]["motion"]["state_topci"] = "espcam/porch/motion"


def _wrong_class(device: dict[str, Any]) -> None:
    device["cmps"]["fps"]["device_class"] = "frames"


def _broken_template(device: dict[str, Any]) -> None:
    device["cmps"]["fps"]["value_template"] = "{{ value_json.fps"


def _unknown_device_key(device: dict[str, Any]) -> None:
    device["dev"]["colour"] = "red"


def _no_origin(device: dict[str, Any]) -> None:
    del device["o"]


# What is done to a device, which component is complained of (none: the device as a whole), and what is said.
SPOILT: list[tuple[Callable[[dict[str, Any]], None], str, str]] = [
    (_unknown_key, "motion", "state_topci"),
    (_wrong_class, "fps", "device_class"),
    (_broken_template, "fps", "value_template"),
    (_unknown_device_key, "", "colour"),
    (_no_origin, "", "origin"),
]


@pytest.mark.usefixtures("home_assistant_is_there")
def test_what_home_assistant_would_refuse_or_ignore_is_found(tmp_path: Path) -> None:
    porch = next(one for one in payloads({"cameras": CAMERAS}, tmp_path) if one["dev"]["name"] == "Front porch")
    devices = [copy.deepcopy(porch) for _ in SPOILT]
    for device, (spoil, _, _) in zip(devices, SPOILT, strict=True):
        device["dev"]["name"] = spoil.__name__
        spoil(device)
    found = {(finding["device"], finding["component"]): finding for finding in findings(devices)}
    for spoil, component, said in SPOILT:
        complaint = found[spoil.__name__, component]
        assert said in f"{complaint['refused']} {complaint['dropped']}"
