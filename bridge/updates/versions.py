"""Which of two firmware versions is the newer. Pure.

The order is that of semver.org (2.0.0, section 11): parts between dots are numbers, ``1.2.0-rc1`` comes before
``1.2.0``, what follows a ``+`` does not count. Any number of parts is taken, and a leading ``v``.
"""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import Final

_VERSION: Final = re.compile(r"v?(\d+(?:\.\d+)*)(?:-([0-9A-Za-z.-]+))?(?:\+.*)?")


def is_newer(version: str, than: str) -> bool:
    """Whether a version is newer; what is no version (``dev``) is neither newer nor older than any."""
    one, other = _VERSION.fullmatch(version.strip()), _VERSION.fullmatch(than.strip())
    if one is None or other is None:
        return False
    for mine, theirs in zip_longest(_numbers(one[1]), _numbers(other[1]), fillvalue=0):
        if mine != theirs:
            return mine > theirs
    return _stage(one[2]) > _stage(other[2])


def is_version(text: str) -> bool:
    """Whether the text can be compared at all."""
    return _VERSION.fullmatch(text.strip()) is not None


def _numbers(dotted: str) -> list[int]:
    return [int(part) for part in dotted.split(".")]


def _stage(pre_release: str | None) -> tuple[int, list[tuple[int, int, str]]]:
    """A finished version after all that lead to it; of those numbers before words."""
    if pre_release is None:
        return 1, []
    parts = re.findall(r"\d+|[^\d.-]+", pre_release)
    return 0, [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]
