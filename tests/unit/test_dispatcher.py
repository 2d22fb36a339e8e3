from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from bridge.dispatcher import Dispatcher
from bridge.errors import ConfigError, ControlRefused, UpdateRefused
from bridge.model import Control
from bridge.publish.commands import InstallUpdate, Request, SetControl
from bridge.runtime.worker import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.model import ControlValue
    from tests.conftest import WaitUntil


@dataclass
class _Desk:
    """Sets everything at once, but what it is told to refuse or to fail at."""

    refuses: str = ""
    fails: str = ""
    asked: list[tuple[str, Control, ControlValue]] = field(default_factory=list)

    def request(self, camera_id: str, control: Control, value: ControlValue, done: Callable[[str], None]) -> None:
        self.asked.append((camera_id, control, value))
        if self.refuses:
            raise ControlRefused(self.refuses)
        done(self.fails)


@dataclass
class _Updates:
    """Begins every update, but what it is told to refuse."""

    refuses: str = ""
    asked: list[str] = field(default_factory=list)

    def install(self, camera_id: str) -> None:
        self.asked.append(camera_id)
        if self.refuses:
            raise UpdateRefused(self.refuses)


@dataclass
class _House:
    desk: _Desk = field(default_factory=_Desk)
    updates: _Updates = field(default_factory=_Updates)
    answers: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    ticks: int = 0
    saved: int = 0

    def __post_init__(self) -> None:
        self.dispatcher = Dispatcher(
            desk=self.desk,
            updates=self.updates,
            requests={"health": lambda _payload: {"ready": True}, "reload": self._reload},
            respond=lambda name, answer: self.answers.append((name, answer)),
            chores=(self._tick, self._save),
            supervisor=Supervisor(),
        )

    def _reload(self, _payload: Mapping[str, Any]) -> Mapping[str, Any]:
        raise ConfigError(("bridge.yaml:3: mqtt.prt: unknown key",))

    def _tick(self) -> None:
        self.ticks += 1

    def _save(self) -> None:
        self.saved += 1


def test_a_setting_reaches_the_desk(caplog: pytest.LogCaptureFixture) -> None:
    house = _House()
    house.dispatcher.take(SetControl("door", Control.QUALITY, 12))
    house.dispatcher.turn(0.0)
    assert house.desk.asked == [("door", Control.QUALITY, 12)]
    assert caplog.messages == []
    assert house.saved == 1, "it is written down before anything else"


@pytest.mark.parametrize("desk", [_Desk(refuses="4 to 63"), _Desk(fails="4 to 63")])
def test_a_setting_that_fails_is_logged_with_its_reason(desk: _Desk, caplog: pytest.LogCaptureFixture) -> None:
    house = _House(desk)
    house.dispatcher.take(SetControl("door", Control.QUALITY, 99))
    house.dispatcher.turn(0.0)
    assert caplog.messages == ["door: quality was not set to 99: 4 to 63"]


def test_an_update_is_asked_for_and_a_refusal_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    house = _House(updates=_Updates(refuses="door is offline"))
    house.dispatcher.take(InstallUpdate("door"))
    house.dispatcher.turn(0.0)
    assert house.updates.asked == ["door"]
    assert house.ticks == 1
    assert caplog.messages == ["door: was not updated: door is offline"]


def test_a_request_is_answered_under_the_name_that_the_asker_gave_it() -> None:
    house = _House()
    house.dispatcher.take(Request("health", {"transaction": "a1"}))
    house.dispatcher.take(Request("health", {}))
    house.dispatcher.turn(0.0)
    house.dispatcher.turn(0.0)
    assert house.answers == [
        ("health", {"status": "ok", "data": {"ready": True}, "transaction": "a1"}),
        ("health", {"status": "ok", "data": {"ready": True}}),
    ]


def test_a_request_that_fails_says_why() -> None:
    house = _House()
    house.dispatcher.take(Request("reload", {}))
    house.dispatcher.turn(0.0)
    assert house.answers == [("reload", {"status": "error", "error": "bridge.yaml:3: mqtt.prt: unknown key"})]


def test_an_unknown_request_is_told_which_there_are() -> None:
    house = _House()
    house.dispatcher.take(Request("relaod", {}))
    house.dispatcher.turn(0.0)
    ((name, answer),) = house.answers
    assert name == "relaod"
    assert answer["error"] == "there is no request 'relaod'; there are: health, reload"


def test_a_flood_is_bounded_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    house = _House()
    for _ in range(1500):
        house.dispatcher.take(SetControl("door", Control.QUALITY, 12))
    assert caplog.messages == ["1000 commands wait already: more are thrown away"]
    for _ in range(1001):
        house.dispatcher.turn(0.0)
    assert len(house.desk.asked) == 1000


def test_time_passes_for_the_desk_while_nobody_asks(wait_until: WaitUntil) -> None:
    house = _House()
    house.dispatcher.start()
    wait_until(lambda: house.ticks >= 3)
    house.dispatcher.stop()
    saved = house.saved
    house.dispatcher.stop()
    assert house.saved == saved + 1
