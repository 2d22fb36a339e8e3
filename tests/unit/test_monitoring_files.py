"""The dashboard and the alerts ask for figures that there are, with labels that they have."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bridge.runtime.metrics import Metrics

CONFIG = Path(__file__).resolve().parents[2] / "config"
DASHBOARD: dict[str, Any] = json.loads((CONFIG / "grafana" / "espcam-bridge.json").read_text())
RULES: list[dict[str, Any]] = yaml.safe_load((CONFIG / "prometheus" / "alerts.yaml").read_text())["groups"][0]["rules"]

EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]] + [
    rule["expr"] for rule in RULES
]
_NAME = re.compile(r"\bespcam_\w+")
_SELECTED = re.compile(r"(espcam_\w+)\{([^}]*)\}")
_GROUPED = re.compile(r"by \(([^)]*)\)")


def _figures() -> dict[str, set[str]]:
    """Each series that ``/metrics`` shows, with its labels."""
    metrics = Metrics()
    for metric in (metrics.frames_received, metrics.frames_detected, metrics.frames_still, metrics.frames_dropped):
        metric.labels("door").inc()
    metrics.frames_rejected.labels("door", "truncated").inc()
    metrics.events.labels("door", "person", "new").inc()
    metrics.inference_seconds.observe(0.1)
    metrics.event_latency_seconds.observe(0.1)
    for gauge in (metrics.camera_online, metrics.viewers, metrics.camera_rssi_dbm):
        gauge.labels("door").set(1)
    found: dict[str, set[str]] = {}
    for line in metrics.render().decode().splitlines():
        if series := re.match(r"(espcam_\w+)(?:\{(.*)\})? ", line):
            found.setdefault(series[1], set()).update(re.findall(r'(\w+)="', series[2] or ""))
    return found


FIGURES = _figures()


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_asks_for_figures_that_there_are(expression: str) -> None:
    names = set(_NAME.findall(expression))
    assert names <= FIGURES.keys(), names - FIGURES.keys()
    assert names or "up{" in expression
    for name, selectors in _SELECTED.findall(expression):
        assert set(re.findall(r"(\w+)\s*=", selectors)) <= FIGURES[name]
    for group in _GROUPED.findall(expression):
        known = set().union(*(FIGURES[name] for name in names))
        assert {label.strip() for label in group.split(",")} <= known
    assert expression.count("(") == expression.count(")")


def test_a_figure_that_was_renamed_would_be_found() -> None:
    with pytest.raises(AssertionError):
        test_an_expression_asks_for_figures_that_there_are("rate(espcam_frames_seen_total[1m])")
    with pytest.raises(AssertionError):
        test_an_expression_asks_for_figures_that_there_are('espcam_mqtt_connected{camera="door"}')


def test_every_panel_says_what_it_shows_and_none_lies_on_another() -> None:
    places: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert all(target["legendFormat"] for target in panel["targets"])
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & places, panel["title"]
        assert at["x"] + at["w"] <= 24
        places |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_waits_and_says_what_is_wrong_and_what_mends_it(rule: dict[str, Any]) -> None:
    assert re.fullmatch(r"\d+m", rule["for"])
    assert rule["labels"]["severity"] in {"info", "warning", "critical"}
    assert rule["annotations"]["summary"].endswith(".")
    assert rule["annotations"]["description"].endswith(".")


def test_every_figure_of_the_contract_is_shown_or_watched() -> None:
    base = {name.removesuffix("_bucket").removesuffix("_total") for text in EXPRESSIONS for name in _NAME.findall(text)}
    wanted = "frames_received frames_detected frames_dropped frames_rejected frames_still inference_seconds"
    wanted += " event_latency_seconds events outbox_messages mqtt_connected camera_online viewers camera_rssi_dbm"
    assert {f"espcam_{name}" for name in wanted.split()} <= base
