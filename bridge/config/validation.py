"""Checks a tree against the schema until nothing new is found.

The schema stops checking what belongs together (two ports, a login's two halves) as soon as one part is wrong. So each
wrong value is taken out, which leaves its default, and the rest is checked again; what then goes wrong with a value
that was taken out, or with what is around it, is no news to the user and is dropped.
"""

from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from bridge.config.fields import Loc
from bridge.config.problems import Fault, fault, place_of
from bridge.config.schema import Config
from bridge.config.tree import Node, Problem, trail


def validate(root: Node, unread: Iterable[Loc], folder: Path | None) -> tuple[Config, list[Problem]]:
    """Check the tree.

    Args:
        root: the whole configuration; wrong values are taken out of it.
        unread: paths of values that could not be read; the user knows of them already.
        folder: where relative paths of certificates start.

    Returns:
        The settings with defaults in the place of wrong values, and all problems.
    """
    problems: list[Problem] = []
    known = set(unread)
    while root.value:  # every round takes something out
        try:
            return Config.model_validate(root.plain(), context={"folder": folder}), problems
        except ValidationError as error:
            faults = [fault(details, root) for details in error.errors()]
        problems += [found.problem for found in faults if _is_news(found, known)]
        for found in faults:
            known |= {found.problem.place.loc, place_of(root, found.culprit).loc}
        _take_out(root, {found.culprit for found in faults})
    return Config(), problems


def _is_news(found: Fault, known: set[Loc]) -> bool:
    return not found.is_consequence and not any(_related(p.loc, loc) for p in found.places for loc in known)


def _related(one: Loc, other: Loc) -> bool:
    """Whether one is the other, or inside it."""
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]


def _take_out(root: Node, culprits: set[Loc]) -> None:
    # What is inside goes before what is around it, and later items of a list before earlier ones: paths stay right.
    for loc in sorted(culprits, key=_order, reverse=True):
        if loc:
            list(trail(root, loc))[-2].remove(loc[-1])
        else:
            root.value = None


def _order(loc: Loc) -> list[tuple[int, str]]:
    return [(step, "") if isinstance(step, int) else (-1, step) for step in loc]
