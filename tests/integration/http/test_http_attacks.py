"""The table of attacks (docs/security.md): what was tried on a locked bridge, and the answer to each."""

from __future__ import annotations

import base64
import json
import logging
import re
import socket
import time
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from bridge.serve.attempts import ADDRESS_FAILURES

if TYPE_CHECKING:
    from tests.integration.http.conftest import Past, Reply, Site, SiteFactory

pytestmark = pytest.mark.integration

HOSTILE = "</script><img src=x onerror=alert(1)>\"'{{7*7}}"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
CHANGES = (
    ("PATCH", "/api/cameras/door", {"controls": {"detect": False}}),
    ("PATCH", "/api/cameras/door/settings", {"name": "Hacked"}),
    ("POST", "/api/cameras/door/approve", {}),
    ("POST", "/api/cameras/door/update", {}),
    ("POST", "/api/waiting/door/dismiss", {}),
    ("DELETE", "/api/cameras/door", {}),
    ("POST", "/api/reload", {}),
)


def basic(username: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()}


@pytest.fixture
def locked(make_site: SiteFactory) -> Site:
    return make_site(
        username="anna", password="geheim", api_token="t0ken-42", viewer_password="schauen", viewer_token="l00k-42"
    )


def sign_in(site: Site, username: str = "anna", password: str = "geheim", where_to: str = "/", **headers: str) -> Reply:
    body = urlencode({"username": username, "password": password, "next": where_to}).encode()
    return site.get("/sign-in", "POST", {**FORM, **headers}, body)


def cookie(reply: Reply) -> dict[str, str]:
    return {"Cookie": reply.headers["set-cookie"].partition(";")[0]}


def changed(site: Site) -> bool:
    """Whether anything of ``CHANGES`` had an effect."""
    return bool(site.bridge.told or site.bridge.configured or site.bridge.reloads or site.updates.told)


# --- signing in ---------------------------------------------------------------------------------------------------


def test_who_opens_a_page_is_shown_the_way_in_and_lands_where_they_wanted_to_go(locked: Site) -> None:
    reply = locked.get("/events?camera=door", headers={"Accept": "text/html,*/*"})
    assert (reply.status, reply.headers["location"]) == (303, "./sign-in?next=%2Fevents%3Fcamera%3Ddoor")
    assert "www-authenticate" not in reply.headers
    page = locked.get("/sign-in?next=/events")
    assert b'name="next" value="/events"' in page.body
    reply = sign_in(locked, where_to="/events?camera=door")
    assert (reply.status, reply.headers["location"]) == (303, "./events?camera=door")
    assert locked.get("/", headers=cookie(reply)).status == 200


def test_the_session_is_out_of_reach_of_scripts_and_other_sites_and_ends_with_sign_out(locked: Site) -> None:
    reply = sign_in(locked)
    told = reply.headers["set-cookie"]
    assert "HttpOnly" in told
    assert "SameSite=Lax" in told
    assert "geheim" not in base64.urlsafe_b64decode(re.split(r"[=.]", told)[1] + "==").decode(errors="replace")
    out = locked.get("/sign-out", "POST", cookie(reply))
    assert out.status == 303
    assert re.search(r"espcam_bridge=;|Max-Age=0|Expires=Thu, 01 Jan 1970", out.headers["set-cookie"])


def test_a_session_ends_with_the_password_it_was_had_by(locked: Site) -> None:
    session = cookie(sign_in(locked))
    assert locked.get("/api/cameras", headers=session).status == 200
    locked.server.take_up(replace(locked.server.site.settings, password="changed"))
    assert locked.get("/api/cameras", headers=session).status == 401
    assert sign_in(locked, password="changed").status == 303


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c[:-2] + "xx",
        lambda c: c[:24] + ("A" if c[24] != "A" else "B") + c[25:],
        lambda _: "espcam_bridge=x.y.z",
    ],
)
def test_a_session_that_was_tampered_with_is_none(locked: Site, change: object) -> None:
    genuine = cookie(sign_in(locked, "viewer", "schauen"))["Cookie"]
    forged = change(genuine)  # type: ignore[operator]
    assert locked.get("/api/cameras", headers={"Cookie": forged}).status == 401


@pytest.mark.parametrize(
    "where",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "evil", "/a\r\nX: y"],
)
def test_signing_in_leads_nowhere_else(locked: Site, where: str) -> None:
    assert sign_in(locked, where_to=where).headers["location"] == "./"
    assert "evil" not in locked.get(f"/sign-in?{urlencode({'next': where})}").body.decode()


