from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from bridge.controls.desk import ANSWER_WITHIN_S
from bridge.errors import ControlRefused
from bridge.model import Control, ControlValue

if TYPE_CHECKING:
    from tests.unit.controls.conftest import House

_ASKED = st.one_of(
    st.tuples(st.just(Control.DETECT), st.booleans()),
    st.tuples(st.just(Control.CONFIDENCE), st.sampled_from([0.3, 0.6])),
    st.tuples(st.just(Control.QUALITY), st.sampled_from([12, 30, 99])),
    st.tuples(st.just(Control.FRAMESIZE), st.sampled_from(["VGA", "uxga"])),
    st.tuples(st.just(Control.FLASH), st.sampled_from([0, 255])),
    st.tuples(st.just(Control.RESTART), st.just(value=True)),
)
_NOT_REMEMBERED = {Control.FLASH, Control.RESTART}


class _Sequences(RuleBasedStateMachine):
    """One camera, everything that may happen to it in any order, and what must then be so."""

    new_house: ClassVar[type[House]]

    def __init__(self) -> None:
        super().__init__()
        self.house = self.new_house()
        self.house.desk.add_camera("front", {Control.DETECT: True})
        self.house.desk.greeted("front", self.house.hello())
        self.asked: dict[int, tuple[Control, ControlValue]] = {}  # by request
        self.command_of: dict[int, int] = {}  # command id → request
        self.remembered: dict[str, ControlValue] = {}

    @rule(asked=_ASKED)
    def ask(self, asked: tuple[Control, ControlValue]) -> None:
        control, value = asked
        sent_before, applied_before = len(self.house.line.sent), len(self.house.loop.applied)
        try:
            request = self.house.ask(control, value)
        except ControlRefused:
            assert len(self.house.line.sent) == sent_before
            assert len(self.house.loop.applied) == applied_before
            return
        self.asked[request] = asked
        for _, command_id, _ in self.house.line.sent[sent_before:]:
            self.command_of[command_id] = request

    @rule(data=st.data(), error=st.sampled_from(["", "", "no"]))
    def answer_any_command_again_or_for_the_first_time(self, data: st.DataObject, error: str) -> None:
        if not self.command_of:
            return
        command_id = data.draw(st.sampled_from(sorted(self.command_of)))
        request = self.command_of[command_id]
        control, value = self.asked[request]
        counts = not error and request not in self.house.answers and control not in _NOT_REMEMBERED
        self.house.desk.acknowledged("front", command_id, error)
        if counts:
            self.remembered[control.value] = str(value).upper() if control is Control.FRAMESIZE else value

    @rule()
    def let_the_loop_turn(self) -> None:
        took_over = self.house.loop.applied[len(self.house.loop.applied) - len(self.house.loop.waiting) :]
        self.house.loop.turn()
        self.remembered.update({control.value: value for _, control, value in took_over})

    @rule(seconds=st.sampled_from([0.1, 2.0, ANSWER_WITHIN_S]))
    def let_time_pass(self, seconds: float) -> None:
        self.house.clock.advance(seconds)
        self.house.desk.tick()

    @rule(there=st.booleans())
    def plug_or_unplug(self, there: bool) -> None:
        if there:
            self.house.line.connected.add("front")
        else:
            self.house.line.connected.discard("front")
            self.house.desk.left("front")

    @rule(without=st.sampled_from(["", "flash", "quality"]), legacy=st.booleans())
    def say_hello(self, without: str, legacy: bool) -> None:
        self.house.desk.greeted("front", {} if legacy else self.house.hello(without))

    @rule(quality=st.sampled_from([1, 12, 50]))
    def say_state(self, quality: int) -> None:
        self.house.desk.told_state("front", {"quality": quality})

    @invariant()
    def nobody_is_answered_twice(self) -> None:
        assert all(len(answers) == 1 for answers in self.house.answers.values())
        assert set(self.house.answers) <= set(self.asked)

    @invariant()
    def the_newest_that_was_told_is_in_force(self) -> None:
        newest = {control: value for _, control, value in self.house.audience.states}
        values = self.house.desk.values("front")
        assert values == {control: newest[control] for control in values}

    @invariant()
    def only_what_users_set_and_was_carried_out_is_remembered(self) -> None:
        kept = self.house.memory.section("controls").get("front", {})
        assert {name: entry["value"] for name, entry in kept.items()} == self.remembered

    def teardown(self) -> None:
        self.house.clock.advance(ANSWER_WITHIN_S)
        self.house.desk.tick()
        assert set(self.house.answers) == set(self.asked)
        self.nobody_is_answered_twice()


def test_whatever_happens_in_whatever_order_each_request_is_answered_exactly_once(new_house: type[House]) -> None:
    machine = type("Sequences", (_Sequences,), {"new_house": new_house})
    run_state_machine_as_test(machine, settings=settings(max_examples=150, stateful_step_count=30, deadline=None))
