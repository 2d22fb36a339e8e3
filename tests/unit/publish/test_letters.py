from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model import ChangeType, Letter
from bridge.publish import messages
from bridge.publish.letters import identity, restored, stamp, told
from bridge.publish.messages import Message, MessageKind

if TYPE_CHECKING:
    from tests.unit.publish.conftest import MakeChange

TOPIC = "espcam/front_door/events"


def letter(payload: bytes, number: int = 7) -> Letter:
    return Letter(number, "front_door", "A", TOPIC, payload)


def times(message: Message) -> tuple[str, float]:
    payload = json.loads(message.payload)
    return payload["published_time"], payload["latency_ms"]


def test_the_stamp_tells_when_it_was_sent_by_the_clock_that_never_jumps(make_change: MakeChange) -> None:
    message = messages.event_change("espcam", make_change())
    assert times(stamp(message, mono_s=1059.5, unix_s=1_700_000_000.0)) == ("2023-11-14T22:13:20.000Z", 60_000.0)


def test_a_letter_from_the_disk_goes_by_the_wall_clock_which_may_have_been_set_back(make_change: MakeChange) -> None:
    message = restored(letter(messages.event_change("espcam", make_change()).payload))
    assert times(stamp(message, mono_s=5.0, unix_s=1_800_003_601.0)) == ("2027-01-15T09:00:01.000Z", 3_600_000.0)
    assert times(stamp(message, mono_s=5.0, unix_s=1_700_000_000.0))[1] == 0.0


def test_a_letter_from_the_disk_is_the_message_that_it_was(make_change: MakeChange) -> None:
    written = messages.event_change("espcam", make_change(ChangeType.END))
    message = restored(letter(written.payload))
    assert (message.topic, message.payload, message.kind) == (TOPIC, written.payload, MessageKind.EVENT)
    assert (message.qos, message.retain, message.number) == (1, False, 7)
    assert message.frame_mono_s is None, "this process has not received its frame"


def test_what_is_no_step_of_an_event_gets_no_stamp(make_change: MakeChange) -> None:
    news = messages.detected("espcam", make_change())
    assert stamp(news, mono_s=1.0, unix_s=1.0) is news
    assert stamp(restored(letter(news.payload)), mono_s=1.0, unix_s=1.0).payload == news.payload


@pytest.mark.parametrize(
    "payload", [b"", b"[1]", b"\xff", b"{}", b'{"received_time":null}', b'{"received_time":"noon"}', b"{"]
)
def test_a_letter_that_cannot_be_read_is_delivered_as_it_is(payload: bytes) -> None:
    assert stamp(restored(letter(payload)), mono_s=1.0, unix_s=1.0).payload == payload
    assert told(letter(payload)).get("label") is None


@given(st.text(max_size=30) | st.just('x","published_time":"y'), st.floats(0, 2e9), st.floats(0, 4e9))
def test_two_copies_sent_at_different_times_are_known_as_one(label: str, mono_s: float, unix_s: float) -> None:
    payload = messages.json_payload({"id": "A", "label": label, "received_time": "2027-01-15T08:00:00.000Z"})
    message = Message(TOPIC, payload, MessageKind.EVENT, frame_mono_s=7.0)
    copy = stamp(message, mono_s=mono_s, unix_s=unix_s)
    assert identity(TOPIC, copy.payload) == identity(TOPIC, payload) == (TOPIC, payload)
    assert json.loads(copy.payload)["label"] == json.loads(payload)["label"]


def test_steps_of_one_event_are_never_taken_for_each_other(make_change: MakeChange) -> None:
    steps = [messages.event_change("espcam", make_change(kind)) for kind in ChangeType]
    assert len({identity(step.topic, step.payload) for step in steps}) == 3
