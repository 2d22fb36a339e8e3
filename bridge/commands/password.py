"""``espcam-bridge password``: hashes a password, so that the configuration need not hold it."""

from __future__ import annotations

import getpass
import sys

from bridge.errors import UsageError
from bridge.serve.password import hash_password


def run() -> int:
    """Ask for a password twice (or read one line from a pipe) and print the hash for ``http.password``.

    Returns:
        The exit code.

    Raises:
        UsageError: it is empty, or the two differ.
    """
    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") != password:
            raise UsageError("the two passwords differ; nothing was made")
    else:
        password = sys.stdin.readline().rstrip("\n")
    if not password:
        raise UsageError("the password is empty; type one, or pipe it in as one line")
    print(hash_password(password))
    return 0
