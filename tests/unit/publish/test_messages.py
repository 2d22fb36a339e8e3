from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model import CameraState, CameraStatus, ChangeType, EventChange, UpdateStatus, UpdateStep
from bridge.publish import messages
from bridge.publish.letters import stamp
from bridge.publish.messages import RESERVED_WORDS, LabelSlugs, MessageKind

if TYPE_CHECKING:
    from tests.unit.publish.conftest import MakeChange

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
# What a camera or a model's metadata may hold.
TEXT = st.text(max_size=20)


def golden(name: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads((GOLDEN / name).read_text())


def status(**changed: Any) -> CameraStatus:  # noqa: ANN401 - fields of any type
    known: dict[str, Any] = {
        "fps": 9.96,
        "detect_fps": 4.94,
        "inference_ms": 31.26,
        "frame_age_ms": 84.6,
        "dropped": 3,
        "rejected": {"truncated": 2, "glued": 1},
        "telemetry": {"rssi_dbm": -61, "fps": 10.2, "uptime_s": 3600, "temperature_c": 41.5},
    }
    return CameraStatus("front_door", "Front door", CameraState.ONLINE, **(known | changed))


@pytest.mark.parametrize("kind", list(ChangeType))
def test_an_event_has_exactly_the_contracts_keys_in_the_contracts_order(
    kind: ChangeType, make_change: MakeChange
) -> None:
    composed = messages.event_change("espcam", make_change(kind, jpeg=b"jpeg"), public_url="http://bridge.local:8080/")
    message = stamp(composed, mono_s=999.54127, unix_s=1_800_000_001.04127)
    expected = golden(f"event_{kind.value}.json")
    assert json.loads(message.payload) == expected
    assert list(json.loads(message.payload)) == list(expected)


def test_an_event_is_acknowledged_never_retained_and_carries_its_frames_time(make_change: MakeChange) -> None:
    message = messages.event_change("espcam", make_change())
    assert (message.topic, message.qos, message.retain) == ("espcam/front_door/events", 1, False)
    assert message.kind is MessageKind.EVENT
    assert (message.frame_mono_s, message.frame_unix_s) == (999.5, 1_800_000_001.0)


def test_a_camera_that_sends_no_time_has_none_made_up(make_change: MakeChange) -> None:
    change = make_change()
    change = replace(change, event=replace(change.event, captured_unix_s=None))
    assert json.loads(messages.event_change("espcam", change).payload)["captured_time"] is None


@pytest.mark.parametrize(
    ("kept", "brought", "public_url", "told"),
    [
        (False, None, "http://a", (False, set())),
        (True, None, "http://a", (True, {"thumbnail_url", "snapshot_url"})),
        (False, b"jpeg", "http://a", (True, {"thumbnail_url", "snapshot_url"})),
        (True, None, "", (True, set())),
    ],
)
def test_an_event_names_the_pictures_that_it_has_and_where_they_can_be_seen(
    make_change: MakeChange, kept: bool, brought: bytes | None, public_url: str, told: tuple[bool, set[str]]
) -> None:
    event = replace(make_change().event, has_thumbnail=kept, has_snapshot=kept)
    change = EventChange(ChangeType.UPDATE, event, thumbnail_jpeg=brought, snapshot_jpeg=brought)
    payload = json.loads(messages.event_change("espcam", change, public_url=public_url).payload)
    assert (payload["has_thumbnail"], {key for key in payload if key.endswith("_url")}) == told


def test_detected_names_the_models_own_label_as_event_type(make_change: MakeChange) -> None:
    change = make_change(label="traffic light", jpeg=b"jpeg")
    message = messages.detected("espcam", change, public_url="http://bridge.local:8080")
    assert json.loads(message.payload) == golden("detected.json")
    assert (message.topic, message.qos, message.retain) == ("espcam/front_door/detected", 1, False)
    assert message.frame_mono_s is None, "its latency would count the event twice"


@pytest.mark.parametrize("count", [0, 1, 3])
def test_presence_is_on_while_anybody_is_there(count: int) -> None:
    there, how_many = messages.presence("espcam", "front_door", "person", count)
    assert (there.topic, there.payload) == ("espcam/front_door/person", b"ON" if count else b"OFF")
    assert (how_many.topic, how_many.payload) == ("espcam/front_door/person/count", str(count).encode())
    assert all(message.retain and message.qos == 1 for message in (there, how_many))


@pytest.mark.parametrize(
    ("message", "topic", "payload"),
    [
        (messages.bridge_state("b", online=True), "b/bridge/state", b"online"),
        (messages.bridge_state("b", online=False), "b/bridge/state", b"offline"),
        (messages.availability("b", "c", online=True), "b/c/availability", b"online"),
        (messages.availability("b", "c", online=False), "b/c/availability", b"offline"),
        (messages.zone_presence("b", "c", "porch", "person", 2), "b/c/zones/porch/person", b"ON"),
        (messages.zone_presence("b", "c", "porch", "person", 0), "b/c/zones/porch/person", b"OFF"),
        (messages.motion("b", "c", on=True), "b/c/motion", b"ON"),
        (messages.motion("b", "c", on=False), "b/c/motion", b"OFF"),
        (messages.bridge_info("b", {"version": "1"}), "b/bridge/info", b'{"version":"1"}'),
    ],
)
def test_states_are_plain_words_retained_and_acknowledged(
    message: messages.Message, topic: str, payload: bytes
) -> None:
    assert (message.topic, message.payload, message.qos, message.retain) == (topic, payload, 1, True)


def test_pictures_are_retained_without_acknowledgement_byte_for_byte() -> None:
    jpeg = b"\xff\xd8\x00anything\xff\xd9"
    picture = messages.thumbnail("espcam", "front_door", "1800000000123-a1b2c3", "person", jpeg)
    assert (picture.topic, picture.payload) == ("espcam/front_door/person/thumbnail", jpeg)
    assert picture.event_id == "1800000000123-a1b2c3"
    shot = messages.snapshot("espcam", "front_door", jpeg)
    assert (shot.topic, shot.payload, shot.event_id) == ("espcam/front_door/snapshot", jpeg, None)
    assert all(message.qos == 0 and message.retain for message in (picture, shot))


def test_telemetry_joins_the_cameras_health_and_our_figures() -> None:
    message = messages.telemetry("espcam", status())
    assert json.loads(message.payload) == golden("telemetry.json")
    assert (message.topic, message.qos, message.retain) == ("espcam/front_door/telemetry", 0, True)


def test_telemetry_before_the_first_frame_says_null_not_zero() -> None:
    told = json.loads(messages.telemetry("espcam", status(inference_ms=None, frame_age_ms=None)).payload)
    assert told["inference_ms"] is None
    assert told["frame_age_ms"] is None


JSON_VALUES = st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.lists(st.integers(), max_size=2)


@given(st.dictionaries(st.sampled_from(["rssi_dbm", "uptime_s", "fps", "token", "dropped"]) | TEXT, JSON_VALUES))
def test_whatever_a_camera_reports_telemetry_stays_json_and_ours(told: dict[str, Any]) -> None:
    payload = messages.telemetry("espcam", status(telemetry=told)).payload
    shown = json.loads(payload, parse_constant=lambda constant: pytest.fail(f"{constant} is not JSON"))
    assert (shown["fps"], shown["dropped"]) == (10.0, 3), "a camera cannot overwrite our own figures"
    assert "token" not in shown
    assert all(isinstance(shown[key], int | float) for key in ("rssi_dbm", "uptime_s", "camera_fps") if key in shown)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400, True, "5", None, [1]])
