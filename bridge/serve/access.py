"""Who may look: Basic, Bearer and ``?token=``, compared in constant time. No I/O.

With neither a password nor a token set, everybody may. With any of them set, one of these lets a request in:

- ``Authorization: Basic`` with the user name (``admin`` when none is set) and the password;
- ``Authorization: Basic`` with any user name and the API token as the password, so that a browser can open the page
  when only a token is set;
- ``Authorization: Bearer`` with the API token;
- the API token in the query, where the route allows it (pictures, for viewers that cannot send headers).
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_USERNAME = "admin"


class Access:
    """The rules above for one set of credentials.

    Args:
        username: for Basic; None means ``admin``.
        is_password: tells whether this is the right password; None when no password is set.
        api_token: None when none is set.
    """

    def __init__(
        self, *, username: str | None, is_password: Callable[[str], bool] | None, api_token: str | None
    ) -> None:
        self._username = username or DEFAULT_USERNAME
        self._is_password = is_password
        self._api_token = api_token or None

    @property
    def required(self) -> bool:
        """Whether anything but the open door is asked for."""
        return self._is_password is not None or self._api_token is not None

    def allows(self, authorization: str | None, query_token: str | None = None) -> bool:
        """Whether a request with these credentials may pass.

        Args:
            authorization: the ``Authorization`` header as it came.
            query_token: the value of ``?token=`` where the route takes one.
        """
        if not self.required:
            return True
        if query_token is not None and self._is_token(query_token):
            return True
        scheme, _, value = (authorization or "").partition(" ")
        match scheme.lower():
            case "bearer":
                return self._is_token(value.strip())
            case "basic":
                return self._is_basic(value.strip())
            case _:
                return False

    def _is_token(self, token: str) -> bool:
        return self._api_token is not None and _same(token, self._api_token)

    def _is_basic(self, encoded: str) -> bool:
        try:
            username, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError, ValueError):
            return False
        if not colon:
            return False
        # Both are always looked at: the time must not tell whether the user name was right.
        right_name = _same(username, self._username)
        right_password = self._is_password is not None and self._is_password(password)
        return (right_name and right_password) or self._is_token(password)


def _same(given: str, expected: str) -> bool:
    # "surrogatepass": a header may hold anything; a wrong credential must be refused, not crash.
    return hmac.compare_digest(given.encode(errors="surrogatepass"), expected.encode(errors="surrogatepass"))
