from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from bridge.model import Control
from bridge.publish.commands import Request, SetControl
from bridge.publish.connection import Received
from bridge.publish.reception import Reception
from bridge.runtime.clock import ManualClock

if TYPE_CHECKING:
    from bridge.publish.commands import Command

STATUS = "homeassistant/status"


class Desk:
    """A reception, and what it passed on."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.commands: list[Command] = []
        self.reception = Reception("espcam", STATUS, self.commands.append, self.clock)

    def hear(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        assert self.reception.knows(topic)
        return self.reception.hear(Received(topic, payload, retain))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_home_assistants_birth_is_no_command(desk: Desk) -> None:
    assert desk.hear(STATUS, b"online")
    assert desk.commands == []


@pytest.mark.parametrize(("payload", "retain"), [(b"offline", False), (b"", False), (b"online", True)])
def test_nothing_else_is_a_birth(desk: Desk, payload: bytes, retain: bool) -> None:
    assert not desk.hear(STATUS, payload, retain=retain)


def test_commands_are_passed_on(desk: Desk) -> None:
    assert not desk.hear("espcam/yard/detect/set", b"OFF")
    assert not desk.hear("espcam/bridge/request/reload", b"")
    assert desk.commands == [SetControl("yard", Control.DETECT, value=False), Request("reload")]


def test_commands_are_not_kept_for_a_bridge_that_is_away(desk: Desk) -> None:
    qos = dict(desk.reception.subscriptions)
    assert qos == {STATUS: 1, "espcam/+/+/set": 0, "espcam/bridge/request/+": 0}


def test_a_retained_command_is_never_carried_out_and_that_is_said_once(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        desk.hear("espcam/yard/restart/set", b"PRESS", retain=True)
    assert desk.commands == []
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "espcam/yard/restart/set" in caplog.text
    assert "without retain" in caplog.text


def test_what_cannot_be_read_is_complained_of_once_a_minute(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    for wait_s in (0, 1, 58, 1.1):
        desk.clock.advance(wait_s)
        desk.hear("espcam/yard/detect/set", b"perhaps")
    assert len(caplog.records) == 2
    assert "espcam/yard/detect/set: 'perhaps' is not allowed; ON or OFF is" in caplog.text


def test_a_bridge_that_takes_no_commands_does_not_ask_for_them() -> None:
    reception = Reception("espcam", "", None, ManualClock())
    assert reception.subscriptions == ()
    assert not reception.knows("espcam/yard/detect/set")
