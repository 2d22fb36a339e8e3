"""Tells Home Assistant what there is and what is gone, and remembers what it told. Thread-safe.

Remembered for each device, in the section ``announced``: the forms in which it may lie on the broker, its components
with their platforms and topics, and those of them that are gone, for 30 days: so long may Home Assistant be away and
still be told. (The components themselves and not the camera's settings, because a newer version may make others of the
same settings, and must take back what the older one told.)

What is gone meanwhile, also while the bridge was off:

- a label, zone or control: its components are taken out, then its states and pictures are emptied
- a camera, or discovery altogether: whatever the broker holds of it is emptied (``sweep``)
- the form: Home Assistant moves from the old one to the new, keeping what users have set
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from bridge.publish import discovery
from bridge.publish.messages import take_back
from bridge.publish.settings import DiscoveryFormat

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from typing import Self

    from bridge.publish.entities import Device
    from bridge.publish.messages import Message
    from bridge.publish.settings import PublishSettings
    from bridge.runtime.clock import Clock
    from bridge.runtime.memory import Memory

log = logging.getLogger(__name__)

BRIDGE = "bridge"
"""The bridge's own device; no camera can be called so."""

_SECTION = "announced"
_VERSION = 1
_KEEP_S = 30 * 86_400.0


@dataclass(slots=True)
class _Part:
    """A component as it was announced."""

    platform: str
    topics: tuple[str, ...]
    gone_unix_s: float | None = None


@dataclass(slots=True)
class _Record:
    """What was announced of a device, and what of it may still lie on the broker."""

    node: str
    forms: list[DiscoveryFormat] = field(default_factory=list)
    parts: dict[str, _Part] = field(default_factory=dict)
    gone_unix_s: float | None = None

    @classmethod
    def read(cls, node: str, told: object) -> Self:
        """From the memory; anything that does not fit is as if nothing was announced."""
        try:
            if not isinstance(told, dict) or told["v"] != _VERSION:
                return cls(node)
            parts = {
                str(key): _Part(str(platform), tuple(map(str, topics)), None if gone is None else float(gone))
                for key, (platform, topics, gone) in told["parts"].items()
            }
            gone = told["gone"]
            forms = [DiscoveryFormat(form) for form in told["forms"]]
            return cls(str(told["node"]), forms, parts, None if gone is None else float(gone))
        except (KeyError, TypeError, ValueError, AttributeError):
            log.warning("what was announced before is not readable: what is gone since may stay in Home Assistant")
            return cls(node)

    def written(self) -> dict[str, Any]:
        """For the memory."""
        return {
            "v": _VERSION,
            "node": self.node,
            "forms": [form.value for form in self.forms],
            "parts": {key: [part.platform, list(part.topics), part.gone_unix_s] for key, part in self.parts.items()},
            "gone": self.gone_unix_s,
        }

    def update(self, device: Device, now_unix_s: float) -> None:
        """The device is now this; what is no part of it any more is gone, and after 30 days forgotten."""
        for part in self.parts.values():
            part.gone_unix_s = now_unix_s if part.gone_unix_s is None else part.gone_unix_s
        for entity in device.entities:
            self.parts[entity.key] = _Part(entity.platform, entity.topics)
        self.parts = {key: part for key, part in self.parts.items() if not _expired(part.gone_unix_s, now_unix_s)}
        self.node, self.gone_unix_s = device.node, None

    def gone(self) -> dict[str, str]:
        """The platforms of the components that are gone."""
        return {key: part.platform for key, part in self.parts.items() if part.gone_unix_s is not None}

    def present(self) -> dict[str, str]:
        """The platforms of the components that are there."""
        return {key: part.platform for key, part in self.parts.items() if part.gone_unix_s is None}

    def idle_topics(self) -> list[str]:
        """The topics that only components read which are gone."""
        read = {topic for part in self.parts.values() if part.gone_unix_s is None for topic in part.topics}
        gone = (topic for part in self.parts.values() if part.gone_unix_s is not None for topic in part.topics)
        return [topic for topic in dict.fromkeys(gone) if topic not in read]


