"""Who may look: every way in, and no other."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.serve.access import Access, Account, Role


def _basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def _access(username: str | None = None, password: str | None = None, token: str | None = None) -> Access:
    is_password = None if password is None else lambda given: given == password
    seer = Account(Role.VIEWER, "viewer", lambda given: given == "schauen", "l00k", "stamp-2")
    admin = Account(Role.ADMIN, username or "admin", is_password, token or None, "stamp-1")
    return Access([admin, seer] if username == "anna" else [admin])


def _allows(access: Access, authorization: str | None, token: str | None = None) -> bool:
    if token is not None and access.by_token(token) is not None:
        return True
    return access.by_header(authorization) is not None


def test_with_nothing_set_nothing_is_asked_for() -> None:
    assert not _access().required
    assert _access(password="geheim").required
    assert _access(token="t0ken").required


def test_a_viewer_is_told_from_the_admin() -> None:
    access = _access("anna", "geheim", "t0ken")
    found = {
        header: access.by_header(header)
        for header in (_basic("anna", "geheim"), "Bearer t0ken", _basic("viewer", "schauen"), "Bearer l00k")
    }
    roles = [account.role for account in found.values() if account is not None]
    assert roles == [Role.ADMIN, Role.ADMIN, Role.VIEWER, Role.VIEWER]
    assert access.by_header(_basic("viewer", "geheim")) is None
    assert access.by_header(_basic("anna", "schauen")) is None


def test_a_session_is_good_for_as_long_as_its_stamp() -> None:
    access = _access("anna", "geheim", "t0ken")
    assert access.by_session("admin", "stamp-1") is not None
    assert access.by_session("admin", "stamp-2") is None
    assert access.by_session("viewer", "stamp-1") is None
    assert access.by_session("", "") is None


def test_an_empty_token_is_no_token() -> None:
    access = _access(token="")
    assert not access.required


@pytest.mark.parametrize(
    ("authorization", "allowed"),
    [
        (_basic("anna", "geheim"), True),
        (_basic("anna", "wrong"), False),
        (_basic("bob", "geheim"), False),
        (_basic("anna", ""), False),
        (_basic("", ""), False),
        ("basic " + _basic("anna", "geheim").split()[1], True),  # the scheme's letters do not matter (RFC 9110, 11.1)
        ("Bearer geheim", False),
        (None, False),
        ("", False),
        ("Basic", False),
        ("Basic !!!", False),
        ("Basic YW5u!YTpnZWhlaW0=", False),  # lenient decoders skip the "!" and let anna in
        ("Basic " + base64.b64encode(b"no colon").decode(), False),
        ("Basic " + base64.b64encode(b"anna:\xff").decode(), False),
    ],
)
def test_basic_needs_the_right_name_and_the_right_password(authorization: str | None, allowed: bool) -> None:
    assert _allows(_access("anna", "geheim"), authorization) is allowed


def test_a_password_may_hold_colons_and_any_letters() -> None:
    assert _allows(_access("anna", "a:b:ü€"), _basic("anna", "a:b:ü€"))


def test_without_a_user_name_it_is_admin() -> None:
    access = _access(password="geheim")
    assert _allows(access, _basic("admin", "geheim"))
    assert not _allows(access, _basic("anna", "geheim"))


@pytest.mark.parametrize(
    ("authorization", "allowed"),
    [
        ("Bearer t0ken", True),
        ("bearer  t0ken ", True),
        ("Bearer other", False),
        ("Bearer", False),
        ("Bearer tökén", False),
        ("Bearer \udcff", False),
        ("Token t0ken", False),
        (_basic("whoever", "t0ken"), True),
        (_basic("whoever", "other"), False),
    ],
)
def test_the_token_lets_in_as_bearer_and_as_the_password_of_basic(authorization: str, allowed: bool) -> None:
    assert _allows(_access(token="t0ken"), authorization) is allowed


def test_the_token_in_the_query_lets_in_where_the_route_takes_one() -> None:
    access = _access(password="geheim", token="t0ken")
    assert _allows(access, None, "t0ken")
    assert not _allows(access, None, "geheim")
    assert not _allows(access, None, "")
    assert not _allows(access, None, None)


def test_a_query_token_does_not_let_in_when_only_a_password_is_set() -> None:
    assert not _allows(_access(password="geheim"), None, "")
    assert not _allows(_access(password="geheim"), None, "geheim")


@given(st.text(), st.text())
def test_no_header_whatever_it_holds_crashes_or_lets_in(authorization: str, token: str) -> None:
    access = _access("anna", "a password that no strategy guesses", "a token that no strategy guesses")
    assert not _allows(access, authorization, token)


@given(st.binary())
def test_no_basic_value_whatever_its_bytes_crashes_or_lets_in(value: bytes) -> None:
    access = _access("anna", "a password that no strategy guesses")
    assert not _allows(access, "Basic " + base64.b64encode(value).decode())
