"""A proxy is believed when it is trusted; nobody else is."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.serve.proxy import INGRESS, resolved

SAID = {
    "HTTP_X_FORWARDED_FOR": "203.0.113.7",
    "HTTP_X_FORWARDED_PROTO": "https",
    "HTTP_X_FORWARDED_HOST": "cameras.example.org",
    "HTTP_X_INGRESS_PATH": "/api/hassio_ingress/abc",
}


def environ(address: str, **said: str) -> dict[str, Any]:
    return {
        "REMOTE_ADDR": address,
        "wsgi.url_scheme": "http",
        "HTTP_HOST": "192.168.1.2:8080",
        "SCRIPT_NAME": "",
        **said,
    }


def test_a_trusted_proxy_is_believed() -> None:
    found = resolved(environ("172.30.32.2", **SAID), ("172.30.32.0/23",))
    assert found == {
        "REMOTE_ADDR": "203.0.113.7",
        "wsgi.url_scheme": "https",
        "HTTP_HOST": "cameras.example.org",
        "SCRIPT_NAME": "/api/hassio_ingress/abc",
        INGRESS: True,
    }


@pytest.mark.parametrize("trusted", [(), ("127.0.0.1",), ("10.0.0.0/8",)])
def test_anybody_else_is_not_and_what_they_say_is_gone(trusted: tuple[str, ...]) -> None:
    found = resolved(environ("192.168.1.66", **SAID), trusted)
    assert found == environ("192.168.1.66")


@pytest.mark.parametrize(
    ("chain", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("6.6.6.6, 203.0.113.7", "203.0.113.7"),  # the first was written by whoever asked
        ("6.6.6.6, 203.0.113.7, 127.0.0.1", "203.0.113.7"),
        ("127.0.0.1, 127.0.0.1", "127.0.0.1"),
        ("rubbish", "127.0.0.1"),
        ("203.0.113.7, rubbish", "127.0.0.1"),
        ("", "127.0.0.1"),
        ("::ffff:127.0.0.1", "::ffff:127.0.0.1"),
    ],
)
def test_who_asks_is_the_last_of_whom_a_trusted_proxy_tells(chain: str, address: str) -> None:
    found = resolved(environ("127.0.0.1", HTTP_X_FORWARDED_FOR=chain), ("127.0.0.1",))
    assert found["REMOTE_ADDR"] == address


@pytest.mark.parametrize(
    "said",
    [
        {"HTTP_X_FORWARDED_HOST": "evil.example/path"},
        {"HTTP_X_FORWARDED_HOST": "a b"},
        {"HTTP_X_FORWARDED_PROTO": "javascript"},
        {"HTTP_X_INGRESS_PATH": "//evil.example"},
        {"HTTP_X_INGRESS_PATH": '/a"onload=x'},
        {"HTTP_X_INGRESS_PATH": "http://evil.example/"},
    ],
)
def test_what_cannot_be_right_is_passed_over_even_from_a_trusted_proxy(said: dict[str, str]) -> None:
    assert resolved(environ("127.0.0.1", **said), ("127.0.0.1",)) == environ("127.0.0.1")
