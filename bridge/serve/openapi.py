"""The API's description (OpenAPI 3.1), for people, generators and tests: pure data, and the route that gives it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, Response, jsonify

from bridge import __version__
from bridge.serve.eventquery import DEFAULT_BUCKETS, DEFAULT_LIMIT, MAX_BUCKETS, MAX_LIMIT
from bridge.serve.figures import SERIES

if TYPE_CHECKING:
    from collections.abc import Mapping

_JSON: Final = "application/json"
_ID: Final = "^[a-z0-9_]{1,32}$"
_EVENT_ID: Final = "^[0-9]{13}-[0-9a-f]{6}$"


def blueprint() -> Blueprint:
    """The route of the description."""
    routes = Blueprint("openapi", __name__)

    @routes.get("/api/openapi.json")
    def show() -> Response:
        return jsonify(description())

    return routes


def description() -> dict[str, Any]:
    """The whole description."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "espcam-bridge",
            "version": __version__,
            "description": "Cameras, their settings and past events. Times are ISO 8601 in UTC; boxes are shares of "
            "the picture (0..1): left, top, right, bottom.",
            "license": {"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"basic": []}, {"session": []}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "http.api_token or http.viewer_token"},
                "basic": {"type": "http", "scheme": "basic"},
                "session": {"type": "apiKey", "in": "cookie", "name": "espcam_bridge"},
                "token": {"type": "apiKey", "in": "query", "name": "token", "description": "pictures only"},
            },
            "schemas": _schemas(),
        },
    }


# --- small words of the language ----------------------------------------------------------------------------------


def _text(**more: object) -> dict[str, Any]:
    return {"type": "string", **more}


def _number(**more: object) -> dict[str, Any]:
    return {"type": "number", **more}


def _or_none(schema: Mapping[str, Any]) -> dict[str, Any]:
    return (
        {**schema, "type": [schema["type"], "null"]}
        if isinstance(schema.get("type"), str)
        else {"anyOf": [schema, {"type": "null"}]}
    )


def _list(items: Mapping[str, Any], **more: object) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


def _object(required: Mapping[str, Any], **more: object) -> dict[str, Any]:
    return {"type": "object", "properties": dict(required), "required": list(required), **more}


