"""What pydantic found, in words: what is wrong, what is allowed, did you mean."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, get_args

from bridge.config.fields import PATTERNS, REFUSED, REFUSED_SECRET, Loc
from bridge.config.schema import model_at
from bridge.config.tree import ENVIRONMENT, Node, Place, Problem, trail

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_A_LIST = "must be a list: [a, b], or lines that begin with -"
_A_SECTION = "must be a section of 'key: value' lines"
_WORDS = {
    REFUSED: "{problem}",
    REFUSED_SECRET: "{problem}",
    "string_pattern_mismatch": "{rule}",
    "literal_error": "must be {choice}",
    "missing": "is missing",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be a single value",
    "string_unicode": "must be proper Unicode text",
    "path_type": "must be a path",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "tuple_type": _A_LIST,
    "dict_type": _A_SECTION,
    "model_type": _A_SECTION,
    "model_attributes_type": _A_SECTION,
    "too_short": "must not be empty",
    "too_long": "must have {max_length} items or fewer",
}
_NUMERIC = re.compile(r"int_|float_|finite_|multiple_of|greater_than|less_than")
# Kinds whose wrong value may be repeated: the keys that hold secrets never end in one of these.
_REPEATABLE = {"bool_parsing", "literal_error", "string_pattern_mismatch", REFUSED}
_LONGEST_REPEAT = 40


@dataclass(frozen=True, slots=True)
class Fault:
    """One error of the schema, found in the tree.

    Attributes:
        problem: what to print.
        places: of all the values that it is about; what is not written has its place where it would be.
        culprit: path, in the tree as it is now, of what has to go so that the rest can be checked.
        is_consequence: another error says it already.
    """

    problem: Problem
    places: tuple[Place, ...]
    culprit: Loc
    is_consequence: bool


def fault(error: "ErrorDetails", root: Node) -> Fault:
    """Find the place of an error and put it in words."""
    base: Loc = error["loc"]
    if base[-1:] == ("[key]",) and error["type"] != "extra_forbidden":  # pydantic's mark for "the key, not the value"
        base = base[:-1]
    involves: tuple[Loc, ...] = error.get("ctx", {}).get("involves", ())
    involved = [(*base, *loc) for loc in involves] or [base]
    locs = [_written(root, loc) for loc in involved]
    places = tuple(place_of(root, loc) for loc in locs)
    message = _message(error, locs[0], places[0])
    if not involves:
        message += _repeat(error, list(trail(root, locs[0]))[-1])
    message += "".join(_pointer(place) for place in places[1:])
    # What is missing cannot be taken out: then what needs it goes, or the section around it.
    culprit = next((loc for loc in locs if _exists(root, loc)), locs[0][: len(list(trail(root, locs[0]))) - 1])
    # A camera's name waits for its id, which is wrong or missing then.
    return Fault(Problem(places[0], message), places, culprit, error["type"] == "default_factory_not_called")


def place_of(root: Node, loc: Loc) -> Place:
    """Where the value at a path is written or, when it is not, would be: at the section around it."""
    nodes = list(trail(root, loc))
    return nodes[-1].place.child(*loc[len(nodes) - 1 :])


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``, did you mean x?`` when something near is known, else nothing."""
    near = get_close_matches(word, list(known), n=1)
    return f", did you mean {near[0]}?" if near else ""


def _written(root: Node, loc: Loc) -> Loc:
    """Where a camera's value comes from: the camera itself, or ``defaults`` when only they have it."""
    if len(loc) > 2 and loc[0] == "cameras" and not _exists(root, loc):  # noqa: PLR2004 - cameras, its index, a key
        shared: Loc = ("defaults", *loc[2:])
        return shared if _exists(root, shared) else loc
    return loc


def _exists(root: Node, loc: Loc) -> bool:
    return len(list(trail(root, loc))) == len(loc) + 1


def _pointer(place: Place) -> str:
    return f" (see {place.path if place.source == ENVIRONMENT else f'line {place.line}'})"


def _repeat(error: "ErrorDetails", node: Node) -> str:
    """What was written and, of a choice, what is near it; nothing where it may be a secret."""
    value, kind = node.value, error["type"]
    if not isinstance(value, str) or node.secret or not (kind in _REPEATABLE or _NUMERIC.match(kind)):
        return ""
    choices = re.findall(r"'([^']*)'", str(error.get("ctx", {}).get("expected", "")))
    short = value if len(value) <= _LONGEST_REPEAT else value[:_LONGEST_REPEAT] + "…"
    return f", not {short!r}{did_you_mean(value, choices)}"


def _message(error: "ErrorDetails", loc: Loc, place: Place) -> str:
    kind, ctx = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(loc, place)
    if _NUMERIC.match(kind):
        return _number(loc)
    if kind in {"missing", "too_long"} and _is_corner(loc if kind == "too_long" else loc[:-1]):
        return "must be a corner: two numbers from 0 to 1, [x, y]"
    rule = PATTERNS.get(ctx.get("pattern", ""))
    choice = str(ctx.get("expected")).replace("'", "")
    return _WORDS.get(kind, "is not allowed").format(**ctx, rule=rule, choice=choice)


def _unknown_key(loc: Loc, place: Place) -> str:
    section = model_at(loc[:-1])
    known = list(section.model_fields) if section else []
    near = get_close_matches(str(loc[-1]), known, n=1)
    allowed = f"allowed: {', '.join(known)}"
    if not near:
        return f"unknown key, {allowed}"
    better = replace(place, loc=(*place.loc[:-1], near[0])).path if place.source == ENVIRONMENT else near[0]
    return f"unknown key, did you mean {better}? {allowed}"


def _is_corner(loc: Loc) -> bool:
    """Whether this is an item of a polygon: in ``points`` of a zone or in a list of ``masks``."""
    return isinstance(loc[-1], int) and (loc[-2] == "points" or loc[-3:-2] == ("masks",))


def _number(loc: Loc) -> str:
    section = model_at(loc[:-1])
    field = section.model_fields.get(str(loc[-1])) if section else None
    if field is None:  # the only numbers outside of sections are the corners of polygons
        return "must be a number from 0 to 1"
    limits: dict[str, Any] = {}
    for rule in field.metadata:
        limits |= {name: getattr(rule, name) for name in ("ge", "gt", "le", "multiple_of") if hasattr(rule, name)}
    whole = int in (field.annotation, *get_args(field.annotation))
    kind = f"a multiple of {limits['multiple_of']}" if "multiple_of" in limits else f"a{' whole' * whole} number"
    low = f"more than {limits['gt']}, up to" if "gt" in limits else f"from {limits['ge']} to"
    return f"must be {kind} {low} {limits['le']}"
