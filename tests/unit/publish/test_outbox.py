from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bridge.publish.messages import Message, MessageKind
from bridge.publish.outbox import Outbox

if TYPE_CHECKING:
    import pytest


def state(topic: str, payload: str) -> Message:
    return Message(topic, payload.encode(), MessageKind.STATE)


def event(payload: str, number: int = 0) -> Message:
    return Message("events", payload.encode(), MessageKind.EVENT, retain=False, number=number)


def thumbnail(event_id: str, view: int = 1, topic: str = "thumbnail") -> Message:
    payload = f"{event_id}#{view}".encode()
    return Message(topic, payload, MessageKind.PICTURE, qos=0, event_id=event_id)


def snapshot(payload: str) -> Message:
    return Message("snapshot", payload.encode(), MessageKind.PICTURE, qos=0)


def discovery(payload: str) -> Message:
    return Message("config", payload.encode(), MessageKind.DISCOVERY)


ONLINE = Message("state", b"online", MessageKind.ONLINE)


def fill(outbox: Outbox, *messages: Message) -> Outbox:
    for message in messages:
        outbox.put(message)
    return outbox


def drain(outbox: Outbox) -> list[str]:
    """Send and acknowledge everything."""
    sent = []
    while (parcel := outbox.take()) is not None:
        outbox.acknowledge(parcel.ticket)
        sent.append(parcel.message.payload.decode())
    return sent


def test_messages_leave_in_the_order_in_which_they_came() -> None:
    outbox = fill(Outbox(), state("a", "1"), event("x"), state("b", "2"), event("y"))
    assert drain(outbox) == ["1", "x", "2", "y"]
    assert len(outbox) == 0


def test_an_event_stays_until_it_is_acknowledged_and_comes_again_after_a_lost_connection() -> None:
    outbox = fill(Outbox(), event("x"), event("y"), event("z"))
    first = outbox.take()
    outbox.take()
    assert first is not None
    outbox.acknowledge(first.ticket)
    assert len(outbox) == 2
    outbox.resume()
    assert drain(outbox) == ["y", "z"]


def test_nothing_is_sent_twice_on_one_connection() -> None:
    outbox = fill(Outbox(), event("x"), state("a", "1"))
    assert [outbox.take() is not None for _ in range(3)] == [True, True, False]


def test_an_acknowledgement_of_an_earlier_connection_does_no_harm() -> None:
    outbox = fill(Outbox(), event("x"))
    old = outbox.take()
    outbox.resume()
    assert old is not None
    assert outbox.acknowledge(old.ticket) is None
    assert drain(outbox) == ["x"]


def test_of_a_state_that_waits_only_the_newest_leaves_in_the_first_ones_place() -> None:
    outbox = fill(Outbox(), state("a", "ON"), event("x"), state("a", "OFF"))
    assert drain(outbox) == ["OFF", "x"]


def test_a_state_under_way_is_followed_by_the_newer_one() -> None:
    outbox = fill(Outbox(), state("a", "ON"))
    outbox.take()
    outbox.put(state("a", "OFF"))
    assert drain(outbox) == ["OFF"]


def test_a_state_that_says_nothing_new_is_not_sent_again() -> None:
    outbox = fill(Outbox(), state("a", "ON"))
    drain(outbox)
    outbox.put(state("a", "ON"))
    assert drain(outbox) == []


def test_what_is_taken_back_is_sent_until_it_is_acknowledged_and_then_never_again() -> None:
    outbox = fill(Outbox(), state("a", "ON"))
    drain(outbox)
    outbox.put(state("a", ""))
    outbox.take()
    outbox.resume()
    assert drain(outbox) == [""]
    outbox.resume()
    outbox.refresh()
    assert drain(outbox) == []
    outbox.put(state("a", ""))
    assert drain(outbox) == [""], "whoever takes it back once more means it"


def test_home_assistants_birth_repeats_nothing_that_is_being_taken_back() -> None:
    outbox = fill(Outbox(), state("a", "ON"), state("a", ""))
    outbox.take()
    outbox.refresh()
    assert drain(outbox) == []


