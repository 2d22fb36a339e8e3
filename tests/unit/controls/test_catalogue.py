from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.controls.catalogue import checked, offer_from_hello, usable
from bridge.errors import ControlRefused
from bridge.model import CONTROL_RANGES, Control, Offer

_EVERYTHING = Offer(controls=tuple(Control), framesizes=("QVGA", "VGA", "UXGA"))
_HELLO = {
    "v": 1,
    "firmware": "espcam",
    "version": "1.2",
    "board": "ai_thinker",
    "mac": "24:6F:28:AA:BB:CC",
    "framesizes": ["QVGA", "VGA"],
    "capabilities": ["flash", "restart", "framesize", "ecf1", "quality", "max_fps", "update"],
}


# --- What a hello says ---------------------------------------------------------------------------------------------


def test_a_legacy_camera_offers_what_the_bridge_itself_does() -> None:
    assert offer_from_hello({}) == Offer()
    assert Offer().controls == (Control.DETECT, Control.CONFIDENCE)


def test_a_hello_tells_all_that_the_camera_is_and_can() -> None:
    assert offer_from_hello(_HELLO) == Offer(
        controls=tuple(Control),
        framesizes=("QVGA", "VGA"),
        reports_health=True,
        board="ai_thinker",
        firmware="espcam 1.2",
        mac="24:6f:28:aa:bb:cc",
        takes_updates=True,
    )


def test_what_a_hello_does_not_name_is_not_offered() -> None:
    offer = offer_from_hello({"v": 1, "capabilities": ["max_fps", "ecf1", "levitation"]})
    assert offer == Offer(controls=(Control.DETECT, Control.CONFIDENCE, Control.MAX_FPS), reports_health=True)


def test_a_frame_size_can_be_set_only_where_there_is_one_to_choose() -> None:
    assert Control.FRAMESIZE not in offer_from_hello({**_HELLO, "framesizes": []}).controls
    assert Control.FRAMESIZE not in offer_from_hello({**_HELLO, "framesizes": ["", " "]}).controls


def test_each_frame_size_is_offered_once_in_the_cameras_order() -> None:
    assert offer_from_hello({**_HELLO, "framesizes": ["VGA", "QVGA ", "vga"]}).framesizes == ("VGA", "QVGA")


@pytest.mark.parametrize(
    ("firmware", "version", "said"),
    [
        ("espcam", "1.2", "espcam 1.2"),
        ("simulate/1.2", "1.2", "simulate/1.2"),
        ("espcam", "", "espcam"),
        ("", "1.2", "1.2"),
        ("", "", ""),
    ],
)
def test_the_firmware_is_its_name_and_version_each_once(firmware: str, version: str, said: str) -> None:
    assert offer_from_hello({"v": 1, "firmware": firmware, "version": version}).firmware == said


@pytest.mark.parametrize(
    ("mac", "said"),
    [
        ("24:6f:28:aa:bb:cc", "24:6f:28:aa:bb:cc"),
        (" 24-6F-28-AA-BB-CC ", "24:6f:28:aa:bb:cc"),
        ("00:00:00:00:00:00", ""),
        ("ff:ff:ff:ff:ff:ff", ""),
        ("01:00:5e:00:00:01", ""),
        ("24:6f:28:aa:bb", ""),
        ("24:6f:28:aa:bb:cc:dd", ""),
        ("24:6f:28:aa:bb:cg", ""),
        ("unknown", ""),
        ("", ""),
    ],
)
def test_only_an_address_of_one_device_counts_as_one(mac: str, said: str) -> None:
    assert offer_from_hello({"v": 1, "mac": mac}).mac == said