def _map(values: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": values}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(description: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {_JSON: {"schema": schema}}}


def _binary(description: str, content_type: str) -> dict[str, Any]:
    return {"description": description, "content": {content_type: {}}}


_ERRORS: Final[Mapping[int, str]] = {
    400: "what was sent cannot be meant; the detail says what is allowed",
    401: "nobody knows who asks",
    403: "they may not",
    404: "there is none",
    409: "it cannot be done as things are",
    413: "too long",
    415: "not JSON",
    429: "too many wrong passwords from this address",
    503: "not now; Retry-After says when",
}


def _answers(good: Mapping[str, Any], *errors: int) -> dict[str, Any]:
    failing = {str(code): _json(_ERRORS[code], _ref("Error")) for code in sorted({401, 403, 429, *errors})}
    return {**good, **failing}


def _body(schema: Mapping[str, Any], example: object, *, required: bool = True) -> dict[str, Any]:
    return {"required": required, "content": {_JSON: {"schema": schema, "example": example}}}


def _path(name: str, words: str, pattern: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "description": words, "schema": _text(pattern=pattern)}


def _query(name: str, words: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": words, "schema": schema}


_CAMERA: Final = _path("camera_id", "as in the configuration", _ID)
_EVENT: Final = _path("event_id", "as GET /api/events lists them", _EVENT_ID)
_FILTERS: Final = [
    _query("camera", "events of this camera only", _text()),
    _query("label", "events of this label only", _text()),
    _query("zone", "events that entered this zone only", _text()),
    _query("since", "events that began at this time or later: ISO 8601; empty: any", _text()),
    _query("until", "events that began before this time: ISO 8601; empty: any", _text()),
]
_WITH_TOKEN: Final[list[dict[str, list[str]]]] = [{"bearer": []}, {"basic": []}, {"session": []}, {"token": []}]


# --- what there is ------------------------------------------------------------------------------------------------


def _paths() -> dict[str, Any]:
    return {
        **_camera_paths(),
        **_adoption_paths(),
        **_picture_paths(),
        **_event_paths(),
        **_event_picture_paths(),
        **_bridge_paths(),
        **_upkeep_paths(),
    }


def _camera_paths() -> dict[str, Any]:
    settings = _object({"begins_anew_for": _ref("BeginsAnewFor"), "settings": _ref("CameraSettings")})
    return {
        "/api/cameras": {
            "get": {
                "summary": "Every camera: how it is, and what can be set",
                "responses": _answers({"200": _json("all", _object({"cameras": _list(_ref("Camera"))}))}),
            }
        },
        "/api/cameras/{camera_id}": {
            "parameters": [_CAMERA],
            "get": {
                "summary": "One camera",
                "responses": _answers({"200": _json("the camera", _ref("Camera"))}, 404),
            },
            "patch": {
                "summary": "Set what can be set while the bridge runs; waits up to 6 s for the camera",
                "requestBody": _body(
                    _object(
                        {"controls": {**_map({"type": ["boolean", "number", "string"]}), "minProperties": 1}},
                        additionalProperties=False,
                    ),
                    {"controls": {"detect": False}},
                ),
                "responses": _answers(
                    {"200": _json("the camera as it is now", _ref("Camera"))}, 400, 404, 413, 415, 503
                ),
            },
            "delete": {
                "summary": "Take an approved camera out",
                "responses": _answers({"200": _json("gone", _object({"id": _text()}))}, 404, 409),
            },
        },
        "/api/cameras/{camera_id}/settings": {
            "parameters": [_CAMERA],
            "get": {
                "summary": "What the configuration says of a camera, with what it has from defaults; no secrets",
                "responses": _answers({"200": _json("its settings", _ref("CameraSettings"))}, 400, 404),
            },
            "patch": {
                "summary": "Change a camera's settings in the configuration's file, and take them up",
                "description": "Mappings are merged, null takes a key out. Comments and order in the file stay.",
                "requestBody": _body(
                    {"type": "object", "minProperties": 1},
                    {"zones": {"porch": {"points": [[0, 0.5], [1, 0.5], [1, 1]]}, "old": None}},
                ),
                "responses": _answers({"200": _json("in force", settings)}, 400, 404, 413, 415),
            },
        },
    }


def _adoption_paths() -> dict[str, Any]:
    return {
        "/api/cameras/{camera_id}/approve": {
            "parameters": [_CAMERA],
            "post": {
                "summary": "Let a camera in that waits",
                "requestBody": _body(
                    {"type": "object", "properties": {"name": _text()}}, {"name": "Front door"}, required=False
                ),
                "responses": _answers(
                    {
                        "200": _json(
                            "it comes in when it tries again",
                            _object({"id": _text(), "name": _text(), "bound_to_key": {"type": "boolean"}}),
                        )
                    },
                    400,
                    404,
                    409,
                    413,
                    415,
                ),
            },
        },
        "/api/cameras/{camera_id}/update": {
            "parameters": [_CAMERA],
            "post": {
                "summary": "Have a camera take the newest firmware",
                "responses": _answers({"202": _json("under way", _ref("Update"))}, 404, 409),
            },
        },
        "/api/waiting": {
            "get": {
                "summary": "Cameras that wait to be approved",
                "responses": _answers({"200": _json("all", _object({"waiting": _list(_ref("Guest"))}))}),
            }
        },
        "/api/waiting/{camera_id}/snapshot.jpg": {
            "parameters": [_CAMERA],
            "get": {
                "summary": "What a camera that waits has shown",
                "responses": _answers({"200": _binary("a JPEG", "image/jpeg")}, 404),
            },
        },
        "/api/waiting/{camera_id}/dismiss": {
            "parameters": [_CAMERA],
            "post": {
                "summary": "Forget a camera that waits, until it comes again",
                "responses": _answers({"200": _json("forgotten", _object({"id": _text()}))}, 404, 409),
            },
        },
    }


def _picture_paths() -> dict[str, Any]:
    return {
        "/cameras/{camera_id}/snapshot.jpg": {
            "parameters": [
                _CAMERA,
                _query("raw", "1: the newest picture byte for byte as it was sent", _text()),
                _query("boxes", "0: without boxes", _text()),
            ],
            "get": {
                "summary": "The newest picture; also of a camera that is offline, which says so",
                "security": _WITH_TOKEN,
                "responses": _answers({"200": _binary("a JPEG; X-Camera-State, X-Frame-Age-Ms", "image/jpeg")}, 404),
            },
        },
        "/cameras/{camera_id}/stream.mjpg": {
            "parameters": [
                _CAMERA,
                _query("raw", "1: pictures byte for byte as they were sent", _text()),
                _query("boxes", "0: without boxes", _text()),
                _query("fps", "pictures a second, at most", _number(exclusiveMinimum=0)),
            ],
            "get": {
                "summary": "The live picture, without end",
                "security": _WITH_TOKEN,
                "responses": _answers(
                    {"200": _binary("JPEGs", "multipart/x-mixed-replace; boundary=frame")}, 400, 404, 503
                ),
            },
        },
    }


def _event_paths() -> dict[str, Any]:
    paging = [
        _query(
            "limit",
            "so many at most",
            {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
        ),
        _query("cursor", "next_cursor of the page before", _text()),
    ]
    buckets = {"type": "integer", "minimum": 1, "maximum": MAX_BUCKETS, "default": DEFAULT_BUCKETS}
    page = _object({"events": _list(_ref("Event")), "next_cursor": _or_none(_text())})
    counted = _object({"since": _text(), "until": _text(), "counts": _list({"type": "integer"})})
    return {
        "/api/events": {
            "get": {
                "summary": "Past events, the newest first",
                "parameters": [*_FILTERS, *paging],
                "responses": _answers({"200": _json("a page", page)}, 400, 503),
            }
        },
        "/api/events/timeline": {
            "get": {
                "summary": "How many events began in each of some equal spans of time",
                "parameters": [*_FILTERS, _query("buckets", "so many spans", buckets)],
                "responses": _answers({"200": _json("the spans", counted)}, 400, 503),
            }
        },
        "/api/events/{event_id}": {
            "parameters": [_EVENT],
            "get": {"summary": "One event", "responses": _answers({"200": _json("it", _ref("Event"))}, 404, 503)},
        },
        "/api/events.csv": {
            "get": {
                "summary": "All events that fit, as a table",
                "parameters": _FILTERS,
                "responses": _answers({"200": _binary("CSV", "text/csv; charset=utf-8; header=present")}, 400, 503),
            }
        },
        "/api/events.json": {
            "get": {
                "summary": "All events that fit, as JSON",
                "parameters": _FILTERS,
                "responses": _answers({"200": _json("all", _list(_ref("Event")))}, 400, 503),
            }
        },
    }


def _event_picture_paths() -> dict[str, Any]:
    return {
        f"/api/events/{{event_id}}/{name}.jpg": {
            "parameters": [_EVENT],
            "get": {
                "summary": words,
                "security": _WITH_TOKEN,
                "responses": _answers(
                    {"200": _binary("a JPEG", "image/jpeg"), "304": {"description": "as it was"}}, 404, 503
                ),
            },
        }
        for name, words in (
            ("thumbnail", "The best view of what it is about"),
            ("snapshot", "The whole picture, with boxes"),
        )
    }


def _bridge_paths() -> dict[str, Any]:
    system = {"allOf": [_ref("Bridge"), _object({"interval_s": _number(), "series": _ref("Series")})]}
    return {
        "/api/bridge": {
            "get": {"summary": "What the bridge is", "responses": _answers({"200": _json("it", _ref("Bridge"))})}
        },
        "/api/system": {
            "get": {
                "summary": "What the bridge is, and the figures of the last twenty minutes",
                "responses": _answers({"200": _json("it", system)}),
            }
        },
        "/api/changes": {
            "get": {
                "summary": "Server-sent events: cameras, bridge, waiting (as they change), happened (new events)",
                "responses": _answers({"200": _binary("server-sent events", "text/event-stream; charset=utf-8")}, 503),
            }
        },
        "/api/reload": {
            "post": {
                "summary": "Take up the configuration's file as it is now",
                "responses": _answers({"200": _json("done", _object({"begins_anew_for": _ref("BeginsAnewFor")}))}, 400),
            }
        },
        "/api/openapi.json": {
            "get": {
                "summary": "This description",
                "responses": _answers({"200": _json("OpenAPI 3.1", {"type": "object"})}),
            }
        },
    }


def _upkeep_paths() -> dict[str, Any]:
    ready = _object({"ready": {"type": "boolean"}, "parts": _list(_ref("Part"))})
    return {
        "/healthz": {
            "get": {
                "summary": "Whether the bridge runs; open to all",
                "security": [],
                "responses": {"200": _binary("it does", "text/plain; charset=utf-8")},
            }
        },
        "/readyz": {
            "get": {
                "summary": "Whether every part is ready",
                "responses": {
                    **_answers({"200": _json("it is", ready)}),
                    "503": _json("it is not; the parts say why", ready),
                },
            }
        },
        "/metrics": {
            "get": {
                "summary": "Figures for Prometheus",
                "responses": _answers({"200": _binary("text exposition", "text/plain; version=1.0.0; charset=utf-8")}),
            }
        },
    }


def _schemas() -> dict[str, Any]:
    return {**_bridge_schemas(), **_camera_schemas(), **_event_schemas()}


def _bridge_schemas() -> dict[str, Any]:
    return {
        "Error": _object({"error": _text(), "detail": _text()}),
        "BeginsAnewFor": _list(
            _text(), description="Keys for which the bridge begins anew within a second; empty: all is in force."
        ),
        "Part": _object({"part": _text(), "ready": {"type": "boolean"}, "detail": _text()}),
        "Bridge": _object({"version": _text(), "ready": {"type": "boolean"}, "parts": _list(_ref("Part"))}),
        "Series": _object({name: _object({"words": _text(), "values": _list(_or_none(_number()))}) for name in SERIES}),
    }


def _camera_schemas() -> dict[str, Any]:
    whole, any_json = {"type": "integer"}, {"type": "object"}
    return {
        "Update": _object(
            {
                "installed": _text(),
                "latest": _text(),
                "step": _text(enum=["none", "loading", "restarting"]),
                "percent": whole,
                "problem": _text(),
            }
        ),
        "Camera": _object(
            {
                "id": _text(pattern=_ID),
                "name": _text(),
                "state": _text(enum=["waiting", "online", "offline"]),
                "last_frame_time": _or_none(_text(format="date-time")),
                "frame_age_ms": _or_none(_number()),
                "width_px": _or_none(whole),
                "height_px": _or_none(whole),
                "fps": _number(),
                "detect_fps": _number(),
                "inference_ms": _or_none(_number()),
                "received": whole,
                "detected": whole,
                "dropped": whole,
                "rejected": _map(whole),
                "viewers": whole,
                "motion": {"type": "boolean"},
                "present": _map(whole),
                "hello": any_json,
                "telemetry": any_json,
                "stream_path": _text(),
                "snapshot_path": _text(),
                "controls": any_json,
                "offers": _list(_text()),
                "framesizes": _list(_text()),
                "ranges": _map(_object({"min": _number(), "max": _number(), "step": _number()})),
                "adaptation": _or_none(
                    _object({"level": whole, "lowest": whole, "settings": _text(), "reason": _text()})
                ),
                "update": {"anyOf": [_ref("Update"), {"type": "null"}]},
            }
        ),
        "CameraSettings": {
            "type": "object",
            "description": "Keys of a camera as in the configuration; 'espcam-bridge schema' describes each.",
        },
        "Guest": _object(
            {
                "id": _text(pattern=_ID),
                "address": _text(),
                "has_key": {"type": "boolean"},
                "another_key": {"type": "boolean"},
                "has_picture": {"type": "boolean"},
                "last_seen_s": _number(),
            }
        ),
    }


def _event_schemas() -> dict[str, Any]:
    box = _list(_number(), minItems=4, maxItems=4)
    return {
        "Event": _object(
            {
                "id": _text(pattern=_EVENT_ID),
                "camera": _text(),
                "label": _text(),
                "score": _number(minimum=0, maximum=1),
                "top_score": _number(minimum=0, maximum=1),
                "box": box,
                "zones": _list(_text()),
                "entered_zones": _list(_text()),
                "start_time": _text(format="date-time"),
                "end_time": _or_none(_text(format="date-time")),
                "duration_s": _or_none(_number()),
                "stationary": {"type": "boolean"},
                "has_thumbnail": {"type": "boolean"},
                "has_snapshot": {"type": "boolean"},
                "thumbnail_path": _or_none(_text()),
                "snapshot_path": _or_none(_text()),
            }
        ),
    }
