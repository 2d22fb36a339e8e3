from __future__ import annotations

import pytest

from bridge.config.tree import ENVIRONMENT, Node, Place, Problem, trail

FILE = Place("a.yaml", 7, ("cameras", 0, "zones", "porch"))


def leaf(line: int, *loc: str | int, value: str = "x") -> Node:
    return Node(Place("a.yaml", line, loc), value)


def small_tree() -> Node:
    """``cameras: [{id: x}, {id: y}]``."""
    cameras = [
        Node(Place("a.yaml", 2 + i, ("cameras", i)), {"id": leaf(2 + i, "cameras", i, "id", value=name)})
        for i, name in enumerate("xy")
    ]
    return Node(Place("a.yaml", 1), {"cameras": Node(Place("a.yaml", 1, ("cameras",)), [*cameras])})


@pytest.mark.parametrize(
    ("loc", "path"),
    [
        ((), ""),
        (("mqtt",), "mqtt"),
        (("cameras", 0, "detect", "max_fps"), "cameras[0].detect.max_fps"),
        (("cameras", 0, "masks", 1, 2, 0), "cameras[0].masks[1][2][0]"),
        (("mqtt", "a b"), "mqtt.'a b'"),
        (("mqtt", "a\nb"), r"mqtt.'a\nb'"),
        (("", "x"), "''.x"),
    ],
)
def test_a_path_reads_as_people_would_write_it(loc: tuple[str | int, ...], path: str) -> None:
    assert Place("a.yaml", 1, loc).path == path


def test_a_place_in_the_environment_is_the_name_of_the_variable() -> None:
    place = Place(ENVIRONMENT, 0, ("cameras", 0, "token"))
    assert place.path == "ESPCAM_BRIDGE__CAMERAS__0__TOKEN"
    assert place.report("is wrong") == "environment: ESPCAM_BRIDGE__CAMERAS__0__TOKEN: is wrong"


def test_a_report_is_file_line_path_and_message() -> None:
    assert str(Problem(FILE, "is wrong")) == "a.yaml:7: cameras[0].zones.porch: is wrong"
    assert str(Problem(Place("a.yaml", 3), "no YAML")) == "a.yaml:3: no YAML"


def test_what_has_no_place_of_its_own_is_placed_at_what_is_around_it() -> None:
    inside = FILE.child("points", 2)
    assert (inside.line, inside.path) == (7, "cameras[0].zones.porch.points[2]")
    assert FILE.child() == FILE


def test_the_plain_values_are_those_that_were_written() -> None:
    assert small_tree().plain() == {"cameras": [{"id": "x"}, {"id": "y"}]}
    assert Node(FILE, None).plain() is None


@pytest.mark.parametrize(
    ("loc", "found"),
    [((), 1), (("cameras",), 2), (("cameras", 1, "id"), 4), (("cameras", 2), 2), (("cameras", 1, "id", "x"), 4)],
)
def test_a_trail_goes_as_far_as_the_tree_does(loc: tuple[str | int, ...], found: int) -> None:
    assert len(list(trail(small_tree(), loc))) == found


def test_a_trail_does_not_mistake_words_for_numbers() -> None:
    assert len(list(trail(small_tree(), ("cameras", "0")))) == 2
    assert len(list(trail(small_tree(), (0,)))) == 1


def test_what_is_removed_is_gone_and_the_rest_moves_up() -> None:
    root = small_tree()
    cameras = root.child("cameras")
    assert cameras is not None
    cameras.remove(0)
    assert root.plain() == {"cameras": [{"id": "y"}]}
    assert [node.place.line for node in trail(root, ("cameras", 0, "id"))] == [1, 1, 3, 3]
    root.remove("cameras")
    assert root.plain() == {}
