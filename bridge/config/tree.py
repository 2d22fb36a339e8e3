"""The configuration as it was written: nodes that know their place, before the schema has seen them.

Every scalar is text, exactly as written; what type it should be is the schema's business.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from bridge.config.fields import Loc

ENVIRONMENT = "environment"
PREFIX = "ESPCAM_BRIDGE__"

Plain: TypeAlias = "dict[str, Plain] | list[Plain] | str | None"
"""A node's value without places."""

_PLAIN_KEY = re.compile(r"[\w-]+")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is written.

    Attributes:
        source: a file as the user named it, or ``ENVIRONMENT``.
        line: from 1; 0 in the environment.
        loc: the path of keys and indexes; empty for the file as a whole.
    """

    source: str
    line: int
    loc: Loc = ()

    def child(self, *loc: str | int) -> "Place":
        """The same place, for something inside that has none of its own."""
        return replace(self, loc=(*self.loc, *loc))

    @property
    def path(self) -> str:
        """``cameras[0].detect.max_fps``, or the name of the environment variable."""
        if self.source == ENVIRONMENT:
            return PREFIX + "__".join(str(step).upper() for step in self.loc)
        steps = (f"[{step}]" if isinstance(step, int) else f".{_one_line(step)}" for step in self.loc)
        return "".join(steps).removeprefix(".")

    def report(self, message: str) -> str:
        """One line ready to print: ``file:line: path: message``."""
        where = self.source if self.source == ENVIRONMENT else f"{self.source}:{self.line}"
        return ": ".join(part for part in (where, self.path, message) if part)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong at a place."""

    place: Place
    message: str

    def __str__(self) -> str:
        return self.place.report(self.message)


@dataclass(slots=True)
class Node:
    """A value with its place.

    Attributes:
        place: the line of its key, or of itself in a list.
        value: scalars as text; None for nothing.
        secret: it came from ``!secret`` or ``!env`` and must not be repeated.
    """

    place: Place
    value: "dict[str, Node] | list[Node] | str | None"
    secret: bool = False

    def child(self, step: str | int) -> "Node | None":
        """What is inside under a key or index, if anything."""
        if isinstance(self.value, dict):
            return self.value.get(str(step))
        if isinstance(self.value, list) and isinstance(step, int) and step < len(self.value):
            return self.value[step]
        return None

    def remove(self, step: str | int) -> None:
        """Take out what is inside under a key or index."""
        if isinstance(self.value, dict):
            del self.value[str(step)]
        elif isinstance(self.value, list) and isinstance(step, int):
            del self.value[step]

    def plain(self) -> Plain:
        """The values alone, for the schema."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


def trail(root: Node, loc: Loc) -> Iterator[Node]:
    """The nodes from ``root`` along ``loc``, as far as they exist."""
    node: Node | None = root
    for step in loc:
        if node is None:
            return
        yield node
        node = node.child(step)
    if node is not None:
        yield node


def _one_line(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) else repr(key)
