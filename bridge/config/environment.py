"""Settings from environment variables, laid over what the file says.

``ESPCAM_BRIDGE__MQTT__HOST=broker`` sets ``mqtt.host``; a number counts items of a list, and the number after the last
adds one: ``ESPCAM_BRIDGE__CAMERAS__0__TOKEN``. The value is taken as it stands, without quotes or escapes.
"""

from collections.abc import Mapping

from bridge.config.tree import ENVIRONMENT, PREFIX, Node, Place, Problem

# The deepest key of the schema has 7 parts: cameras, 0, zones, porch, points, 0, 1.
_MAX_PARTS = 8


def override(root: Node, environ: Mapping[str, str]) -> list[Problem]:
    """Lay the variables that begin with ``ESPCAM_BRIDGE__`` over the tree, in place.

    Returns:
        What cannot be laid over it; keys that the schema does not know are found later, by the schema.
    """
    problems: list[Problem] = []
    for steps, value in sorted((_steps(name), environ[name]) for name in environ if name.startswith(PREFIX)):
        place = Place(ENVIRONMENT, 0, tuple(step for _, step in steps))
        if not all(str(step) for step in place.loc) or len(place.loc) > _MAX_PARTS:
            problems.append(Problem(place, "is no setting; write it like ESPCAM_BRIDGE__MQTT__HOST"))
        elif problem := _lay(root, place, value):
            problems.append(problem)
    return problems


def _steps(name: str) -> list[tuple[int, str]]:
    """The parts of a variable's name, each with its number (-1 for a word): item 2 sorts before item 10."""
    parts = name.removeprefix(PREFIX).lower().split("__")
    return [(_index(part), part) for part in parts]


def _index(part: str) -> int:
    # 4 digits: no list is longer, and int() refuses text of thousands of digits.
    return int(part) if part.isascii() and part.isdecimal() and len(part) <= 4 else -1  # noqa: PLR2004 - reason above


def _lay(root: Node, place: Place, value: str) -> Problem | None:
    node = root
    inside = Place(ENVIRONMENT, 0)
    for part in map(str, place.loc):
        index = _index(part)
        if node.value is None:
            node.value = [] if index >= 0 else {}
        if isinstance(node.value, list):
            inside = inside.child(index if index >= 0 else part)
            if not 0 <= index <= len(node.value):
                return Problem(inside, f"must be the number of an item, 0..{len(node.value)} ({_count(node.value)})")
            if index == len(node.value):
                node.value.append(Node(inside, None))
            node = node.value[index]
        elif isinstance(node.value, dict):
            inside = inside.child(part)
            node = node.value.setdefault(part, Node(inside, None))
        else:
            return None  # the file has a single value where a section belongs; the schema reports that
    node.place, node.value, node.secret = inside, value, False
    return None


def _count(items: list[Node]) -> str:
    return f"there {'is 1 item' if len(items) == 1 else f'are {len(items)} items'} now"