def test_a_picture_that_waits_goes_before_its_topic_is_emptied() -> None:
    outbox = fill(Outbox(), thumbnail("A"), state("thumbnail", ""))
    assert drain(outbox) == ["A#1", ""]


def test_what_comes_again_after_it_was_taken_back_is_sent_and_kept() -> None:
    outbox = fill(Outbox(), state("a", "ON"), state("a", ""), state("a", "ON"))
    assert drain(outbox) == ["ON"]
    outbox.resume()
    assert drain(outbox) == ["ON"]


def test_no_answer_takes_the_place_of_another_and_none_is_repeated() -> None:
    answers = [Message("response", name, MessageKind.STATE, retain=False) for name in (b"1", b"2", b"2")]
    outbox = fill(Outbox(), *answers)
    assert drain(outbox) == ["1", "2", "2"]
    outbox.resume()
    assert drain(outbox) == []


def test_what_is_not_kept_never_takes_the_place_of_what_is() -> None:
    passing = Message("a", b"passing", MessageKind.STATE, retain=False)
    assert drain(fill(Outbox(), state("a", "kept"), passing)) == ["kept", "passing"]


def test_it_knows_which_kinds_wait_or_are_under_way() -> None:
    outbox = fill(Outbox(), discovery("1"))
    outbox.take()
    assert outbox.has(MessageKind.DISCOVERY)
    assert not outbox.has(MessageKind.STATE)


def test_events_with_the_same_bytes_are_all_sent() -> None:
    assert drain(fill(Outbox(), event("x"), event("x"))) == ["x", "x"]


def test_a_picture_stays_in_front_of_its_event_when_a_better_view_takes_its_place() -> None:
    outbox = fill(Outbox(), thumbnail("A", 1), event("new A"), thumbnail("A", 2), event("update A"))
    assert drain(outbox) == ["A#2", "new A", "update A"]


def test_a_later_visitors_picture_never_takes_an_earlier_ones_place() -> None:
    waiting = (thumbnail("A"), event("new A"), thumbnail("B"), event("new B"), thumbnail("A", 2), event("update A"))
    outbox = fill(Outbox(), *waiting)
    assert drain(outbox) == ["A#1", "new A", "B#1", "new B", "A#2", "update A"]
    assert outbox.retained() == [thumbnail("A", 2)]


def test_snapshots_that_wait_become_one() -> None:
    assert drain(fill(Outbox(), snapshot("1"), snapshot("2"))) == ["2"]


def test_too_many_pictures_drop_the_oldest_and_no_event() -> None:
    outbox = Outbox(max_pictures=2)
    for name in "ABCD":
        fill(outbox, thumbnail(name), event(f"new {name}"))
    assert outbox.dropped_pictures == 2
    assert drain(outbox) == ["new A", "new B", "C#1", "new C", "D#1", "new D"]


def test_too_many_events_drop_the_oldest_and_say_so_once(caplog: pytest.LogCaptureFixture) -> None:
    outbox = Outbox(max_events=3)
    with caplog.at_level(logging.ERROR):
        fill(outbox, state("a", "1"), *(event(str(number)) for number in range(10)))
    assert outbox.dropped_events == 7
    assert drain(outbox) == ["1", "7", "8", "9"]
    assert len(caplog.records) == 1
    with caplog.at_level(logging.ERROR):
        fill(outbox, *(event(str(number)) for number in range(4)))
    assert len(caplog.records) == 2, "a new outage is told again"


def test_events_with_a_letter_are_never_dropped_and_crowd_out_no_other() -> None:
    outbox = Outbox(max_events=2)
    fill(outbox, *(event(f"letter {number}", number) for number in range(1, 6)), event("x"), event("y"), event("z"))
    assert outbox.dropped_events == 1
    assert drain(outbox) == [*(f"letter {number}" for number in range(1, 6)), "y", "z"]


def test_an_event_that_the_broker_sends_us_counts_as_acknowledged_wherever_it_stands() -> None:
    outbox = fill(Outbox(), event("x"), state("a", "1"), event("y"), event("z"))
    under_way = outbox.take()
    assert under_way is not None
    assert outbox.recognise("events", b"x") == event("x")
    assert outbox.recognise("events", b"y") == event("y")
    assert outbox.acknowledge(under_way.ticket) is None, "its PUBACK comes later, or never"
    assert outbox.recognise("events", b"y") is None
    outbox.resume()
    assert drain(outbox) == ["1", "z"]
    assert not outbox.has_events


