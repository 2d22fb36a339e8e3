from __future__ import annotations

import io
import json

from bridge.commands.discovery import run
from bridge.publish.discovery import discovery_messages
from bridge.publish.settings import DiscoveryFormat, PublishedCamera, PublishSettings

CAMERAS = [PublishedCamera("yard", "Hof", ("person",)), PublishedCamera("gate", "Tür 💂", ("dog",))]


def test_the_command_prints_exactly_what_would_be_published() -> None:
    out = io.StringIO()
    assert run(PublishSettings(), CAMERAS, out) == 0
    shown = json.loads(out.getvalue())
    published = discovery_messages(PublishSettings(), CAMERAS)
    assert [entry["topic"] for entry in shown] == [message.topic for message in published]
    assert [entry["payload"] for entry in shown] == [json.loads(message.payload) for message in published]
    assert all(entry["retain"] is True and entry["qos"] == 1 for entry in shown)


def test_it_prints_the_form_that_is_configured() -> None:
    out = io.StringIO()
    assert run(PublishSettings(discovery_format=DiscoveryFormat.SINGLE), CAMERAS, out) == 0
    topics = {entry["topic"] for entry in json.loads(out.getvalue())}
    assert "homeassistant/binary_sensor/espcam-bridge_yard/label-person/config" in topics
    assert not any(topic.startswith("homeassistant/device/") for topic in topics)


def test_names_are_printed_as_people_write_them() -> None:
    out = io.StringIO()
    run(PublishSettings(), CAMERAS, out)
    assert "Tür 💂" in out.getvalue()


def test_switched_off_it_prints_an_empty_list() -> None:
    out = io.StringIO()
    assert run(PublishSettings(discovery=False), CAMERAS, out) == 0
    assert json.loads(out.getvalue()) == []
