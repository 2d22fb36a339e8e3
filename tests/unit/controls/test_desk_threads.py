from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from bridge.controls.desk import ControlDesk
from bridge.controls.fake import FakeAudience, FakeLine
from bridge.model import Control, ControlValue
from bridge.runtime.clock import SystemClock
from bridge.runtime.statefile import StateFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.controls.conftest import House

_CAMERAS = [f"camera{number}" for number in range(4)]
_REQUESTS = 150


def _run(*bodies: Callable[[], None]) -> None:
    threads = [threading.Thread(target=body) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)


class _Others:
    """Cameras and an inference loop in threads of their own that answer what they were sent, in order."""

    def __init__(self) -> None:
        self.desk: ControlDesk | None = None
        self.stop = threading.Event()
        self.line = FakeLine(set(_CAMERAS))
        self.waiting: list[Callable[[], None]] = []

    def apply(self, _camera_id: str, _control: Control, _value: ControlValue, took: Callable[[], None], /) -> None:
        self.waiting.append(took)

    def answer(self) -> None:
        assert self.desk is not None
        answered = taken = 0
        while not (self.stop.is_set() and answered == len(self.line.sent) and taken == len(self.waiting)):
            for camera_id, command_id, _ in self.line.sent[answered:]:
                self.desk.acknowledged(camera_id, command_id, "" if command_id % 5 else "no")
                answered += 1
            for took in self.waiting[taken:]:
                took()
                taken += 1
            self.desk.tick()
            time.sleep(0)


def test_many_threads_at_once_get_one_answer_each_and_the_newest_told_is_in_force(new_house: type[House]) -> None:
    others, audience = _Others(), FakeAudience()
    desk = ControlDesk(
        line=others.line, apply=others.apply, audience=audience, memory=StateFile(None), clock=SystemClock()
    )
    others.desk = desk
    answers: list[list[str]] = []
    hello = new_house().hello
    for camera_id in _CAMERAS:
        desk.add_camera(camera_id, {Control.DETECT: True})
        desk.greeted(camera_id, hello())

    def ask() -> None:
        for number in range(_REQUESTS):
            mine: list[str] = []
            answers.append(mine)
            control, value = [(Control.QUALITY, 4 + number % 60), (Control.DETECT, number % 4 == 1)][number % 2]
            desk.request(_CAMERAS[number % len(_CAMERAS)], control, value, mine.append)

    def disturb() -> None:
        for number in range(_REQUESTS):
            camera_id = _CAMERAS[number % len(_CAMERAS)]
            desk.told_state(camera_id, {"quality": 4 + number % 60})
            desk.welcome_values(camera_id)
            if number % 10 == 0:
                desk.left(camera_id)
                desk.greeted(camera_id, hello(*(["flash"] if number % 20 else [])))

    def ask_all() -> None:
        _run(ask, ask, ask, disturb)
        others.stop.set()

    _run(ask_all, others.answer, others.answer)
    assert len(answers) == 3 * _REQUESTS
    assert {len(mine) for mine in answers} == {1}
    newest = {(camera_id, control): value for camera_id, control, value in audience.states}
    for camera_id in _CAMERAS:
        for control, value in desk.values(camera_id).items():
            assert newest[camera_id, control] == value


def test_commands_of_many_threads_go_out_in_the_order_of_their_numbers(new_house: type[House]) -> None:
    line = FakeLine({"front"})
    desk = ControlDesk(
        line=line,
        apply=lambda *_: None,
        audience=FakeAudience(),
        memory=StateFile(None),
        clock=SystemClock(),
    )
    line.on_send = lambda camera_id, command_id: desk.acknowledged(camera_id, command_id, "")
    desk.add_camera("front", {})
    desk.greeted("front", new_house().hello())

    def ask() -> None:
        for number in range(_REQUESTS):
            desk.request("front", Control.FLASH, number, lambda _error: None)

    _run(ask, ask, ask, ask)
    numbers = [command_id for _, command_id, _ in line.sent]
    assert numbers
    assert numbers == sorted(set(numbers))
