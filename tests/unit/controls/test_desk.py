from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.controls.desk import ANSWER_WITHIN_S, MAX_WAITING
from bridge.errors import ControlRefused
from bridge.model import Control, ControlValue, Offer, Wishes

if TYPE_CHECKING:
    from tests.unit.controls.conftest import House

_THE_CAMERAS: list[tuple[Control, ControlValue]] = [
    (Control.FLASH, 128),
    (Control.FRAMESIZE, "UXGA"),
    (Control.QUALITY, 12),
    (Control.MAX_FPS, 2.5),
]


# --- Rule 1: what can never work, and one answer to all else -------------------------------------------------------


@pytest.mark.parametrize(
    ("camera_id", "control", "value", "why"),
    [
        ("shed", Control.DETECT, True, "there is no camera shed"),
        ("front", Control.QUALITY, 3, "a whole number from 4 to 63"),
        ("front", Control.FRAMESIZE, "8K", "one of QVGA, VGA, UXGA"),
    ],
)
def test_what_can_never_work_is_refused_at_once_and_not_answered_again(
    house: House, camera_id: str, control: Control, value: object, why: str
) -> None:
    with pytest.raises(ControlRefused, match=why):
        house.ask(control, value, camera_id)
    house.clock.advance(60)
    house.desk.tick()
    assert (house.line.sent, house.loop.applied, house.answers) == ([], [], {})


def test_a_control_that_the_camera_lacks_is_refused_with_what_it_offers(house: House) -> None:
    house.desk.greeted("front", {})
    with pytest.raises(ControlRefused, match="it offers detect, confidence"):
        house.ask(Control.FLASH, 1)


# --- Rules 2, 3, 4: carried out by the camera ----------------------------------------------------------------------


@pytest.mark.parametrize(("control", "value"), _THE_CAMERAS)
def test_a_cameras_control_is_sent_and_takes_effect_with_the_acknowledgement(
    house: House, control: Control, value: ControlValue
) -> None:
    request = house.ask(control, value)
    assert [(camera_id, values) for camera_id, _, values in house.line.sent] == [("front", {control.value: value})]
    assert (house.answers, house.told) == ({}, [])
    house.acknowledge()
    assert house.answers == {request: [""]}
    assert house.told == [(control, value)]
    assert house.desk.values("front")[control] == value


def test_a_camera_that_is_not_there_is_said_to_be_so_at_once(house: House) -> None:
    house.line.connected.clear()
    for control, value in [*_THE_CAMERAS, (Control.RESTART, True)]:
        request = house.ask(control, value)
        assert house.answers[request] == [
            "front is offline, or takes no commands: see that it has power and Wi-Fi, and try again"
        ]
    assert house.told == []


def test_an_error_changes_nothing(house: House) -> None:
    before = dict(house.desk.values("front"))
    request = house.ask(Control.QUALITY, 12)
    house.acknowledge("sensor busy")
    assert house.answers == {request: ["front refused: sensor busy"]}
    assert (house.told, house.desk.values("front")) == ([], before)
    assert house.memory.section("controls") == {}


def test_no_answer_in_time_changes_nothing_and_a_late_one_comes_to_nobody(house: House) -> None:
    request = house.ask(Control.QUALITY, 12)
    house.clock.advance(ANSWER_WITHIN_S - 0.01)
    house.desk.tick()
    assert house.answers == {}
    house.clock.advance(0.01)
    house.desk.tick()
    assert house.answers == {
        request: ["front did not answer within 5 s: its Wi-Fi may be weak; try again, or restart it"]
    }
    house.acknowledge()
    assert len(house.answers[request]) == 1
    assert house.told == []
    assert house.memory.section("controls") == {}


def test_the_end_of_the_connection_fails_what_the_camera_was_to_answer(house: House) -> None:
    camera, own = house.ask(Control.QUALITY, 12), house.ask(Control.DETECT, value=False)
    house.desk.left("front")
    assert house.answers == {camera: ["front went away before it answered; try again when it is back"]}
    house.loop.turn()
    assert house.answers[own] == [""]


