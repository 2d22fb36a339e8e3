from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model import Adaptation, CameraState, CameraStatus, Control, Offer
from bridge.publish import messages
from bridge.publish.entities import availability_list, bridge_device, camera_device, display_name
from bridge.publish.settings import PublishedCamera, PublishSettings

if TYPE_CHECKING:
    from bridge.publish.entities import Device

HOSTILE = ["{{ states('lock.door') }}", '"}, "x": {', "a\nb\tc\x00", "~", "#/+", "<script>", "{zone}", "\ud800", " "]
NAMES = st.sampled_from(HOSTILE) | st.text(max_size=30)
MAC = "24:0a:c4:11:22:33"
EVERYTHING = Offer(tuple(Control), ("QVGA", "VGA"), reports_health=True, board="AI-Thinker", firmware="2.1", mac=MAC)


def configs(device: Device) -> dict[str, dict[str, Any]]:
    return {entity.key: {"p": entity.platform, **entity.config} for entity in device.entities}


def components(camera: PublishedCamera) -> dict[str, dict[str, Any]]:
    return configs(camera_device(PublishSettings(), camera))


def about(camera: PublishedCamera, settings: PublishSettings | None = None) -> dict[str, Any]:
    return dict(camera_device(settings or PublishSettings(), camera).about)


def test_every_entity_reads_a_topic_that_is_published(camera: PublishedCamera) -> None:
    slugs = messages.LabelSlugs(camera.labels)
    base = f"espcam/{camera.id}"
    published = {f"{base}/{rest}" for rest in ("motion", "snapshot", "detected", "telemetry")}
    published |= {f"{base}/{control}/state" for control in ("detect", "confidence")}
    for label in camera.labels:
        there, count = messages.presence("espcam", camera.id, slugs.slug(label), 1)
        published |= {there.topic, count.topic, f"{there.topic}/thumbnail"}
    for zone, labels in camera.zones.items():
        published |= {messages.zone_presence("espcam", camera.id, zone, label, 1).topic for label in labels}
    device = camera_device(PublishSettings(), camera)
    assert {topic for entity in device.entities for topic in entity.topics} == published


def test_every_diagnostic_reads_a_key_that_telemetry_may_have(camera: PublishedCamera) -> None:
    told = dict.fromkeys(("rssi_dbm", "heap_free_bytes", "heap_min_bytes", "psram_free_bytes", "uptime_s"), 1)
    told |= {"temperature_c": 1, "reconnects": 1}
    status = CameraStatus(
        "front_door",
        "",
        CameraState.ONLINE,
        telemetry=told,
        hello={"reset_reason": "power on"},
        adaptation=Adaptation(1, 6),
    )
    known = messages.telemetry("espcam", status).payload.decode()
    found = components(replace(camera, offer=EVERYTHING)).values()
    templates = [config["value_template"] for config in found if "value_template" in config]
    keys = [re.fullmatch(r"\{\{ value_json\.(\w+) \| default\(none\) \}\}", template) for template in templates]
    assert len(keys) == 6 + 9
    assert all(key is not None and f'"{key[1]}":' in known for key in keys)


def test_a_camera_that_tells_nothing_of_itself_has_no_sensors_for_it(camera: PublishedCamera) -> None:
    health = components(replace(camera, offer=EVERYTHING)).keys() - components(camera).keys()
    assert {key for key in health if key not in set(Control)} == {
        *("rssi_dbm", "heap_free_bytes", "heap_min_bytes", "psram_free_bytes"),
        *("uptime_s", "temperature_c", "reconnects", "reset_reason", "adapt"),
    }


def test_what_a_camera_gains_changes_nothing_that_it_had(camera: PublishedCamera) -> None:
    before, after = components(camera), components(replace(camera, offer=EVERYTHING))
    assert {key: after[key] for key in before} == before


def test_no_sensor_is_for_setting_up_and_no_switch_is_hidden_among_settings(camera: PublishedCamera) -> None:
    found = [
        *components(replace(camera, offer=EVERYTHING)).values(),
        *configs(bridge_device(PublishSettings())).values(),
    ]
    for config in found:
        if config["p"] in {"sensor", "binary_sensor", "camera", "image", "event", "switch", "light"}:
            assert config.get("entity_category") != "config"
        else:
            assert config["entity_category"] == "config"


def test_the_bridges_buttons_press_what_the_bridge_listens_to() -> None:
    found = configs(bridge_device(PublishSettings(base_topic="home")))
    assert {found[name]["command_topic"] for name in ("restart", "reload")} == {
        "home/bridge/request/restart",
        "home/bridge/request/reload",
    }
    assert found["restart"]["device_class"] == "restart"


