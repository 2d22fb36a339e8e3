"""Which retained messages of ours belong to nothing that is configured any more. Pure.

What is cleared by mistake is gone, so a topic is only called stale when everything speaks for it:

- discovery: its origin is this program, and its device is our bridge or hangs on it (``via_device``); a client id that
  merely begins like ours is another bridge's;
- below the base topic: it has the form and the payload of something that we publish, with what we publish beside it
  (a camera has its availability, a label its count); whatever else people keep there is theirs. What another bridge
  announces as its own, under whatever base topic, belongs to that one;
- a retained command (``…/set``, ``bridge/request/…``) is nobody's state: it would be carried out at every start.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.model import Control, Offer
from bridge.publish.discovery import discovery_messages
from bridge.publish.messages import safe_id

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from bridge.publish.settings import PublishedCamera, PublishSettings

_ORIGIN_NAME = "espcam-bridge"

# What a camera might offer: which of it this one does, only the camera knows.
_EVERYTHING = Offer(tuple(Control), framesizes=("VGA",), reports_health=True, takes_updates=True)

_JPEG = rb"\xff\xd8(?s:.)*"
_OBJECT = rb"\{(?s:.)*\}"
_SWITCH = rb"ON|OFF"
_PRESENCE = rb"online|offline"

# What we publish below ``B/<camera>/``, by the form of its topic and of its payload.
_OURS = tuple(
    (re.compile(topic), re.compile(payload))
    for topic, payload in (
        (r"availability", _PRESENCE),
        (r"snapshot", _JPEG),
        (r"telemetry", _OBJECT),
        (r"motion", _SWITCH),
        (r"zones/[^/]+/[^/]+", _SWITCH),
        (r"[^/]+/count", rb"\d+"),
        (r"[^/]+/thumbnail", _JPEG),
        (rf"({'|'.join(Control)})/state", rb"(?s:.)+"),
        (r"update/state", _OBJECT),
    )
)
_LABEL = re.compile(r"[^/]+")
_CAMERA = re.compile(r"[a-z0-9_]{1,32}")
_COMMAND = re.compile(rf"[a-z0-9_]{{1,32}}/({'|'.join(Control)}|update)/set|bridge/request/[^/]+")
_BRIDGE_TOPICS = ("state", "info", "telemetry")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said of the retained messages.

    Attributes:
        configs: stale discovery topics.
        states: stale topics below the base topic.
        commands: topics with a retained command.
        others: other bridges, by client id, with how many devices each has announced.
    """

    configs: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    others: tuple[tuple[str, int], ...] = ()

    @property
    def topics(self) -> tuple[str, ...]:
        """All that is better cleared, discovery first: an entity that still listens cannot read an empty state."""
        return (*self.configs, *self.commands, *self.states)


class _Device(NamedTuple):
    """What a discovery message of this program tells of the device that it belongs to.

    Attributes:
        root: the client id of its bridge, as it stands in ids.
        node: of the device itself; the same for the bridge.
        topics: whatever its entities read and write.
    """

    root: str
    node: str
    topics: frozenset[str]


def judge(kept: Mapping[str, bytes], settings: PublishSettings, cameras: Sequence[PublishedCamera]) -> Verdict:
    """Look through everything that the broker keeps.

    Args:
        kept: retained messages, by topic; also those of other programs.
        settings: of this bridge.
        cameras: those that it has.
    """
    root = safe_id(settings.client_id)
    devices = {topic: device for topic, payload in kept.items() if (device := _device(topic, payload, settings))}
    others = [device for device in devices.values() if device.root != root]
    expected = expected_topics(settings, cameras).union(*(device.topics for device in others))
    base = f"{settings.base_topic}/"
    own = {topic.removeprefix(base): payload for topic, payload in kept.items() if topic.startswith(base)}
    states = [base + rest for rest in _states(own, {camera.id for camera in cameras}) if base + rest not in expected]
    return Verdict(
        configs=tuple(sorted(t for t, device in devices.items() if device.root == root and t not in expected)),
        # The availability last: it is what a camera is known by, should the clearing be cut short.
        states=tuple(sorted(states, key=lambda topic: (topic.endswith("/availability"), topic))),
        commands=tuple(base + rest for rest in sorted(own) if _COMMAND.fullmatch(rest)),
        others=_counted(others),
    )


def expected_topics(settings: PublishSettings, cameras: Sequence[PublishedCamera]) -> set[str]:
    """Every topic that may be retained for these cameras, whatever each turns out to offer."""
    base = settings.base_topic
    able = [replace(camera, offer=_EVERYTHING) for camera in cameras]
    topics = {f"{base}/bridge/{name}" for name in _BRIDGE_TOPICS}
    for camera in able:
        topics |= {f"{base}/{camera.id}/{name}" for name in ("telemetry", *(f"{control}/state" for control in Control))}
    for message in discovery_messages(replace(settings, discovery=True), able):
        topics |= set(_topics_in(json.loads(message.payload)))
        if settings.discovery:
            topics.add(message.topic)
    return topics


def _device(topic: str, payload: bytes, settings: PublishSettings) -> _Device | None:
    """Whose discovery message it is; None: not one of this program."""
    if not (topic.startswith(f"{settings.discovery_prefix}/") and topic.endswith("/config")):
        return None
    try:
        told = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    origin, device = _section(told, "o", "origin"), _section(told, "dev", "device")
    ids = device.get("ids", device.get("identifiers"))
    node = ids[0] if isinstance(ids, list) and ids else ids
    if origin.get("name") != _ORIGIN_NAME or not isinstance(node, str):
        return None
    root = device.get("via_device", node)
    return _Device(str(root), node, frozenset(_topics_in(told)))


def _section(told: object, *names: str) -> Mapping[str, Any]:
    found = next((told[name] for name in names if name in told), None) if isinstance(told, dict) else None
    return found if isinstance(found, dict) else {}


def _topics_in(told: object) -> Iterator[str]:
    """Every topic that a discovery message names: the texts under ``topic`` and ``…_topic``."""
    if isinstance(told, list):
        for inner in told:
            yield from _topics_in(inner)
    if isinstance(told, dict):
        for key, value in told.items():
            if isinstance(value, str) and (key == "topic" or key.endswith("_topic")):
                yield value
            else:
                yield from _topics_in(value)


def _states(own: Mapping[str, bytes], configured: Collection[str]) -> Iterator[str]:
    """Those that are states of cameras; topics, here and in ``own``, are given below the base topic."""
    for rest, payload in own.items():
        camera, _, name = rest.partition("/")
        known = camera in configured or re.fullmatch(_PRESENCE, own.get(f"{camera}/availability", b""))
        if not known or camera == "bridge" or not _CAMERA.fullmatch(camera):
            continue
        counted = own.get(f"{rest}/count", b"").isdigit()
        label = counted and _LABEL.fullmatch(name) and re.fullmatch(_SWITCH, payload)
        if label or any(topic.fullmatch(name) and form.fullmatch(payload) for topic, form in _OURS):
            yield rest


def _counted(devices: Collection[_Device]) -> tuple[tuple[str, int], ...]:
    roots = sorted({device.root for device in devices})
    return tuple((root, len({device.node for device in devices if device.root == root})) for root in roots)
