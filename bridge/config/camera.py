"""The ``defaults`` and ``cameras`` sections: all that can be set for one camera."""

from typing import Any

from pydantic import Field, model_validator

from bridge.config.fields import CameraId, Labels, Polygon, Rotation, Section, Token, ZoneName, refuse


class AdaptConfig(Section):
    """How the bridge steers a camera."""

    enabled: bool = Field(
        default=True,
        description="Lower the camera's picture quality, size and rate step by step when its link cannot carry them, "
        "and raise them again when it can. Needs a camera that takes commands.",
    )
    idle_fps: float | None = Field(
        default=None,
        ge=0.5,
        le=60,
        description="Pictures a second while nothing moves, nobody is there and nobody looks; empty: as many as ever. "
        "Spares the Wi-Fi; an event begins that much later.",
    )
    flash_at_night: int = Field(
        default=0,
        ge=0,
        le=255,
        description="How bright the lamp helps when it is dark and something moves, 1..255; 0: it does not.",
    )


class DetectConfig(Section):
    """Object detection in one camera."""

    enabled: bool = Field(default=True, description="Look for objects; false leaves the live view only.")
    max_fps: float = Field(
        default=5.0, gt=0, le=60, description="Pictures a second that the detector looks at, at most."
    )
    confidence: float | None = Field(
        default=None, ge=0, le=1, description="Lowest score that counts as seen; empty: detector.confidence."
    )
    min_area: float = Field(
        default=0.0, ge=0, le=1, description="Smallest object that counts, as a share of the picture (0..1)."
    )
    max_area: float = Field(
        default=1.0, ge=0, le=1, description="Biggest object that counts, as a share of the picture (0..1)."
    )

    min_aspect: float | None = Field(
        default=None,
        gt=0,
        le=100,
        description="Narrowest object that counts, its width divided by its height; empty: no limit.",
    )
    max_aspect: float | None = Field(
        default=None,
        gt=0,
        le=100,
        description="Widest object that counts, its width divided by its height; empty: no limit.",
    )

    @model_validator(mode="after")
    def _check_areas(self) -> "DetectConfig":
        if self.min_area > self.max_area:
            problem = f"must not be more than max_area ({self.max_area:g})"
            raise refuse(problem, ("min_area",), ("max_area",))
        return self

    @model_validator(mode="after")
    def _check_aspects(self) -> "DetectConfig":
        if self.min_aspect is not None and self.max_aspect is not None and self.min_aspect > self.max_aspect:
            problem = f"must not be more than max_aspect ({self.max_aspect:g})"
            raise refuse(problem, ("min_aspect",), ("max_aspect",))
        return self


class MotionConfig(Section):
    """Motion in one camera."""

    enabled: bool = Field(default=True, description="Watch for motion and report it.")
    threshold: float | None = Field(
        default=None, gt=0, le=255, description="Change of brightness that counts, in grey levels; empty: built-in."
    )
    min_area: float | None = Field(
        default=None, ge=0, le=1, description="Share of the picture (0..1) that must change; empty: built-in."
    )
    masks: tuple[Polygon, ...] = Field(
        default=(), description="Polygons (0..1) where motion does not count: trees, a road, the time stamp."
    )


class ZoneConfig(Section):
    """A part of the picture with states of its own."""

    points: Polygon = Field(description="The zone's corners, in order around it, each [x, y] from 0 to 1.")
    labels: Labels | None = Field(
        default=None, description="What counts in this zone, of the camera's labels; empty: all of them."
    )
    inertia_frames: int = Field(
        default=3,
        ge=1,
        le=100,
        description="Analysed pictures in a row an object must stand inside to have entered, or outside to have left.",
    )


class EventsConfig(Section):
    """When an object becomes an event, and the pictures that go with it."""

    min_hits: int = Field(
        default=3,
        ge=1,
        le=100,
        description="Analysed pictures an object must be seen in before it is an event; half of them must be sure.",
    )
    end_after_s: float = Field(
        default=5.0, gt=0, le=3600, description="Seconds an object must be out of sight for its event to end."
    )
    stationary_end_after_s: float = Field(
        default=900.0,
        ge=0,
        le=604_800,
        description="Seconds an object must stand still (10 at least) for its event to end and for it to belong to the "
        "scene: there is no new event until it moves or was out of sight for an hour; 0: never.",
    )
    thumbnail_px: int = Field(default=480, ge=64, le=1920, description="Longer side of an event's picture, in pixels.")
    snapshot_interval_s: float = Field(
        default=10.0,
        ge=0,
        le=86400,
        description="Seconds between snapshots over MQTT while no event happens; 0: at events only.",
    )


class StreamConfig(Section):
    """The live view of one camera."""

    max_fps: float = Field(default=15.0, gt=0, le=60, description="Pictures a second that a viewer gets, at most.")
    quality: int = Field(default=80, ge=1, le=100, description="JPEG quality of annotated pictures (1..100).")
    annotate: bool = Field(default=True, description="Draw boxes and labels; false sends pictures as the camera did.")


class CameraSettings(Section):
    """Everything that cameras can share, as in ``defaults``."""

    token: Token | None = Field(
        default=None, description="Shared secret that the camera must present; empty: none is asked for."
    )
    rotate: Rotation = Field(
        default=0, description="Degrees clockwise (0, 90, 180, 270) that turn the camera's picture upright."
    )
    labels: Labels = Field(default=("person",), description="What to look for, by the model's own names.")
    offline_after_s: float = Field(
        default=10.0, gt=0, le=3600, description="Seconds without a picture after which the camera is offline."
    )
    adapt: AdaptConfig = Field(default_factory=AdaptConfig, description="How the bridge steers the camera.")
    detect: DetectConfig = Field(default_factory=DetectConfig, description="Object detection.")
    motion: MotionConfig = Field(default_factory=MotionConfig, description="Motion.")
    zones: dict[ZoneName, ZoneConfig] = Field(
        default_factory=dict,
        description="Parts of the picture with states of their own, by name ([a-z0-9_]{1,32}). An object is where its "
        "box's lower edge has its middle.",
    )
    masks: tuple[Polygon, ...] = Field(
        default=(),
        description="Polygons (0..1) where detections do not count: what has the middle of its box's lower edge there "
        "is not seen.",
    )
    events: EventsConfig = Field(default_factory=EventsConfig, description="Events and their pictures.")
    stream: StreamConfig = Field(default_factory=StreamConfig, description="The live view.")

    @model_validator(mode="after")
    def _check_zone_labels(self) -> "CameraSettings":
        for name, zone in self.zones.items():
            for index, label in enumerate(zone.labels or ()):
                if label not in self.labels:
                    problem = f"{label!r} is not among the camera's labels ({', '.join(self.labels)})"
                    raise refuse(problem, ("zones", name, "labels", index), ("labels",))
        return self


def _spoken(data: dict[str, Any]) -> str:
    """The id as people would say it; ``data`` holds the fields before ``name`` as far as they are valid."""
    return str(data.get("id", "")).replace("_", " ").strip().capitalize()


class CameraIdentity(Section):
    """What no two cameras share."""

    id: CameraId = Field(
        description="The camera's name in addresses and topics: 1 to 32 of a-z, 0-9 and _; not 'bridge'."
    )
    name: str = Field(
        default_factory=_spoken,
        max_length=64,
        description="The camera's name for people; empty: made from the id (front_door: Front door).",
    )


class CameraConfig(CameraSettings, CameraIdentity):
    """One camera; what it leaves out comes from defaults."""
