"""What the broker's answers mean; the answers themselves come from a real one in tests/integration."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.doctor.broker import judge_home_assistant, judge_kept, judge_size
from bridge.doctor.examination import cameras_told
from bridge.doctor.findings import Level
from bridge.doctor.stale import Verdict
from bridge.publish.settings import PublishSettings

SETTINGS = PublishSettings()
ENTITY = b'{"unique_id":"x"}'
OURS = b'{"o":{"name":"espcam-bridge"},"cmps":{"a":{"unique_id":"x"}}}'


@pytest.mark.parametrize(
    ("passed_bytes", "hung_up", "level"),
    [
        (1_048_576, False, Level.OK),
        (262_144, False, Level.WARNING),
        (65_536, False, Level.WARNING),
        (8_192, False, Level.ERROR),
        (0, False, Level.ERROR),
        (262_144, True, Level.ERROR),
    ],
)
def test_a_size_that_usual_pictures_need_is_an_error_and_so_is_a_broker_that_hangs_up(
    passed_bytes: int, hung_up: bool, level: Level
) -> None:
    finding = judge_size(1_048_576, passed_bytes, hung_up=hung_up)
    assert finding.level is level
    setting = "max_packet_size" if hung_up else "message_size_limit"
    assert (setting in finding.mend) == (level is not Level.OK)


def test_a_limit_of_our_own_that_is_small_is_measured_by_itself() -> None:
    assert judge_size(20_000, 20_000, hung_up=False).level is Level.OK
    assert judge_size(20_000, 8_192, hung_up=False).level is Level.ERROR


@pytest.mark.parametrize(
    ("kept", "levels"),
    [
        ({}, [Level.NOTE]),
        ({"homeassistant/status": b"online"}, [Level.OK]),
        ({"homeassistant/status": b"offline"}, [Level.WARNING]),
        ({"homeassistant/sensor/a/b/config": ENTITY, "ha/sensor/a/b/config": ENTITY}, [Level.NOTE]),
        ({"ha/sensor/a/b/config": ENTITY}, [Level.NOTE, Level.WARNING]),
        ({"ha/device/a/config": OURS, "zigbee2mqtt/bridge/a/config": b"{}"}, [Level.NOTE]),
    ],
)
def test_home_assistant_is_judged_by_what_it_and_others_keep(kept: dict[str, bytes], levels: list[Level]) -> None:
    findings = list(judge_home_assistant(kept, SETTINGS))
    assert [finding.level for finding in findings] == levels
    if Level.WARNING in levels and "ha/sensor/a/b/config" in kept:
        assert "ha/" in findings[-1].text


def test_without_discovery_there_is_nothing_to_judge() -> None:
    (finding,) = judge_home_assistant({"ha/sensor/a/b/config": ENTITY}, replace(SETTINGS, discovery=False))
    assert finding.level is Level.NOTE


def test_stale_topics_are_named_up_to_a_few_with_the_command_that_clears_them() -> None:
    states = tuple(f"espcam/gate/zones/a/{number}" for number in range(8))
    (finding,) = judge_kept(Verdict(states=states))
    assert finding.level is Level.WARNING
    assert finding.text.startswith("8 kept")
    assert finding.text.endswith("espcam/gate/zones/a/4 and 3 more")
    assert "doctor --fix" in finding.mend


def test_another_bridge_is_noted_with_how_it_would_be_taken_away() -> None:
    _, note = judge_kept(Verdict(others=(("garage", 1),)))
    assert (note.level, note.text) == (Level.NOTE, "another bridge, garage, has announced 1 device: left alone")
    assert "ESPCAM_BRIDGE__MQTT__CLIENT_ID=garage" in note.mend


@pytest.mark.parametrize("info", [b"", b"x", b"[]", b"{}", b'{"cameras":3}', b'{"cameras":[3]}', b"\xff"])
def test_an_info_that_tells_no_cameras_tells_none(info: bytes) -> None:
    assert cameras_told(info) == []


def test_an_info_tells_its_cameras() -> None:
    assert cameras_told(b'{"cameras":["door","gate"]}') == ["door", "gate"]
