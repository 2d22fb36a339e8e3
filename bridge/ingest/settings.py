"""What the camera link needs to know; the composition root fills it from the configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class UnknownCameras(StrEnum):
    """What happens to a camera that is not configured (``ingest.unknown_cameras``)."""

    APPROVE = "approve"  # heard, shown, and turned away with 4403 until somebody approves it
    ACCEPT = "accept"  # let in, and known from then on
    REJECT = "reject"  # turned away with 4404


@dataclass(frozen=True, slots=True)
class CameraAccess:
    """One configured camera, as the link sees it.

    Attributes:
        token: the secret it must show; None or empty lets anybody on the network in under its name.
    """

    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Certificate chain and private key, PEM."""

    cert_file: Path
    key_file: Path


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """The ``ingest:`` section and what of ``cameras:`` concerns it.

    Attributes:
        host: address to listen on; a name or address of this machine.
        port: 0 lets the system choose.
        default_camera: who dials ``/ws``; exists by itself while ``cameras`` is empty.
        max_frame_bytes: longer pictures are counted and dropped; a message of more than twice that closes with 1009.
        max_frame_pixels: larger pictures are counted and dropped.
        unknown_cameras: what happens to a camera that is not in ``cameras``.
        allow_legacy: whether ``/ws`` without credentials may be a legacy session; None is true while the default
            camera has no token.
        allowed_origins: ``Origin`` headers let in besides those of the known camera clients.
        cameras: the configured cameras by id.
        tls: None listens without TLS.
        mdns: whether the local network is told where cameras find the bridge.
    """

    host: str = "0.0.0.0"  # noqa: S104 - cameras dial in from the network
    port: int = 3001
    default_camera: str = "camera"
    max_frame_bytes: int = 1_048_576
    max_frame_pixels: int = 5_000_000
    unknown_cameras: UnknownCameras = UnknownCameras.APPROVE
    allow_legacy: bool | None = None
    allowed_origins: tuple[str, ...] = ()
    cameras: Mapping[str, CameraAccess] = field(default_factory=lambda: MappingProxyType({}))
    tls: TlsFiles | None = None
    mdns: bool = True
