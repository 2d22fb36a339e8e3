from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.config.loader import load_config
from bridge.errors import ConfigError

if TYPE_CHECKING:
    from tests.unit.config.conftest import Files


def tried(environ: dict[str, str]) -> tuple[str, ...]:
    try:
        load_config(None, environ)
    except ConfigError as error:
        return error.problems
    return ()


def reported(environ: dict[str, str]) -> tuple[str, ...]:
    problems = tried(environ)
    assert problems
    return problems


def test_a_variable_wins_over_the_file_and_becomes_what_the_key_wants(files: Files) -> None:
    config = files.load(
        "mqtt: {host: file, port: 1}\ncameras: [{id: a, rotate: 90}]\nhttp: {max_viewers: 3}\n",
        {
            "ESPCAM_BRIDGE__MQTT__HOST": "broker",
            "ESPCAM_BRIDGE__MQTT__PORT": "8883",
            "ESPCAM_BRIDGE__MQTT__TLS__ENABLED": "true",
            "ESPCAM_BRIDGE__CAMERAS__0__DETECT__MAX_FPS": "2.5",
            "ESPCAM_BRIDGE__CAMERAS__0__TOKEN": "0123",
            "ESPCAM_BRIDGE__DETECTOR__CONFIDENCE": "0.5",
            "ESPCAM_BRIDGE_CONFIG": "not a setting",
            "HOME": "/root",
        },
    )
    camera = config.cameras[0]
    assert (config.mqtt.host, config.mqtt.port, config.mqtt.tls.enabled) == ("broker", 8883, True)
    assert (camera.id, camera.rotate, camera.detect.max_fps, config.detector.confidence) == ("a", 90, 2.5, 0.5)
    assert camera.token is not None
    assert camera.token.get_secret_value() == "0123"
    assert config.http.max_viewers == 3


@pytest.mark.parametrize(
    "value", ["0123", "1e5", "yes", "null", "~", " x ", "'quoted'", "a # b", "{a, b}", "!secret x", "*"]
)
def test_a_text_is_taken_as_it_stands(value: str) -> None:
    config = load_config(None, {"ESPCAM_BRIDGE__HTTP__USERNAME": value, "ESPCAM_BRIDGE__HTTP__PASSWORD": value})
    assert config.http.password is not None
    assert (config.http.username, config.http.password.get_secret_value()) == (value, value)


def test_an_empty_variable_means_the_default(files: Files) -> None:
    assert files.load("mqtt: {host: file}", {"ESPCAM_BRIDGE__MQTT__HOST": ""}).mqtt.host == "127.0.0.1"


def test_items_are_set_and_added_by_number_in_the_order_of_numbers(files: Files) -> None:
    environ = {f"ESPCAM_BRIDGE__CAMERAS__{i}__ID": f"cam{i}" for i in reversed(range(1, 12))}
    environ |= {"ESPCAM_BRIDGE__CAMERAS__0__LABELS__1": "car", "ESPCAM_BRIDGE__CAMERAS__1__LABELS__0": "dog"}
    cameras = files.load("cameras: [{id: first, labels: [person]}]", environ).cameras
    assert [camera.id for camera in cameras] == ["first", *(f"cam{i}" for i in range(1, 12))]
    assert (cameras[0].labels, cameras[1].labels) == (("person", "car"), ("dog",))


def test_cameras_can_come_from_the_environment_alone() -> None:
    config = load_config(None, {"ESPCAM_BRIDGE__CAMERAS__0__ID": "a", "ESPCAM_BRIDGE__CAMERAS__1__ID": "b"})
    assert [camera.id for camera in config.cameras] == ["a", "b"]


@pytest.mark.parametrize("number", ["3", "x", "-1", "99999", "²"])
def test_a_number_beyond_the_list_says_how_many_there_are(files: Files, number: str) -> None:
    (problem,) = files.problems("cameras: [{id: a}, {id: b}]", {f"ESPCAM_BRIDGE__CAMERAS__{number}__TOKEN": "t"})
    assert problem == (
        f"environment: ESPCAM_BRIDGE__CAMERAS__{number.upper()}: "
        "must be the number of an item, 0..2 (there are 2 items now)"
    )


def test_an_unknown_name_has_the_nearest_one() -> None:
    assert reported({"ESPCAM_BRIDGE__MQTT__HSOT": "x"})[0].startswith(
        "environment: ESPCAM_BRIDGE__MQTT__HSOT: unknown key, did you mean ESPCAM_BRIDGE__MQTT__HOST? allowed: host, "
    )
    assert reported({"ESPCAM_BRIDGE__MQTTT__HOST": "x"})[0].startswith(
        "environment: ESPCAM_BRIDGE__MQTTT: unknown key, did you mean ESPCAM_BRIDGE__MQTT? allowed: mqtt, "
    )


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("MQTT__PORT", "x", "must be a whole number from 1 to 65535, not 'x'"),
        ("MQTT", "x", "must be a section of 'key: value' lines"),
        ("CAMERAS__0__ROTATE", "45", "must be 0, 90, 180 or 270, not '45'"),
        ("CAMERAS", "[{id: a}]", "must be a list: [a, b], or lines that begin with -"),
        ("", "x", "is no setting; write it like ESPCAM_BRIDGE__MQTT__HOST"),
        ("MQTT__", "x", "is no setting; write it like ESPCAM_BRIDGE__MQTT__HOST"),
        ("__".join("ABCDEFGHI"), "x", "is no setting; write it like ESPCAM_BRIDGE__MQTT__HOST"),
    ],
)
def test_a_wrong_variable_is_reported_by_its_name(name: str, value: str, problem: str) -> None:
    assert f"environment: ESPCAM_BRIDGE__{name}: {problem}" in reported({f"ESPCAM_BRIDGE__{name}": value})


def test_a_variable_below_a_single_value_is_reported_by_that_value() -> None:
    assert reported({"ESPCAM_BRIDGE__MQTT__PORT__X": "1"}) == (
        "environment: ESPCAM_BRIDGE__MQTT__PORT: must be a whole number from 1 to 65535",
    )


def test_what_a_variable_leaves_out_is_reported_by_the_name_that_would_set_it() -> None:
    assert reported({"ESPCAM_BRIDGE__CAMERAS__0__NAME": "x"}) == (
        "environment: ESPCAM_BRIDGE__CAMERAS__0__ID: is missing",
    )
    assert reported({"ESPCAM_BRIDGE__HTTP__USERNAME": "me"}) == (
        "environment: ESPCAM_BRIDGE__HTTP__PASSWORD: is missing; username needs it (see ESPCAM_BRIDGE__HTTP__USERNAME)",
    )


def test_a_variable_inside_a_value_of_the_file_leaves_the_report_to_the_file(files: Files) -> None:
    assert files.problems("mqtt: 5", {"ESPCAM_BRIDGE__MQTT__HOST": "x"}) == [
        "espcam-bridge.yaml:1: mqtt: must be a section of 'key: value' lines"
    ]


NAMES = st.lists(
    st.sampled_from(
        ["mqtt", "host", "port", "cameras", "0", "1", "id", "zones", "points", "labels", "TLS", "", "ä", "x"]
    )
    | st.text(max_size=5),
    max_size=9,
)


@given(st.dictionaries(NAMES.map(lambda parts: "ESPCAM_BRIDGE__" + "__".join(parts)), st.text(max_size=8), max_size=4))
def test_no_environment_ends_in_anything_but_settings_or_their_problems(environ: dict[str, str]) -> None:
    assert all(problem.startswith("environment: ESPCAM_BRIDGE__") for problem in tried(environ))
