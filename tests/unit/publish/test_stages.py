from __future__ import annotations

from bridge.publish.messages import Message, MessageKind
from bridge.publish.stages import PACE_S, Stages

A, B, C = (Message(name, b"x", MessageKind.DISCOVERY) for name in "abc")


class Bench:
    """Stages at a time that a test moves."""

    def __init__(self) -> None:
        self.stages = Stages()
        self.now_s = 100.0
        self.over: list[str] = []

    def put(self, *stages: list[Message], device: str = "yard") -> list[Message]:
        return self.stages.put(device, stages, lambda: self.over.append(device), self.now_s)

    def after(self, seconds: float, *, settled: bool = True) -> list[Message]:
        self.now_s += seconds
        messages, over = self.stages.due(self.now_s, settled=lambda: settled)
        for tell in over:
            tell()
        return messages


def test_the_first_step_goes_at_once_and_each_other_after_its_pace() -> None:
    bench = Bench()
    assert bench.put([A], [B], [C]) == [A]
    assert bench.after(PACE_S - 0.1) == []
    assert bench.after(0.1) == [B]
    assert bench.after(PACE_S - 0.1) == []
    assert bench.after(0.1) == [C]
    assert bench.after(PACE_S) == []


def test_empty_steps_take_no_time() -> None:
    bench = Bench()
    assert bench.put([], [A], [], [B]) == [A]
    assert bench.after(PACE_S) == [B]


def test_who_waits_for_the_end_is_told_once_and_only_when_all_is_heard() -> None:
    bench = Bench()
    bench.put([A])
    bench.after(PACE_S - 0.1)
    bench.after(0.2, settled=False)
    assert bench.over == []
    bench.after(1.0)
    bench.after(1.0)
    assert bench.over == ["yard"]


def test_a_newer_plan_takes_the_place_of_what_is_left_and_keeps_the_pace() -> None:
    bench = Bench()
    bench.put([A], [B])
    bench.now_s += 1.0
    assert bench.put([C]) == []
    assert bench.after(PACE_S - 2.0) == []
    assert bench.after(1.0) == [C]
    assert bench.after(PACE_S) == []


def test_devices_do_not_wait_for_each_other() -> None:
    bench = Bench()
    assert bench.put([A], device="yard") == [A]
    assert bench.put([B], device="gate") == [B]


def test_what_is_left_keeps_its_distance_from_a_repetition() -> None:
    bench = Bench()
    bench.put([A], [B])
    bench.now_s += PACE_S - 0.1
    bench.stages.hold(bench.now_s)
    assert bench.after(PACE_S - 0.1) == []
    assert bench.after(0.1) == [B]


def test_where_nobody_heard_the_last_step_nothing_is_waited_for() -> None:
    bench = Bench()
    bench.put([A])
    bench.stages.forget_pace("yard")
    bench.stages.forget_pace("nobody knows")
    assert bench.put([B]) == [B]


def test_it_says_when_it_has_something_to_do() -> None:
    bench = Bench()
    assert bench.stages.next_s(bench.now_s) is None
    bench.put([A], [B])
    assert bench.stages.next_s(bench.now_s) == bench.now_s + PACE_S
    bench.after(PACE_S)
    assert bench.stages.next_s(bench.now_s) == bench.now_s + PACE_S, "for the end"
    bench.after(PACE_S)
    assert bench.stages.next_s(bench.now_s) is None
    assert bench.over == ["yard"]