def test_another_sites_page_signs_nobody_in_or_out(locked: Site) -> None:
    assert sign_in(locked, Origin="https://evil.example").status == 403
    assert locked.get("/sign-out", "POST", {**FORM, "Sec-Fetch-Site": "cross-site"}).status == 403


# --- roles --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["basic", "bearer", "session"])
def test_a_viewer_sees_everything_and_changes_nothing(locked: Site, way: str) -> None:
    headers = {
        "basic": lambda: basic("viewer", "schauen"),
        "bearer": lambda: {"Authorization": "Bearer l00k-42"},
        "session": lambda: {
            **cookie(sign_in(locked, "viewer", "schauen")),
            "Origin": f"http://127.0.0.1:{locked.server.port}",
        },
    }[way]()
    for path in ("/", "/api/cameras", "/cameras/door/snapshot.jpg", "/metrics"):
        assert locked.get(path, headers=headers).status == 200
    for method, path, body in CHANGES:
        reply = locked.get(path, method, {**headers, **JSON}, json.dumps(body).encode())
        assert (reply.status, reply.json()["error"]) == (403, "forbidden"), path
    assert not changed(locked)
    assert b'data-role="viewer"' in locked.get("/", headers=headers).body


# --- cross-site request forgery -----------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
@pytest.mark.parametrize("way", ["basic", "session"])
def test_another_sites_page_changes_nothing_with_this_browsers_login(locked: Site, origin: str, way: str) -> None:
    login = basic("anna", "geheim") if way == "basic" else cookie(sign_in(locked))
    for method, path, body in CHANGES:
        for headers in ({"Origin": origin}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
            reply = locked.get(path, method, {**login, **JSON, **headers}, json.dumps(body).encode())
            assert reply.status == 403, (path, headers)
    assert not changed(locked)


def test_a_session_must_say_from_which_page_it_changes_something(locked: Site) -> None:
    session, body = cookie(sign_in(locked)), b'{"controls": {"detect": false}}'
    assert locked.get("/api/cameras/door", "PATCH", {**session, **JSON}, body).status == 403
    own = {"Origin": f"http://127.0.0.1:{locked.server.port}"}
    assert locked.get("/api/cameras/door", "PATCH", {**session, **JSON, **own}, body).status == 200


# --- brute force --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["form", "basic", "bearer", "query"])
def test_who_tries_passwords_must_wait_whatever_the_door(locked: Site, way: str) -> None:
    def knock(secret: str) -> Reply:
        match way:
            case "form":
                return sign_in(locked, password=secret)
            case "basic":
                return locked.get("/api/cameras", headers=basic("anna", secret))
            case "bearer":
                return locked.get("/api/cameras", headers={"Authorization": f"Bearer {secret}"})
            case _:
                return locked.get(f"/cameras/door/snapshot.jpg?token={secret}")

    assert {knock(f"guess {number}".replace(" ", "-")).status for number in range(ADDRESS_FAILURES)} == {401}
    right = "geheim" if way in {"form", "basic"} else "t0ken-42"
    reply = knock(right)
    assert reply.status == 429
    assert 0 < int(reply.headers["retry-after"]) <= 300
    assert locked.get("/healthz").status == 200


def test_a_right_password_between_wrong_ones_forgives_them(locked: Site) -> None:
    for _ in range(4):
        for number in range(ADDRESS_FAILURES - 1):
            assert locked.get("/api/cameras", headers=basic("anna", f"guess {number}")).status == 401
        assert locked.get("/api/cameras", headers=basic("anna", "geheim")).status == 200


def test_an_address_that_somebody_only_claims_to_have_does_not_help(locked: Site) -> None:
    for number in range(ADDRESS_FAILURES):
        locked.get("/api/cameras", headers=basic("anna", "x") | {"X-Forwarded-For": f"10.0.0.{number}"})
    assert locked.get("/api/cameras", headers=basic("anna", "geheim") | {"X-Forwarded-For": "10.9.9.9"}).status == 429


# --- proxies ------------------------------------------------------------------------------------------------------


def test_ingress_lets_in_whom_a_trusted_proxy_brings_and_nobody_else(make_site: SiteFactory) -> None:
    ingress = {"X-Ingress-Path": "/api/hassio_ingress/abc"}
    closed = make_site(password="geheim", ingress=True, trusted_proxies=("172.30.32.2",))
    assert closed.get("/api/cameras", headers=ingress).status == 401
    site = make_site(password="geheim", ingress=True, trusted_proxies=("127.0.0.1",))
    assert site.get("/api/cameras").status == 401
    assert site.get("/", headers=ingress).status == 200
    assert b'data-role="admin"' in site.get("/", headers=ingress).body
    no_password = make_site(ingress=True, trusted_proxies=("127.0.0.2",))
    assert no_password.get("/api/cameras", headers=ingress).status == 401, "through the sidebar or not at all"
    told_not_to = make_site(password="geheim", trusted_proxies=("127.0.0.1",))
    assert told_not_to.get("/api/cameras", headers=ingress).status == 401


def test_a_session_that_came_encrypted_stays_on_encrypted_connections(make_site: SiteFactory) -> None:
    site = make_site(password="geheim", trusted_proxies=("127.0.0.1",))
    plain = sign_in(site, "admin").headers["set-cookie"]
    behind = sign_in(site, "admin", **{"X-Forwarded-Proto": "https"}).headers["set-cookie"]
    assert ("Secure" in plain, "Secure" in behind) == (False, True)


# --- names as markup, paths, tokens -------------------------------------------------------------------------------


def test_names_are_text_on_every_page(locked: Site) -> None:
    locked.store.add_camera("evil", name=HOSTILE)
    for path in ("/", "/events", "/system", "/cameras/evil"):
        page = locked.get(path, headers=basic("anna", "geheim")).body.decode()
        assert "onerror=alert(1)>" not in page, path
        assert "49" not in page.split("<main>")[1][:40], path


@pytest.mark.parametrize(
    "path",
    [
        "/static/../http.py",
        "/static/..%2fhttp.py",
        "/static/%2e%2e/%2e%2e/errors.py",
        "/static//etc/passwd",
        "/cameras/../../etc/passwd/snapshot.jpg",
        "/cameras/..%2f..%2fetc%2fpasswd/snapshot.jpg",
        "/api/events/..%2f..%2f..%2fetc%2fpasswd/thumbnail.jpg",
        "/api/events/1764072000000-000000%00/thumbnail.jpg",
        "/api/waiting/..%2fdoor/snapshot.jpg",
    ],
)
def test_no_path_leads_out_of_the_house(make_site: SiteFactory, past: Past, path: str) -> None:
    site = make_site(events=past)
    reply = site.get(path)
    assert reply.status in {308, 400, 404}
    assert reply.headers.get("location", "/").startswith(("/", f"http://127.0.0.1:{site.server.port}/static/"))
    assert b"root:" not in reply.body
    assert b"import" not in reply.body


def test_neither_tokens_nor_passwords_reach_the_log_or_the_api(locked: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    sign_in(locked)
    sign_in(locked, password="secret-guess")
    locked.get("/cameras/door/snapshot.jpg?token=l00k-42")
    locked.get("/cameras/door/snapshot.jpg?token=secret-guess-2")
    told = [
        locked.get(path, headers=basic("anna", "geheim")).body.decode() for path in ("/", "/api/bridge", "/api/cameras")
    ]
    for secret in ("geheim", "t0ken-42", "l00k-42", "schauen", "secret-guess"):
        assert secret not in caplog.text
        assert not [page for page in told if secret in page]


# --- large and slow -----------------------------------------------------------------------------------------------


def test_a_huge_form_and_a_huge_head_are_refused(locked: Site) -> None:
    assert locked.get("/sign-in", "POST", FORM, b"password=" + b"x" * 10_000).status == 413
    assert locked.get("/", headers={"X-Long": "x" * 20_000}).status in {413, 431}


def test_one_who_drips_requests_does_not_keep_others_out(locked: Site) -> None:
    drips = [
        socket.create_connection(("127.0.0.1", locked.server.port), source_address=("127.0.0.2", 0)) for _ in range(40)
    ]
    try:
        for drip in drips:
            drip.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        time.sleep(0.3)
        began_s = time.monotonic()
        assert locked.get("/healthz").status == 200
        assert time.monotonic() - began_s < 2
    finally:
        for drip in drips:
            drip.close()


def test_a_bridge_without_a_password_that_others_reach_says_so_loudly(
    make_site: SiteFactory, caplog: pytest.LogCaptureFixture
) -> None:
    local = make_site()
    assert "NO PASSWORD" not in caplog.text, "only this machine reaches it"
    assert b"No password is set" not in local.get("/system").body
    make_site(host="0.0.0.0", password="geheim")  # noqa: S104 - what it is about
    assert "NO PASSWORD" not in caplog.text
    open_to_all = make_site(host="0.0.0.0")  # noqa: S104 - likewise
    assert b"No password is set" in open_to_all.get("/system").body
    assert "NO PASSWORD IS SET" in caplog.text