def test_a_health_figure_that_is_no_sensible_number_is_left_out(value: object) -> None:
    shown = json.loads(messages.telemetry("espcam", status(telemetry={"rssi_dbm": value})).payload)
    assert "rssi_dbm" not in shown


@pytest.mark.parametrize(
    ("label", "slug"),
    [
        ("person", "person"),
        ("traffic light", "traffic_light"),
        ("motion", "label_motion"),
        ("Events", "label_Events"),
        ("count", "label_count"),
        ("a/b#+", "a_b__"),
        ("$SYS", "_SYS"),
        ("Füße", "F__e"),
        ("", "_"),
    ],
)
def test_a_labels_topic_is_safe_and_readable(label: str, slug: str) -> None:
    assert LabelSlugs([label]).slug(label) == slug


def test_labels_that_look_alike_keep_their_own_topics() -> None:
    slugs = LabelSlugs(["traffic light", "traffic_light", "Traffic_Light", "traffic-light", "traffic/light"])
    assert slugs.slug("traffic_light") == "traffic_light_2"
    assert slugs.slug("Traffic_Light") == "Traffic_Light_3"
    assert slugs.slug("traffic-light") == "traffic-light_4"
    assert slugs.slug("traffic/light") == "traffic_light_5"


def test_a_label_keeps_the_name_that_it_got_when_it_first_came() -> None:
    slugs = LabelSlugs(["person"])
    first = slugs.slug("per son")
    assert slugs.slug("per_son") != first
    assert slugs.slug("per son") == first


