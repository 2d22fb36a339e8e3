"""The rounds of checking: what is taken out, what is kept, what is said twice (nothing)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.config.tree import Node, Place
from bridge.config.validation import validate

if TYPE_CHECKING:
    from bridge.config.fields import Loc


def tree(value: Any, loc: Loc = ()) -> Node:  # noqa: ANN401 - plain data, as YAML would give it
    """Nodes whose line is 1 + the sum of the indexes on the way."""
    place = Place("f", 1 + sum(step for step in loc if isinstance(step, int)), loc)
    if isinstance(value, dict):
        return Node(place, {key: tree(inner, (*loc, key)) for key, inner in value.items()})
    if isinstance(value, list):
        return Node(place, [tree(inner, (*loc, index)) for index, inner in enumerate(value)])
    return Node(place, value)


def test_a_right_tree_gives_settings_and_no_problems() -> None:
    config, problems = validate(tree({"mqtt": {"host": "broker"}}), [], None)
    assert (config.mqtt.host, problems) == ("broker", [])


def test_what_is_wrong_is_replaced_by_its_default_and_the_rest_stays() -> None:
    root = tree({"mqtt": {"host": "broker", "port": "x"}, "cameras": [{"id": "a"}, {"id": "B"}, {"id": "c"}]})
    config, problems = validate(root, [], None)
    assert (config.mqtt.host, config.mqtt.port) == ("broker", 1883)
    assert [camera.id for camera in config.cameras] == ["a", "c"]
    assert [(problem.place.path, problem.place.line) for problem in problems] == [
        ("mqtt.port", 1),
        ("cameras[1].id", 2),
    ]


def test_items_taken_out_do_not_shift_the_reports_of_later_rounds() -> None:
    # Round 1 takes camera 0 out; the duplicate, found in round 2, is then number 1 and 2 of what is left.
    root = tree({"cameras": [{"id": "A"}, {"id": "b"}, {"id": "c"}, {"id": "b"}]})
    _, problems = validate(root, [], None)
    assert [problem.place.path for problem in problems] == ["cameras[0].id", "cameras[3].id"]


def test_many_wrong_items_of_one_list_are_all_found() -> None:
    _, problems = validate(tree({"cameras": [{"id": "A"}] * 12}), [], None)
    assert [problem.place.path for problem in problems] == [f"cameras[{i}].id" for i in range(12)]


def test_every_pair_of_equal_ids_is_found() -> None:
    _, problems = validate(tree({"cameras": [{"id": "a"}] * 30}), [], None)
    assert [problem.place.path for problem in problems] == [f"cameras[{i}].id" for i in range(1, 30)]


def test_nothing_is_said_of_values_that_could_not_be_read() -> None:
    root = tree({"cameras": [{"id": None}], "http": {"username": "me", "password": None}})
    _, problems = validate(root, [("cameras", 0, "id"), ("http", "password")], None)
    assert problems == []


def test_a_key_that_looks_like_the_mark_of_pydantic_is_an_unknown_key() -> None:
    _, problems = validate(tree({"[key]": {"x": "y"}, "mqtt": {"[key]": "x"}}), [], None)
    assert [(p.place.loc, p.message.split(",")[0]) for p in problems] == [
        (("mqtt", "[key]"), "unknown key"),
        (("[key]",), "unknown key"),
    ]


def test_the_folder_reaches_the_certificates() -> None:
    config, _ = validate(tree({"mqtt": {"tls": {"ca_file": "ca.pem"}}}), [], Path("/etc"))
    assert config.mqtt.tls.ca_file == Path("/etc/ca.pem")
