"""The configuration: every key, what it takes, its default and what it is for.

``Config.model_validate`` takes plain data (as from YAML) and raises pydantic's ``ValidationError``;
``bridge.config.loader.load_config`` reads files and turns that into lines with file and line number.
Passwords and tokens are ``SecretStr``: neither ``repr`` nor ``model_dump_json`` shows them.
"""

import hashlib
import json
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from bridge.config.camera import CameraConfig, CameraSettings
from bridge.config.fields import (
    REFUSED_SECRET,
    AutoOrBool,
    AutoOrCount,
    CameraId,
    ClientId,
    ConfigFile,
    Host,
    Loc,
    Network,
    Origin,
    Section,
    Token,
    Topic,
    merged,
    refuse,
)


class MqttTls(Section):
    """Encryption, and who may be whom."""

    enabled: bool = Field(default=False, description="Encrypt the connection to the broker (port 8883 by custom).")
    ca_file: ConfigFile | None = Field(
        default=None, description="CA certificates (PEM) that may vouch for the broker; empty: the system's."
    )
    cert_file: ConfigFile | None = Field(
        default=None, description="The bridge's own certificate (PEM), when the broker asks for one."
    )
    key_file: ConfigFile | None = Field(default=None, description="The private key (PEM) of cert_file.")
    verify: bool = Field(default=True, description="Check the broker's certificate; false only while trying things.")

    @model_validator(mode="after")
    def _check_pair(self) -> "MqttTls":
        if (self.cert_file is None) != (self.key_file is None):
            given, missing = ("key_file", "cert_file") if self.cert_file is None else ("cert_file", "key_file")
            raise refuse(f"is missing; {given} needs it", (missing,), (given,))
        return self


class MqttConfig(Section):
    """Where the broker is and how the bridge presents itself to it."""

    host: Host = Field(default="127.0.0.1", description="Name or address of the broker.")
    port: int = Field(default=1883, ge=1, le=65535, description="Port of the broker.")
    username: str | None = Field(default=None, description="Login at the broker; empty: none.")
    password: SecretStr | None = Field(default=None, description="Password at the broker; best as !secret.")
    client_id: ClientId = Field(
        default="espcam-bridge", description="How the bridge names itself to the broker; two bridges need two names."
    )
    base_topic: Topic = Field(default="espcam", description="First level(s) of every topic of the bridge.")
    keepalive_s: int = Field(
        default=30, ge=1, le=65535, description="Seconds of silence after which broker and bridge look for each other."
    )
    tls: MqttTls = Field(default_factory=MqttTls, description="TLS towards the broker.")

    @model_validator(mode="after")
    def _check_login(self) -> "MqttConfig":
        if self.password is not None and self.username is None:
            raise refuse("is missing; MQTT takes a password only with a username", ("username",), ("password",))
        return self


class HomeAssistantConfig(Section):
    """Discovery by Home Assistant's MQTT integration."""

    discovery: bool = Field(default=True, description="Announce every camera to Home Assistant as a device.")
    discovery_format: Literal["device", "single"] = Field(
        default="device",
        description="device: one message a camera (Home Assistant 2024.11 or newer); single: one an entity, for older "
        "ones. Changing it moves the entities over, with their history.",
    )
    discovery_prefix: Topic = Field(
        default="homeassistant", description="The discovery prefix set in Home Assistant's MQTT integration."
    )
    status_topic: Topic = Field(
        default="homeassistant/status", description="Where Home Assistant says that it has started (birth message)."
    )


class ServerTls(Section):
    """TLS on a port that the bridge listens on."""

    enabled: bool = Field(default=False, description="Serve over TLS; needs cert_file and key_file.")
    cert_file: ConfigFile | None = Field(default=None, description="Certificate chain (PEM).")
    key_file: ConfigFile | None = Field(default=None, description="Private key (PEM) of cert_file.")

    @model_validator(mode="after")
    def _check_files(self) -> "ServerTls":
        for key in ("cert_file", "key_file"):
            if self.enabled and getattr(self, key) is None:
                raise refuse("is missing; tls.enabled: true needs cert_file and key_file", (key,), ("enabled",))
        return self


