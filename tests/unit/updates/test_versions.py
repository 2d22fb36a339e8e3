from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.updates.versions import is_newer, is_version

IN_ORDER = [
    "0.9",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-beta.2",
    "1.0.0-rc2",
    "1.0.0-rc10",
    "1.0.0",
    "1.0.1",
    "1.2",
    "1.10.0",
    "v2",
    "10.0",
]


def test_of_any_two_the_later_one_is_newer() -> None:
    for place, version in enumerate(IN_ORDER):
        for other_place, other in enumerate(IN_ORDER):
            assert is_newer(version, other) == (place > other_place), (version, other)


@pytest.mark.parametrize(("one", "other"), [("1.0", "1.0.0"), ("v1.2.3", "1.2.3"), ("1.0.0+abc", "1.0.0+def")])
def test_two_spellings_of_one_version_are_the_same(one: str, other: str) -> None:
    assert not is_newer(one, other)
    assert not is_newer(other, one)


@pytest.mark.parametrize("word", ["dev", "", "1.", "1..2", "one.2", "1.0-", "²"])
def test_what_is_no_version_is_neither_newer_nor_older(word: str) -> None:
    assert not is_version(word)
    assert not is_newer(word, "1.0.0")
    assert not is_newer("1.0.0", word)


@pytest.mark.hypothesis
@given(st.text(max_size=20), st.text(max_size=20))
def test_no_two_texts_are_newer_than_each_other(one: str, other: str) -> None:
    assert not (is_newer(one, other) and is_newer(other, one))
