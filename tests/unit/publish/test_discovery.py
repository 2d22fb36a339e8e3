from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.publish import messages
from bridge.publish.discovery import bridge_discovery, camera_discovery, discovery_messages, display_name
from bridge.publish.messages import MessageKind
from bridge.publish.settings import PublishedCamera, PublishSettings

if TYPE_CHECKING:
    from bridge.publish.messages import Message

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
# Home Assistant's own rule for discovery topics (components/mqtt/discovery.py, TOPIC_MATCHER).
TOPIC = re.compile(r"homeassistant/device/[a-zA-Z0-9_-]+/config")
HOSTILE = ["{{ states('lock.door') }}", '"}, "x": {', "a\nb\tc\x00", "~", "#/+", "<script>", "💂", "\ud800", " "]
NAMES = st.sampled_from(HOSTILE) | st.text(max_size=30)


def payload(message: Message) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(message.payload)
    return value


def components(camera: PublishedCamera) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = payload(camera_discovery(PublishSettings(), camera))["cmps"]
    return found


def test_a_cameras_discovery_is_the_golden_one(settings: PublishSettings, camera: PublishedCamera) -> None:
    message = camera_discovery(settings, camera)
    assert message.topic == "homeassistant/device/espcam-bridge_front_door/config"
    assert payload(message) == json.loads((GOLDEN / "discovery_camera.json").read_text())


def test_the_bridges_discovery_is_the_golden_one(settings: PublishSettings) -> None:
    message = bridge_discovery(settings)
    assert message.topic == "homeassistant/device/espcam-bridge/config"
    assert payload(message) == json.loads((GOLDEN / "discovery_bridge.json").read_text())


def test_discovery_is_retained_and_acknowledged(settings: PublishSettings, camera: PublishedCamera) -> None:
    for message in discovery_messages(settings, [camera]):
        assert (message.retain, message.qos, message.kind) == (True, 1, MessageKind.DISCOVERY)


def test_the_same_settings_give_the_same_bytes(settings: PublishSettings, camera: PublishedCamera) -> None:
    again = replace(camera, labels=tuple(camera.labels))
    assert camera_discovery(settings, camera) == camera_discovery(replace(settings), again)


def test_the_bridge_comes_before_the_cameras_that_refer_to_it(
    settings: PublishSettings, camera: PublishedCamera
) -> None:
    found = [payload(message) for message in discovery_messages(settings, [camera])]
    assert found[1]["dev"]["via_device"] in found[0]["dev"]["ids"]


def test_switched_off_there_is_none(settings: PublishSettings, camera: PublishedCamera) -> None:
    assert discovery_messages(replace(settings, discovery=False), [camera]) == []


def test_every_entity_reads_a_topic_that_is_published(camera: PublishedCamera) -> None:
    slugs = messages.LabelSlugs(camera.labels)
    base = f"espcam/{camera.id}"
    published = {f"{base}/{rest}" for rest in ("motion", "snapshot", "detected", "telemetry")}
    for label in camera.labels:
        there, count = messages.presence("espcam", camera.id, slugs.slug(label), 1)
        published |= {there.topic, count.topic, f"{there.topic}/thumbnail"}
    for zone, labels in camera.zones.items():
        published |= {messages.zone_presence("espcam", camera.id, zone, label, 1).topic for label in labels}
    read = {
        config[key]
        for config in components(camera).values()
        for key in ("topic", "state_topic", "image_topic")
        if key in config
    }
    assert read == published


def test_every_diagnostic_reads_a_key_that_telemetry_has(camera: PublishedCamera) -> None:
    known = json.loads((GOLDEN / "telemetry.json").read_text())
    templates = [config["value_template"] for config in components(camera).values() if "value_template" in config]
    keys = [re.fullmatch(r"\{\{ value_json\.(\w+) \}\}", template) for template in templates]
    assert len(keys) == 6
    assert all(key is not None and key[1] in known for key in keys)


def test_the_event_entity_takes_exactly_the_labels_as_the_model_calls_them() -> None:
    camera = PublishedCamera("yard", "Yard", ("traffic light", "person", "person"))
    assert components(camera)["detected"]["event_types"] == ["traffic light", "person"]


def test_no_snapshot_of_ours_takes_the_entity_id_that_the_live_picture_wants(camera: PublishedCamera) -> None:
    taken = {config["default_entity_id"] for config in components(camera).values()}
    assert f"camera.{camera.id}" not in taken


