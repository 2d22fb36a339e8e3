"""The API's description (OpenAPI 3.1), for people, generators and tests: pure data, and the route that gives it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, Response, jsonify

from bridge import __version__
from bridge.serve.eventquery import DEFAULT_BUCKETS, DEFAULT_LIMIT, MAX_BUCKETS, MAX_LIMIT
from bridge.serve.jsonschema import list_of, map_of, number, object_with, or_none, ref, text
from bridge.serve.openapi_schemas import CAMERA_ID_PATTERN, EVENT_ID_PATTERN, schemas

if TYPE_CHECKING:
    from collections.abc import Mapping

_JSON: Final = "application/json"


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
            "schemas": schemas(),
        },
    }


# --- small words of the language ----------------------------------------------------------------------------------


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
    failing = {str(code): _json(_ERRORS[code], ref("Error")) for code in sorted({401, 403, 429, *errors})}
    return {**good, **failing}


def _body(schema: Mapping[str, Any], example: object, *, required: bool = True) -> dict[str, Any]:
    return {"required": required, "content": {_JSON: {"schema": schema, "example": example}}}


def _path(name: str, words: str, pattern: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "description": words, "schema": text(pattern=pattern)}


def _query(name: str, words: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": words, "schema": schema}


_CAMERA: Final = _path("camera_id", "as in the configuration", CAMERA_ID_PATTERN)
_EVENT: Final = _path("event_id", "as GET /api/events lists them", EVENT_ID_PATTERN)
_FILTERS: Final = [
    _query("camera", "events of this camera only", text()),
    _query("label", "events of this label only", text()),
    _query("zone", "events that entered this zone only", text()),
    _query("since", "events that began at this time or later: ISO 8601; empty: any", text()),
    _query("until", "events that began before this time: ISO 8601; empty: any", text()),
]
_WITH_TOKEN: Final[list[dict[str, list[str]]]] = [{"bearer": []}, {"basic": []}, {"session": []}, {"token": []}]


# --- what there is ------------------------------------------------------------------------------------------------


def _paths() -> dict[str, Any]:
    return {
        **_camera_paths(),
        **_adoption_paths(),
        **_waiting_paths(),
        **_picture_paths(),
        **_event_paths(),
        **_event_picture_paths(),
        **_bridge_paths(),
        **_upkeep_paths(),
    }


def _camera_paths() -> dict[str, Any]:
    settings = object_with({"begins_anew_for": ref("BeginsAnewFor"), "settings": ref("CameraSettings")})
    return {
        "/api/cameras": {
            "get": {
                "summary": "Every camera: how it is, and what can be set",
                "responses": _answers({"200": _json("all", object_with({"cameras": list_of(ref("Camera"))}))}),
            }
        },
        "/api/cameras/{camera_id}": {
            "parameters": [_CAMERA],
            "get": {
                "summary": "One camera",
                "responses": _answers({"200": _json("the camera", ref("Camera"))}, 404),
            },
            "patch": {
                "summary": "Set what can be set while the bridge runs; waits up to 6 s for the camera",
                "requestBody": _body(
                    object_with(
                        {"controls": {**map_of({"type": ["boolean", "number", "string"]}), "minProperties": 1}},
                        additionalProperties=False,
                    ),
                    {"controls": {"detect": False}},
                ),
                "responses": _answers(
                    {"200": _json("the camera as it is now", ref("Camera"))}, 400, 404, 413, 415, 503
                ),
            },
            "delete": {
                "summary": "Take an approved camera out",
                "responses": _answers({"200": _json("gone", object_with({"id": text()}))}, 404, 409),
            },
        },
        "/api/cameras/{camera_id}/settings": {
            "parameters": [_CAMERA],
            "get": {
                "summary": "What the configuration says of a camera, with what it has from defaults; no secrets",
                "responses": _answers({"200": _json("its settings", ref("CameraSettings"))}, 400, 404),
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
                    {"type": "object", "properties": {"name": text()}}, {"name": "Front door"}, required=False
                ),
                "responses": _answers(
                    {
                        "200": _json(
                            "it comes in when it tries again",
                            object_with({"id": text(), "name": text(), "bound_to_key": {"type": "boolean"}}),
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
                "responses": _answers({"202": _json("under way", ref("Update"))}, 404, 409),
            },
        },
    }


def _waiting_paths() -> dict[str, Any]:
    return {
        "/api/waiting": {
            "get": {
                "summary": "Cameras that wait to be approved",
                "responses": _answers({"200": _json("all", object_with({"waiting": list_of(ref("Guest"))}))}),
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
                "responses": _answers({"200": _json("forgotten", object_with({"id": text()}))}, 404, 409),
            },
        },
    }


def _picture_paths() -> dict[str, Any]:
    return {
        "/cameras/{camera_id}/snapshot.jpg": {
            "parameters": [
                _CAMERA,
                _query("raw", "1: the newest picture byte for byte as it was sent", text()),
                _query("boxes", "0: without boxes", text()),
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
                _query("raw", "1: pictures byte for byte as they were sent", text()),
                _query("boxes", "0: without boxes", text()),
                _query("fps", "pictures a second, at most", number(exclusiveMinimum=0)),
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
        _query("cursor", "next_cursor of the page before", text()),
    ]
    buckets = {"type": "integer", "minimum": 1, "maximum": MAX_BUCKETS, "default": DEFAULT_BUCKETS}
    page = object_with({"events": list_of(ref("Event")), "next_cursor": or_none(text())})
    counted = object_with({"since": text(), "until": text(), "counts": list_of({"type": "integer"})})
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
            "get": {"summary": "One event", "responses": _answers({"200": _json("it", ref("Event"))}, 404, 503)},
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
                "responses": _answers({"200": _json("all", list_of(ref("Event")))}, 400, 503),
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
    system = {"allOf": [ref("Bridge"), object_with({"interval_s": number(), "series": ref("Series")})]}
    return {
        "/api/bridge": {
            "get": {"summary": "What the bridge is", "responses": _answers({"200": _json("it", ref("Bridge"))})}
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
                "responses": _answers(
                    {"200": _json("done", object_with({"begins_anew_for": ref("BeginsAnewFor")}))}, 400
                ),
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
    ready = object_with({"ready": {"type": "boolean"}, "parts": list_of(ref("Part"))})
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
