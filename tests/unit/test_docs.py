"""The documentation is part of the product: its links lead somewhere, its examples work, its names exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bridge.config.loader import load_config
from bridge.errors import RejectReason
from bridge.model import ChangeType, Event, EventChange
from bridge.publish import letters, messages
from bridge.runtime.metrics import Metrics

_ROOT = Path(__file__).resolve().parents[2]
_PAGES = [
    _ROOT / "README.md",
    _ROOT / "CHANGELOG.md",
    _ROOT / "CONTRIBUTING.md",
    *sorted(_ROOT.glob("README.*.md")),
    *sorted((_ROOT / "docs").glob("*.md")),
]
_INTERFACES = (_ROOT / "docs" / "interfaces.md").read_text()


@pytest.mark.parametrize("page", [*_PAGES, _ROOT / "homeassistant" / "README.md"], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = [target for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()) if "://" not in target]
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.name)
def test_yaml_examples_are_yaml(page: Path) -> None:
    for example in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL):
        assert isinstance(yaml.safe_load(example), dict)


@pytest.mark.parametrize("name", ["minimal.yaml", "espcam-bridge.example.yaml"])
def test_example_configurations_are_right(name: str) -> None:
    assert load_config(_ROOT / "config" / name, {}).sha256()


def test_readme_names_entities_that_discovery_makes() -> None:
    from bridge.publish.discovery import discovery_messages
    from bridge.publish.settings import PublishedCamera, PublishSettings

    made = b"".join(
        message.payload
        for message in discovery_messages(PublishSettings(), [PublishedCamera("front_door", "Front door", ("person",))])
    ).decode()
    named = set(
        re.findall(r"\b(?:binary_sensor|image|event|camera|sensor)\.front_door\w*", (_ROOT / "README.md").read_text())
    )
    assert named
    assert [name for name in named if f'"{name}"' not in made] == []


def test_every_reason_and_metric_is_documented() -> None:
    assert [reason.value for reason in RejectReason if f"`{reason.value}`" not in _INTERFACES] == []
    metrics = set(re.findall(r"^# TYPE (espcam_\w+) ", Metrics().render().decode(), re.MULTILINE))
    metrics = {name for name in metrics if not name.endswith("_created")}
    assert [name for name in metrics if name not in _INTERFACES] == []


def test_every_key_of_an_event_is_documented() -> None:
    event = Event("1-a", "door", "person", 0.5, 0.5, (0, 0, 1, 1), 1.0, None, 1.0, 1.0)
    change = messages.event_change("espcam", EventChange(ChangeType.NEW, event, b"", b""), public_url="http://a")
    keys = re.findall(r'"(\w+)":', letters.stamp(change, mono_s=1.0, unix_s=1.0).payload.decode())
    assert {"thumbnail_url", "snapshot_url", "published_time"} < set(keys)
    assert [key for key in keys if key not in _INTERFACES] == []


def test_the_reference_is_what_the_program_says() -> None:
    program = subprocess.run(
        [sys.executable, str(_ROOT / "docs" / "reference.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert program.returncode == 0, program.stdout + program.stderr


def test_the_reference_names_every_key_of_the_configuration() -> None:
    page = (_ROOT / "docs" / "reference.md").read_text()
    assert all(f"`{key}`" in page for key in ("mqtt.tls.verify", "cameras[].zones.NAME.points", "http.viewer_token"))
    assert "`binary_sensor.cam_zone_zone_person`" in page.lower()
    assert "`PATCH /api/cameras/{camera_id}/settings`" in page
    assert "`espcam_frames_dropped_total`" in page or "`espcam_frames_dropped`" in page
    assert "| `doctor` |" in page
