from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from bridge.model import CONTROL_RANGES, Control, Offer
from bridge.publish.commands import SetControl, filters, parse
from bridge.publish.controls import control_state, parts
from bridge.publish.sweep import fits

if TYPE_CHECKING:
    from bridge.model import ControlValue

ALL = Offer(tuple(Control), ("QVGA", "VGA", "QVGA"))


def configs(offer: Offer) -> dict[str, dict[str, Any]]:
    return {part.key: {"p": part.platform, **part.config} for part in parts("espcam/yard", offer)}


def state(control: Control, value: ControlValue) -> bytes:
    message = control_state("espcam", "yard", control, value)
    assert message is not None
    assert (message.topic, message.retain, message.qos) == (f"espcam/yard/{control}/state", True, 1)
    return message.payload


def test_only_what_is_offered_can_be_set() -> None:
    assert configs(Offer()).keys() == {"detect", "confidence"}
    assert configs(Offer((Control.FLASH,))).keys() == {"flash"}
    assert configs(ALL).keys() == set(Control)


def test_a_choice_without_anything_to_choose_from_is_left_out() -> None:
    assert "framesize" not in configs(Offer(tuple(Control)))
    assert configs(ALL)["framesize"]["options"] == ["QVGA", "VGA"]


@pytest.mark.parametrize("control", [control for control in CONTROL_RANGES if control is not Control.FLASH])
def test_a_number_has_the_limits_that_everybody_keeps_to(control: Control) -> None:
    config, limits = configs(ALL)[control], CONTROL_RANGES[control]
    assert config["p"] == "number"
    assert (config["min"], config["max"], config["step"]) == (limits.low, limits.high, limits.step)


@pytest.mark.parametrize("control", list(Control))
def test_every_control_commands_what_the_bridge_listens_to_and_shows_only_what_it_tells(control: Control) -> None:
    config = configs(ALL)[control]
    assert any(fits(wanted, config["command_topic"]) for wanted in filters("espcam"))
    told = control_state("espcam", "yard", control, 1)
    assert config.get("state_topic") == (told.topic if told else None)
    assert not config.get("optimistic")


@pytest.mark.parametrize(
    ("control", "value", "payload"),
    [
        (Control.DETECT, True, b"ON"),
        (Control.DETECT, False, b"OFF"),
        (Control.CONFIDENCE, 0.35, b"0.35"),
        (Control.CONFIDENCE, 0.1 + 0.2, b"0.3"),
        (Control.MAX_FPS, 5.0, b"5"),
        (Control.MAX_FPS, 7.5, b"7.5"),
        (Control.QUALITY, 12, b"12"),
        (Control.FRAMESIZE, "SVGA", b"SVGA"),
    ],
)
def test_a_value_is_told_as_people_would_write_it(control: Control, value: ControlValue, payload: bytes) -> None:
    assert state(control, value) == payload


def test_the_lamp_is_told_in_home_assistants_own_form() -> None:
    assert json.loads(state(Control.FLASH, 77)) == {"state": "ON", "brightness": 77, "color_mode": "brightness"}
    assert json.loads(state(Control.FLASH, 0)) == {"state": "OFF"}


def test_a_push_leaves_no_state() -> None:
    assert control_state("espcam", "yard", Control.RESTART, value=True) is None


@pytest.mark.parametrize(
    ("control", "value"),
    [
        (Control.DETECT, True),
        (Control.CONFIDENCE, 0.35),
        (Control.QUALITY, 12),
        (Control.FRAMESIZE, "VGA"),
        (Control.FLASH, 77),
        (Control.FLASH, 0),
        (Control.MAX_FPS, 7.5),
    ],
)
def test_what_is_told_could_be_commanded_again(control: Control, value: ControlValue) -> None:
    topic = f"espcam/yard/{control}/set"
    assert parse("espcam", topic, state(control, value)) == SetControl("yard", control, value)
