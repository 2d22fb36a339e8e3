"""The filters of past events: understood, or refused by name; never ignored."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model import EventQuery
from bridge.serve.eventquery import FILTERS, PAGING, is_event_id, parse_query


def test_without_a_parameter_everything_is_asked_for_fifty_at_a_time() -> None:
    assert parse_query({}) == EventQuery(limit=50)


def test_every_parameter_arrives() -> None:
    given_values = {
        "camera": ["front_door"],
        "label": ["traffic light"],
        "zone": ["porch"],
        "since": ["2025-11-25T18:30:00Z"],
        "until": ["1764095500.5"],
        "limit": ["7"],
        "cursor": ["abc"],
    }
    assert parse_query(given_values) == EventQuery(
        camera_id="front_door",
        label="traffic light",
        zone="porch",
        since_unix_s=1_764_095_400.0,
        until_unix_s=1_764_095_500.5,
        limit=7,
        cursor="abc",
    )


def test_what_a_form_leaves_empty_is_not_asked_for() -> None:
    assert parse_query({name: [""] for name in FILTERS + PAGING}) == EventQuery()


@pytest.mark.parametrize(("limit", "expected"), [("1", 1), ("500", 500), ("050", 50)])
def test_a_limit_is_from_1_to_500(limit: str, expected: int) -> None:
    assert parse_query({"limit": [limit]}).limit == expected


@pytest.mark.parametrize("limit", ["0", "501", "-1", "1.5", "ten", "1e2", "٣", "9" * 5000, " 5"])
def test_another_limit_is_refused_with_what_was_given_and_what_is_allowed(limit: str) -> None:
    with pytest.raises(ValueError, match=r"^limit: .* from 1 to 500") as caught:
        parse_query({"limit": [limit]})
    assert limit[:40] in str(caught.value)
    assert len(str(caught.value)) < 200, "however long it was"


@pytest.mark.parametrize("parameter", ["since", "until"])
def test_a_time_that_cannot_be_read_is_refused_with_what_was_given_and_what_is_allowed(parameter: str) -> None:
    with pytest.raises(ValueError, match=rf"^{parameter}: 'yesterday' cannot be read; a time is ISO 8601"):
        parse_query({parameter: ["yesterday"]})


@pytest.mark.parametrize(
    ("misspelt", "meant"), [("camra", "camera"), ("CAMERA", "camera"), ("lable", "label"), ("zones", "zone")]
)
def test_a_misspelt_filter_is_refused_and_the_nearest_named(misspelt: str, meant: str) -> None:
    with pytest.raises(ValueError, match=rf"^{misspelt}: .*did you mean {meant}\?"):
        parse_query({misspelt: ["door"]})


def test_a_parameter_that_is_like_none_is_refused_with_all_that_there_are() -> None:
    with pytest.raises(ValueError, match=r"allowed are camera, label, zone, since, until, limit, cursor$"):
        parse_query({"xyz": ["1"]})


def test_where_there_are_no_pages_a_limit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^limit: there is no such parameter here; .*allowed are camera, label, zone"):
        parse_query({"limit": ["5"]}, FILTERS)


def test_a_filter_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^camera: given 2 times"):
        parse_query({"camera": ["door", "garden"]})


@pytest.mark.parametrize("parameter", ["camera", "label", "zone"])
def test_a_name_with_a_nul_never_reaches_a_database(parameter: str) -> None:
    with pytest.raises(ValueError, match=f"^{parameter}: .*NUL"):
        parse_query({parameter: ["a\0b"]})


@given(st.dictionaries(st.sampled_from(FILTERS + PAGING) | st.text(), st.lists(st.text(), min_size=1, max_size=2)))
def test_no_parameters_whatever_they_hold_do_more_than_be_refused(parameters: dict[str, list[str]]) -> None:
    try:
        query = parse_query(parameters)
    except ValueError as error:
        assert any(str(error).startswith(name[:40]) for name in parameters)  # noqa: PT017 - others are sensible
    else:
        assert 1 <= query.limit <= 500


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("1764095400000-00ff3a", True),
        ("1764095400000-00FF3A", False),
        ("1764095400000-00ff3a\n", False),
        ("1764095400000-00ff3", False),
        ("176409540000-00ff3a", False),
        ("١٧٦٤٠٩٥٤٠٠٠٠٠-00ff3a", False),
        ("../../etc/passwd", False),
        ("", False),
    ],
)
def test_only_what_looks_like_an_events_id_is_taken_for_one(text: str, fits: bool) -> None:
    assert is_event_id(text) is fits
