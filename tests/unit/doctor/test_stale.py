from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.doctor.stale import Verdict, judge
from bridge.publish.settings import PublishedCamera, PublishSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    Keep = Callable[..., dict[str, bytes]]

OLD = PublishedCamera("gate", "Gate", ("person",), {"porch": ("person",)})


def test_what_belongs_to_a_configured_camera_is_never_stale(
    keep: Keep, settings: PublishSettings, camera: PublishedCamera
) -> None:
    assert judge(keep(settings, camera), settings, [camera]) == Verdict()


def test_a_camera_that_is_gone_is_found_with_all_its_topics_its_discovery_first_its_availability_last(
    keep: Keep, settings: PublishSettings, camera: PublishedCamera
) -> None:
    everything = keep(settings, camera, OLD)
    verdict = judge(everything, settings, [camera])
    assert set(verdict.topics) == set(everything) - set(keep(settings, camera))
    assert verdict.topics[0] == "homeassistant/device/espcam-bridge_gate/config"
    assert verdict.topics[-1] == "espcam/gate/availability"
    assert verdict.others == ()


def test_a_label_and_a_zone_that_are_gone_are_found_with_their_counts_and_pictures(
    keep: Keep, settings: PublishSettings, camera: PublishedCamera
) -> None:
    kept = keep(settings, camera) | {
        "espcam/door/traffic_light": b"OFF",
        "espcam/door/traffic_light/count": b"0",
        "espcam/door/traffic_light/thumbnail": b"\xff\xd8\xff\xd9",
        "espcam/door/zones/lawn/person": b"OFF",
    }
    verdict = judge(kept, settings, [camera])
    assert set(verdict.topics) == set(kept) - set(keep(settings, camera))


def test_a_control_that_the_camera_may_offer_is_not_stale_whatever_it_offers_now(
    keep: Keep, settings: PublishSettings, camera: PublishedCamera
) -> None:
    kept = keep(settings, camera) | {"espcam/door/flash/state": b'{"state":"OFF"}'}
    assert judge(kept, settings, [replace(camera, offer=OLD.offer)]).topics == ()


def test_discovery_that_was_switched_off_is_stale_and_the_states_are_not(
    keep: Keep, settings: PublishSettings, camera: PublishedCamera
) -> None:
    verdict = judge(keep(settings, camera), replace(settings, discovery=False), [camera])
    assert verdict.topics == (
        "homeassistant/device/espcam-bridge/config",
        "homeassistant/device/espcam-bridge_door/config",
    )


def test_an_entity_that_was_announced_by_itself_is_stale_as_well(
    keep: Keep, settings: PublishSettings, camera: PublishedCamera
) -> None:
    topic = "homeassistant/sensor/espcam-bridge_gate/fps/config"
    told = {
        "origin": {"name": "espcam-bridge"},
        "device": {"identifiers": ["espcam-bridge_gate"], "via_device": "espcam-bridge"},
        "state_topic": "espcam/gate/telemetry",
    }
    kept = keep(settings, camera) | {topic: json.dumps(told).encode()}
    assert judge(kept, settings, [camera]).configs == (topic,)


@pytest.mark.parametrize("client_id", ["garage", "espcam-bridge_2", "espcam-bridge_gate"])
def test_another_bridges_devices_are_counted_and_left_alone_whatever_it_is_called(
    keep: Keep, settings: PublishSettings, camera: PublishedCamera, client_id: str
) -> None:
    other = replace(settings, client_id=client_id, base_topic="other")
    verdict = judge(keep(other, camera, OLD) | keep(settings, camera), settings, [camera])
    assert verdict == Verdict(others=((client_id, 3),))


def test_what_another_bridge_announces_below_our_base_topic_is_its_own(
    keep: Keep, settings: PublishSettings, camera: PublishedCamera
) -> None:
    other = replace(settings, client_id="garage")
    gate = replace(OLD, labels=("person",), offer=camera.offer)
    kept = keep(other, gate) | keep(settings, camera)
    left = {topic for topic in judge(kept, settings, [camera]).topics if "/state" not in topic}
    assert left == set()


def test_a_former_client_id_with_discovery_switched_off_finds_what_it_announced(
    keep: Keep, settings: PublishSettings, camera: PublishedCamera
) -> None:
    former = replace(settings, client_id="former")
    kept = keep(settings, camera) | keep(former, camera)
    verdict = judge(kept, replace(former, discovery=False), [camera])
    assert verdict.topics == ("homeassistant/device/former/config", "homeassistant/device/former_door/config")
    assert verdict.others == (("espcam-bridge", 2),)


def test_a_command_that_is_kept_is_found(keep: Keep, settings: PublishSettings, camera: PublishedCamera) -> None:
    commands = {"espcam/door/detect/set": b"OFF", "espcam/bridge/request/restart": b"", "espcam/gate/quality/set": b"9"}
    verdict = judge(keep(settings, camera) | commands, settings, [camera])
    assert verdict == Verdict(commands=tuple(sorted(commands)))


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (
            "homeassistant/device/espcam-bridge_gate/config",
            b'{"o":{"name":"other"},"dev":{"ids":["espcam-bridge_gate"]}}',
        ),
        ("homeassistant/device/x/config", b'{"o":{"name":"other"},"dev":{"ids":"x","via_device":"espcam-bridge"}}'),
        ("homeassistant/device/espcam-bridge_gate/config", b"not json"),
        ("homeassistant/device/espcam-bridge_gate/config", b'{"o":{"name":"espcam-bridge"}}'),
        ("homeassistant/device/espcam-bridge_gate/config", b'{"o":null,"dev":[]}'),
        ("homeassistant/device/espcam-bridge_gate/config", b"[" * 5000),
        ("espcam/notes", b"ON"),
        ("espcam/lamp/power", b"ON"),
        ("espcam/lamp/power/count", b"3"),
        ("espcam/door/bell", b"ON"),
        ("espcam/door/notes", b"call the plumber"),
        ("espcam/door/motion/extra", b"ON"),
        ("espcam/Gate/availability", b"online"),
        ("espcam/gate/availability", b"yes"),
        ("espcam2/gate/availability", b"online"),
        ("zigbee2mqtt/gate/availability", b"online"),
    ],
)
def test_what_only_looks_a_little_like_ours_is_left_alone(
    keep: Keep, settings: PublishSettings, camera: PublishedCamera, topic: str, payload: bytes
) -> None:
    assert judge(keep(settings, camera) | {topic: payload}, settings, [camera]).topics == ()


@given(
    st.dictionaries(
        st.from_regex(r"(homeassistant|espcam|other)(/[a-z]{1,6}){1,4}", fullmatch=True)
        | st.sampled_from(["homeassistant/device/a/config", "espcam/door/person", "espcam/a/availability"]),
        st.binary(max_size=20)
        | st.sampled_from([b"ON", b"online", b"{}", b'{"o":{"name":"espcam-bridge"},"dev":{"ids":[[]]}}', b'{"o":1}']),
    )
)
def test_whatever_else_is_kept_nothing_fails_and_a_configured_cameras_topics_stay(kept: dict[str, bytes]) -> None:
    settings = PublishSettings(discovery_prefix="homeassistant")
    camera = PublishedCamera("door", "Door", ("person",))
    verdict = judge(kept, settings, [camera])
    assert set(verdict.topics) <= set(kept)
    assert "espcam/door/person" not in verdict.topics
