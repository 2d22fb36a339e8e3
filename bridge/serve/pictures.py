"""Routes that give pictures: the live stream and the snapshot."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest, ServiceUnavailable

from bridge.serve import mjpeg
from bridge.serve.listener import HAND_OVER

if TYPE_CHECKING:
    from bridge.serve.site import Site

_RETRY_AFTER_S = 5
_NEVER_STORE = {"Cache-Control": "no-store"}


def blueprint(site: Site) -> Blueprint:
    """The routes under ``/cameras``."""
    routes = Blueprint("pictures", __name__, url_prefix="/cameras/<camera_id>")

    @routes.get("/stream.mjpg")
    def stream(camera_id: str) -> Response:
        view, raw, max_fps = site.view(camera_id, boxes=_wants("boxes", "1")), _wants("raw", "0"), _max_fps()
        if request.method == "GET":  # not HEAD
            admission = site.streams.admit(view, raw=raw, max_fps=max_fps)
            if admission is None:
                detail = f"{site.seats.limit} viewers are watching already (http.max_viewers); try again soon"
                raise ServiceUnavailable(detail, retry_after=_RETRY_AFTER_S)
            request.environ[HAND_OVER](admission)
        # X-Accel-Buffering: nginx must pass pictures on as they come.
        headers = {**_NEVER_STORE, "X-Accel-Buffering": "no"}
        # An iterator, of which nobody knows the length: the rest of the body is the broadcaster's.
        return Response(iter((mjpeg.opening(),)), content_type=mjpeg.CONTENT_TYPE, headers=headers)

    @routes.get("/snapshot.jpg")
    def snapshot(camera_id: str) -> Response:
        picture = site.view(camera_id, boxes=_wants("boxes", "1")).snapshot(raw=_wants("raw", "0"))
        status = site.store.status(camera_id)
        headers = {**_NEVER_STORE, "X-Camera-State": status.state.value}
        if status.frame_age_ms is not None:
            headers["X-Frame-Age-Ms"] = f"{status.frame_age_ms:.0f}"
        return Response(picture.jpeg, content_type="image/jpeg", headers=headers)

    return routes


def _wants(name: str, default: str) -> bool:
    return request.args.get(name, default).lower() in {"1", "true", "yes", "on"}


def _max_fps() -> float | None:
    asked = request.args.get("fps")
    if asked is None:
        return None
    try:
        fps = float(asked)
    except ValueError:
        fps = math.nan
    if not (math.isfinite(fps) and fps > 0):
        raise BadRequest("fps must be a number above 0")
    return fps
