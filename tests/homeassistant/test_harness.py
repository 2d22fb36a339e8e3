"""The measuring instruments themselves: what they read is what was written. Needs no Home Assistant."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.homeassistant.harness.log import parse
from tests.homeassistant.harness.report import Report, Restart
from tests.homeassistant.harness.truth import components

if TYPE_CHECKING:
    from pathlib import Path

LOG = """started in 3 s
2026-11-26 01:38:24.702 WARNING (MainThread) [homeassistant.components.mqtt.client] Disconnected
Traceback (most recent call last):
2026-11-26 01:41:46.500+00:00 INFO (MainThread) [automation.run] event 1795657116607-3c932b
"""


def test_log_of_either_release_is_read_with_its_tracebacks() -> None:
    first, second = parse(LOG)
    assert (first.level, first.logger) == ("WARNING", "homeassistant.components.mqtt.client")
    assert first.text == "Disconnected\nTraceback (most recent call last):"
    assert (round(second.at_unix_s - first.at_unix_s, 3), second.text) == (201.798, "event 1795657116607-3c932b")


def test_component_knows_what_its_device_says_and_its_own_word_counts_more() -> None:
    payload = {
        "dev": {"ids": ["a"]},
        "o": {"name": "us"},
        "qos": 1,
        "availability": [{"topic": "all"}],
        "cmps": {
            "one": {"p": "sensor", "unique_id": "a-one", "default_entity_id": "sensor.one"},
            "two": {"p": "sensor", "unique_id": "a-two", "default_entity_id": "sensor.two", "availability": []},
            "gone": {"p": "camera"},
        },
    }
    one, two = components([payload])
    assert (one.entity_id, one.device, one.config["availability"]) == ("sensor.one", "a", [{"topic": "all"}])
    assert (two.config["availability"], two.config["qos"]) == ([], 1)


def test_report_is_a_page_or_json_by_its_name(tmp_path: Path) -> None:
    report = Report("2025.4.4", {"camera": 2}, 3, {"event": 3}, [Restart("home", 1.5, 2, {"event": 2})])
    report.problems["WARNING some.logger: hm"] = 2
    report.controls["light.turn_on"] = 0.11
    page, data = tmp_path / "report.md", tmp_path / "report.json"
    report.write(page)
    report.write(data)
    for line in (
        "| camera | 2 |",
        "at 3 visits: event 3.",
        "| home | 1.5 | 2 | event 2 |",
        "| light.turn_on | 0.11 |",
        "2 times `WARNING",
    ):
        assert line in page.read_text()
    assert json.loads(data.read_text())["restarts"][0]["order"] == "home"
