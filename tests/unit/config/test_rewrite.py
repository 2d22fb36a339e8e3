"""A camera's settings are changed in the text; every other byte stays."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from bridge.config.rewrite import NotRewritable, plain, rewritten, without

SQUARE = [[0, 0.5], [1, 0.5], [1, 1], [0, 1]]
TEXT = """\
# My bridge.
mqtt:   {host: 127.0.0.1, password: !secret pw, username: }   # the broker

cameras:
  # The first one.
  - id: front_door   # by the door
    name: "Front: door"
    zones:
      # Where the parcels lie.
      porch:
        points: [[0,0.5], [1,0.5], [1,1]]   # drawn by hand
        labels: [person]
    masks:
      - - [0, 0]
        - [1, 0]
        - [1, 1]

  - {id: yard, rotate: 90}   # in one line
# The end.
http: {port: 8080}
"""


def lines_changed(before: str, after: str) -> tuple[list[str], list[str]]:
    """What is only in one of the two, by line."""
    old, new = before.splitlines(), after.splitlines()
    return [line for line in old if line not in new], [line for line in new if line not in old]


@pytest.mark.parametrize(
    ("camera", "change", "gone", "new"),
    [
        ("front_door", {"name": "Door"}, ['    name: "Front: door"'], ["    name: Door"]),
        (
            "front_door",
            {"zones": {"porch": {"points": SQUARE}}},
            ["        points: [[0,0.5], [1,0.5], [1,1]]   # drawn by hand"],
            ["        points: [[0, 0.5], [1, 0.5], [1, 1], [0, 1]]   # drawn by hand"],
        ),
        (
            "front_door",
            {"zones": {"path": {"points": SQUARE}}},
            [],
            ["      path: {points: [[0, 0.5], [1, 0.5], [1, 1], [0, 1]]}"],
        ),
        (
            "front_door",
            {"zones": {"porch": None}},
            [
                "    zones:",
                "      # Where the parcels lie.",
                "      porch:",
                "        points: [[0,0.5], [1,0.5], [1,1]]   # drawn by hand",
                "        labels: [person]",
            ],
            [],
        ),
        (
            "front_door",
            {"masks": [SQUARE]},
            ["      - - [0, 0]", "        - [1, 0]", "        - [1, 1]"],
            ["      - [[0, 0.5], [1, 0.5], [1, 1], [0, 1]]"],
        ),
        ("front_door", {"detect": {"max_fps": 2.5}}, [], ["    detect: {max_fps: 2.5}"]),
        (
            "yard",
            {"rotate": None, "motion": {"enabled": False}},
            ["  - {id: yard, rotate: 90}   # in one line"],
            ["  - {id: yard, motion: {enabled: false}}   # in one line"],
        ),
        ("garage", {"name": "Garage \N{SNOWMAN}"}, [], ["  - id: garage", '    name: "Garage \N{SNOWMAN}"']),
    ],
)
def test_only_what_is_to_change_changes(camera: str, change: dict[str, Any], gone: list[str], new: list[str]) -> None:
    assert lines_changed(TEXT, rewritten(TEXT, camera, change)) == (gone, new)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "cameras:\n  - id: door\n    name: A\n"),
        ("# nothing yet", "# nothing yet\ncameras:\n  - id: door\n    name: A\n"),
        ("http: {port: 1}\r\n", "http: {port: 1}\r\ncameras:\r\n  - id: door\r\n    name: A\r\n"),
        ("cameras: []   # none\nhttp: {}\n", "cameras:   # none\n  - id: door\n    name: A\nhttp: {}\n"),
        ("cameras:\nhttp: {}\n", "cameras:\n  - id: door\n    name: A\nhttp: {}\n"),
        ("cameras: [{id: yard}]\n", "cameras: [{id: yard}, {id: door, name: A}]\n"),
        ("{http: {port: 1}}\n", "{http: {port: 1}, cameras: [{id: door, name: A}]}\n"),
        ('{"cameras": []}\n', '{"cameras": [{id: door, name: A}]}\n'),
        ('{"cameras": [{"id": "yard"}]}\n', '{"cameras": [{"id": "yard"}, {id: door, name: A}]}\n'),
        ("{}\n", "{cameras: [{id: door, name: A}]}\n"),
        ("cameras:\n- id: yard\n", "cameras:\n- id: yard\n- id: door\n  name: A\n"),
        ("cameras:\n- id: door\n  name:\n  rotate: 90\n", "cameras:\n- id: door\n  name: A\n  rotate: 90\n"),
        ("cameras:\n- name: |\n    B\n  id: door\n", "cameras:\n- name: A\n  id: door\n"),
    ],
)
def test_an_entry_is_made_where_there_is_none(text: str, expected: str) -> None:
    assert rewritten(text, "door", {"name": "A"}) == expected


def test_the_first_key_behind_the_dash_may_go() -> None:
    assert rewritten("cameras:\n  - name: B\n    id: door\n", "door", {"name": None}) == "cameras:\n  - id: door\n"


@pytest.mark.parametrize(
    "text",
    [
        "defaults: &all {rotate: 90}\ncameras:\n  - id: door\n    detect: *nothing_such\n",
        "x: &zone {points: [[0,0],[1,0],[1,1]]}\ncameras:\n  - id: door\n    zones: {porch: *zone}\n",
        "x: &base {zones: {a: {points: []}}}\ncameras:\n  - id: door\n    <<: *base\n  - *base\n",
        "cameras:\n  - id: door\n    zones: [1, 2\n",
        "- a list\n",
    ],
)
def test_what_cannot_be_changed_by_a_program_is_refused(text: str) -> None:
    with pytest.raises(NotRewritable):
        rewritten(text, "door" if "door" in text else "yard", {"zones": {"porch": {"points": SQUARE}}})


@pytest.mark.parametrize(("name", "times"), [("espcam-bridge.example.yaml", 25), ("minimal.yaml", 150)])
def test_random_changes_of_the_examples_change_what_was_asked_for(name: str, times: int) -> None:
    text = (Path("config") / name).read_text()
    dice = random.Random(20261126)  # noqa: S311 - a test's dice
    for _ in range(times):
        camera = dice.choice(["front_door", "yard", "new_one"])
        value = dice.choice(
            [
                None,
                {"max_fps": dice.randint(1, 9)},
                {"enabled": dice.random() < 0.5, "min_area": 0.25},
                {"max_fps": None},
            ]
        )
        zone = {dice.choice("abc"): dice.choice([None, {"points": SQUARE}, {"labels": ["person"]}])}
        change = dice.choice(
            [{"detect": value}, {"zones": zone}, {"masks": [SQUARE] * dice.randint(0, 2)}, {"name": "Ä: #"}]
        )
        after = rewritten(text, camera, change)
        entry = next(one for one in plain(after)["cameras"] if one["id"] == camera)
        for key, wanted in change.items():
            assert _has(entry.get(key), wanted), (change, entry)
        comments = [line.strip() for line in text.splitlines() if line.lstrip().startswith("#")]
        assert [line.strip() for line in after.splitlines() if line.lstrip().startswith("#")] == comments
        text = after


def _has(found: Any, wanted: Any) -> bool:  # noqa: ANN401 - JSON
    if wanted is None:
        return found is None
    if isinstance(wanted, dict):
        return all(_has((found or {}).get(key), inner) for key, inner in wanted.items())
    if isinstance(wanted, list):
        return found == json.loads(json.dumps(wanted), parse_int=str, parse_float=str)
    return found == (wanted if isinstance(wanted, str) else json.dumps(wanted))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "cameras:\n  - id: a\n    rotate: 90\n  # B.\n  - id: b\nhttp: {}\n",
            "cameras:\n  # B.\n  - id: b\nhttp: {}\n",
        ),
        ("cameras:\n  - id: b\n  - rotate: 90\n    id: a   # last\n# end\n", "cameras:\n  - id: b\n# end\n"),
        ("cameras:\n  - id: a   # alone\nhttp: {}\n", "cameras: []   # alone\nhttp: {}\n"),
        ('{"cameras": [{"id": "a"}, {"id": "b"}]}', '{"cameras": [{"id": "b"}]}'),
        ('{"cameras": [{"id": "b"}, {"id": "a"}]}', '{"cameras": [{"id": "b"}]}'),
        ('{"cameras": [{"id": "a"}]}', '{"cameras": []}'),
    ],
)
def test_an_entry_goes_and_nothing_else(text: str, expected: str) -> None:
    assert without(text, "a") == expected
