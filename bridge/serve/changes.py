"""What open pages are kept up to date with: news as they come, and the figures of the last minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import ServiceUnavailable

from bridge.serve import api
from bridge.serve.listener import HAND_OVER
from bridge.serve.news import CONTENT_TYPE

if TYPE_CHECKING:
    from bridge.serve.site import Site

_RETRY_AFTER_S = 5


def blueprint(site: Site) -> Blueprint:
    """The routes that pages follow."""
    routes = Blueprint("changes", __name__)

    @routes.get("/api/changes")
    def changes() -> Response:
        if request.method == "GET":  # not HEAD
            reader = site.news.admit()
            if reader is None:
                raise ServiceUnavailable("too many pages listen already; try again soon", retry_after=_RETRY_AFTER_S)
            request.environ[HAND_OVER](reader)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        # An iterator, of which nobody knows the length: the rest of the body is the news room's.
        return Response(iter((b"retry: 1000\n\n",)), content_type=CONTENT_TYPE, headers=headers)

    @routes.get("/api/system")
    def system() -> Response:
        return jsonify({**api.bridge_json(site), **api.readiness_json(site), **site.figures.read()})

    return routes


def news(site: Site) -> dict[str, Any]:
    """What there is to know now, by kind."""
    return {
        "cameras": api.cameras_json(site),
        "bridge": {**api.bridge_json(site), **api.readiness_json(site)},
        "waiting": site.adoption.waiting(),
    }
