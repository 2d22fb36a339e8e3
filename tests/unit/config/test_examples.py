"""The files that users start from, and what becomes of them in clumsy hands."""

from __future__ import annotations

import re
import string
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import bridge.config
from bridge.config.loader import load_config
from bridge.config.schema import Config

if TYPE_CHECKING:
    from tests.unit.config.conftest import Files

EXAMPLES = Path(__file__).parents[3] / "config"
SCHEMA_SECTIONS = Config.model_json_schema()["$defs"].values()


@pytest.mark.parametrize(
    ("name", "cameras"), [("espcam-bridge.example.yaml", ["camera"]), ("minimal.yaml", ["front_door"])]
)
def test_the_examples_are_valid(name: str, cameras: list[str]) -> None:
    assert [camera.id for camera in load_config(EXAMPLES / name, {}).first_cameras()] == cameras


def test_the_starter_in_the_package_is_the_commented_example() -> None:
    starter = Path(bridge.config.__file__).with_name("starter.yaml")
    assert starter.read_bytes() == (EXAMPLES / "espcam-bridge.example.yaml").read_bytes()


def test_the_example_as_it_comes_changes_nothing() -> None:
    assert load_config(EXAMPLES / "espcam-bridge.example.yaml", {}) == Config()


def test_the_example_with_every_option_switched_on_shows_the_defaults(files: Files, full_text: str) -> None:
    config = files.load(full_text)
    assert config.model_dump(exclude={"defaults", "cameras"}) == Config().model_dump(exclude={"defaults", "cameras"})
    (camera,) = config.cameras
    assert camera.model_dump(exclude={"zones"}) == Config().camera_for("front_door").model_dump(exclude={"zones"})
    assert list(camera.zones) == ["porch"]


def test_the_example_mentions_every_key_and_explains_it(example_text: str, full_text: str) -> None:
    keys = {key for section in SCHEMA_SECTIONS for key in section["properties"]} | set(Config.model_fields)
    assert {key for key in keys if not re.search(rf"(?m)^[ -]*{key}:", full_text)} == set()
    explained = example_text.count("\n") - full_text.count("\n")
    assert explained > full_text.count("\n") / 2


def test_the_example_fits_a_terminal(example_text: str) -> None:
    assert max(map(len, example_text.splitlines())) <= 120


LINE = re.compile(r"^(?P<before>[ -]*)(?P<key>\w+):(?P<value>.*)$")
JUNK = st.one_of(
    st.sampled_from(["[]", "{}", "[[1]]", "{a: b}", "-1", "1e999", ".nan", "no", "!secret x", "!env X", "*x", "&x 1"]),
    st.text(alphabet=string.printable, max_size=12),
    st.text(max_size=6),
)
MUTATIONS = st.lists(
    st.tuples(st.sampled_from(["delete", "rename", "replace", "insert", "indent"]), st.integers(0, 200), JUNK),
    min_size=1,
    max_size=4,
)


def mutate(lines: list[str], how: str, where: int, junk: str) -> list[str]:
    where %= len(lines)
    line = lines[where]
    found = LINE.match(line)
    before, key = (found["before"], found["key"]) if found else ("", line)
    changed = {
        "delete": [],
        "rename": [f"{before}{key[1:]}{junk[:1]}:{found['value'] if found else ''}"],
        "replace": [f"{before}{key}: {junk}"],
        "insert": [line, f"{before}{junk}"],
        "indent": [f" {line}"],
    }
    return [*lines[:where], *changed[how], *lines[where + 1 :]] or [""]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MUTATIONS)
def test_no_mutation_of_the_example_ends_in_anything_but_settings_or_problems_with_a_line(
    files: Files, full_text: str, mutations: list[tuple[str, int, str]]
) -> None:
    lines = full_text.splitlines()
    for how, where, junk in mutations:
        lines = mutate(lines, how, where, junk)
    text = "\n".join(lines)
    for problem in files.tried(text.encode("utf-8", "surrogatepass")):
        assert re.fullmatch(rf"{re.escape(str(files.path))}:\d+: [^\n]+", problem)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60))
def test_no_bytes_end_in_anything_but_settings_or_problems_with_a_line(files: Files, data: bytes) -> None:
    assert all(problem.startswith(f"{files.path}:") for problem in files.tried(data))
