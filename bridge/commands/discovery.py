"""``espcam-bridge discovery``: what Home Assistant would be told, as JSON; connects nowhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TextIO

from bridge.publish.discovery import discovery_messages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.publish.settings import PublishedCamera, PublishSettings


def run(settings: PublishSettings, cameras: Sequence[PublishedCamera], out: TextIO) -> int:
    """Print a JSON list of ``{topic, payload, retain, qos}`` in the configured form; empty when that is switched off.

    Of a camera that never said to the bridge what it can, there is only what every camera has.

    Returns:
        The exit code.
    """
    shown = [
        {
            "topic": message.topic,
            "payload": json.loads(message.payload),
            "retain": message.retain,
            "qos": message.qos,
        }
        for message in discovery_messages(settings, cameras)
    ]
    out.write(json.dumps(shown, indent=2, ensure_ascii=False) + "\n")
    return 0
