"""Who may open the page: whether a stranger in the network can. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.doctor.findings import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Door:
    """How the page is protected.

    Attributes:
        closed: a password or a token is asked for.
        hashed: the password does not stand in the configuration itself; True when there is none.
        reached_by_others: it listens for more than this machine.
    """

    closed: bool
    hashed: bool = True
    reached_by_others: bool = True


def check_door(door: Door) -> Iterator[Finding]:
    """Whether strangers are kept out."""
    make = "make one: espcam-bridge password"
    if not door.closed and door.reached_by_others:
        text = "no password is set: everybody in the network can watch every camera and change everything"
        yield Finding(Level.WARNING, "page", text, f"set http.password ({make}), or http.host: 127.0.0.1")
    elif not door.hashed:
        yield Finding(Level.NOTE, "page", "http.password is written in plain text", f"write its hash instead; {make}")
