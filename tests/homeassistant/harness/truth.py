"""What Home Assistant should know, told by the broker's retained messages alone: discovery, availability and states."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.homeassistant.harness.home import HomeAssistant

_UNKNOWN = ("unknown",)
_NUMERIC = ("sensor", "number")


class Component(NamedTuple):
    """One entity as discovery announces it.

    Attributes:
        platform: ``sensor``, ...
        unique_id: within Home Assistant.
        entity_id: that is asked for.
        device: the identifier of its device.
        config: all that is said of it, what its device says of all included.
    """

    platform: str
    unique_id: str
    entity_id: str
    device: str
    config: dict[str, Any]


def components(payloads: list[dict[str, Any]]) -> Iterator[Component]:
    """The entities that device-based discovery messages announce."""
    for payload in payloads:
        common = {key: value for key, value in payload.items() if key not in ("dev", "o", "cmps")}
        for component in payload["cmps"].values():
            if "unique_id" in component:  # one without takes an entity away
                config = {**common, **component}
                device = payload["dev"]["ids"][0]
                yield Component(component["p"], component["unique_id"], component["default_entity_id"], device, config)


def announced(retained: Mapping[str, bytes]) -> list[Component]:
    """The entities that the broker's retained discovery messages announce."""
    topics = [topic for topic in retained if topic.startswith("homeassistant/device/")]
    return list(components([json.loads(retained[topic]) for topic in topics if retained[topic]]))


def differences(home: HomeAssistant, retained: Mapping[str, bytes]) -> dict[str, str]:
    """The announced entities whose state is another than the retained messages say, each with what it is and should be.

    A camera or broker that is away makes ``unavailable`` right.
    """
    found, states = {}, home.states()
    for component in announced(retained):
        actual = states.get(component.entity_id, {}).get("state")
        expected = _expected(home, component, retained)
        if actual is None or (expected and actual not in expected) or (not expected and actual == "unavailable"):
            found[component.entity_id] = f"is {actual}, should be {' or '.join(expected) or 'available'}"
    return found


def _expected(home: HomeAssistant, component: Component, retained: Mapping[str, bytes]) -> tuple[str, ...]:
    """The states that are right; empty when any will do but ``unavailable``."""
    config = component.config
    topics = [place["topic"] for place in config.get("availability", [])]
    if any(retained.get(topic) != b"online" for topic in topics):
        return ("unavailable",)
    if component.platform == "image":
        return () if config["image_topic"] in retained else _UNKNOWN
    if component.platform not in ("binary_sensor", "switch", *_NUMERIC, "select"):
        return ()
    payload = retained.get(config["state_topic"])
    if payload is None:
        return _UNKNOWN
    text = payload.decode()
    if template := config.get("value_template"):
        text = home.render_template(template, value=text, value_json=json.loads(text))
    return _state(component, text)


def _state(component: Component, text: str) -> tuple[str, ...]:
    if component.platform in ("binary_sensor", "switch"):
        known = {component.config.get("payload_on", "ON"): "on", component.config.get("payload_off", "OFF"): "off"}
        return (known[text],)
    if text == "None":
        return _UNKNOWN
    # 10 and 10.0 are one number.
    return (text, str(float(text))) if component.platform in _NUMERIC and _is_number(text) else (text,)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
