"""A camera's settings in the configuration: read, changed, and the whole file taken up anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import BadRequest

from bridge.serve import api
from bridge.serve.guard import json_body
from bridge.serve.listener import MORE_TIME

if TYPE_CHECKING:
    from bridge.serve.site import Site

_MAX_BODY_BYTES = 60_000  # zones with hundreds of corners

_EXPECTED = (
    "send the keys of the camera that are to change, as in the configuration: "
    '{"labels": ["person"], "zones": {"porch": {"points": [[0, 0.5], [1, 0.5], [1, 1]]}, "old": null}}'
)


def blueprint(site: Site) -> Blueprint:
    """The routes for the configuration."""
    routes = Blueprint("settings", __name__)

    @routes.get("/api/cameras/<camera_id>/settings")
    def show(camera_id: str) -> Response:
        api.require_camera(site, camera_id)
        return jsonify(site.bridge.settings(camera_id))

    @routes.patch("/api/cameras/<camera_id>/settings")
    def change(camera_id: str) -> Response:
        api.require_camera(site, camera_id)
        asked = json_body(_EXPECTED, _MAX_BODY_BYTES)
        if not isinstance(asked, dict) or not asked:
            raise BadRequest(_EXPECTED)
        request.environ[MORE_TIME]()
        anew = site.bridge.change_settings(camera_id, asked)
        return jsonify(begins_anew_for=list(anew), settings=site.bridge.settings(camera_id))

    @routes.post("/api/reload")
    def reload() -> Response:
        request.environ[MORE_TIME]()
        return jsonify(begins_anew_for=list(site.bridge.reload()))

    return routes
