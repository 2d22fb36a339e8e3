from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bridge.model import Control, Offer
from bridge.publish.discovery import (
    announcement,
    config_topics,
    discovery_messages,
    emptied,
    every_config_topic,
    migration,
)
from bridge.publish.entities import bridge_device, camera_device
from bridge.publish.messages import MessageKind
from bridge.publish.settings import DiscoveryFormat, PublishedCamera, PublishSettings
from bridge.publish.sweep import fits

if TYPE_CHECKING:
    from bridge.publish.messages import Message

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
# Home Assistant's own rule for discovery topics (components/mqtt/discovery.py, TOPIC_MATCHER).
TOPIC = re.compile(r"homeassistant/\w+/(?:[a-zA-Z0-9_-]+/)?[a-zA-Z0-9_-]+/config")
EVERYTHING = Offer(
    tuple(Control),
    ("QVGA", "VGA", "SVGA"),
    reports_health=True,
    board="AI-Thinker ESP32-CAM",
    firmware="espcam 2.1",
    mac="24:0a:c4:11:22:33",
    takes_updates=True,
)


@pytest.fixture
def single(settings: PublishSettings) -> PublishSettings:
    return replace(settings, discovery_format=DiscoveryFormat.SINGLE)


def payload(message: Message) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(message.payload)
    return value


def test_a_cameras_discovery_is_the_golden_one(settings: PublishSettings, camera: PublishedCamera) -> None:
    (message,) = announcement(settings, camera_device(settings, camera))
    assert message.topic == "homeassistant/device/espcam-bridge_front_door/config"
    assert payload(message) == json.loads((GOLDEN / "discovery_camera.json").read_text())


def test_the_discovery_of_a_camera_that_can_everything_is_the_golden_one(
    settings: PublishSettings, camera: PublishedCamera
) -> None:
    (message,) = announcement(settings, camera_device(settings, replace(camera, offer=EVERYTHING)))
    assert payload(message) == json.loads((GOLDEN / "discovery_camera_full.json").read_text())


def test_the_bridges_discovery_is_the_golden_one(settings: PublishSettings) -> None:
    (message,) = announcement(settings, bridge_device(settings))
    assert message.topic == "homeassistant/device/espcam-bridge/config"
    assert payload(message) == json.loads((GOLDEN / "discovery_bridge.json").read_text())


def test_the_single_form_is_the_golden_one(single: PublishSettings, camera: PublishedCamera) -> None:
    device = camera_device(single, replace(camera, offer=EVERYTHING))
    told = {message.topic: payload(message) for message in announcement(single, device)}
    assert told == json.loads((GOLDEN / "discovery_camera_single.json").read_text())


def test_both_forms_tell_the_same_of_every_entity(
    settings: PublishSettings, single: PublishSettings, camera: PublishedCamera
) -> None:
    device = camera_device(settings, replace(camera, offer=EVERYTHING))
    (whole,) = announcement(settings, device)
    parts = {message.topic: payload(message) for message in announcement(single, device)}
    common = {key: value for key, value in payload(whole).items() if key != "cmps"}
    for key, component in payload(whole)["cmps"].items():
        part = parts.pop(f"homeassistant/{component.pop('p')}/{device.node}/{key}/config")
        assert part == common | component
    assert parts == {}


def test_discovery_is_retained_and_acknowledged(settings: PublishSettings, camera: PublishedCamera) -> None:
    for message in discovery_messages(settings, [camera]):
        assert (message.retain, message.qos, message.kind) == (True, 1, MessageKind.DISCOVERY)


def test_the_same_settings_give_the_same_bytes(settings: PublishSettings, camera: PublishedCamera) -> None:
    again = replace(camera, labels=tuple(camera.labels))
    assert discovery_messages(settings, [camera]) == discovery_messages(replace(settings), [again])


def test_the_bridge_comes_before_the_cameras_that_refer_to_it(
    settings: PublishSettings, camera: PublishedCamera
) -> None:
    found = [payload(message) for message in discovery_messages(settings, [camera])]
    assert found[1]["dev"]["via_device"] in found[0]["dev"]["ids"]


def test_switched_off_there_is_none(settings: PublishSettings, camera: PublishedCamera) -> None:
    assert discovery_messages(replace(settings, discovery=False), [camera]) == []


@pytest.mark.parametrize("form", list(DiscoveryFormat))
def test_a_client_id_with_any_characters_gives_valid_topics(form: DiscoveryFormat) -> None:
    settings = PublishSettings(client_id="brücke/1 #+", discovery_format=form)
    for message in discovery_messages(settings, [PublishedCamera("a", "A", ("x y",))]):
        assert TOPIC.fullmatch(message.topic)


def test_what_is_gone_is_taken_out_of_the_device_and_nothing_that_is_there(
    settings: PublishSettings, camera: PublishedCamera
) -> None:
    gone = {"label-dog": "binary_sensor", "motion": "binary_sensor"}
    (message,) = announcement(settings, camera_device(settings, camera), gone)
    parts = payload(message)["cmps"]
    assert parts["label-dog"] == {"p": "binary_sensor"}
    assert parts["motion"]["unique_id"] == "espcam-bridge-front_door-motion"


def test_in_the_single_form_what_is_gone_leaves_its_topic_empty(
    single: PublishSettings, camera: PublishedCamera
) -> None:
    told = announcement(single, camera_device(single, camera), {"label-dog": "binary_sensor"})
    assert [message.topic for message in told if not message.payload] == [
        "homeassistant/binary_sensor/espcam-bridge_front_door/label-dog/config"
    ]


@pytest.mark.parametrize("form", list(DiscoveryFormat))
def test_an_announcement_can_be_found_again(
    form: DiscoveryFormat, settings: PublishSettings, camera: PublishedCamera
) -> None:
    settings = replace(settings, discovery_format=form)
    device = camera_device(settings, camera)
    topics = [message.topic for message in announcement(settings, device)]
    assert config_topics(settings, device.node, {e.key: e.platform for e in device.entities}, form) == topics
    filters = every_config_topic(settings, device.node)
    assert all(any(fits(wanted, topic) for wanted in filters) for topic in topics)


def test_a_move_asks_to_let_go_and_then_leaves_nothing() -> None:
    (ask,), (clear,) = migration(["t"]), emptied(["t"])
    assert (payload(ask), ask.retain) == ({"migrate_discovery": True}, True)
    assert (clear.payload, clear.retain, clear.qos) == (b"", True, 1)
