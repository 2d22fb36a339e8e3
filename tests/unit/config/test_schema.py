from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest
from pydantic import SecretStr, ValidationError

from bridge.config.camera import CameraConfig, CameraSettings, ZoneConfig
from bridge.config.fields import Section, merged
from bridge.config.schema import Config, model_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

# The contract's keys and defaults, as a reader would copy them from it.
CONTRACT: dict[str, Any] = {
    "mqtt": {
        "host": "127.0.0.1",
        "port": 1883,
        "username": None,
        "password": None,
        "client_id": "espcam-bridge",
        "base_topic": "espcam",
        "keepalive_s": 30,
        "tls": {"enabled": False, "ca_file": None, "cert_file": None, "key_file": None, "verify": True},
    },
    "homeassistant": {
        "discovery": True,
        "discovery_format": "device",
        "discovery_prefix": "homeassistant",
        "status_topic": "homeassistant/status",
    },
    "ingest": {
        "host": "0.0.0.0",  # noqa: S104 - the contract's default
        "port": 3001,
        "default_camera": "camera",
        "max_frame_bytes": 1048576,
        "max_frame_pixels": 5000000,
        "unknown_cameras": "approve",
        "allow_legacy": "auto",
        "allowed_origins": (),
        "mdns": True,
        "tls": {"enabled": False, "cert_file": None, "key_file": None},
    },
    "http": {
        "host": "0.0.0.0",  # noqa: S104 - the contract's default
        "port": 8080,
        "public_url": None,
        "username": None,
        "password": None,
        "api_token": None,
        "viewer_username": None,
        "viewer_password": None,
        "viewer_token": None,
        "session_days": 30,
        "trusted_proxies": (),
        "ingress": False,
        "max_viewers": 64,
        "tls": {"enabled": False, "cert_file": None, "key_file": None},
    },
    "detector": {
        "runtime": "auto",
        "model": "auto",
        "device": "auto",
        "image_size": 640,
        "confidence": 0.25,
        "iou": 0.45,
        "workers": "auto",
    },
    "history": {
        "enabled": True,
        "url": SecretStr("sqlite:///espcam-bridge.db"),
        "media_dir": Path("media"),
        "retain_days": 14,
        "max_media_mb": 2048,
    },
    "firmware": {"dir": Path("firmware-images")},
    "state_file": Path("espcam-bridge-state.json"),
}
CAMERA_CONTRACT: dict[str, Any] = {
    "token": None,
    "rotate": 0,
    "labels": ("person",),
    "offline_after_s": 10.0,
    "adapt": {"enabled": True, "idle_fps": None, "flash_at_night": 0},
    "detect": {
        "enabled": True,
        "max_fps": 5.0,
        "confidence": None,
        "min_area": 0.0,
        "max_area": 1.0,
        "min_aspect": None,
        "max_aspect": None,
    },
    "motion": {"enabled": True, "threshold": None, "min_area": None, "masks": ()},
    "zones": {},
    "masks": (),
    "events": {
        "min_hits": 3,
        "end_after_s": 5.0,
        "stationary_end_after_s": 900.0,
        "thumbnail_px": 480,
        "snapshot_interval_s": 10.0,
    },
    "stream": {"max_fps": 15.0, "quality": 80, "annotate": True},
}


