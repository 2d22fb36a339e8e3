"""Who may do what: Basic, Bearer and ``?token=``, compared in constant time. No I/O.

Two may come: an admin, who sees and changes, and a viewer, who sees. With neither a password nor a token set, everybody
is an admin. With any of them set, one of these lets a request in:

- ``Authorization: Basic`` with a user name (``admin`` and ``viewer`` when none are set) and its password;
- ``Authorization: Basic`` with any user name and a token as the password, so that a browser can open the page when only
  a token is set;
- ``Authorization: Bearer`` with a token;
- a token in the query, where the route allows it (pictures, for viewers that cannot send headers).
"""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Role(StrEnum):
    """What somebody may do."""

    ADMIN = "admin"  # sees and changes
    VIEWER = "viewer"  # sees


@dataclass(frozen=True, slots=True)
class Account:
    """One who may come.

    Attributes:
        role: what they may do.
        username: for Basic.
        is_password: tells whether this is the right password; None when no password is set.
        token: for programs; None when none is set.
        stamp: changes with the password and the token; a session is good for as long as it does not.
    """

    role: Role
    username: str
    is_password: Callable[[str], bool] | None = None
    token: str | None = None
    stamp: str = ""

    @property
    def closed(self) -> bool:
        """Whether nobody can come by this account."""
        return self.is_password is None and self.token is None


class Access:
    """The rules above.

    Args:
        accounts: all who may come; those that are ``closed`` do not count.
    """

    def __init__(self, accounts: Sequence[Account]) -> None:
        self._accounts = tuple(account for account in accounts if not account.closed)

    @property
    def required(self) -> bool:
        """Whether anything but the open door is asked for."""
        return bool(self._accounts)

    def by_header(self, authorization: str | None) -> Account | None:
        """Whose credentials the ``Authorization`` header holds, as it came; None for nobody's."""
        scheme, _, value = (authorization or "").partition(" ")
        match scheme.lower():
            case "bearer":
                return self.by_token(value.strip())
            case "basic":
                return self._by_basic(value.strip())
            case _:
                return None

    def by_token(self, token: str) -> Account | None:
        """Whose token it is."""
        found = [account for account in self._accounts if account.token is not None and _same(token, account.token)]
        return found[0] if found else None

    def by_password(self, username: str, password: str) -> Account | None:
        """Whose user name and password (or token) these are."""
        found = None
        for account in self._accounts:
            # Both are always looked at: the time must not tell whether the user name was right.
            right_name = _same(username, account.username)
            right_password = account.is_password is not None and account.is_password(password)
            if right_name and right_password and found is None:
                found = account
        return found or self.by_token(password)

    def by_session(self, role: str, stamp: str) -> Account | None:
        """Whose session this is; None when the password was changed since."""
        return next((one for one in self._accounts if one.role == role and _same(stamp, one.stamp)), None)

    def _by_basic(self, encoded: str) -> Account | None:
        login = basic_login(encoded)
        return None if login is None else self.by_password(*login)


def basic_login(encoded: str) -> tuple[str, str] | None:
    """User name and password of Basic credentials; None when they are none."""
    try:
        username, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return (username, password) if colon else None


def _same(given: str, expected: str) -> bool:
    # "surrogatepass": a header may hold anything; a wrong credential must be refused, not crash.
    return hmac.compare_digest(given.encode(errors="surrogatepass"), expected.encode(errors="surrogatepass"))
