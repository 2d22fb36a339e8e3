"""JSON routes: cameras, the bridge itself, liveness, readiness, metrics."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify
from werkzeug.exceptions import NotFound

from bridge.errors import UnknownCamera
from bridge.model import CameraState
from bridge.serve.times import iso_time

if TYPE_CHECKING:
    from bridge.model import Adaptation, CameraStatus, UpdateStatus
    from bridge.serve.site import Site


def blueprint(site: Site) -> Blueprint:
    """The routes for programs."""
    routes = Blueprint("api", __name__)

    @routes.get("/api/cameras")
    def cameras() -> Response:
        return jsonify(cameras=cameras_json(site))

    @routes.get("/api/cameras/<camera_id>")
    def camera(camera_id: str) -> Response:
        require_camera(site, camera_id)
        return jsonify(camera_json(site, camera_id))

    @routes.get("/api/bridge")
    def bridge() -> Response:
        return jsonify({**bridge_json(site), **readiness_json(site)})

    @routes.get("/healthz")
    def healthz() -> Response:
        return Response("ok\n", content_type="text/plain; charset=utf-8")

    @routes.get("/readyz")
    def readyz() -> tuple[Response, int]:
        outcome = readiness_json(site)
        return jsonify(outcome), 200 if outcome["ready"] else 503

    @routes.get("/metrics")
    def metrics() -> Response:
        for status in site.store.statuses():
            site.metrics.camera_online.labels(status.camera_id).set(int(status.state is CameraState.ONLINE))
        return Response(site.metrics.render(), content_type=site.metrics.content_type)

    return routes


def bridge_json(site: Site) -> dict[str, Any]:
    """What the bridge tells of itself."""
    return _plain(site.bridge.info())


def readiness_json(site: Site) -> dict[str, Any]:
    """Whether the bridge is ready as a whole, and each part with its reason."""
    parts = [{"part": one.part, "ready": one.ready, "detail": one.detail} for one in site.bridge.readiness()]
    return {"ready": all(part["ready"] for part in parts), "parts": parts}


def require_camera(site: Site, camera_id: str) -> None:
    """Refuse what is asked of a camera that is not there.

    Raises:
        NotFound: the store does not know it.
    """
    if camera_id not in site.store.camera_ids():
        raise NotFound(f"there is no camera {camera_id!r}; GET /api/cameras lists them")


def cameras_json(site: Site) -> list[dict[str, Any]]:
    """Every camera as the API shows it."""
    found = []
    for camera_id in site.store.camera_ids():
        with contextlib.suppress(UnknownCamera):  # removed at this very moment
            found.append(camera_json(site, camera_id))
    return found


def camera_json(site: Site, camera_id: str) -> dict[str, Any]:
    """One camera as the API shows it: its state and health, and what can be set.

    Raises:
        UnknownCamera: the store does not know it.
    """
    status = site.store.status(camera_id)
    panel = _plain(site.bridge.controls(camera_id))
    update = site.updates.status(camera_id)
    return {
        **_status_json(status),
        "controls": panel["values"],
        "offers": panel["offers"],
        "framesizes": panel["framesizes"],
        "ranges": panel["ranges"],
        "adaptation": _adaptation_json(status.adaptation),
        "update": None if update is None else update_json(update),
    }


def update_json(status: UpdateStatus) -> dict[str, Any]:
    """How it stands with a camera's firmware."""
    return {
        "installed": status.installed,
        "latest": status.latest,
        "step": status.step.value,
        "percent": status.percent,
        "problem": status.problem,
    }


def _adaptation_json(adaptation: Adaptation | None) -> dict[str, Any] | None:
    if adaptation is None:
        return None
    return {
        "level": adaptation.level,
        "lowest": adaptation.lowest,
        "settings": adaptation.settings,
        "reason": adaptation.reason,
    }


def _status_json(status: CameraStatus) -> dict[str, Any]:
    return {
        "id": status.camera_id,
        "name": status.name,
        "state": status.state.value,
        "last_frame_time": iso_time(status.last_frame_unix_s),
        "frame_age_ms": _rounded(status.frame_age_ms),
        "width_px": status.width_px,
        "height_px": status.height_px,
        "fps": _rounded(status.fps),
        "detect_fps": _rounded(status.detect_fps),
        "inference_ms": _rounded(status.inference_ms),
        "received": status.received,
        "detected": status.detected,
        "dropped": status.dropped,
        "rejected": dict(status.rejected),
        "viewers": status.viewers,
        "motion": status.motion,
        "present": dict(status.present),
        "hello": _plain(status.hello),
        "telemetry": _plain(status.telemetry),
        "stream_path": f"/cameras/{status.camera_id}/stream.mjpg",
        "snapshot_path": f"/cameras/{status.camera_id}/snapshot.jpg",
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _plain(values: Mapping[str, object]) -> dict[str, Any]:
    return {key: _json_safe(value) for key, value in values.items()}


def _json_safe(value: object) -> object:
    """The value without NaN and Infinity: a camera may send them, browsers cannot parse them."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _json_safe(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_json_safe(inner) for inner in value]
    return value
