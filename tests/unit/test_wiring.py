from __future__ import annotations

from pathlib import Path
from typing import Any

from bridge import wiring
from bridge.config.schema import Config
from bridge.ingest.settings import UnknownCameras
from bridge.model import Control

_SPELLED_OUT: dict[str, Any] = {
    "mqtt": {
        "host": "broker",
        "port": 8883,
        "username": "me",
        "password": "pw",
        "client_id": "second",
        "base_topic": "cams",
        "keepalive_s": 7,
        "tls": {"enabled": True, "ca_file": "ca.pem", "verify": False},
    },
    "homeassistant": {"discovery": False, "discovery_prefix": "ha", "status_topic": "ha/status"},
    "ingest": {
        "host": "127.0.0.1",
        "port": 4001,
        "default_camera": "door",
        "max_frame_bytes": 2048,
        "max_frame_pixels": 77,
        "unknown_cameras": "reject",
        "allow_legacy": False,
        "allowed_origins": ["https://my.host"],
        "tls": {"enabled": True, "cert_file": "c.pem", "key_file": "k.pem"},
    },
    "http": {
        "host": "127.0.0.1",
        "port": 4002,
        "public_url": "https://cams.example.org",
        "username": "you",
        "password": "pw2",
        "api_token": "t" * 20,
        "max_viewers": 3,
        "tls": {"enabled": True, "cert_file": "c.pem", "key_file": "k.pem"},
    },
    "detector": {
        "runtime": "openvino",
        "model": "yolo11s",
        "device": "GPU",
        "image_size": 320,
        "confidence": 0.4,
        "iou": 0.6,
        "workers": 2,
    },
    "cameras": [
        {
            "id": "door",
            "name": "Door",
            "token": "s" * 20,
            "rotate": 90,
            "labels": ["person", "dog"],
            "offline_after_s": 3,
            "detect": {
                "enabled": False,
                "max_fps": 2,
                "confidence": 0.7,
                "min_area": 0.1,
                "max_area": 0.5,
                "min_aspect": 0.2,
                "max_aspect": 3,
            },
            "zones": {
                "porch": {"points": [[0, 0], [1, 0], [0, 1]], "labels": ["dog"], "inertia_frames": 4},
                "gate": {"points": [[1, 1], [1, 0], [0, 1]]},
            },
            "masks": [[[0, 0], [0.5, 0], [0, 0.5]]],
            "motion": {"threshold": 9, "min_area": 0.2, "masks": [[[0, 0], [1, 0], [0, 1]]]},
            "events": {
                "min_hits": 5,
                "end_after_s": 9,
                "stationary_end_after_s": 77,
                "thumbnail_px": 100,
                "snapshot_interval_s": 0,
            },
            "stream": {"max_fps": 4, "quality": 55, "annotate": False},
        },
        {"id": "shed", "motion": {"enabled": False}},
    ],
}


def _config() -> Config:
    return Config.model_validate(_SPELLED_OUT)


def test_every_publish_setting_arrives() -> None:
    settings = wiring.publish_settings(_config())
    assert (settings.host, settings.port, settings.username, settings.password) == ("broker", 8883, "me", "pw")
    assert (settings.client_id, settings.base_topic, settings.keepalive_s) == ("second", "cams", 7)
    assert (settings.discovery, settings.discovery_prefix, settings.status_topic) == (False, "ha", "ha/status")
    assert settings.public_url == "https://cams.example.org"
    assert settings.tls is not None
    assert Path(settings.tls.ca_file).name == "ca.pem"
    assert (settings.tls.cert_file, settings.tls.key_file, settings.tls.verify) == ("", "", False)
    assert wiring.publish_settings(Config()).tls is None


def test_every_ingest_setting_arrives() -> None:
    settings = wiring.ingest_settings(_config())
    assert (settings.host, settings.port, settings.default_camera) == ("127.0.0.1", 4001, "door")
    assert (settings.max_frame_bytes, settings.max_frame_pixels) == (2048, 77)
    assert settings.unknown_cameras is UnknownCameras.REJECT
    assert settings.allow_legacy is False
    assert settings.allowed_origins == ("https://my.host",)
    assert settings.cameras["door"].token == "s" * 20
    assert settings.cameras["shed"].token is None
    assert settings.tls is not None
    assert settings.tls.key_file.name == "k.pem"
    assert wiring.ingest_settings(Config()).allow_legacy is None


