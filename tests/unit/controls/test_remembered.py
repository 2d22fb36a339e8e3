from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.controls.remembered import offer_from_json, offer_to_json, wishes_from_json, wishes_to_json
from bridge.model import Control, ControlValue, Offer

_WISHES: dict[Control, ControlValue] = {Control.DETECT: False, Control.QUALITY: 12, Control.FRAMESIZE: "VGA"}
_RUBBISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["controls", "mac", "detect", "value"]), inner),
    max_leaves=6,
)


def _through_json(value: object) -> object:
    return json.loads(json.dumps(value))


@given(
    named=st.sets(st.sampled_from(Control)),
    framesizes=st.lists(st.text()),
    reports_health=st.booleans(),
    takes_updates=st.booleans(),
    texts=st.tuples(st.text(), st.text(), st.text()),
)
def test_an_offer_comes_back_as_it_was(
    named: set[Control], framesizes: list[str], reports_health: bool, takes_updates: bool, texts: tuple[str, str, str]
) -> None:
    controls = tuple(control for control in Control if control in {*named, *Offer().controls})
    offer = Offer(controls, tuple(framesizes), reports_health, *texts, takes_updates)
    assert offer_from_json(_through_json(offer_to_json(offer))) == offer


def test_a_camera_that_says_nothing_takes_no_room() -> None:
    assert offer_to_json(Offer()) is None
    assert wishes_to_json({}, {Control.DETECT: True}) is None


@given(kept=_RUBBISH)
def test_what_cannot_be_read_is_as_if_never_remembered(kept: object) -> None:
    offer = offer_from_json(kept)
    assert {Control.DETECT, Control.CONFIDENCE} <= set(offer.controls)
    assert all(isinstance(value, bool | int | float | str) for value in wishes_from_json(kept, {}).values())


def test_controls_of_a_newer_version_are_passed_over() -> None:
    assert offer_from_json({"controls": ["zoom", "flash", 5]}).controls == (*Offer().controls, Control.FLASH)
    assert wishes_from_json({"zoom": {"value": 2, "configured": None}}, {}) == {}


def test_wishes_come_back_as_they_were() -> None:
    configured = {Control.DETECT: True, Control.MAX_FPS: 5.0}
    assert wishes_from_json(_through_json(wishes_to_json(_WISHES, configured)), configured) == _WISHES


@pytest.mark.parametrize(
    "configured_anew",
    [{Control.DETECT: False}, {}, {Control.DETECT: True, Control.QUALITY: 30, Control.FRAMESIZE: "QVGA"}],
)
def test_only_a_wish_whose_configuration_changed_is_gone(configured_anew: dict[Control, ControlValue]) -> None:
    configured: dict[Control, ControlValue] = {Control.DETECT: True}
    kept = _through_json(wishes_to_json(_WISHES, configured))
    assert wishes_from_json(kept, configured_anew) == {
        control: value for control, value in _WISHES.items() if configured.get(control) == configured_anew.get(control)
    }
