"""From the configuration to each stage's own slice of it: pure functions, one a stage.

No stage imports the configuration and the configuration knows no stage; this is the only place that knows both.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from bridge import __version__
from bridge.adapt.ports import AdaptPlan
from bridge.analyst import CameraPlan
from bridge.detect.port import DetectorSettings
from bridge.events.machine import EventRules
from bridge.history.house import HistorySettings
from bridge.ingest.settings import CameraAccess, IngestSettings, UnknownCameras
from bridge.ingest.settings import TlsFiles as IngestTls
from bridge.model import Control, Offer
from bridge.motion.gate import DEFAULT_MIN_AREA, DEFAULT_THRESHOLD, MotionSettings
from bridge.publish.settings import DiscoveryFormat, PublishedCamera, PublishSettings, TlsClient
from bridge.serve.live import StreamOptions
from bridge.serve.site import HttpSettings
from bridge.serve.site import TlsFiles as HttpTls
from bridge.track.filters import DetectionFilter
from bridge.track.zones import Zone

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import SecretStr

    from bridge.config.camera import CameraConfig
    from bridge.config.schema import Config
    from bridge.model import ControlValue


# What of a section is taken up while everything goes on; of a section that is not named: nothing.
_LIVE: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "ingest": frozenset(
            {
                "default_camera", "max_frame_bytes", "max_frame_pixels", "unknown_cameras", "allow_legacy",
                "allowed_origins",
            }
        ),
        "http": frozenset(
            {
                "username", "password", "api_token", "viewer_username", "viewer_password", "viewer_token",
                "trusted_proxies", "ingress", "max_viewers",
            }
        ),
    }
)  # fmt: skip
_ALL_LIVE: Final = frozenset({"cameras", "defaults", "detector"})


def begins_anew(before: Config, after: Config) -> tuple[str, ...]:
    """The keys whose change cannot be taken up while everything goes on; empty: all of it can."""
    found: list[str] = []
    for section in type(before).model_fields:
        one, other = getattr(before, section), getattr(after, section)
        if section in _ALL_LIVE or one == other:
            continue
        if section not in _LIVE:
            found.append(section)
            continue
        found += [
            f"{section}.{key}"
            for key in type(one).model_fields
            if key not in _LIVE[section] and getattr(one, key) != getattr(other, key)
        ]
    return tuple(found)


def publish_settings(config: Config) -> PublishSettings:
    """Where to publish and under which names."""
    mqtt, home_assistant, tls = config.mqtt, config.homeassistant, config.mqtt.tls
    return PublishSettings(
        host=mqtt.host,
        port=mqtt.port,
        username=mqtt.username or "",
        password=_reveal(mqtt.password) or "",
        client_id=mqtt.client_id,
        base_topic=mqtt.base_topic,
        keepalive_s=mqtt.keepalive_s,
        tls=TlsClient(str(tls.ca_file or ""), str(tls.cert_file or ""), str(tls.key_file or ""), tls.verify)
        if tls.enabled
        else None,
        discovery=home_assistant.discovery,
        discovery_format=DiscoveryFormat(home_assistant.discovery_format),
        discovery_prefix=home_assistant.discovery_prefix,
        status_topic=home_assistant.status_topic,
        public_url=config.http.public_url or "",
        version=__version__,
        durable=config.history.enabled,
    )


def published_camera(camera: CameraConfig, offer: Offer | None = None) -> PublishedCamera:
    """A camera as MQTT and Home Assistant see it; ``offer`` is what it said itself that it can."""
    zones = MappingProxyType({name: zone.labels or camera.labels for name, zone in camera.zones.items()})
    return PublishedCamera(camera.id, camera.name, camera.labels, zones, offer or Offer())


def configured_controls(config: Config, camera: CameraConfig) -> dict[Control, ControlValue]:
    """What the configuration says of a camera's controls; a user's setting at run time goes before it."""
    return {
        Control.DETECT: camera.detect.enabled,
        Control.CONFIDENCE: _confidence(config, camera),
        # The live view shows what the camera sends, so that is the rate to ask for; the detector takes what it needs.
        Control.MAX_FPS: max(camera.stream.max_fps, camera.detect.max_fps),
    }


def _confidence(config: Config, camera: CameraConfig) -> float:
    return config.detector.confidence if camera.detect.confidence is None else camera.detect.confidence


def ingest_settings(config: Config) -> IngestSettings:
    """Where cameras dial in and who may."""
    ingest = config.ingest
    return IngestSettings(
        host=ingest.host,
        port=ingest.port,
        default_camera=ingest.default_camera,
        max_frame_bytes=ingest.max_frame_bytes,
        max_frame_pixels=ingest.max_frame_pixels,
        unknown_cameras=UnknownCameras(ingest.unknown_cameras),
        allow_legacy=None if ingest.allow_legacy == "auto" else ingest.allow_legacy,
        allowed_origins=ingest.allowed_origins,
        cameras=MappingProxyType({camera.id: CameraAccess(_reveal(camera.token)) for camera in config.cameras}),
        tls=IngestTls(ingest.tls.cert_file, ingest.tls.key_file)
        if ingest.tls.enabled and ingest.tls.cert_file and ingest.tls.key_file
        else None,
        mdns=ingest.mdns,
    )


def http_settings(config: Config) -> HttpSettings:
    """Where the page is and who may see it."""
    http = config.http
    return HttpSettings(
        host=http.host,
        port=http.port,
        public_url=http.public_url,
        username=http.username,
        password=_reveal(http.password),
        api_token=_reveal(http.api_token),
        viewer_username=http.viewer_username,
        viewer_password=_reveal(http.viewer_password),
        viewer_token=_reveal(http.viewer_token),
        session_days=http.session_days,
        trusted_proxies=http.trusted_proxies,
        ingress=http.ingress,
        max_viewers=http.max_viewers,
        tls=HttpTls(http.tls.cert_file, http.tls.key_file)
        if http.tls.enabled and http.tls.cert_file and http.tls.key_file
        else None,
        disk=config.history.media_dir if config.history.enabled else None,
    )


def detector_settings(config: Config) -> DetectorSettings:
    """Which model runs where."""
    detector = config.detector
    return DetectorSettings(
        runtime=detector.runtime,
        model=detector.model,
        device=detector.device,
        image_size=detector.image_size,
        workers=None if detector.workers == "auto" else detector.workers,
    )


def never_seen(config: Config, known: Sequence[str]) -> dict[str, list[str]]:
    """What cameras look for and the model does not know, each with those cameras.

    Args:
        config: the whole configuration.
        known: the model's labels.
    """
    found: dict[str, list[str]] = {}
    for camera in config.cameras:
        for label in camera.labels:
            if label not in known:
                found.setdefault(label, []).append(camera.id)
    return found


def camera_plan(
    config: Config, camera: CameraConfig, *, detect: ControlValue | None = None, confidence: ControlValue | None = None
) -> CameraPlan:
    """What one camera's analysis needs.

    Args:
        config: the whole configuration.
        camera: whose plan.
        detect: what is in force instead of what is configured; None: what is configured.
        confidence: likewise.
    """
    looks, motion, events = camera.detect, camera.motion, camera.events
    lowest = _confidence(config, camera) if confidence is None else float(confidence)
    return CameraPlan(
        camera_id=camera.id,
        rotate=camera.rotate,
        detect=looks.enabled if detect is None else bool(detect),
        filter=DetectionFilter(
            labels=frozenset(camera.labels),
            confidence=lowest,
            min_area=looks.min_area,
            max_area=looks.max_area,
            min_aspect=looks.min_aspect,
            max_aspect=looks.max_aspect,
            masks=camera.masks,
        ),
        zones=tuple(
            Zone(name, zone.points, frozenset(zone.labels or camera.labels), zone.inertia_frames)
            for name, zone in camera.zones.items()
        ),
        motion=MotionSettings(
            DEFAULT_THRESHOLD if motion.threshold is None else motion.threshold,
            DEFAULT_MIN_AREA if motion.min_area is None else motion.min_area,
            motion.masks,
        )
        if motion.enabled
        else None,
        rules=EventRules(
            min_hits=events.min_hits,
            end_after_s=events.end_after_s,
            confidence=lowest,
            stationary_end_after_s=events.stationary_end_after_s,
        ),
        thumbnail_px=events.thumbnail_px,
        snapshot_interval_s=events.snapshot_interval_s,
    )


def adapt_plan(camera: CameraConfig) -> AdaptPlan:
    """How one camera is steered."""
    adapt = camera.adapt
    return AdaptPlan(adapt.enabled, camera.detect.max_fps, adapt.idle_fps, adapt.flash_at_night)


def history_settings(config: Config) -> HistorySettings | None:
    """Where past events are kept; None for not at all."""
    history = config.history
    if not history.enabled:
        return None
    return HistorySettings(history.url.get_secret_value(), history.media_dir, history.retain_days, history.max_media_mb)


def stream_options(camera: CameraConfig) -> StreamOptions:
    """How one camera is shown."""
    stream = camera.stream
    return StreamOptions(stream.max_fps, stream.quality, stream.annotate, camera.rotate)


def _reveal(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
