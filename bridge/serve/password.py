"""Is this the password? The configuration holds it as text or as the hash that ``espcam-bridge password`` prints."""

from __future__ import annotations

import hmac
import logging
import re
import secrets
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from werkzeug.security import check_password_hash

log = logging.getLogger(__name__)

# What argon2 writes, and what werkzeug's generate_password_hash does, which earlier versions printed: method$salt$hex.
# Anything else is a password in plain text.
_ARGON2 = re.compile(r"\$argon2(?:id|i|d)\$v=\d+\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+")
_WERKZEUG = re.compile(r"(?:scrypt(?::\d+){3}|pbkdf2:\w+(?::\d+)?)\$[^$]+\$[0-9a-f]+")

# RFC 9106, section 4, the second choice: 64 MiB, three passes, four lanes; 0.1 s of CPU on a small PC.
_HASHER = PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=4)

_VERDICTS_KEPT = 64
_WAIT_S = 3.0


def is_hash(stored: str) -> bool:
    """Whether this is a hash, and not the password itself."""
    return _ARGON2.fullmatch(stored) is not None or _WERKZEUG.fullmatch(stored) is not None


def hash_password(password: str) -> str:
    """What ``http.password`` may hold instead of the password itself (argon2id, salted)."""
    return _HASHER.hash(password)


class PasswordCheck:
    """Compares passwords with the stored one; thread-safe.

    A hash takes 0.1 s of CPU and 64 MB. A page that polls would burn a core with them, and wrong passwords on every
    server thread at once half a gigabyte: verdicts are therefore remembered under a keyed hash that only this process
    can compute, and only one password is worked on at a time.

    Args:
        stored: plain text, or ``$argon2id$…``, ``scrypt:…$salt$hash`` or ``pbkdf2:…$salt$hash``.
    """

    def __init__(self, stored: str) -> None:
        self._stored = stored
        self._argon2 = _ARGON2.fullmatch(stored) is not None
        self._hashed = self._argon2 or _WERKZEUG.fullmatch(stored) is not None
        self._key = secrets.token_bytes(32)
        self._verdicts: dict[bytes, bool] = {}
        self._working = threading.Lock()
        self.hashes_computed = 0

    def __call__(self, password: str) -> bool:
        """Whether ``password`` is the right one."""
        given = password.encode(errors="surrogatepass")
        if not self._hashed:
            return hmac.compare_digest(given, self._stored.encode(errors="surrogatepass"))
        digest = hmac.digest(self._key, given, "sha256")
        verdict = self._verdicts.get(digest)
        return self._work_out(password, digest) if verdict is None else verdict

    def _work_out(self, password: str, digest: bytes) -> bool:
        if not self._working.acquire(timeout=_WAIT_S):
            return False  # somebody is trying passwords in bulk; who already signed in is not held up
        try:
            if digest not in self._verdicts:
                verdict = self._compute(password)
                if len(self._verdicts) >= _VERDICTS_KEPT:
                    self._verdicts = {known: good for known, good in self._verdicts.items() if good}
                self._verdicts[digest] = verdict
            return self._verdicts[digest]
        finally:
            self._working.release()

    def _compute(self, password: str) -> bool:
        self.hashes_computed += 1
        try:
            if self._argon2:
                return _HASHER.verify(self._stored, password.encode(errors="surrogatepass"))
            return check_password_hash(self._stored, password)
        except VerifyMismatchError:
            return False
        except (ValueError, InvalidHashError, VerificationError) as error:  # parameters that cannot be worked with here
            log.error("http.password: this hash cannot be checked (%s); make one with: espcam-bridge password", error)  # noqa: TRY400 - the reason says it all
            return False
