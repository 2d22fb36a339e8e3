"""The pages: live tiles of all cameras, and past events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, render_template, request

from bridge.serve import api
from bridge.serve.figures import SERIES

if TYPE_CHECKING:
    from bridge.serve.site import HttpSettings, Site

_DEFAULT_INGEST_PORT = 3001


def blueprint(site: Site) -> Blueprint:
    """The routes for people."""
    routes = Blueprint("dashboard", __name__)

    @routes.get("/")
    def page() -> str:
        return render_template(
            "page.html",
            room="live",
            cameras=[api.camera_json(site, camera_id) for camera_id in site.store.camera_ids()],
            readiness=api.readiness_json(site),
            info=api.bridge_json(site),
            dial_url=_dial_url(site, request.host),
            public_url=site.settings.public_url or "",
            protection=_protection(site.settings),
        )

    @routes.get("/events")
    def events() -> str:
        cameras = [site.store.status(camera_id) for camera_id in site.store.camera_ids()]
        return render_template(
            "events.html",
            room="events",
            cameras=[{"id": camera.camera_id, "name": camera.name} for camera in cameras],
            info=api.bridge_json(site),
        )

    @routes.get("/cameras/<camera_id>")
    def camera(camera_id: str) -> str:
        return render_template(
            "camera.html",
            room="live",
            camera=api.camera_json(site, camera_id),
            info=api.bridge_json(site),
            dial_url=_dial_url(site, request.host),
            public_url=site.settings.public_url or "",
            protection=_protection(site.settings),
        )

    @routes.get("/system")
    def system() -> str:
        return render_template(
            "system.html",
            room="system",
            info=api.bridge_json(site),
            readiness=api.readiness_json(site),
            series=SERIES,
        )

    return routes


def _protection(settings: HttpSettings) -> str:
    """What a viewer must show: ``password``, ``token``, ``both`` (either will do), or nothing."""
    passwords, tokens = (settings.password, settings.viewer_password), (settings.api_token, settings.viewer_token)
    match any(passwords), any(tokens):
        case True, True:
            return "both"
        case True, False:
            return "password"
        case False, True:
            return "token"
        case _:
            return ""


def _dial_url(site: Site, page_host: str) -> str:
    """Where a camera connects, up to its id: the host name that reached this page reaches the camera port as well."""
    info = site.bridge.info()
    scheme = "wss" if info.get("ingest_tls") else "ws"
    # An IPv6 address is in brackets and full of colons: only what follows the last one after them is a port.
    host = page_host[: page_host.rindex(":")] if ":" in page_host.rpartition("]")[2] else page_host
    return f"{scheme}://{host}:{info.get('ingest_port', _DEFAULT_INGEST_PORT)}/ws/"