def test_one_camera_cannot_answer_for_another(house: House) -> None:
    house.desk.add_camera("back", {})
    house.ask(Control.QUALITY, 12)
    house.acknowledge(camera_id="back")
    house.desk.left("back")
    assert house.answers == {}


def test_a_camera_cannot_answer_for_the_bridge(house: House) -> None:
    house.ask(Control.DETECT, value=False)
    for number in range(10):
        house.desk.acknowledged("front", number, "")
    assert house.answers == {}


# --- Rules 2, 4, 10: carried out by the bridge ---------------------------------------------------------------------


@pytest.mark.parametrize(("control", "value"), [(Control.DETECT, False), (Control.CONFIDENCE, 0.6)])
def test_the_bridges_own_control_takes_effect_when_the_loop_took_it_camera_or_not(
    house: House, control: Control, value: ControlValue
) -> None:
    house.line.connected.clear()
    request = house.ask(control, value)
    assert house.loop.applied == [("front", control, value)]
    assert (house.answers, house.told) == ({}, [])
    house.loop.turn()
    assert house.answers == {request: [""]}
    assert house.told == [(control, value)]
    assert house.line.sent == []


def test_a_loop_that_is_too_late_for_an_answer_has_it_in_force_told_and_remembered(house: House) -> None:
    request = house.ask(Control.DETECT, value=False)
    house.clock.advance(ANSWER_WITHIN_S)
    house.desk.tick()
    assert house.answers[request] == [
        "the detector did not take detect over within 5 s: it is busy or still loading, and will"
    ]
    assert house.told == []
    house.loop.turn()
    assert len(house.answers[request]) == 1
    assert house.told == [(Control.DETECT, False)]
    assert house.restarted().desk.values("front")[Control.DETECT] is False


def test_a_loop_that_calls_back_twice_brings_no_old_value_back(house: House) -> None:
    house.ask(Control.DETECT, value=False)
    took = house.loop.waiting[0]
    took()
    house.ask(Control.DETECT, value=True)
    house.loop.turn()
    took()
    assert house.desk.values("front")[Control.DETECT] is True
    assert [len(answers) for answers in house.answers.values()] == [1, 1]


# --- Rule 5: nothing supersedes ------------------------------------------------------------------------------------


def test_each_request_for_the_same_control_is_sent_and_answered_in_order(house: House) -> None:
    first, second = house.ask(Control.QUALITY, 12), house.ask(Control.QUALITY, 30)
    assert [values for _, _, values in house.line.sent] == [{"quality": 12}, {"quality": 30}]
    for _, command_id, _ in house.line.sent:
        house.desk.acknowledged("front", command_id, "")
    assert list(house.answers) == [first, second]
    assert house.told == [(Control.QUALITY, 12), (Control.QUALITY, 30)]
    assert house.desk.values("front")[Control.QUALITY] == 30


def test_a_flood_of_commands_is_turned_away_until_some_are_answered(house: House) -> None:
    house.desk.add_camera("back", {})
    for _ in range(MAX_WAITING):
        house.ask(Control.QUALITY, 12)
    one_too_many = house.ask(Control.QUALITY, 12)
    assert house.answers[one_too_many] == ["front has 32 commands to answer already; try again in 5 s"]
    assert len(house.line.sent) == MAX_WAITING
    house.ask(Control.DETECT, value=False, camera_id="back")
    assert len(house.loop.applied) == 1
    house.acknowledge()
    house.ask(Control.QUALITY, 12)
    assert len(house.line.sent) == MAX_WAITING + 1


# --- Rule 6: the camera knows best ---------------------------------------------------------------------------------


def test_what_a_camera_says_of_its_settings_is_told_and_not_remembered(house: House) -> None:
    house.desk.told_state("front", {"framesize": "vga", "quality": 20, "max_fps": 5, "fps": 4.8, "flash": 0})
    expected = {Control.FRAMESIZE: "VGA", Control.QUALITY: 20, Control.MAX_FPS: 5.0, Control.FLASH: 0}
    assert dict(house.told) == expected
    assert expected.items() <= house.desk.values("front").items()
    assert house.memory.section("controls") == {}


