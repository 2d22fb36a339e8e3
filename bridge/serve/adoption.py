"""Cameras that wait: shown, approved, dismissed; and adopted ones, removed."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import BadRequest, NotFound

from bridge.errors import AdoptionRefused
from bridge.serve.guard import json_body

if TYPE_CHECKING:
    from bridge.serve.site import Site

_EXPECTED = 'send {"name": TEXT}, or nothing'


def blueprint(site: Site) -> Blueprint:
    """The routes for who comes and goes."""
    routes = Blueprint("adoption", __name__)

    @routes.get("/api/waiting")
    def waiting() -> Response:
        return jsonify(waiting=site.adoption.waiting())

    @routes.get("/api/waiting/<camera_id>/snapshot.jpg")
    def picture(camera_id: str) -> Response:
        jpeg = site.adoption.picture(camera_id)
        if jpeg is None:
            raise NotFound(f"no picture of {camera_id!r}; GET /api/waiting lists who waits")
        return Response(jpeg, content_type="image/jpeg", headers={"Cache-Control": "no-store"})

    @routes.post("/api/cameras/<camera_id>/approve")
    def approve(camera_id: str) -> Response:
        return jsonify(site.adoption.approve(camera_id, _asked_name()))

    @routes.post("/api/waiting/<camera_id>/dismiss")
    def dismiss(camera_id: str) -> Response:
        site.adoption.dismiss(camera_id)
        return jsonify(id=camera_id)

    @routes.delete("/api/cameras/<camera_id>")
    def remove(camera_id: str) -> Response:
        site.adoption.remove(camera_id)
        return jsonify(id=camera_id)

    @routes.errorhandler(AdoptionRefused)
    def refused(error: AdoptionRefused) -> tuple[Response, int]:
        return jsonify(error="conflict", detail=str(error)), HTTPStatus.CONFLICT

    return routes


def _asked_name() -> str:
    """The name in the body; empty when there is none.

    Raises:
        HTTPException: the body is something else.
    """
    if not request.content_length:
        return ""
    body = json_body(_EXPECTED)
    name = body.get("name", "") if isinstance(body, dict) else None
    if not isinstance(name, str):
        raise BadRequest(_EXPECTED)
    return name