def test_camera_is_asked_for_the_rate_that_somebody_looks_at() -> None:
    config = _config()
    assert wiring.configured_controls(config, config.camera_for("door"))[Control.MAX_FPS] == 4.0
    assert wiring.configured_controls(config, config.camera_for("shed"))[Control.MAX_FPS] == 15.0


def test_only_configured_cameras_are_known_to_the_door() -> None:
    assert list(wiring.ingest_settings(Config()).cameras) == []  # the default camera is while there is no other
    assert list(wiring.ingest_settings(_config()).cameras) == [camera.id for camera in _config().cameras]


def test_every_http_setting_arrives() -> None:
    settings = wiring.http_settings(_config())
    assert (settings.host, settings.port, settings.public_url) == ("127.0.0.1", 4002, "https://cams.example.org")
    assert (settings.username, settings.password, settings.api_token) == ("you", "pw2", "t" * 20)
    assert settings.max_viewers == 3
    assert settings.tls is not None
    assert settings.tls.cert_file.name == "c.pem"


def test_every_detector_setting_arrives() -> None:
    settings = wiring.detector_settings(_config())
    assert (settings.runtime, settings.model, settings.device) == ("openvino", "yolo11s", "GPU")
    assert (settings.image_size, settings.workers) == (320, 2)
    assert wiring.detector_settings(Config()).workers is None


def test_every_setting_of_a_camera_arrives() -> None:
    config = _config()
    door = config.camera_for("door")
    plan = wiring.camera_plan(config, door)
    assert (plan.camera_id, plan.rotate, plan.detect) == ("door", 90, False)
    assert plan.filter.labels == {"person", "dog"}
    assert (plan.filter.confidence, plan.filter.min_area, plan.filter.max_area) == (0.7, 0.1, 0.5)
    assert (plan.filter.min_aspect, plan.filter.max_aspect) == (0.2, 3)
    assert plan.filter.masks == (((0, 0), (0.5, 0), (0, 0.5)),)
    porch, gate = plan.zones
    assert (porch.name, porch.labels, porch.inertia_frames) == ("porch", {"dog"}, 4)
    assert porch.points == ((0, 0), (1, 0), (0, 1))
    assert (gate.name, gate.labels, gate.inertia_frames) == ("gate", {"person", "dog"}, 3)
    assert plan.motion is not None
    assert (plan.motion.threshold, plan.motion.min_area, len(plan.motion.masks)) == (9, 0.2, 1)
    assert (plan.rules.min_hits, plan.rules.end_after_s) == (5, 9)
    assert (plan.rules.confidence, plan.rules.stationary_end_after_s) == (0.7, 77)
    assert (plan.thumbnail_px, plan.snapshot_interval_s) == (100, 0)
    stream = wiring.stream_options(door)
    assert (stream.max_fps, stream.quality, stream.annotate, stream.rotate) == (4, 55, False, 90)
    published = wiring.published_camera(door)
    assert (published.id, published.name, published.labels) == ("door", "Door", ("person", "dog"))


def test_what_a_camera_leaves_out_is_the_detectors() -> None:
    config = _config()
    plan = wiring.camera_plan(config, config.camera_for("shed"))
    assert plan.filter.confidence == 0.4
    assert plan.motion is None


def test_what_the_model_never_sees_is_told_with_the_cameras_that_look_for_it() -> None:
    cameras = [{"id": "a", "labels": ["person", "dog"]}, {"id": "b"}, {"id": "c", "labels": ["car", "dog"]}]
    config = Config.model_validate({"cameras": cameras})
    assert wiring.never_seen(config, ("person",)) == {"dog": ["a", "c"], "car": ["c"]}
    assert wiring.never_seen(config, ("person", "dog", "car", "cat")) == {}
