"""The link beside a history: what the broker tells of our own events decides what is sent again."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import pytest

from bridge.publish.echoes import Echoes
from bridge.publish.fake import FakeBroker
from bridge.publish.letters import stamp
from bridge.publish.link import BrokerLink
from bridge.publish.messages import Message, MessageKind
from bridge.publish.reception import Reception
from bridge.publish.settings import PublishSettings
from bridge.runtime.clock import ManualClock
from bridge.runtime.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable

EVENTS = "espcam/door/events"
PROBE = "espcam/bridge/probe"
OFFLINE = Message("espcam/bridge/state", b"offline", MessageKind.ONLINE)


def event(number: int, topic: str = EVENTS) -> Message:
    payload = b'{"id":"%d"}' % number
    return Message(topic, payload, MessageKind.EVENT, retain=False, frame_unix_s=1_800_000_000.0, number=number)


class Bridge:
    """One process's link; time moves only while it waits, and each wait runs the script's next step."""

    def __init__(self, broker: FakeBroker) -> None:
        self.clock = ManualClock()
        self.broker = broker
        self.delivered: list[int] = []
        self.settles = True
        self.stop = threading.Event()
        self.script: list[Callable[[], object]] = []
        self.link = BrokerLink(
            lambda: broker.connect(PublishSettings(), OFFLINE),
            OFFLINE,
            reception=Reception("espcam", "", None, self.clock),
            clock=self.clock,
            metrics=Metrics(),
            echoes=Echoes("espcam"),
            delivered=self._delivered,
            uniform=lambda _low, _high: 0.0,
        )

    def _delivered(self, number: int) -> None:
        self.delivered.append(number)
        if self.settles:
            self.link.settled([number])

    def run(self, *script: Callable[[], object]) -> list[str]:
        """Run until the script is over; which events, and where a probe, the broker received meanwhile."""
        self.script = list(script)
        self.broker.idle = self._idle
        before = len(self.broker.received)
        self.link.run(self.stop)
        sent = [message for message in self.broker.received[before:] if message.topic in {EVENTS, PROBE}]
        return ["probe" if m.topic == PROBE else m.payload.split(b'"')[3].decode() for m in sent]

    def _idle(self, timeout_s: float) -> None:
        self.clock.advance(timeout_s)
        if self.script:
            self.script.pop(0)()
        else:
            self.stop.set()

    def lose(self) -> None:
        """The connection breaks; the next one works."""
        self.broker.connections[-1].lost = True
        self.broker.acknowledges = True


@pytest.fixture
def broker() -> FakeBroker:
    return FakeBroker(remembers=True)


@pytest.fixture
def bridge(broker: FakeBroker) -> Bridge:
    return Bridge(broker)


def forget_newest_echo(broker: FakeBroker) -> None:
    """As if the newest message had never reached the broker."""
    broker.unconfirmed.popitem()


def died(broker: FakeBroker, *numbers: int) -> None:
    """A process sends these events, learns nothing of them and is killed."""
    broker.acknowledges = False
    bridge = Bridge(broker)
    bridge.link.send(event(number) for number in numbers)
    bridge.run(bridge.stop.set)
    broker.acknowledges = True


def test_what_the_broker_took_before_the_connection_broke_is_not_sent_again(bridge: Bridge, broker: FakeBroker) -> None:
    broker.acknowledges = False
    bridge.link.send(event(number) for number in (1, 2, 3))

    def lose() -> None:
        forget_newest_echo(broker)
        bridge.lose()

    assert bridge.run(lose) == ["1", "2", "3", "probe", "3"]
    assert bridge.delivered == [1, 2, 3]


def test_what_an_earlier_process_sent_is_not_sent_again(bridge: Bridge, broker: FakeBroker) -> None:
    died(broker, 1, 2, 3)
    forget_newest_echo(broker)
    bridge.link.send(event(number) for number in (1, 2, 3, 4))
    assert bridge.run() == ["probe", "3", "4"]
    assert bridge.delivered == [1, 2, 3, 4]


def test_letters_that_are_read_from_the_disk_after_the_connection_was_made_are_known_as_well(
    bridge: Bridge, broker: FakeBroker
) -> None:
    died(broker, 1, 2, 3)
    forget_newest_echo(broker)
    assert bridge.run(lambda: bridge.link.send(event(number) for number in (1, 2, 3, 4))) == ["probe", "3", "4"]
    assert bridge.delivered == [1, 2, 3, 4]


def test_an_echo_is_confirmed_only_when_its_letter_has_left_the_disk(bridge: Bridge, broker: FakeBroker) -> None:
    bridge.settles = False
    bridge.link.send([event(1), event(2)])
    held: list[int] = []

    def look() -> None:
        held.append(len(broker.unconfirmed))

    bridge.run(look, lambda: bridge.link.settled([1]), look, lambda: bridge.link.settled([2]), look)
    assert held == [2, 1, 0]
    assert bridge.delivered == [1, 2], "echo and PUBACK count once"


def test_a_process_killed_between_the_brokers_word_and_the_letters_end_sends_nothing_twice(
    bridge: Bridge, broker: FakeBroker
) -> None:
    killed = Bridge(broker)
    killed.settles = False
    killed.link.send([event(1), event(2)])
    killed.run()
    assert killed.delivered == [1, 2]
    bridge.link.send([event(1), event(2)])
    assert bridge.run() == ["probe"]
    assert bridge.delivered == [1, 2]
    assert broker.unconfirmed == {}


def test_an_echo_held_on_a_lost_connection_is_confirmed_on_the_next(bridge: Bridge, broker: FakeBroker) -> None:
    bridge.settles = False
    bridge.link.send([event(1)])
    assert bridge.run(bridge.lose, lambda: None, lambda: bridge.link.settled([1]), lambda: None) == ["1"]
    assert broker.unconfirmed == {}
    assert bridge.delivered == [1]


def test_an_echo_that_comes_after_the_acknowledgement_is_confirmed_too(bridge: Bridge, broker: FakeBroker) -> None:
    broker.unreadable.add(EVENTS)
    bridge.link.send([event(1), event(2)])

    def late_echo() -> None:
        broker.unreadable.clear()
        for number in (1, 2):
            echo = broker.echo(stamp(event(number), mono_s=0.0, unix_s=1.0))
            assert echo is not None
            broker.connections[-1].happenings.append(echo)

    bridge.settles = False
    bridge.run(lambda: bridge.link.settled([1]), late_echo, lambda: None, lambda: bridge.link.settled([2]))
    assert broker.unconfirmed == {}


def test_a_copy_that_is_sent_after_an_outage_tells_the_time_of_its_own_sending(
    bridge: Bridge, broker: FakeBroker
) -> None:
    broker.acknowledges = False
    bridge.link.send([event(1)])

    def lose() -> None:
        broker.forget()
        bridge.clock.advance(60.0)
        bridge.lose()

    bridge.run(lose)
    first, second = broker.payloads(EVENTS)
    assert first != second
    assert b'"latency_ms":61000.0' in second


def test_a_broker_that_forgot_us_gets_everything_again(bridge: Bridge, broker: FakeBroker) -> None:
    broker.acknowledges = False
    bridge.link.send([event(1), event(2)])

    def lose() -> None:
        broker.remembers = False
        bridge.lose()

    assert bridge.run(lose) == ["1", "2", "1", "2"]


def test_where_nothing_is_in_doubt_nothing_is_asked(bridge: Bridge) -> None:
    bridge.link.send([event(1)])
    assert bridge.run(bridge.lose, lambda: bridge.link.send([event(2)])) == ["1", "2"]


def test_other_bridges_events_and_repeated_ones_disturb_nothing(bridge: Bridge, broker: FakeBroker) -> None:
    def others() -> None:
        for payload in (b'{"id":"77"}', b"", b"\xff", event(1).payload):
            echo = broker.echo(Message("espcam/other/events", payload, MessageKind.EVENT))
            assert echo is not None
            broker.connections[-1].happenings.append(echo)

    bridge.link.send([event(1)])
    assert bridge.run(others, lambda: bridge.link.send([event(2)])) == ["1", "2"]
    assert bridge.delivered == [1, 2]
    assert broker.unconfirmed == {}


def test_an_old_probe_is_not_taken_for_the_new_one(bridge: Bridge, broker: FakeBroker) -> None:
    died(broker, 1)
    old = broker.echo(Message(PROBE, b"of an earlier process", MessageKind.TELEMETRY))
    assert old is not None
    broker.unconfirmed = {old.receipt: old, **broker.unconfirmed}
    bridge.link.send([event(1)])
    assert bridge.run() == ["probe"]


@pytest.mark.parametrize("mute", ["unreadable", "refuses"])
def test_a_broker_that_does_not_let_us_read_gets_everything_at_least_once_and_the_log_says_so_once(
    bridge: Bridge, broker: FakeBroker, mute: str, caplog: pytest.LogCaptureFixture
) -> None:
    getattr(broker, mute).update({EVENTS, "espcam/+/events", PROBE})
    broker.acknowledges = False
    bridge.link.send([event(1)])

    def lose_again() -> None:
        broker.acknowledges = False
        bridge.link.send([event(2)])
        bridge.script.insert(0, bridge.lose)

    with caplog.at_level(logging.WARNING):
        sent = bridge.run(bridge.lose, lambda: None, lambda: None, lose_again, lambda: None, lambda: None)
    assert [name for name in sent if name != "probe"] == ["1", "1", "2", "2"]
    said = [record.getMessage() for record in caplog.records if record.name == "bridge.publish.echoes"]
    assert len(said) == 1
    assert said[0].endswith(": an event that was under way when a connection broke may come twice")


def test_a_stop_while_the_broker_is_being_heard_sends_nothing_that_is_in_doubt(
    bridge: Bridge, broker: FakeBroker
) -> None:
    died(broker, 1)
    broker.unreadable.add(PROBE)
    broker.unconfirmed.clear()
    bridge.link.send([event(1)])
    assert bridge.run(bridge.stop.set) == ["probe"]


def test_echoes_that_trickle_in_are_waited_for(bridge: Bridge, broker: FakeBroker) -> None:
    died(broker, 1, 2, 3)
    echoes = list(broker.unconfirmed.values())
    broker.unconfirmed.clear()
    broker.unreadable.add(PROBE)
    bridge.link.send([event(1), event(2), event(3)])
    steps = [lambda echo=echo: broker.connections[-1].happenings.append(echo) for echo in echoes]
    assert bridge.run(*steps) == ["probe"], "each comes a second after the one before"
    assert bridge.delivered == [1, 2, 3]


def test_a_connection_that_falls_silent_while_the_broker_tells_decides_nothing(
    bridge: Bridge, broker: FakeBroker
) -> None:
    died(broker, 1, 2)
    echoes = dict(broker.unconfirmed)
    broker.unconfirmed.clear()
    broker.unreadable.add(PROBE)

    def fall_silent() -> None:
        broker.acknowledges = False

    def end_by_keepalive() -> None:
        broker.unreadable.clear()
        broker.unconfirmed |= echoes
        bridge.lose()

    bridge.link.send([event(1), event(2)])
    assert set(bridge.run(fall_silent, *[lambda: None] * 20, end_by_keepalive)) == {"probe"}
    assert bridge.delivered == [1, 2]