class IngestConfig(Section):
    """How cameras come in, and which."""

    host: Host = Field(default="0.0.0.0", description="Address to listen on; 0.0.0.0: every network.")  # noqa: S104 - cameras come over the network
    port: int = Field(default=3001, ge=0, le=65535, description="Port that cameras dial; 0: any free one (tests).")
    default_camera: CameraId = Field(
        default="camera", description="The camera that dials plain /ws, as the first sketch does."
    )
    max_frame_bytes: int = Field(
        default=1_048_576, ge=1024, le=67_108_864, description="Biggest picture that is taken, in bytes."
    )
    max_frame_pixels: int = Field(
        default=5_000_000, ge=1, le=100_000_000, description="Biggest picture that is taken, in pixels."
    )
    unknown_cameras: Literal["approve", "accept", "reject"] = Field(
        default="approve",
        description="Cameras that are not configured: approve lets them wait until somebody lets them in, accept lets "
        "them in, reject turns them away.",
    )
    allow_legacy: AutoOrBool = Field(
        default="auto",
        description="Let the first sketch dial /ws without a token; auto: as long as default_camera has none.",
    )
    allowed_origins: tuple[Origin, ...] = Field(
        default=(), description="Browser origins (https://host) that may dial in like a camera; normally none."
    )
    mdns: bool = Field(
        default=True,
        description="Tell the local network where cameras find the bridge, so that none needs its address.",
    )
    tls: ServerTls = Field(default_factory=ServerTls, description="TLS on the camera port.")


def _check_public_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        complete = parts.scheme in {"http", "https"} and bool(parts.hostname)
        bare = not (parts.username or parts.password or parts.query or parts.fragment or any(map(str.isspace, value)))
    except ValueError:  # brackets that hold no IPv6 address
        complete = bare = False
    if not (complete and bare):
        raise refuse("must be an address with http:// or https:// and a host, without login, ? and #")
    return value.rstrip("/")


class HttpConfig(Section):
    """The dashboard, the API and the live streams."""

    host: Host = Field(default="0.0.0.0", description="Address to listen on; 127.0.0.1: this machine only.")  # noqa: S104 - Home Assistant comes over the network
    port: int = Field(default=8080, ge=0, le=65535, description="Port of the dashboard; 0: any free one (tests).")
    public_url: Annotated[str, AfterValidator(_check_public_url)] | None = Field(
        default=None, description="Address under which others reach the dashboard, for links in events."
    )
    username: str | None = Field(
        default=None, description="Login for the dashboard; needs password, and is admin when empty."
    )
    password: SecretStr | None = Field(
        default=None, description="Password for the dashboard, plain or hashed by 'espcam-bridge password'."
    )
    api_token: Token | None = Field(default=None, description="Token for programs: Authorization: Bearer TOKEN.")
    viewer_username: str | None = Field(
        default=None,
        description="Login of somebody who sees and changes nothing; needs viewer_password, and is viewer when empty.",
    )
    viewer_password: SecretStr | None = Field(
        default=None, description="Their password, plain or hashed by 'espcam-bridge password'; empty: nobody."
    )
    viewer_token: Token | None = Field(
        default=None, description="Token for dashboards and programs that only look: ?token= or Bearer."
    )
    session_days: int = Field(default=30, ge=1, le=365, description="Days that a browser stays signed in.")
    trusted_proxies: tuple[Network, ...] = Field(
        default=(),
        description="Addresses or networks (127.0.0.1, 172.16.0.0/12) of proxies in front, whose X-Forwarded-For, "
        "-Proto and -Host are believed; nobody else's are.",
    )
    ingress: bool = Field(
        default=False,
        description="Take whoever comes from a trusted proxy with X-Ingress-Path as signed in by Home Assistant; "
        "everybody else needs a password or a token then, also when none is set.",
    )
    max_viewers: int = Field(default=64, ge=1, le=10_000, description="Live streams at once, all cameras together.")
    tls: ServerTls = Field(default_factory=ServerTls, description="TLS on the dashboard's port.")

    @model_validator(mode="after")
    def _check_login(self) -> "HttpConfig":
        if self.username is not None and self.password is None:
            raise refuse("is missing; username needs it", ("password",), ("username",))
        if self.viewer_username is not None and self.viewer_password is None:
            raise refuse("is missing; viewer_username needs it", ("viewer_password",), ("viewer_username",))
        for key in ("username", "viewer_username"):
            if ":" in (getattr(self, key) or ""):
                raise refuse("must not contain ':' (HTTP Basic cannot carry it)", (key,))
        if self.viewer_password is not None and (self.viewer_username or "viewer") == (self.username or "admin"):
            raise refuse("must not be the admin's name as well", ("viewer_username",), ("username",))
        if self.ingress and not self.trusted_proxies:
            raise refuse("is missing; ingress: true needs it", ("trusted_proxies",), ("ingress",))
        return self


