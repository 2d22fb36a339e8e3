"""Runs in Home Assistant's own Python: what its MQTT integration would say of discovery payloads.

Reads a JSON list of device payloads from stdin; writes a JSON list of ``{device, component, refused, dropped}``, one a
component and one (``component`` empty) a device that is refused as a whole. ``dropped`` are keys that it does not know
and leaves out without a word.
"""

import asyncio
import copy
import importlib
import json
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

from homeassistant.components.mqtt import discovery, schemas
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import frame

# That of voluptuous, or of its successor in newer releases.
Invalid = importlib.import_module(type(schemas.DEVICE_DISCOVERY_SCHEMA).__module__.partition(".")[0]).Invalid


def check(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One device: its own part as a whole, then every component as the discovery of its platform does."""
    name = payload.get("dev", payload.get("device", {})).get("name")
    payload = discovery.MQTTDiscoveryPayload(payload)
    discovery._replace_all_abbreviations(payload)
    try:
        schemas.DEVICE_DISCOVERY_SCHEMA(copy.deepcopy(payload))
    except (Invalid, HomeAssistantError) as error:
        yield {"device": name, "component": "", "refused": str(error), "dropped": []}
        return
    for key, component in payload["components"].items():
        refused, dropped = _check_component(payload, component)
        yield {"device": name, "component": key, "refused": refused, "dropped": sorted(dropped)}


def _check_component(payload: dict[str, Any], component: dict[str, Any]) -> tuple[str, set[str]]:
    platform = importlib.import_module(f"homeassistant.components.mqtt.{component['platform']}")
    config = discovery.MQTTDiscoveryPayload(
        {key: value for key, value in component.items() if key != "platform"}
        | {"device": payload["device"], "origin": payload["origin"]}
    )
    discovery._merge_common_device_options(config, payload)
    try:
        accepted = platform.DISCOVERY_SCHEMA(copy.deepcopy(config))
    except (Invalid, HomeAssistantError) as error:
        return str(error), set()
    return "", set(config) - set(accepted)


async def _main() -> None:
    # Templates are checked in its event loop only.
    with tempfile.TemporaryDirectory() as folder:
        frame.async_setup(HomeAssistant(folder))
        json.dump([finding for payload in json.load(sys.stdin) for finding in check(payload)], sys.stdout)


if __name__ == "__main__":
    asyncio.run(_main())