def test_of_two_events_with_the_same_bytes_an_echo_acknowledges_one() -> None:
    outbox = fill(Outbox(), event("x"), event("x"))
    outbox.recognise("events", b"x")
    assert drain(outbox) == ["x"]


def test_nothing_but_an_event_is_ever_recognised() -> None:
    outbox = fill(Outbox(), state("a", "1"), thumbnail("A"))
    assert outbox.recognise("a", b"1") is outbox.recognise("thumbnail", b"A#1") is None
    assert not outbox.has_events


def test_a_new_connection_begins_with_all_that_is_retained_discovery_first_online_before_pictures() -> None:
    outbox = fill(Outbox(), snapshot("shot"), state("a", "1"), discovery("config"), ONLINE, state("b", "2"))
    drain(outbox)
    outbox.resume()
    assert drain(outbox) == ["config", "1", "2", "online", "shot"]


def test_a_new_connection_tells_the_newest_state_once_and_before_the_events_that_waited() -> None:
    outbox = fill(Outbox(), state("a", "ON"), event("x"), state("a", "OFF"), event("y"))
    outbox.resume()
    assert drain(outbox) == ["OFF", "x", "y"]


def test_after_an_outage_what_follows_comes_after_the_picture_that_it_belongs_to() -> None:
    outbox = fill(Outbox(), thumbnail("A"), event("new A"))
    drain(outbox)
    fill(outbox, event("update A"), thumbnail("B"), event("new B"), event("end A"))
    outbox.resume()
    assert drain(outbox) == ["A#1", "update A", "B#1", "new B", "end A"]


def test_events_that_were_under_way_go_again_each_after_its_own_picture() -> None:
    visits = (thumbnail("A"), event("new A"), thumbnail("B"), event("new B"), event("end A"), thumbnail("C"))
    outbox = fill(Outbox(), *visits, event("new C"), event("end B"))
    for sent in range(5):
        parcel = outbox.take()
        assert parcel is not None
        if sent == 1:
            outbox.acknowledge(parcel.ticket)
    outbox.take()
    outbox.resume()
    assert drain(outbox) == ["A#1", "B#1", "new B", "end A", "C#1", "new C", "end B"]
    assert outbox.retained() == [thumbnail("C")]


def test_a_better_view_that_waits_stays_behind_the_one_that_was_sent() -> None:
    outbox = fill(Outbox(), thumbnail("A", 1))
    outbox.take()
    fill(outbox, thumbnail("A", 2), event("new A"))
    outbox.resume()
    assert drain(outbox) == ["A#1", "A#2", "new A"]


def test_two_visits_during_an_outage_keep_each_its_own_picture() -> None:
    outbox = fill(Outbox(), thumbnail("A"), event("new A"), event("end A"), thumbnail("B"), event("new B"))
    outbox.resume()
    assert drain(outbox) == ["A#1", "new A", "end A", "B#1", "new B"]


def test_a_better_view_that_came_while_the_old_picture_was_sent_again_survives_the_next_outage() -> None:
    outbox = fill(Outbox(), thumbnail("A"), event("new A"))
    drain(outbox)
    outbox.resume()
    outbox.put(thumbnail("A", 2))
    outbox.resume()
    assert drain(outbox)[-1] == "A#2"


def test_pictures_sent_again_do_not_push_out_pictures_that_wait() -> None:
    outbox = Outbox(max_pictures=1)
    for place in ("p", "q", "r"):
        fill(outbox, thumbnail(place, topic=place))
        drain(outbox)
    outbox.resume()
    fill(outbox, thumbnail("old", topic="p"), event("between"), thumbnail("new", topic="p"))
    assert drain(outbox) == ["p#1", "q#1", "r#1", "between", "new#1"]


def test_connection_after_connection_nothing_piles_up() -> None:
    outbox = fill(Outbox(), discovery("config"), state("a", "1"), snapshot("shot"), thumbnail("A"))
    drain(outbox)
    outbox.put(event("new A"))
    for _ in range(5):
        outbox.resume()
        outbox.take()
    outbox.resume()
    assert drain(outbox) == ["config", "1", "shot", "A#1", "new A"]


