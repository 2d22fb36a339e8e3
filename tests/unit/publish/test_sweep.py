from __future__ import annotations

import pytest

from bridge.publish.stages import PACE_S
from bridge.publish.sweep import Step, Sweep, fits


@pytest.mark.parametrize(
    ("wanted", "topic", "expected"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/b/c", False),
        ("a/+", "a/b", True),
        ("a/+", "a", False),
        ("a/+/c", "a/b/c", True),
        ("a/+/c", "a/b/d", False),
        ("a/#", "a/b/c", True),
        ("a/#", "a", True),
        ("a/#", "b/c", False),
        ("#", "a/b", True),
        ("a/b", "a", False),
    ],
)
def test_a_filter_fits_as_the_standard_says(wanted: str, topic: str, expected: bool) -> None:
    assert fits(wanted, topic) is expected


@pytest.fixture
def sweep() -> Sweep:
    made = Sweep()
    made.add(["config"], ["cam/#"])
    made.begin(100.0)
    return made


def test_discovery_is_swept_first_then_what_the_entities_read_then_nothing_is_asked_for(sweep: Sweep) -> None:
    assert sweep.due(100.0) == Step(("config",), ())
    assert sweep.due(100.0 + PACE_S - 0.1) == Step()
    assert sweep.due(100.0 + PACE_S) == Step(("cam/#",), ("config",))
    assert sweep.due(100.0 + 2 * PACE_S) == Step((), ("cam/#",))
    assert sweep.due(100.0 + 3 * PACE_S) == Step()
    assert sweep.next_s() is None


def test_only_what_is_asked_for_is_emptied(sweep: Sweep) -> None:
    assert not sweep.wants("config")
    sweep.due(100.0)
    assert sweep.wants("config")
    assert not sweep.wants("cam/person")
    sweep.due(100.0 + PACE_S)
    assert sweep.wants("cam/person")
    assert not sweep.wants("config")


def test_each_connection_begins_anew(sweep: Sweep) -> None:
    sweep.due(100.0)
    sweep.begin(200.0)
    assert sweep.due(200.0) == Step(("config",), ())


def test_what_an_earlier_connection_asked_for_is_not_asked_for_for_ever(sweep: Sweep) -> None:
    sweep.due(100.0)
    sweep.due(100.0 + PACE_S)
    sweep.begin(200.0)
    assert sweep.due(200.0) == Step(("config",), ("cam/#",))


def test_what_belongs_to_something_again_is_spared_at_once(sweep: Sweep) -> None:
    sweep.due(100.0)
    sweep.spare(["config", "cam/#"])
    assert not sweep.wants("config")
    assert sweep.due(100.0 + PACE_S) == Step((), ("config",))


def test_something_more_to_sweep_begins_at_the_first_step(sweep: Sweep) -> None:
    for number in range(4):
        sweep.due(100.0 + number * PACE_S)
    sweep.add(["other"])
    assert sweep.next_s() is not None
    assert sweep.due(200.0) == Step(("config", "other"), ())


def test_it_says_when_it_has_something_to_do(sweep: Sweep) -> None:
    assert sweep.next_s() == 100.0
    sweep.due(100.0)
    assert sweep.next_s() == 100.0 + PACE_S
    assert Sweep().next_s() is None