def test_what_a_control_cannot_show_is_left_out(house: House) -> None:
    house.desk.greeted("front", house.hello("flash"))
    house.desk.told_state(
        "front", {"framesize": "8K", "quality": 1, "max_fps": None, "flash": 5, "detect": False, "restart": True}
    )
    assert house.told == []


def test_a_users_wish_outlives_what_the_camera_says(house: House) -> None:
    house.ask(Control.QUALITY, 12)
    house.acknowledge()
    house.desk.told_state("front", {"quality": 40})
    assert house.desk.values("front")[Control.QUALITY] == 40
    assert house.desk.welcome_values("front")["quality"] == 12


# --- Rule 7: restart -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["acknowledged", "left", "hello"])
def test_a_restart_is_carried_out_when_the_camera_says_so_goes_or_comes_back(house: House, how: str) -> None:
    request = house.ask(Control.RESTART, value=True)
    assert [values for _, _, values in house.line.sent] == [{}]
    match how:
        case "acknowledged":
            house.acknowledge()
        case "left":
            house.desk.left("front")
        case _:
            house.desk.greeted("front", house.hello())
    assert house.answers == {request: [""]}
    house.desk.left("front")
    house.desk.greeted("front", house.hello())
    assert house.answers == {request: [""]}
    assert house.told == []
    assert house.memory.section("controls") == {}
    assert Control.RESTART not in house.desk.values("front")


def test_a_restart_that_the_camera_refuses_or_ignores_is_no_success(house: House) -> None:
    refused = house.ask(Control.RESTART, value=True)
    house.acknowledge("not now")
    ignored = house.ask(Control.RESTART, value=True)
    house.clock.advance(ANSWER_WITHIN_S)
    house.desk.tick()
    house.desk.left("front")
    assert house.answers[refused] == ["front refused: not now"]
    assert "did not answer" in house.answers[ignored][0]


def test_a_hello_alone_answers_no_other_command(house: House) -> None:
    house.ask(Control.QUALITY, 12)
    house.desk.greeted("front", house.hello())
    assert house.answers == {}


# --- Rules 4, 8: what is remembered --------------------------------------------------------------------------------


def test_what_users_set_is_there_after_a_restart_of_the_bridge(house: House) -> None:
    house.ask(Control.DETECT, value=False)
    house.ask(Control.CONFIDENCE, 0.6)
    house.loop.turn()
    again = house.restarted()
    assert again.loop.applied == [("front", Control.DETECT, False), ("front", Control.CONFIDENCE, 0.6)]
    assert again.told == [(Control.DETECT, False), (Control.CONFIDENCE, 0.6)]
    again.loop.turn()
    assert again.told == []
    assert again.answers == {}


def test_nothing_set_means_what_is_configured_is_told_and_nothing_applied(house: House) -> None:
    again = house.restarted()
    assert again.told == [(Control.DETECT, True), (Control.CONFIDENCE, 0.25)]
    assert again.loop.applied == []
    assert house.restarted({}).told == []


def test_a_configured_value_that_its_control_cannot_show_is_not_told(house: House) -> None:
    again = house.restarted({Control.DETECT: True, Control.CONFIDENCE: 0.99})
    assert again.told == [(Control.DETECT, True)]


def test_a_lamp_that_was_on_is_not_remembered(house: House) -> None:
    house.ask(Control.FLASH, 255)
    house.acknowledge()
    assert house.memory.section("controls") == {}


def test_a_configuration_that_changed_wins_and_what_was_set_is_forgotten(house: House) -> None:
    house.ask(Control.CONFIDENCE, 0.6)
    house.ask(Control.DETECT, value=False)
    house.loop.turn()
    changed = {Control.DETECT: True, Control.CONFIDENCE: 0.5, Control.MAX_FPS: 10.0}
    again = house.restarted(changed)
    assert dict(again.told) == {Control.DETECT: False, Control.CONFIDENCE: 0.5}
    assert dict(house.restarted().told) == {Control.DETECT: False, Control.CONFIDENCE: 0.25}


