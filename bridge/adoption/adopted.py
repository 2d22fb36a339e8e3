"""The cameras that were approved, as they lie in the state file. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

SECTION: Final = "adopted"

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_MAX_NAME_CHARS: Final = 64


@dataclass(frozen=True, slots=True)
class Adopted:
    """One camera that was approved.

    Attributes:
        key_sha256: of the key that it shows, hex; empty: it has none, and whoever takes its name comes in.
        name: what people call it; empty: made from its id.
        since: when, ISO 8601.
    """

    key_sha256: str
    name: str
    since: str


def adopted_to_json(camera: Adopted) -> dict[str, str]:
    """As it is kept."""
    return {"key_sha256": camera.key_sha256, "name": camera.name, "since": camera.since}


def adopted_from_json(value: Any) -> Adopted | None:  # noqa: ANN401 - somebody may have edited the file
    """As it was kept; None for what cannot be: then the camera waits again, and nobody else comes in its place."""
    if not isinstance(value, dict):
        return None
    key, name, since = value.get("key_sha256"), value.get("name", ""), value.get("since", "")
    if not (isinstance(key, str) and isinstance(name, str) and isinstance(since, str)):
        return None
    if key and not _SHA256.fullmatch(key):
        return None
    return Adopted(key, tidy_name(name), since)


def tidy_name(name: str) -> str:
    """A name in one line of printable characters, 64 at most."""
    printable = "".join(char if char.isprintable() else " " for char in name)
    return " ".join(printable.split())[:_MAX_NAME_CHARS].strip()
