from __future__ import annotations

import pytest

from bridge.serve.origin import host_of, is_foreign

HOSTS = {"bridge.local:8080", "cams.example"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://bridge.local:8080"},
        {"Origin": "http://BRIDGE.local:8080"},
        {"Origin": "https://cams.example"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://behind.a.proxy"},
    ],
)
def test_programs_and_our_own_page_may_pass(headers: dict[str, str]) -> None:
    assert not is_foreign(headers.get("Sec-Fetch-Site"), headers.get("Origin"), HOSTS)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "CROSS-SITE", "Origin": "http://bridge.local:8080"},
        {"Sec-Fetch-Site": ""},
        {"Origin": "https://evil.example"},
        {"Origin": "http://bridge.local"},
        {"Origin": "http://bridge.local:8123"},
        {"Origin": "http://bridge.local:8080.evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://[::1"},
    ],
)
def test_pages_of_other_sites_may_not(headers: dict[str, str]) -> None:
    assert is_foreign(headers.get("Sec-Fetch-Site"), headers.get("Origin"), HOSTS)


def test_the_host_of_an_address_is_what_browsers_write() -> None:
    assert host_of("https://Cams.Example/path") == "cams.example"
    assert host_of("http://[fe80::1]:8080") == "[fe80::1]:8080"
    assert host_of("null") == ""


def test_a_page_without_an_origin_is_never_our_own_also_without_a_public_address() -> None:
    assert is_foreign(None, "null", {"bridge:8080", host_of("")})
