"""Passwords and tokens over real HTTP: every route but ``/healthz`` asks."""

from __future__ import annotations

import base64
import logging
import time
from typing import TYPE_CHECKING

import pytest
from werkzeug.security import generate_password_hash

if TYPE_CHECKING:
    from tests.integration.http.conftest import Past, Site, SiteFactory

pytestmark = pytest.mark.integration

EVENT = "/api/events/1764072000000-000000"
ROUTES = (
    "/",
    "/static/page.js",
    "/api/cameras",
    "/api/cameras/door",
    "/api/bridge",
    "/cameras/door/snapshot.jpg",
    "/cameras/door/stream.mjpg",
    "/api/events",
    EVENT,
    f"{EVENT}/thumbnail.jpg",
    f"{EVENT}/snapshot.jpg",
    "/api/events.csv",
    "/api/events.json",
    "/readyz",
    "/metrics",
    "/nothing/here",
)


def _basic(username: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()}


def _status(site: Site, path: str, headers: dict[str, str] | None = None) -> int:
    """The status; of a stream only its head is read."""
    return site.get(path, method="HEAD" if ".mjpg" in path else "GET", headers=headers).status


@pytest.fixture
def locked(make_site: SiteFactory, past: Past) -> Site:
    past.happened(picture=b"jpeg")
    return make_site(events=past, username="anna", password="geheim", api_token="t0ken-42")


def test_every_route_but_healthz_needs_a_credential(locked: Site) -> None:
    assert {path: _status(locked, path) for path in ROUTES} == dict.fromkeys(ROUTES, 401)
    assert _status(locked, "/healthz") == 200


def test_the_refusal_is_json_and_lets_a_browser_ask_for_the_password(locked: Site) -> None:
    reply = locked.get("/api/cameras")
    assert reply.headers["www-authenticate"].startswith("Basic ")
    assert 'realm="espcam-bridge"' in reply.headers["www-authenticate"]
    assert reply.json()["error"] == "unauthorized"


@pytest.mark.parametrize(
    "headers", [_basic("anna", "geheim"), {"Authorization": "Bearer t0ken-42"}, _basic("x", "t0ken-42")]
)
def test_password_and_token_open_every_route(locked: Site, headers: dict[str, str]) -> None:
    expected = dict.fromkeys(ROUTES, 200) | {"/nothing/here": 404}
    assert {path: _status(locked, path, headers) for path in ROUTES} == expected


@pytest.mark.parametrize(
    "headers",
    [_basic("anna", "wrong"), _basic("bob", "geheim"), {"Authorization": "Bearer wrong"}, {"Authorization": "Basic x"}],
)
def test_wrong_credentials_open_nothing(locked: Site, headers: dict[str, str]) -> None:
    assert _status(locked, "/", headers) == 401
    assert _status(locked, "/cameras/door/stream.mjpg", headers) == 401
    assert locked.viewers() == 0


def test_only_pictures_take_the_token_from_the_address(locked: Site) -> None:
    pictures = ("/cameras/door/snapshot.jpg", "/cameras/door/stream.mjpg")
    pictures += (f"{EVENT}/thumbnail.jpg", f"{EVENT}/snapshot.jpg")
    expected = dict.fromkeys(ROUTES, 401) | dict.fromkeys(pictures, 200)
    assert {path: _status(locked, f"{path}?token=t0ken-42") for path in ROUTES} == expected
    assert {_status(locked, f"{path}?token={wrong}") for path in pictures for wrong in ("wrong", "geheim")} == {401}


def test_a_password_alone_asks_for_admin(make_site: SiteFactory) -> None:
    site = make_site(password="geheim")
    assert _status(site, "/", _basic("admin", "geheim")) == 200
    assert _status(site, "/", _basic("anna", "geheim")) == 401


def test_a_token_alone_closes_the_page_too_and_opens_it_as_a_password(make_site: SiteFactory) -> None:
    site = make_site(api_token="t0ken-42")
    assert _status(site, "/") == 401
    assert _status(site, "/", _basic("", "t0ken-42")) == 200


def test_a_hashed_password_is_computed_once_and_then_quick(make_site: SiteFactory) -> None:
    site = make_site(password=generate_password_hash("geheim"))
    assert _status(site, "/api/cameras", _basic("admin", "geheim")) == 200
    began = time.perf_counter()
    for _ in range(20):
        assert _status(site, "/api/cameras", _basic("admin", "geheim")) == 200
    assert time.perf_counter() - began < 1.0, "twenty scrypt runs take 2 s"
    assert _status(site, "/api/cameras", _basic("admin", "wrong")) == 401


def test_no_credential_ever_reaches_the_log(locked: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    locked.get("/cameras/door/snapshot.jpg?token=t0ken-42")
    locked.get("/cameras/cellar/snapshot.jpg?token=t0ken-42")
    locked.get("/", headers=_basic("anna", "geheim"))
    locked.get("/", headers=_basic("anna", "wrong-secret"))
    locked.bridge.facts = {"version": object()}
    locked.get("/api/bridge?token=t0ken-42", headers=_basic("anna", "geheim"))
    assert "Traceback" in caplog.text, "something was logged"
    for secret in ("t0ken-42", "geheim", "wrong-secret", _basic("anna", "geheim")["Authorization"]):
        assert secret not in caplog.text
    assert "geheim" not in repr(locked.server.site.settings)
