"""Checks a tree against the schema until nothing new is found.

The schema stops checking what belongs together (two ports, a login's two halves) as soon as one part is wrong. So each
wrong value is taken out, which leaves its default, and the rest is checked again; what then goes wrong with a value
that was taken out, or with what is around it, is no news to the user and is dropped.
"""

from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from bridge.config.fields import Loc
from bridge.config.problems import fault
from bridge.config.schema import Config
from bridge.config.tree import Node, Problem, trail

# Every round takes something out of the tree; more than three were never seen, the bound only guards against a mistake.
_MAX_ROUNDS = 20


def validate(root: Node, unread: Iterable[Loc], folder: Path | None) -> tuple[Config | None, list[Problem]]:
    """Check the tree.

    Args:
        root: the whole configuration; wrong values are taken out of it.
        unread: paths of values that could not be read; the user knows of them already.
        folder: where relative paths of certificates start.

    Returns:
        The settings without the wrong values (None when not even that can be had), and all problems.
    """
    problems: list[Problem] = []
    known = set(unread)
    for _ in range(_MAX_ROUNDS):
        try:
            return Config.model_validate(root.plain() or {}, context={"folder": folder}), problems
        except ValidationError as error:
            # A name that waits for the id is no mistake of its own.
            faults = [fault(e, root) for e in error.errors() if e["type"] != "default_factory_not_called"]
        problems += [f.problem for f in faults if not any(_related(p.loc, loc) for p in f.places for loc in known)]
        known.update(place.loc for f in faults for place in f.places)
        _take_out(root, [f.culprit for f in faults])
    return None, problems


def _related(one: Loc, other: Loc) -> bool:
    """Whether one is the other, or inside it."""
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]


def _take_out(root: Node, culprits: list[Loc]) -> None:
    # Later items of a list first, so that the indexes of the earlier ones stay right.
    for loc in sorted(set(culprits), key=_order, reverse=True):
        nodes = list(trail(root, loc))
        if not loc:
            root.value = {}
        elif len(nodes) == len(loc) + 1:
            nodes[-2].remove(loc[-1])


def _order(loc: Loc) -> list[tuple[int, str]]:
    return [(step, "") if isinstance(step, int) else (-1, step) for step in loc]
