"""What publishing needs to know; the app fills it from the configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from bridge.model import Offer

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class TlsClient:
    """How to trust the broker, and how to prove who we are.

    Attributes:
        ca_file: certificates to trust (PEM); empty = those of the system.
        cert_file: our own certificate (PEM), for brokers that ask for one; empty = none.
        key_file: its key; empty = it is in ``cert_file``.
        verify: False accepts any certificate: encrypted, but anybody may pose as the broker.
    """

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    verify: bool = True


class DiscoveryFormat(StrEnum):
    """How Home Assistant is told what there is."""

    DEVICE = "device"  # <prefix>/device/<id>/config: needs 2024.11 or newer
    SINGLE = "single"  # <prefix>/<platform>/<device>/<key>/config: any version, and others that speak this protocol


@dataclass(frozen=True, slots=True)
class PublishSettings:
    """Where to publish and under which names; the defaults are those of the contract.

    Attributes:
        host: the broker's name or address.
        port: its TCP port.
        username: empty = anonymous.
        password: never shown, not even by ``repr``.
        client_id: unique among the broker's clients; also the root of every Home Assistant id.
        base_topic: ``B`` of the contract; no leading or trailing slash, no wildcard.
        keepalive_s: a dead connection is found within twice this time.
        tls: None = plain TCP.
        discovery: whether Home Assistant is told what there is.
        discovery_format: one message a device (Home Assistant 2024.11 and newer), or one an entity (any).
        discovery_prefix: where it listens for that.
        status_topic: where it says that it was (re)started.
        public_url: our page as a browser reaches it (``http://…``); empty = unknown.
        durable: whether a history holds events on the disk until the broker has them (``Publisher.settled`` says when
            they left it). The broker is asked to remember us then, so that no event comes twice.
        version: the bridge's own version.
    """

    host: str = "127.0.0.1"
    port: int = 1883
    username: str = ""
    password: str = field(default="", repr=False)
    client_id: str = "espcam-bridge"
    base_topic: str = "espcam"
    keepalive_s: int = 30
    tls: TlsClient | None = None
    discovery: bool = True
    discovery_format: DiscoveryFormat = DiscoveryFormat.DEVICE
    discovery_prefix: str = "homeassistant"
    status_topic: str = "homeassistant/status"
    public_url: str = ""
    durable: bool = False
    version: str = "0.0.0"


@dataclass(frozen=True, slots=True)
class PublishedCamera:
    """A camera as MQTT and Home Assistant see it.

    Attributes:
        id: ``[a-z0-9_]{1,32}``; its topics are below ``B/<id>/``.
        name: for people; any text.
        labels: what is looked for, in the model's own words (``traffic light``).
        zones: the names of its zones (``[a-z0-9_]{1,32}``), each with the labels that count there.
        offer: what the camera itself says that it is and can.
    """

    id: str
    name: str
    labels: tuple[str, ...]
    zones: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    offer: Offer = field(default_factory=Offer)