def every_key(section: type[Section] = Config, path: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """All keys of the schema, sections included, with their paths."""
    for name, field in section.model_fields.items():
        yield f"{path}{name}", field
        kinds = (field.annotation, *get_args(field.annotation))
        for inside in (k for k in kinds if isinstance(k, type) and issubclass(k, Section)):
            yield from every_key(inside, f"{path}{name}.")


def test_the_defaults_are_those_of_the_contract() -> None:
    assert Config().model_dump() == {**CONTRACT, "defaults": CAMERA_CONTRACT, "cameras": ()}


def test_a_camera_with_only_an_id_has_the_defaults_of_the_contract() -> None:
    camera = Config.model_validate({"cameras": [{"id": "front_door"}]}).cameras[0]
    assert camera.model_dump() == {"id": "front_door", "name": "Front door", **CAMERA_CONTRACT}
    assert ZoneConfig(points=((0, 0), (1, 0), (1, 1))).inertia_frames == 3


def test_every_key_says_what_it_is_for() -> None:
    keys = list(every_key())
    assert len(keys) > 80
    assert [path for path, field in keys if not re.search(r"\w.*\.$", field.description or "")] == []


def test_every_number_has_a_lowest_and_a_highest_value() -> None:
    # The reports name both; see problems.py.
    unbounded = []
    for path, field in every_key():
        limits = {name for rule in field.metadata for name in ("ge", "gt", "le") if hasattr(rule, name)}
        if {int, float} & {field.annotation, *get_args(field.annotation)} and len(limits) != 2:
            unbounded.append(path)
    assert unbounded == ["detector.workers"]  # auto or a count: has words of its own


def test_the_secrets_are_hidden_from_every_printed_form() -> None:
    data = {
        "mqtt": {"username": "u", "password": "hunter2-a"},
        "http": {"username": "u", "password": "hunter2-b", "api_token": "hunter2-c"},
        "defaults": {"token": "hunter2-d"},
        "cameras": [{"id": "a", "token": "hunter2-e"}, {"id": "b"}],
        "history": {"url": "postgresql://u:hunter2-f@host/db"},
    }
    config = Config.model_validate(data)
    printed = f"{config!r} {config} {config.model_dump()} {config.model_dump_json()} {config.camera_for('c')!r}"
    assert "hunter2" not in printed
    assert config.mqtt.password is not None
    assert config.mqtt.password.get_secret_value() == "hunter2-a"
    assert [camera.token and camera.token.get_secret_value() for camera in config.cameras] == ["hunter2-e", "hunter2-d"]


def test_a_refused_secret_is_not_in_the_text_of_the_error() -> None:
    with pytest.raises(ValidationError) as caught:
        Config.model_validate({"http": {"api_token": "hunter2 with spaces"}, "mqtt": {"password": ["hunter2"]}})
    assert caught.value.error_count() == 2
    assert "hunter2" not in str(caught.value)


def test_a_configuration_cannot_be_changed() -> None:
    config = Config()
    with pytest.raises(ValidationError):
        config.mqtt.port = 1


def test_cameras_take_from_the_defaults_what_they_do_not_set_deeply() -> None:
    data = {
        "defaults": {"rotate": 90, "detect": {"max_fps": 2, "confidence": 0.5}, "labels": ["person", "car"]},
        "cameras": [{"id": "a", "detect": {"max_fps": 7}, "labels": ["dog"]}, {"id": "b", "rotate": None}],
    }
    a, b = Config.model_validate(data).cameras
    assert (a.rotate, a.detect.max_fps, a.detect.confidence, a.labels) == (90, 7, 0.5, ("dog",))
    assert (b.rotate, b.detect.max_fps, b.detect.confidence, b.labels) == (90, 2, 0.5, ("person", "car"))


def test_merging_never_changes_what_it_is_given() -> None:
    base: dict[str, Any] = {"a": {"b": 1}, "l": [1]}
    assert merged(base, {"a": {"c": 2}, "l": [2], "n": None, "a2": ""}) == {
        "a": {"b": 1, "c": 2},
        "l": [2],
        "n": None,
        "a2": "",
    }
    assert base == {"a": {"b": 1}, "l": [1]}


def test_an_unknown_camera_is_made_from_the_defaults() -> None:
    config = Config.model_validate(
        {
            "defaults": {"rotate": 180, "token": "t", "zones": {"z": {"points": [[0, 0], [1, 0], [1, 1]]}}},
            "cameras": [{"id": "a", "rotate": 90}],
        }
    )
    dynamic = config.camera_for("garage_2")
    assert (dynamic.id, dynamic.name, dynamic.rotate, list(dynamic.zones)) == ("garage_2", "Garage 2", 180, ["z"])
    assert dynamic.token == SecretStr("t")
    assert config.camera_for("a") is config.camera("a") is config.cameras[0]
    assert config.camera("garage_2") is None


@pytest.mark.parametrize("camera_id", ["", "bridge", "Front", "a b", "ä", "x" * 33, "a/b", "a\n"])
def test_an_impossible_camera_id_is_refused(camera_id: str) -> None:
    with pytest.raises(ValueError, match="id"):
        Config().camera_for(camera_id)


def test_the_default_camera_exists_by_itself_only_while_none_is_configured() -> None:
    config = Config.model_validate({"ingest": {"default_camera": "hall"}, "defaults": {"rotate": 90}})
    assert [(camera.id, camera.rotate) for camera in config.first_cameras()] == [("hall", 90)]
    configured = Config.model_validate({"cameras": [{"id": "a"}, {"id": "b"}]})
    assert configured.first_cameras() == configured.cameras


@pytest.mark.parametrize(
    ("data", "allowed"),
    [
        ({}, True),
        ({"cameras": [{"id": "camera", "token": "t"}]}, False),
        ({"cameras": [{"id": "other", "token": "t"}]}, True),
        ({"defaults": {"token": "t"}}, False),
        ({"ingest": {"allow_legacy": False}}, False),
        ({"ingest": {"allow_legacy": True}, "defaults": {"token": "t"}}, True),
    ],
)
def test_legacy_cameras_are_let_in_as_long_as_the_default_camera_has_no_token(
    data: dict[str, Any], *, allowed: bool
) -> None:
    assert Config.model_validate(data).legacy_allowed() is allowed


def test_the_fingerprint_tells_settings_apart_and_knows_no_secret() -> None:
    plain = Config().sha256()
    assert re.fullmatch(r"[0-9a-f]{64}", plain)
    assert plain == Config.model_validate({"mqtt": {"port": "1883"}}).sha256()
    assert plain != Config.model_validate({"mqtt": {"port": 1884}}).sha256()
    one, two = (Config.model_validate({"mqtt": {"username": "u", "password": p}}).sha256() for p in ("one", "two"))
    none = Config.model_validate({"mqtt": {"username": "u"}}).sha256()
    assert one == two != none


def test_the_fingerprint_does_not_depend_on_the_order_of_zones() -> None:
    points = {"points": [[0, 0], [1, 0], [1, 1]]}
    one = Config.model_validate({"defaults": {"zones": {"a": points, "b": points}}})
    other = Config.model_validate({"defaults": {"zones": {"b": points, "a": points}}})
    assert one.sha256() == other.sha256()


def test_empty_values_are_as_if_they_were_not_written() -> None:
    empty: dict[str, Any] = {"mqtt": None, "http": {"host": "", "port": None, "tls": ""}, "cameras": None}
    assert Config.model_validate(empty) == Config()


def test_the_section_at_a_path_is_found() -> None:
    assert model_at(()) is Config
    assert model_at(("cameras", 3)) is CameraConfig
    assert model_at(("defaults",)) is CameraSettings
    assert model_at(("cameras", 0, "zones", "porch")) is ZoneConfig
    assert model_at(("cameras", 0, "zones")) is None
    assert model_at(("mqtt", "port")) is None
    assert model_at(("nothing", "here")) is None
