"""``POST /api/cameras/<id>/update``: has a camera take the newest firmware; its JSON tells how that goes."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import Blueprint, Response, jsonify

from bridge.errors import UpdateRefused
from bridge.serve.api import require_camera, update_json

if TYPE_CHECKING:
    from bridge.serve.site import Site


def blueprint(site: Site) -> Blueprint:
    """The route that updates cameras."""
    routes = Blueprint("updates", __name__)

    @routes.post("/api/cameras/<camera_id>/update")
    def install(camera_id: str) -> tuple[Response, int]:
        require_camera(site, camera_id)
        return jsonify(update_json(site.updates.install(camera_id))), HTTPStatus.ACCEPTED

    @routes.errorhandler(UpdateRefused)
    def refused(error: UpdateRefused) -> tuple[Response, int]:
        return jsonify(error="conflict", detail=str(error)), HTTPStatus.CONFLICT

    return routes