@given(st.lists(TEXT | st.sampled_from(sorted(RESERVED_WORDS)), max_size=12))
def test_no_two_labels_ever_share_a_topic_and_none_takes_a_reserved_one(labels: list[str]) -> None:
    slugs = LabelSlugs(labels)
    names = {label: slugs.slug(label) for label in labels}
    assert len({name.casefold() for name in names.values()}) == len(names)
    for name in names.values():
        assert name.casefold() not in RESERVED_WORDS
        assert messages.safe_id(name) == name != ""


@pytest.mark.parametrize(
    ("unix_s", "text"),
    [
        (1_800_000_000.0, "2027-01-15T08:00:00.000Z"),
        (1_800_000_000.123, "2027-01-15T08:00:00.123Z"),
        (0.0, "1970-01-01T00:00:00.000Z"),
    ],
)
def test_times_are_utc_with_milliseconds(unix_s: float, text: str) -> None:
    assert messages.iso_time(unix_s) == text


@given(st.dictionaries(TEXT, st.text(st.characters(), max_size=10)))
def test_json_payloads_are_valid_utf8_even_for_broken_text(value: dict[str, str]) -> None:
    said = json.loads(messages.json_payload(value).decode("utf-8", "strict"))
    assert said == {_as_utf8(key): _as_utf8(text) for key, text in value.items()}


def _as_utf8(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def test_detected_leads_to_no_picture_where_none_is_or_nobody_knows_the_page(make_change: MakeChange) -> None:
    for change, url in ((make_change(), "http://bridge.local:8080"), (make_change(jpeg=b"jpeg"), "")):
        assert not [
            key for key in json.loads(messages.detected("espcam", change, public_url=url).payload) if "url" in key
        ]


@pytest.mark.parametrize(
    ("hello", "told"),
    [
        ({"reset_reason": "brownout"}, "brownout"),
        ({"reset_reason": " a\x00\nb"}, "ab"),
        ({"reset_reason": "x" * 500}, "x" * 100),
        ({"reset_reason": ""}, None),
        ({"reset_reason": 7}, None),
        ({}, None),
    ],
)
def test_telemetry_says_why_the_camera_started_in_one_printable_line(hello: dict[str, Any], told: str | None) -> None:
    payload = json.loads(messages.telemetry("espcam", status(hello=hello)).payload)
    assert payload.get("reset_reason") == told


def test_the_bridges_figures_are_kept_for_newcomers_and_cost_no_acknowledgement() -> None:
    message = messages.bridge_telemetry("espcam", {"queue": 3})
    assert (message.topic, message.qos, message.retain) == ("espcam/bridge/telemetry", 0, True)
    assert json.loads(message.payload) == {"queue": 3}


def test_an_answer_is_acknowledged_and_not_kept() -> None:
    message = messages.response("espcam", "reload", {"status": "ok"})
    assert (message.topic, message.qos, message.retain) == ("espcam/bridge/response/reload", 1, False)
    assert json.loads(message.payload) == {"status": "ok"}


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (UpdateStatus("1.0.0", "1.1.0"), {}),
        (UpdateStatus("1.0.0", "1.1.0", UpdateStep.LOADING, 40), {"in_progress": True, "update_percentage": 40}),
        (UpdateStatus("1.0.0", "1.1.0", UpdateStep.RESTARTING, 100), {"in_progress": True}),
        (
            UpdateStatus("1.0.0", "1.1.0", problem="no room"),
            {"release_summary": "The last try failed: no room."},
        ),
    ],
)
def test_an_updates_state_is_what_home_assistant_takes(status: UpdateStatus, told: dict[str, Any]) -> None:
    message = messages.update_status("espcam", "front_door", status)
    assert (message.topic, message.retain, message.qos) == ("espcam/front_door/update/state", True, 1)
    assert json.loads(message.payload) == {
        "installed_version": "1.0.0",
        "latest_version": "1.1.0",
        "in_progress": False,
        "update_percentage": None,
        "release_summary": "",
        **told,
    }


def test_a_long_story_of_a_failure_is_cut_to_what_home_assistant_takes() -> None:
    message = messages.update_status("espcam", "front_door", UpdateStatus("1", "2", problem="x" * 300))
    assert len(json.loads(message.payload)["release_summary"]) == 255