def test_only_the_connection_itself_stays_when_the_bridge_is_gone() -> None:
    there = {"topic": "espcam/bridge/state", "payload_available": "online", "payload_not_available": "offline"}
    for key, config in configs(bridge_device(PublishSettings())).items():
        assert config.get("availability") == (None if key == "connection" else [there])


def test_the_event_entity_takes_exactly_the_labels_as_the_model_calls_them() -> None:
    camera = PublishedCamera("yard", "Yard", ("traffic light", "person", "person"))
    assert components(camera)["detected"]["event_types"] == ["traffic light", "person"]


def test_no_snapshot_of_ours_takes_the_entity_id_that_the_live_picture_wants(camera: PublishedCamera) -> None:
    taken = {config["default_entity_id"] for config in components(camera).values()}
    assert f"camera.{camera.id}" not in taken


def test_a_device_says_what_the_camera_says_of_itself(camera: PublishedCamera) -> None:
    told = about(replace(camera, offer=EVERYTHING))
    assert (told["mdl"], told["sw"], told["cns"]) == ("AI-Thinker", "2.1", [["mac", MAC]])


def test_a_camera_that_says_nothing_is_an_esp32_cam(camera: PublishedCamera) -> None:
    told = about(camera)
    assert told["mdl"] == "ESP32-CAM"
    assert "sw" not in told
    assert told["cns"] == []


@pytest.mark.parametrize(
    "mac", ["", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "24:0a:c4:11:22", "24-0a-c4-11-22-33", "x"]
)
def test_an_address_that_is_no_boards_own_ties_no_devices_together(mac: str, camera: PublishedCamera) -> None:
    assert about(replace(camera, offer=Offer(mac=mac)))["cns"] == []


def test_nothing_of_a_device_or_of_its_availability_is_left_to_a_default(camera: PublishedCamera) -> None:
    for device in (camera_device(PublishSettings(), camera), bridge_device(PublishSettings())):
        assert {"ids", "cns"} <= device.about.keys()
    for entry in availability_list(["a", "b"]):
        assert entry.keys() == {"topic", "payload_available", "payload_not_available"}


@pytest.mark.parametrize("url", ["", "bridge.local:8080", "ftp://x", "javascript:alert(1)"])
def test_an_address_that_home_assistant_would_refuse_is_left_out(url: str, camera: PublishedCamera) -> None:
    settings = PublishSettings(public_url=url)
    assert "configuration_url" not in about(camera, settings)
    assert "configuration_url" not in bridge_device(settings).about


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
    assert about(PublishedCamera("yard", "\n", ("person",)))["name"] == "yard"


@given(NAMES, st.lists(NAMES, max_size=6), st.lists(NAMES, max_size=3), NAMES)
def test_hostile_names_and_labels_never_break_what_home_assistant_requires(
    name: str, labels: list[str], in_zone: list[str], told: str
) -> None:
    offer = replace(EVERYTHING, board=told, firmware=told)
    device = camera_device(
        PublishSettings(), PublishedCamera("cam", name, tuple(labels), {"porch": tuple(in_zone)}, offer)
    )
    assert device.about["name"]
    assert device.about["mdl"]
    platforms = {"camera", "binary_sensor", "sensor", "image", "event", "switch", "number", "light", "select", "button"}
    for entity in device.entities:
        config = entity.config
        assert re.fullmatch(r"[a-zA-Z0-9_-]+", entity.key)
        assert entity.platform in platforms
        assert re.fullmatch(r"[a-z0-9_]+", config["object_id"])
        assert config["default_entity_id"] == f"{entity.platform}.{config['object_id']}"
        assert config["name"]
        assert "{" not in config.get("state_topic", "")
    for key in ("unique_id", "default_entity_id"):
        assert len({entity.config[key] for entity in device.entities}) == len(device.entities)
    assert len({entity.key for entity in device.entities}) == len(device.entities)


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
    assert len(set(ids)) == len(ids) == 3 + 3 + 6 + 2


def test_a_label_that_only_a_zone_looks_for_changes_no_other_labels_topics() -> None:
    labels = ("traffic light", "traffic_light")
    alone = components(PublishedCamera("yard", "Yard", labels))
    zoned = components(PublishedCamera("yard", "Yard", labels, {"street": ("traffic-light", *labels)}))
    assert {key: config for key, config in zoned.items() if not key.startswith("zone-")} == alone
    topics = [config["state_topic"] for key, config in zoned.items() if key.startswith("zone-")]
    assert topics == [
        f"espcam/yard/zones/street/{slug}" for slug in ("traffic-light_3", "traffic_light", "traffic_light_2")
    ]