class DetectorConfig(Section):
    """The model that finds objects, shared by all cameras."""

    runtime: Literal["auto", "openvino", "ultralytics"] = Field(
        default="auto", description="What runs the model; auto: the best that is installed."
    )
    model: str = Field(
        default="auto",
        description="auto, starter (the model in the box), a name ultralytics knows (yolo11n), or a path: .pt, .onnx, "
        "a folder ending in _openvino_model.",
    )
    device: str = Field(
        default="auto", description="Where it runs: auto, or the runtime's own name (CPU, GPU, cuda:0)."
    )
    image_size: int = Field(
        default=640,
        ge=64,
        le=2048,
        multiple_of=32,
        description="Longer side of the picture as the model sees it, in pixels; a multiple of 32.",
    )
    confidence: float = Field(default=0.25, ge=0, le=1, description="Lowest score that counts as seen.")
    iou: float = Field(default=0.45, ge=0, le=1, description="Overlap above which two boxes are one object.")
    workers: AutoOrCount = Field(default="auto", description="Pictures analysed at once; auto: as the device likes it.")


def _check_database_url(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if "://" not in text or any(map(str.isspace, text)):
        # An error type that is never echoed: the address may hold a password.
        raise refuse("must be a database address such as sqlite:///espcam-bridge.db", kind=REFUSED_SECRET)
    return value


class HistoryConfig(Section):
    """Past events: where they are kept, and for how long."""

    enabled: bool = Field(
        default=True,
        description="Keep past events and their pictures; false: nothing is written to the disk, and what the broker "
        "has not yet taken is lost when the bridge ends.",
    )
    url: Annotated[SecretStr, AfterValidator(_check_database_url)] = Field(
        default=SecretStr("sqlite:///espcam-bridge.db"),
        json_schema_extra={"default": "sqlite:///espcam-bridge.db"},  # pydantic would write asterisks
        description="Database, as an SQLAlchemy address; a relative path starts at the working directory.",
    )
    media_dir: Path = Field(
        default=Path("media"), description="Folder for pictures; a relative path starts at the working directory."
    )
    retain_days: int = Field(default=14, ge=1, le=36_500, description="Days after which events are deleted.")
    max_media_mb: int = Field(
        default=2048, ge=1, le=100_000_000, description="Megabytes of pictures to keep; the oldest go first."
    )


class FirmwareConfig(Section):
    """Firmware for the cameras."""

    dir: Path = Field(
        default=Path("firmware-images"),
        description="Folder with firmware images (.bin, any names): a camera is offered the newest for its board; a "
        "relative path starts at the working directory.",
    )


class Config(Section):
    """Settings of espcam-bridge. Values may be given as !secret NAME (from secrets.yaml) or !env NAME."""

    mqtt: MqttConfig = Field(default_factory=MqttConfig, description="The MQTT broker that Home Assistant uses.")
    homeassistant: HomeAssistantConfig = Field(
        default_factory=HomeAssistantConfig, description="How Home Assistant learns of the cameras."
    )
    ingest: IngestConfig = Field(default_factory=IngestConfig, description="The port that cameras dial.")
    http: HttpConfig = Field(default_factory=HttpConfig, description="Dashboard, API and live streams.")
    detector: DetectorConfig = Field(default_factory=DetectorConfig, description="The model that finds objects.")
    defaults: CameraSettings = Field(
        default_factory=CameraSettings, description="Any key of a camera but id and name, for all cameras."
    )
    cameras: tuple[CameraConfig, ...] = Field(default=(), description="The cameras; each needs an id.")
    history: HistoryConfig = Field(
        default_factory=HistoryConfig, description="Where past events are kept, and for how long."
    )
    firmware: FirmwareConfig = Field(
        default_factory=FirmwareConfig, description="Where firmware for the cameras lies; they are updated from there."
    )
    state_file: Path = Field(
        default=Path("espcam-bridge-state.json"),
        description="Where the bridge remembers what was set while it ran (a camera's frame size, detection off), what "
        "each camera can do and what Home Assistant was told; a relative path starts at the working directory.",
    )

    @model_validator(mode="before")
    @classmethod
    def _merge_defaults(cls, data: Any) -> Any:  # noqa: ANN401 - whatever the file holds
        if not isinstance(data, Mapping):
            return data
        defaults, cameras = data.get("defaults"), data.get("cameras")
        if not isinstance(defaults, Mapping) or not isinstance(cameras, list | tuple):
            return data
        return {**data, "cameras": [merged(defaults, c) if isinstance(c, Mapping) else c for c in cameras]}

    @model_validator(mode="after")
    def _check_ports(self) -> "Config":
        if self.http.port and self.http.port == self.ingest.port:
            raise refuse("must not be the cameras' port (ingest.port) as well", ("http", "port"), ("ingest", "port"))
        return self

    @model_validator(mode="after")
    def _check_ids(self) -> "Config":
        for (first, one), (second, other) in combinations(enumerate(self.cameras), 2):
            if one.id == other.id:
                here, there = ("cameras", second, "id"), ("cameras", first, "id")
                raise refuse(f"{other.id!r} is the id of another camera already", here, there)
        return self

    def camera(self, camera_id: str) -> CameraConfig | None:
        """The camera as configured, or None when it is not."""
        return next((camera for camera in self.cameras if camera.id == camera_id), None)

    def camera_for(self, camera_id: str) -> CameraConfig:
        """The camera as configured, or one made from ``defaults`` alone.

        Raises:
            pydantic.ValidationError: the id is not one that a camera can have (it is a ValueError).
        """
        shared = self.defaults.model_dump()
        return self.camera(camera_id) or CameraConfig.model_validate({**shared, "id": camera_id})

    def first_cameras(self) -> tuple[CameraConfig, ...]:
        """The cameras that exist from the start: the configured ones or, when there are none, the default camera."""
        return self.cameras or (self.camera_for(self.ingest.default_camera),)

    def legacy_allowed(self) -> bool:
        """Whether a camera may dial /ws without a token (``ingest.allow_legacy`` with ``auto`` resolved)."""
        if self.ingest.allow_legacy == "auto":
            return self.camera_for(self.ingest.default_camera).token is None
        return self.ingest.allow_legacy

    def sha256(self) -> str:
        """Fingerprint of all settings, 64 hex digits; secrets count only as set or not set."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def model_at(loc: Loc) -> type[Section] | None:
    """Which section the value at ``loc`` is, or None when it is a plain value or there is no such key."""
    kind: Any = Config
    for step in loc:
        if isinstance(kind, type) and issubclass(kind, Section):
            field = kind.model_fields.get(str(step))
            kind = field.annotation if field else None
        else:
            # tuple[CameraConfig, ...] or dict[ZoneName, ZoneConfig]: the section is among the arguments.
            kind = next((k for k in get_args(kind) if isinstance(k, type) and issubclass(k, Section)), None)
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None