@pytest.mark.parametrize("url", ["", "bridge.local:8080", "ftp://x", "javascript:alert(1)"])
def test_an_address_that_home_assistant_would_refuse_is_left_out(url: str, camera: PublishedCamera) -> None:
    settings = PublishSettings(public_url=url)
    assert "configuration_url" not in payload(camera_discovery(settings, camera))["dev"]
    assert "configuration_url" not in payload(bridge_discovery(settings))["dev"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Front door", "Front door"),
        ("  a\n\tb\x00c ", "a b c"),
        ("Haustür 💂", "Haustür 💂"),
        ("x" * 500, "x" * 100),
        ("\n", ""),
    ],
)
def test_a_name_is_one_printable_line(text: str, shown: str) -> None:
    assert display_name(text) == shown


def test_a_camera_without_a_printable_name_is_called_by_its_id() -> None:
    message = camera_discovery(PublishSettings(), PublishedCamera("yard", "\n", ("person",)))
    assert payload(message)["dev"]["name"] == "yard"


def test_a_client_id_with_any_characters_gives_valid_topics_and_ids() -> None:
    settings = PublishSettings(client_id="brücke/1 #+")
    assert TOPIC.fullmatch(bridge_discovery(settings).topic)
    assert TOPIC.fullmatch(camera_discovery(settings, PublishedCamera("a", "A", ())).topic)


@given(NAMES, st.lists(NAMES, max_size=6), st.lists(NAMES, max_size=3))
def test_hostile_names_and_labels_never_break_what_home_assistant_requires(
    name: str, labels: list[str], in_zone: list[str]
) -> None:
    zones = {"porch": tuple(in_zone)}
    message = camera_discovery(PublishSettings(), PublishedCamera("cam", name, tuple(labels), zones))
    root = payload(message)
    assert TOPIC.fullmatch(message.topic)
    assert root["o"]["name"]
    assert root["dev"]["name"]
    assert root["availability_mode"] == "all"
    seen: set[str] = set()
    entity_ids: set[str] = set()
    for key, config in root["cmps"].items():
        assert re.fullmatch(r"[a-zA-Z0-9_-]+", key)
        assert config["p"] in {"camera", "binary_sensor", "sensor", "image", "event"}
        assert config["unique_id"] not in seen
        seen.add(config["unique_id"])
        assert re.fullmatch(r"[a-z0-9_]+", config["object_id"])
        assert config["default_entity_id"] == f"{config['p']}.{config['object_id']}"
        assert config["default_entity_id"] not in entity_ids
        entity_ids.add(config["default_entity_id"])
        assert config["name"]
        assert "{" not in config.get("state_topic", "")
    assert len(seen) == len(root["cmps"])


@given(st.lists(NAMES, max_size=4), NAMES)
def test_no_users_text_ever_gets_into_a_template(labels: list[str], name: str) -> None:
    camera = PublishedCamera("cam", name, tuple(labels))
    plain = components(PublishedCamera("cam", "Cam", ()))
    fixed = {config["value_template"] for config in plain.values() if "value_template" in config}
    found = components(camera).values()
    templates = {value for config in found for key, value in config.items() if key.endswith("template")}
    assert templates == fixed


def test_two_cameras_whose_ids_and_labels_run_together_keep_their_own_unique_ids() -> None:
    one = components(PublishedCamera("front", "A", ("door person", "door-person")))
    other = components(PublishedCamera("front_door", "B", ("person",)))
    ids = [config["unique_id"] for config in [*one.values(), *other.values()]]
    assert len(set(ids)) == len(ids)


def test_two_zones_whose_names_and_labels_run_together_keep_their_own_unique_ids() -> None:
    camera = PublishedCamera("yard", "Yard", (), {"a": ("b c", "b-c"), "a_b": ("c",)})
    ids = [config["unique_id"] for config in components(camera).values()]
    assert len(set(ids)) == len(ids) == 3 + 3 + 6


def test_a_label_that_only_a_zone_looks_for_changes_no_other_labels_topics() -> None:
    labels = ("traffic light", "traffic_light")
    alone = components(PublishedCamera("yard", "Yard", labels))
    zoned = components(PublishedCamera("yard", "Yard", labels, {"street": ("traffic-light", *labels)}))
    assert {key: config for key, config in zoned.items() if not key.startswith("zone-")} == alone
    topics = [config["state_topic"] for key, config in zoned.items() if key.startswith("zone-")]
    assert topics == [
        f"espcam/yard/zones/street/{slug}" for slug in ("traffic-light_3", "traffic_light", "traffic_light_2")
    ]