# --- What may be asked ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("control", "value", "carried_out"),
    [
        (Control.DETECT, False, False),
        (Control.CONFIDENCE, 0.333, 0.33),
        (Control.CONFIDENCE, 0.05, 0.05),
        (Control.CONFIDENCE, 0.95, 0.95),
        (Control.FLASH, 0, 0),
        (Control.FLASH, 255.0, 255),
        (Control.FRAMESIZE, " vga ", "VGA"),
        (Control.QUALITY, 4, 4),
        (Control.QUALITY, 63.0, 63),
        (Control.MAX_FPS, 0.5, 0.5),
        (Control.MAX_FPS, 60, 60.0),
        (Control.RESTART, True, True),
    ],
)
def test_what_may_be_asked_comes_out_as_it_is_to_be_carried_out(
    control: Control, value: object, carried_out: object
) -> None:
    result = checked(control, value, _EVERYTHING)
    assert result == carried_out
    assert type(result) is type(carried_out)
    assert usable(control, value, _EVERYTHING) == carried_out


@pytest.mark.parametrize(
    ("control", "value", "allowed"),
    [
        (Control.DETECT, 1, "true or false"),
        (Control.DETECT, "ON", "true or false"),
        (Control.CONFIDENCE, 0.049, "a number from 0.05 to 0.95"),
        (Control.CONFIDENCE, 1, "a number from 0.05 to 0.95"),
        (Control.CONFIDENCE, "0.5", "a number from 0.05 to 0.95"),
        (Control.FLASH, 256, "a whole number from 0 to 255"),
        (Control.FLASH, 0.5, "a whole number from 0 to 255"),
        (Control.FRAMESIZE, "XGA", "one of QVGA, VGA, UXGA"),
        (Control.FRAMESIZE, None, "one of QVGA, VGA, UXGA"),
        (Control.QUALITY, 3, "a whole number from 4 to 63"),
        pytest.param(Control.QUALITY, 10**5000, "a whole number from 4 to 63", id="huge"),
        (Control.MAX_FPS, 0.4, "a number from 0.5 to 60"),
        (Control.RESTART, False, "true"),
        (Control.RESTART, 1, "true"),
    ],
)
def test_a_refusal_says_what_is_allowed(control: Control, value: object, allowed: str) -> None:
    with pytest.raises(ControlRefused, match=f"^{control} cannot be .+: it must be {allowed}$") as caught:
        checked(control, value, _EVERYTHING)
    assert len(str(caught.value)) < 200
    assert usable(control, value, _EVERYTHING) is None


@pytest.mark.parametrize("control", CONTROL_RANGES)
@pytest.mark.parametrize("value", [True, False, float("nan"), float("inf"), float("-inf"), None, [5], -1])
def test_no_number_is_none(control: Control, value: object) -> None:
    with pytest.raises(ControlRefused):
        checked(control, value, _EVERYTHING)


def test_a_control_that_is_not_offered_is_refused_with_what_is() -> None:
    with pytest.raises(ControlRefused, match=r"flash is not offered by this camera: it offers detect, confidence$"):
        checked(Control.FLASH, 1, Offer())


_ANYTHING = st.one_of(
    st.booleans(), st.integers(), st.floats(), st.text(max_size=300), st.none(), st.lists(st.integers(), max_size=2)
)


@given(control=st.sampled_from(Control), value=_ANYTHING)
def test_what_passed_once_passes_again_unchanged(control: Control, value: object) -> None:
    once = usable(control, value, _EVERYTHING)
    if once is not None:
        assert checked(control, once, _EVERYTHING) == once


@given(
    hello=st.fixed_dictionaries(
        {"v": st.just(1)},
        optional={
            **dict.fromkeys(["firmware", "version", "board", "mac"], st.text(max_size=20)),
            **dict.fromkeys(["framesizes", "capabilities"], st.lists(st.text(max_size=5) | st.sampled_from(Control))),
        },
    )
)
def test_every_hello_makes_an_offer_in_the_order_of_the_controls(hello: dict[str, Any]) -> None:
    offer = offer_from_hello(hello)
    assert list(offer.controls) == [control for control in Control if control in offer.controls]
    assert {Control.DETECT, Control.CONFIDENCE} <= set(offer.controls)
    assert (Control.FRAMESIZE in offer.controls) <= bool(offer.framesizes)