def test_home_assistants_birth_brings_discovery_and_states_but_no_picture_and_no_event() -> None:
    outbox = fill(Outbox(), discovery("config"), state("a", "1"), ONLINE, snapshot("shot"), thumbnail("A"), event("x"))
    drain(outbox)
    outbox.refresh()
    outbox.refresh()
    assert drain(outbox) == ["config", "1", "online"]


TOPICS = st.sampled_from(["a", "b"])
VISITORS = st.sampled_from("ABC")


class OutboxMachine(RuleBasedStateMachine):
    """Anything in any order, broken by lost connections: what is promised holds."""

    @initialize()
    def begin(self) -> None:
        self.outbox = Outbox()
        self.put_events: list[str] = []
        self.first_events: set[str] = set()
        self.new_states: dict[str, str] = {}
        self.new_picture = ""
        self.number = 0
        self.received: list[str] = []  # events, each as often as it was sent
        self.acknowledged: list[str] = []
        self.held: dict[str, str] = {}  # what the broker retains
        self.under_way: list[tuple[int, str]] = []

    @rule(topic=TOPICS, payload=st.sampled_from(["ON", "OFF"]))
    def report(self, topic: str, payload: str) -> None:
        self.new_states[topic] = payload
        self.outbox.put(state(topic, payload))

    @rule(visitor=VISITORS, better_view=st.booleans())
    def change(self, visitor: str, better_view: bool) -> None:
        self.number += 1
        if better_view or visitor not in {name[0] for name in self.put_events}:
            self.outbox.put(thumbnail(visitor, self.number))
            self.new_picture = f"{visitor}#{self.number}"
        event_text = f"{visitor} {self.number}"
        if visitor not in {name[0] for name in self.put_events}:
            self.first_events.add(event_text)
        self.put_events.append(event_text)
        self.outbox.put(event(self.put_events[-1]))

    @rule()
    def send(self) -> None:
        parcel = self.outbox.take()
        if parcel is None:
            return
        message, text = parcel.message, parcel.message.payload.decode()
        if message.kind is MessageKind.EVENT:
            if text in self.first_events:
                assert self.held["thumbnail"][0] == text[0], "a visitor's first event comes right after their picture"
            self.received.append(text)
        else:
            self.held[message.topic] = text
        if message.qos:
            self.under_way.append((parcel.ticket, text))

    @precondition(lambda self: self.under_way)
    @rule()
    def acknowledge(self) -> None:
        ticket, text = self.under_way.pop(0)
        message = self.outbox.acknowledge(ticket)
        assert message is not None
        if message.kind is MessageKind.EVENT:
            self.acknowledged.append(text)

    @precondition(lambda self: len(set(self.received)) > len(self.acknowledged))
    @rule()
    def echo(self) -> None:
        message = self.outbox.recognise("events", self.put_events[len(self.acknowledged)].encode())
        assert message is not None
        self.acknowledged.append(message.payload.decode())
        self.under_way = [(ticket, text) for ticket, text in self.under_way if text != self.acknowledged[-1]]

    @rule(broker_forgets=st.booleans())
    def reconnect(self, broker_forgets: bool) -> None:
        if broker_forgets:
            self.held.clear()
        self.under_way.clear()
        self.outbox.resume()

    @rule()
    def home_assistant_starts(self) -> None:
        self.outbox.refresh()

    @invariant()
    def events_are_acknowledged_once_and_in_order(self) -> None:
        assert self.acknowledged == self.put_events[: len(self.acknowledged)]

    def teardown(self) -> None:
        self.reconnect(broker_forgets=True)
        while self.outbox:
            self.send()
            if self.under_way:
                self.acknowledge()
        assert self.acknowledged == self.put_events
        assert {topic: self.held.get(topic) for topic in self.new_states} == self.new_states
        if self.new_picture:
            assert self.held["thumbnail"] == self.new_picture


TestOutboxMachine = OutboxMachine.TestCase
TestOutboxMachine.settings = hypothesis_settings(stateful_step_count=20)