def test_a_new_configuration_while_the_bridge_runs_counts_at_once(house: House) -> None:
    house.ask(Control.CONFIDENCE, 0.6)
    house.loop.turn()
    house.desk.told_state("front", {"quality": 20})
    house.audience.states.clear()
    house.desk.add_camera("front", {Control.DETECT: True, Control.CONFIDENCE: 0.4})
    assert house.told == [(Control.DETECT, True), (Control.CONFIDENCE, 0.4)]
    assert house.desk.values("front")[Control.QUALITY] == 20


@pytest.mark.parametrize("kept", [None, [], {"detect": None}, {"detect": {"value": "off", "configured": True}}, 5])
def test_a_memory_that_cannot_be_used_is_as_if_nothing_was_set(house: House, kept: object) -> None:
    house.memory.put("controls", "front", kept)
    house.memory.put("offers", "front", kept)
    again = house.restarted()
    assert again.told == [(Control.DETECT, True), (Control.CONFIDENCE, 0.25)]
    assert again.desk.offer("front") == Offer()


# --- Rule 9: the welcome -------------------------------------------------------------------------------------------


def test_a_camera_is_welcomed_with_what_is_configured(house: House) -> None:
    assert house.desk.welcome_values("front") == {"max_fps": 10.0}
    assert house.desk.welcome_values("shed") == {}


def test_what_users_set_is_in_the_welcome_also_after_a_restart_of_the_bridge(house: House) -> None:
    for control, value in _THE_CAMERAS:
        house.ask(control, value)
        house.acknowledge()
    expected = {"framesize": "UXGA", "quality": 12, "max_fps": 2.5}
    assert house.desk.welcome_values("front") == expected
    assert house.restarted().desk.welcome_values("front") == expected


def test_a_wish_that_this_camera_cannot_take_is_left_out_until_one_can(house: House) -> None:
    house.ask(Control.FRAMESIZE, "UXGA")
    house.acknowledge()
    house.desk.greeted("front", house.hello("max_fps", framesizes=["QVGA"]))
    assert house.desk.welcome_values("front") == {"max_fps": 10.0}
    house.desk.greeted("front", house.hello())
    assert house.desk.welcome_values("front") == {"framesize": "UXGA", "max_fps": 10.0}


# --- Offers --------------------------------------------------------------------------------------------------------


def test_a_hello_that_says_something_new_is_told_once_and_remembered(house: House) -> None:
    house.desk.told_state("front", {"flash": 7, "quality": 12})
    house.desk.greeted("front", house.hello())
    assert house.audience.offers == []
    house.desk.greeted("front", house.hello("flash"))
    house.desk.greeted("front", house.hello("flash"))
    offer = house.desk.offer("front")
    assert Control.FLASH not in offer.controls
    assert house.audience.offers == [("front", offer)]
    assert Control.FLASH not in house.desk.values("front")
    assert house.desk.values("front")[Control.QUALITY] == 12
    assert house.restarted().desk.offer("front") == offer


def test_the_offer_of_the_last_run_is_there_before_the_camera_is(house: House) -> None:
    again = house.restarted()
    assert Control.FLASH in again.desk.offer("front").controls
    again.desk.greeted("front", again.hello())
    assert again.audience.offers == []


def test_a_board_with_the_first_sketch_on_it_offers_nothing_any_more(house: House) -> None:
    house.desk.greeted("front", {})
    assert house.audience.offers == [("front", Offer())]
    assert house.memory.section("offers") == {}


# --- Cameras that come and go --------------------------------------------------------------------------------------


def test_a_camera_that_is_not_known_is_passed_over(house: House) -> None:
    house.desk.greeted("shed", house.hello())
    house.desk.told_state("shed", {"quality": 12})
    house.desk.acknowledged("shed", 1, "")
    house.desk.left("shed")
    assert (house.audience.states, house.audience.offers) == ([], [])
    assert (house.desk.values("shed"), house.desk.offer("shed")) == ({}, Offer())


def test_a_camera_that_is_forgotten_leaves_nothing_behind(house: House) -> None:
    house.ask(Control.QUALITY, 12)
    house.acknowledge()
    waiting, own = house.ask(Control.QUALITY, 13), house.ask(Control.DETECT, value=False)
    house.audience.states.clear()
    house.desk.forget("front")
    assert house.answers[waiting] == house.answers[own] == ["front was removed from the bridge"]
    house.loop.turn()
    assert house.told == []
    assert house.memory.section("controls") == house.memory.section("offers") == {}
    with pytest.raises(ControlRefused, match="there is no camera front"):
        house.ask(Control.QUALITY, 12)


