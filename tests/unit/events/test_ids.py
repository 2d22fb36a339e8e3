from __future__ import annotations

import re
import secrets

from hypothesis import given
from hypothesis import strategies as st

from bridge.events.ids import IdMaker


def test_an_id_is_the_time_in_milliseconds_and_six_random_hex_digits() -> None:
    new_id = IdMaker(lambda bits: {24: 0x3FA4C1}[bits])
    assert new_id(1795501234.567) == "1795501234567-3fa4c1"


def test_a_small_random_number_is_padded() -> None:
    assert IdMaker(lambda _bits: 0xA)(1795501234.567).endswith("-00000a")


def test_two_events_in_one_millisecond_get_two_ids_in_order() -> None:
    new_id = IdMaker(lambda _bits: 0)
    assert [new_id(1795501234.5), new_id(1795501234.5)] == ["1795501234500-000000", "1795501234501-000000"]


def test_ids_grow_on_when_the_clock_jumps_back() -> None:
    new_id = IdMaker(lambda _bits: 0)
    assert new_id(1795501234.5) < new_id(1795501234.5 - 3600) < new_id(1795501234.5 + 1)


@given(st.lists(st.floats(0, 4e9), min_size=2, max_size=50))
def test_ids_are_unique_well_formed_and_sort_in_the_order_they_were_made(starts_s: list[float]) -> None:
    new_id = IdMaker(secrets.randbits)
    ids = [new_id(start_s) for start_s in starts_s]
    assert ids == sorted(set(ids))
    assert all(re.fullmatch(r"\d{13}-[0-9a-f]{6}", one) for one in ids)