class News(Protocol):
    """How news of devices get to the broker; ``link.BrokerLink`` is the real one."""

    def stage(self, device: str, stages: Sequence[Sequence[Message]], done: Callable[[], None]) -> None:
        """Tell news of a device, step by step; ``done`` is called when the broker has them all."""

    def sweep(self, configs: Iterable[str], states: Iterable[str] = ()) -> None:
        """Empty what is retained on the topics that fit these filters."""

    def spare(self, filters: Iterable[str]) -> None:
        """Sweep these no more."""


class Announcer:
    """See the module.

    Args:
        settings: under which names, in which form, or whether at all.
        link: to the broker.
        memory: what was announced.
        clock: when something went.
    """

    def __init__(self, settings: PublishSettings, link: News, memory: Memory, clock: Clock) -> None:
        self._settings = settings
        self._link = link
        self._memory = memory
        self._clock = clock
        self._lock = threading.Lock()

    def announce(self, name: str, device: Device) -> None:
        """A device is new, or has changed.

        Args:
            name: the camera's id, or ``BRIDGE``.
            device: what it is now.
        """
        with self._lock:
            record = self._recall(name, device.node)
            self._link.spare([self._states(name)])
            if not self._settings.discovery:
                self._withdraw(name, record)
                return
            self._link.spare(self._configs(device.node))
            if record.node != device.node:  # another client id: for Home Assistant it is another device
                self._link.sweep(self._configs(record.node))
                record = _Record(device.node)
            former = [form for form in record.forms if form is not self._settings.discovery_format]
            before = record.present()
            record.update(device, self._clock.unix_s())
            record.forms = [*former, self._settings.discovery_format]
            self._remember(name, record)
            stages = self._stages(device, record, former, before)
            self._link.stage(name, stages, lambda: self._settle(name))

    def forget_others(self, keep: Collection[str]) -> None:
        """Take back all cameras that were announced once and are not among these."""
        with self._lock:
            for name in self._memory.section(_SECTION):
                if name == BRIDGE or name in keep:
                    continue
                record = self._recall(name, "")
                self._link.sweep(self._configs(record.node) if record.node else (), [self._states(name)])
                self._age(name, record)

    def _withdraw(self, name: str, record: _Record) -> None:
        """Discovery was switched off: Home Assistant shall forget the device; the broker's topics go on."""
        if record.parts:
            self._link.sweep(self._configs(record.node))
            self._age(name, record)

    def _stages(
        self, device: Device, record: _Record, former: Sequence[DiscoveryFormat], before: Mapping[str, str]
    ) -> list[list[Message]]:
        settings, gone = self._settings, record.gone()
        old = [topic for form in former for topic in discovery.config_topics(settings, device.node, before, form)]
        # Who moves keeps what he has: what is gone must go before, in the form in which it is known.
        news = [discovery.announcement(settings, device, gone, form) for form in former if gone.keys() & before.keys()]
        return [
            *news,
            discovery.migration(old),
            [*discovery.emptied(old), *discovery.announcement(settings, device, {} if former else gone)],
            [take_back(topic) for topic in record.idle_topics()],
        ]

    def _settle(self, name: str) -> None:
        """The broker has all of it: nothing is left in another form."""
        with self._lock:
            record = self._recall(name, "")
            if record.forms != [self._settings.discovery_format]:
                record.forms = [self._settings.discovery_format]
                self._remember(name, record)

    def _age(self, name: str, record: _Record) -> None:
        """Note that a device is gone; forget it when that is long ago."""
        now_unix_s = self._clock.unix_s()
        if record.gone_unix_s is None:
            record.gone_unix_s = now_unix_s
            self._remember(name, record)
        elif _expired(record.gone_unix_s, now_unix_s):
            self._memory.put(_SECTION, name, None)

    def _recall(self, name: str, node: str) -> _Record:
        return _Record.read(node, self._memory.section(_SECTION).get(name, _Record(node).written()))

    def _remember(self, name: str, record: _Record) -> None:
        self._memory.put(_SECTION, name, record.written())

    def _configs(self, node: str) -> tuple[str, ...]:
        return discovery.every_config_topic(self._settings, node)

    def _states(self, name: str) -> str:
        return f"{self._settings.base_topic}/{name}/#"


def _expired(since_unix_s: float | None, now_unix_s: float) -> bool:
    return since_unix_s is not None and now_unix_s - since_unix_s > _KEEP_S
