"""``PATCH /api/cameras/<id>``: sets what can be set of a camera while the bridge runs.

A camera may take seconds to answer and the server has few threads: at most half of them wait for cameras at a time.
"""

from __future__ import annotations

import threading
from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import BadRequest, ServiceUnavailable

from bridge.errors import ControlRefused
from bridge.serve import api
from bridge.serve.guard import json_body
from bridge.serve.listener import MORE_TIME

if TYPE_CHECKING:
    from bridge.serve.site import Site

_WAITING_AT_A_TIME = 4
_RETRY_AFTER_S = 2
_SENSIBLE = 1e15
_EXPECTED = 'send {"controls": {NAME: VALUE}}, for example {"controls": {"detect": false}}'


def blueprint(site: Site) -> Blueprint:
    """The route that changes cameras."""
    routes = Blueprint("controls", __name__)
    turns = threading.BoundedSemaphore(_WAITING_AT_A_TIME)

    @routes.patch("/api/cameras/<camera_id>")
    def change(camera_id: str) -> tuple[Response, int]:
        api.require_camera(site, camera_id)
        asked = _asked()
        if not turns.acquire(blocking=False):
            raise ServiceUnavailable("other requests wait for their cameras; try again", retry_after=_RETRY_AFTER_S)
        try:
            return _set_all(site, camera_id, asked)
        finally:
            turns.release()

    return routes


def _set_all(site: Site, camera_id: str, asked: dict[str, object]) -> tuple[Response, int]:
    """Set one control after another, up to the first that is refused."""
    done: list[str] = []
    for name, value in asked.items():
        request.environ[MORE_TIME]()
        try:
            site.bridge.set_control(camera_id, name, value)
        except ControlRefused as error:
            before = f" (set before it: {', '.join(done)})" if done else ""
            refused = {"error": "bad_request", "detail": f"{error}{before}", "failed": name, "set": done}
            return jsonify(refused), HTTPStatus.BAD_REQUEST
        done.append(name)
    return jsonify(api.camera_json(site, camera_id)), HTTPStatus.OK


def _asked() -> dict[str, object]:
    """The controls that the body names, each with a value that JSON can carry and a control may have.

    Raises:
        HTTPException: the body is something else, or too long.
    """
    body = json_body(_EXPECTED)
    controls = body.get("controls") if isinstance(body, dict) and len(body) == 1 else None
    if not isinstance(controls, dict) or not controls:
        raise BadRequest(_EXPECTED)
    for name, value in controls.items():
        if not _may_be_a_value(value):
            raise BadRequest(f"{name!r} must be true, false, a sensible number or a text; nothing was set")
    return controls


def _may_be_a_value(value: object) -> bool:
    # The comparison is exact for integers of any size, and False for NaN, which Python's JSON knows. A bool is an int.
    return isinstance(value, str) or (isinstance(value, int | float) and abs(value) < _SENSIBLE)
