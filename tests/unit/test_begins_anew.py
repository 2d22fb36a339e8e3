"""What of a changed configuration is taken up while everything goes on, and what is not."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.config.schema import Config
from bridge.wiring import begins_anew

BEFORE: dict[str, Any] = {"cameras": [{"id": "door"}], "http": {"password": "geheim"}}


@pytest.mark.parametrize(
    ("change", "keys"),
    [
        ({}, ()),
        ({"cameras": [{"id": "door", "labels": ["dog"]}, {"id": "yard"}]}, ()),
        ({"defaults": {"rotate": 90}, "detector": {"model": "yolo11s", "confidence": 0.4}}, ()),
        ({"http": {"password": "other", "api_token": "t", "max_viewers": 3, "trusted_proxies": ["127.0.0.1"]}}, ()),
        ({"ingest": {"unknown_cameras": "accept", "max_frame_bytes": 2048, "allowed_origins": ["https://a"]}}, ()),
        ({"http": {"password": "geheim", "port": 81, "public_url": "http://a"}}, ("http.port", "http.public_url")),
        ({"ingest": {"port": 3002, "mdns": False}}, ("ingest.port", "ingest.mdns")),
        ({"mqtt": {"host": "broker"}, "homeassistant": {"discovery": False}}, ("mqtt", "homeassistant")),
        ({"history": {"retain_days": 3}, "state_file": "x"}, ("history", "state_file")),
    ],
)
def test_only_what_needs_it_begins_anew(change: dict[str, Any], keys: tuple[str, ...]) -> None:
    before, after = Config.model_validate(BEFORE), Config.model_validate({**BEFORE, **change})
    assert begins_anew(before, after) == keys
    assert begins_anew(after, after) == ()
