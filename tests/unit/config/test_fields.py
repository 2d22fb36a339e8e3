"""The kinds of values on their own, as Python code gives them (files give texts; see test_reports.py)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from bridge.config import fields
from bridge.config.fields import is_given, merged


def accepts(kind: Any, value: object) -> bool:  # noqa: ANN401 - any kind of value
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("value", "taken"),
    [(True, True), (False, False), ("auto", "auto"), ("TRUE", True), ("Off", False), ("yes", True)],
)
def test_auto_or_a_truth_value_takes_words_and_values(value: object, taken: object) -> None:
    assert TypeAdapter(fields.AutoOrBool).validate_python(value) == taken


@pytest.mark.parametrize("value", [1, 0, "1", "maybe", "", [], {}])
def test_auto_or_a_truth_value_takes_nothing_else(value: object) -> None:
    assert not accepts(fields.AutoOrBool, value)


@pytest.mark.parametrize(("value", "taken"), [("auto", "auto"), (1, 1), ("64", 64), ("007", 7)])
def test_auto_or_a_count_takes_texts_and_numbers(value: object, taken: object) -> None:
    assert TypeAdapter(fields.AutoOrCount).validate_python(value) == taken


@pytest.mark.parametrize("value", [True, 0, 65, -1, 1.0, "1.0", "x", "9" * 5000, None, []])
def test_auto_or_a_count_takes_nothing_else(value: object) -> None:
    assert not accepts(fields.AutoOrCount, value)


@pytest.mark.parametrize(("value", "taken"), [(90, 90), ("270", 270), ("0", 0)])
def test_a_rotation_is_one_of_four(value: object, taken: int) -> None:
    assert TypeAdapter(fields.Rotation).validate_python(value) == taken
    assert not accepts(fields.Rotation, 45)
    assert not accepts(fields.Rotation, "90.0")


@pytest.mark.parametrize("host", ["localhost", "192.168.1.10", "::1", "fe80::1%eth0", "ha.local", "broker", "brücke"])
def test_hosts_are_names_and_addresses(host: str) -> None:
    assert accepts(fields.Host, host)


@pytest.mark.parametrize("host", ["mqtt://broker", "broker:1883", "user@broker", "a b", "broker/", "[::1]:1883"])
def test_hosts_are_nothing_more_than_that(host: str) -> None:
    assert not accepts(fields.Host, host)


@given(st.lists(st.text("abc _-.é", min_size=1, max_size=5), min_size=1, max_size=4))
def test_any_topic_of_plain_levels_is_taken(levels: list[str]) -> None:
    assert accepts(fields.Topic, "/".join(levels))


@given(st.text("ab/", max_size=5), st.sampled_from("+#\0"), st.text("ab/", max_size=5))
def test_no_topic_with_a_wildcard_is_taken(before: str, wildcard: str, after: str) -> None:
    assert not accepts(fields.Topic, before + wildcard + after)


@given(st.text(max_size=40))
def test_a_camera_id_is_fit_for_topics_and_addresses(text: str) -> None:
    fit = 1 <= len(text) <= 32 and set(text) <= set("abcdefghijklmnopqrstuvwxyz0123456789_")
    assert accepts(fields.CameraId, text) == (fit and text != "bridge")


@pytest.mark.parametrize("token", ["x", "~!", "a" * 256])
def test_tokens_are_visible_ascii(token: str) -> None:
    assert accepts(fields.Token, token)
    assert not accepts(fields.Token, f"{token} ")
    assert not accepts(fields.Token, f"{token}ä")


def test_a_relative_file_starts_at_the_folder_of_the_configuration() -> None:
    adapter = TypeAdapter(fields.ConfigFile)
    folder = {"folder": Path("/etc/espcam-bridge")}
    assert adapter.validate_python("ca.pem", context=folder) == Path("/etc/espcam-bridge/ca.pem")
    assert adapter.validate_python("/ssl/ca.pem", context=folder) == Path("/ssl/ca.pem")
    assert adapter.validate_python("ca.pem") == Path("ca.pem")


def test_a_polygon_comes_out_without_repeated_corners() -> None:
    taken = TypeAdapter(fields.Polygon).validate_python([[0, 0], [0, 0], ["1", 0], [1, "0.5"], [0, 0]])
    assert taken == ((0, 0), (1, 0), (1, 0.5))


@pytest.mark.parametrize(("value", "given_"), [(None, False), ("", False), (0, True), (False, True), ([], True)])
def test_only_nothing_and_the_empty_text_count_as_not_written(value: object, *, given_: bool) -> None:
    assert is_given(value) is given_


TREES = st.recursive(
    st.integers() | st.none() | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
MAPPINGS = st.dictionaries(st.sampled_from("abc"), TREES, max_size=3)


@given(MAPPINGS, MAPPINGS)
def test_merging_keeps_every_key_of_both_and_a_given_value_of_the_upper_wins(
    base: dict[str, Any], over: dict[str, Any]
) -> None:
    result = merged(base, over)
    assert result.keys() == base.keys() | over.keys()
    for key, value in over.items():
        if not isinstance(value, dict) and value is not None:
            assert result[key] == value
    assert merged(base, {}) == base
    assert merged(result, over) == result