def test_what_the_old_camera_of_a_name_left_does_not_reach_the_new_one(house: House) -> None:
    house.ask(Control.DETECT, value=False)
    house.desk.forget("front")
    house.desk.add_camera("front", {Control.DETECT: True})
    house.loop.turn()
    assert house.desk.values("front") == {Control.DETECT: True}


# --- Calls from inside calls ---------------------------------------------------------------------------------------


def test_a_camera_that_answers_before_it_was_sent_to_is_answered_once(house: House) -> None:
    house.line.on_send = lambda camera_id, command_id: house.desk.acknowledged(camera_id, command_id, "")
    request = house.ask(Control.QUALITY, 12)
    assert house.answers == {request: [""]}
    assert house.told == [(Control.QUALITY, 12)]


def test_whoever_is_answered_may_ask_again_at_once(house: House) -> None:
    house.line.on_send = lambda camera_id, command_id: house.desk.acknowledged(camera_id, command_id, "")
    asked: list[int] = []
    house.desk.request("front", Control.QUALITY, 12, lambda _error: asked.append(house.ask(Control.QUALITY, 30)))
    assert house.answers == {asked[0]: [""]}
    assert house.told == [(Control.QUALITY, 12), (Control.QUALITY, 30)]


def test_the_state_is_told_before_the_answer_is_given(house: House) -> None:
    told_by_then: list[int] = []
    house.desk.request("front", Control.QUALITY, 12, lambda _error: told_by_then.append(len(house.audience.states)))
    house.acknowledge()
    assert told_by_then == [1]


def test_an_answer_that_cannot_be_delivered_harms_nobody_else(house: House, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_error: str) -> None:
        raise ValueError("nobody at home")

    house.desk.request("front", Control.QUALITY, 12, broken)
    house.acknowledge()
    assert "nobody at home" in caplog.text
    request = house.ask(Control.QUALITY, 13)
    house.acknowledge()
    assert house.answers == {request: [""]}


# --- Adjustments: not a user's wish ---------------------------------------------------------------------------------


def test_an_adjustment_is_carried_out_welcomed_with_and_no_wish(house: House) -> None:
    house.desk.adjust("front", Control.QUALITY, 30, house.note(1))
    house.acknowledge()
    assert house.answers[1] == [""]
    assert house.desk.values("front")[Control.QUALITY] == 30
    assert house.desk.welcome_values("front") == {"max_fps": 10.0, "quality": 30}
    assert house.desk.wishes("front") == Wishes({Control.MAX_FPS: 10.0}, {})
    assert house.memory.section("controls") == {}
    assert "quality" not in house.restarted().desk.welcome_values("front")


def test_a_users_setting_goes_before_an_adjustment_and_is_counted(house: House) -> None:
    for number, ask in enumerate((house.desk.adjust, house.desk.request), 1):
        ask("front", Control.QUALITY, 10 * number, house.note(number))
        house.acknowledge()
    assert house.desk.welcome_values("front")["quality"] == 20
    assert house.desk.wishes("front") == Wishes({Control.MAX_FPS: 10.0, Control.QUALITY: 20}, {Control.QUALITY: 1})
    house.desk.request("front", Control.QUALITY, 40, house.note(3))
    house.acknowledge("busy")
    assert house.desk.wishes("front").asked == {Control.QUALITY: 1}, "what failed is no wish"


def test_an_adjustment_that_a_camera_cannot_take_any_more_is_not_welcomed_with(house: House) -> None:
    house.desk.adjust("front", Control.FRAMESIZE, "QVGA", house.note(1))
    house.acknowledge()
    assert house.desk.welcome_values("front")["framesize"] == "QVGA"
    house.desk.greeted("front", house.hello("framesize"))
    assert "framesize" not in house.desk.welcome_values("front")
    assert house.desk.wishes("nobody") == Wishes()
