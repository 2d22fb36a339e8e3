"""The payload of an event from the pipeline to the broker, over the disk if need be. Pure.

Composed, and as it lies on the disk, it is complete JSON but for the time of sending. ``stamp`` adds that at the end,
at the moment of handing over, so that it tells the truth after an outage or a restart as well; ``identity`` takes it
off again, because it is the only part in which two copies of one message differ.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bridge.publish.messages import Message, MessageKind, iso_time

if TYPE_CHECKING:
    from bridge.model import Letter

# Cannot occur inside a JSON string: its quotes would be escaped.
_STAMP = b',"published_time":'


def stamp(message: Message, *, mono_s: float, unix_s: float) -> Message:
    """The message as it is sent now: a step of an event gets ``published_time`` and ``latency_ms``.

    The latency is the monotonic clock's when this process received the frame, else the wall clock's; never negative,
    whatever somebody did to the wall clock.
    """
    if message.frame_mono_s is not None:
        waited_s = mono_s - message.frame_mono_s
    elif message.frame_unix_s is not None:
        waited_s = unix_s - message.frame_unix_s
    else:
        return message
    latency_ms = round(max(waited_s, 0.0) * 1000, 1)
    end = f'"{iso_time(unix_s)}","latency_ms":{latency_ms}}}'.encode()
    return replace(message, payload=message.payload[:-1] + _STAMP + end)


def identity(topic: str, payload: bytes) -> tuple[str, bytes]:
    """What tells one event message from all others, and is the same for every copy of it."""
    head, mark, _ = payload.rpartition(_STAMP)
    return topic, head + b"}" if mark else payload


def restored(letter: Letter) -> Message:
    """The message of a letter from the disk; one that cannot be read is delivered as it is, without a stamp."""
    received = told(letter).get("received_time")
    try:
        frame_unix_s = datetime.fromisoformat(received).timestamp() if isinstance(received, str) else None
    except ValueError:
        frame_unix_s = None
    return Message(
        letter.topic,
        letter.payload,
        MessageKind.EVENT,
        retain=False,
        frame_unix_s=frame_unix_s,
        number=letter.number,
    )


def told(letter: Letter) -> dict[str, Any]:
    """The payload's content; empty when it is no JSON object."""
    try:
        content = json.loads(letter.payload)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
