from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import pytest

from bridge.errors import BrokerError
from bridge.publish.fake import FakeBroker
from bridge.publish.link import BrokerLink
from bridge.publish.messages import Message, MessageKind
from bridge.publish.settings import PublishSettings
from bridge.runtime.clock import ManualClock
from bridge.runtime.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.publish.connection import Connection

STATUS = "homeassistant/status"
OFFLINE = Message("state", b"offline", MessageKind.ONLINE)
ONLINE = Message("state", b"online", MessageKind.ONLINE)
CONFIG = Message("config", b"config", MessageKind.DISCOVERY)


def event(payload: bytes, frame_mono_s: float | None = None) -> Message:
    return Message("events", payload, MessageKind.EVENT, retain=False, frame_mono_s=frame_mono_s)


class Bench:
    """A link on a fake broker; time moves only while the link waits, and each wait runs the script's next step."""

    def __init__(self, status_topic: str = STATUS) -> None:
        self.clock = ManualClock()
        self.metrics = Metrics()
        self.broker = FakeBroker(self._idle)
        self.stop = threading.Event()
        self.script: list[Callable[[], object]] = []
        self.draws: list[tuple[float, float]] = []
        self.link = BrokerLink(
            self._connect,
            OFFLINE,
            status_topic=status_topic,
            clock=self.clock,
            metrics=self.metrics,
            uniform=self._draw,
        )
        self.tries = 0
        self.before_try: dict[int, Callable[[], object]] = {}

    def run(self, *script: Callable[[], object]) -> list[bytes]:
        """Run until the script is over; what the broker received."""
        self.script = list(script)
        self.stop.clear()
        self.link.run(self.stop)
        return [message.payload for message in self.broker.received]

    def _connect(self) -> Connection:
        self.tries += 1
        self.before_try.get(self.tries, lambda: None)()
        return self.broker.connect(PublishSettings(), OFFLINE)

    def _idle(self, timeout_s: float) -> None:
        self.clock.advance(timeout_s)
        if self.script:
            self.script.pop(0)()
        else:
            self.stop.set()

    def _draw(self, low: float, high: float) -> float:
        self.draws.append((low, high))
        return 0.0

    def lose(self) -> None:
        """The connection breaks."""
        self.broker.connections[-1].lost = True

    def birth(self, payload: bytes = b"online", *, retain: bool = False) -> Callable[[], None]:
        """Home Assistant says something on its status topic."""
        return lambda: self.broker.connections[-1].deliver(STATUS, payload, retain=retain)

    def metric(self, name: str) -> float:
        """A metric's value."""
        lines = self.metrics.render().decode().splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith(f"{name} ")))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_connection_is_filled_then_says_goodbye(bench: Bench) -> None:
    bench.link.send([event(b"x"), ONLINE, CONFIG])
    assert bench.run() == [b"config", b"online", b"x", b"offline"]
    assert bench.broker.connections[-1].closed
    assert bench.broker.wills == [OFFLINE]


def test_status_says_connected_only_while_it_is(bench: Bench) -> None:
    seen: list[tuple[bool, str, float]] = []

    def look() -> None:
        status = bench.link.status()
        seen.append((status.ready and bench.link.connected, status.detail, bench.metric("espcam_mqtt_connected")))

    look()
    bench.run(look, bench.lose, look)
    look()
    assert seen == [
        (False, "not connected yet", 0),
        (True, "connected", 1),
        (True, "connected", 1),
        (False, "disconnected", 0),
    ]


def test_a_broker_that_is_not_there_is_tried_for_ever_with_growing_bounded_jittered_waits(bench: Bench) -> None:
    bench.broker.down = BrokerError("nothing listens", "start it")
    bench.before_try[12] = lambda: setattr(bench.broker, "down", None)
    bench.run()
    upper = [high for _, high in bench.draws]
    assert bench.tries == 12
    assert upper[0] == 0.5, "the very first try already backs off"
    assert upper == sorted(upper)
    assert upper[-1] == 10.0


def test_a_reason_is_logged_once_and_again_when_it_changes(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.broker.down = BrokerError("nothing listens", "start it")
    bench.before_try[3] = lambda: setattr(bench.broker, "down", BrokerError("bad password", "check it"))
    bench.before_try[6] = lambda: setattr(bench.broker, "down", None)
    with caplog.at_level(logging.WARNING):
        bench.run()
    assert [record.getMessage() for record in caplog.records] == [
        "broker: nothing listens; start it",
        "broker: bad password; check it",
    ]


def test_the_reason_and_its_mend_show_in_the_status(bench: Bench) -> None:
    bench.broker.down = BrokerError("bad password", "check mqtt.password")
    seen: list[str] = []
    bench.before_try[2] = lambda: seen.append(bench.link.status().detail)
    bench.before_try[3] = lambda: setattr(bench.broker, "down", None)
    bench.run()
    assert seen == ["bad password; check mqtt.password"]


def test_a_lost_connection_is_followed_by_a_full_one_and_unacknowledged_events_in_order(bench: Bench) -> None:
    bench.broker.acknowledges = False
    bench.link.send([ONLINE, event(b"x"), event(b"y")])

    def lose() -> None:
        bench.lose()
        bench.broker.acknowledges = True

    bench.run(lose)
    assert [message.payload for message in bench.broker.received] == [
        *(b"online", b"x", b"y"),
        *(b"online", b"x", b"y", b"offline"),
    ]
    assert bench.broker.connections[0].closed


def test_a_window_full_of_what_a_lost_connection_owed_does_not_stop_the_next_one(bench: Bench) -> None:
    bench.broker.acknowledges = False
    names = [f"{number}".encode() for number in range(30)]
    bench.link.send([event(name) for name in names])

    def lose() -> None:
        bench.lose()
        bench.broker.acknowledges = True

    assert bench.run(lose) == [*names[:20], *names, b"offline"]


def test_connections_that_die_young_keep_the_back_off_growing_and_name_a_twin(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        bench.run(bench.lose, bench.lose, bench.lose)
    assert [high for _, high in bench.draws] == [0.5, 1.0, 2.0]
    assert "another client may have the same mqtt.client_id" in caplog.text


def test_a_connection_that_lasted_resets_the_back_off(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    def last_then_lose() -> None:
        bench.clock.advance(60)
        bench.lose()

    with caplog.at_level(logging.WARNING):
        bench.run(bench.lose, bench.lose, last_then_lose)
    assert [high for _, high in bench.draws] == [0.5, 1.0, 0.5]
    assert "client_id" not in caplog.records[-1].getMessage()


def test_no_more_than_the_window_is_under_way(bench: Bench) -> None:
    bench.broker.acknowledges = False
    bench.link.send([event(str(number).encode()) for number in range(50)])
    counts: list[int] = []
    bench.run(lambda: counts.append(len(bench.broker.received)), lambda: counts.append(len(bench.broker.received)))
    assert counts == [20, 20]


def test_nothing_is_sent_into_a_connection_that_cannot_write(bench: Bench) -> None:
    def block() -> None:
        bench.broker.connections[-1].writable = False
        bench.link.send([event(b"x")])

    def unblock() -> None:
        assert b"x" not in [message.payload for message in bench.broker.received]
        bench.broker.connections[-1].writable = True

    assert b"x" in bench.run(block, lambda: None, unblock)


def test_home_assistants_birth_brings_discovery_and_states_again_after_a_short_random_delay(bench: Bench) -> None:
    bench.link.send([CONFIG, ONLINE, event(b"x")])
    sent = bench.run(bench.birth(), lambda: None)
    assert sent == [b"config", b"online", b"x", b"config", b"online", b"offline"]
    assert bench.draws == [(0.2, 1.5)]
    assert bench.broker.connections[-1].subscriptions == [STATUS]


def test_births_in_quick_succession_count_once(bench: Bench) -> None:
    bench.link.send([CONFIG])
    deliver = bench.birth()

    def twice() -> None:
        deliver()
        deliver()

    assert bench.run(twice, lambda: None).count(b"config") == 2


@pytest.mark.parametrize(("payload", "retain"), [(b"offline", False), (b"", False), (b"online", True)])
def test_what_is_no_birth_brings_nothing(bench: Bench, payload: bytes, retain: bool) -> None:
    bench.link.send([CONFIG])
    assert bench.run(bench.birth(payload, retain=retain), lambda: None).count(b"config") == 1


def test_without_discovery_nobody_is_listened_to() -> None:
    bench = Bench(status_topic="")
    bench.run()
    assert bench.broker.connections[-1].subscriptions == []


def test_an_events_latency_is_observed_when_it_is_acknowledged_and_only_then(bench: Bench) -> None:
    bench.broker.acknowledges = False
    bench.link.send([event(b"x", frame_mono_s=bench.clock.mono_s() - 0.25), event(b"no frame"), ONLINE])
    bench.run()
    assert bench.metric("espcam_event_latency_seconds_count") == 0
    bench.broker.acknowledges = True
    bench.run()
    assert bench.metric("espcam_event_latency_seconds_count") == 1
    assert bench.metric("espcam_event_latency_seconds_sum") >= 0.25


def test_the_outbox_metric_counts_what_waits(bench: Bench) -> None:
    bench.link.send([event(b"x"), event(b"y")])
    assert bench.metric("espcam_outbox_messages") == 2
    bench.run()
    assert bench.metric("espcam_outbox_messages") == 0


def test_a_stop_hands_over_what_waits_before_it_says_offline(bench: Bench) -> None:
    def last_words() -> None:
        bench.link.send([event(str(number).encode()) for number in range(60)])
        bench.stop.set()

    sent = bench.run(last_words)
    assert sent[-2:] == [b"59", b"offline"]


def test_a_stop_gives_up_on_a_broker_that_acknowledges_nothing(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.broker.acknowledges = False
    bench.link.send([event(b"x")])
    began_s = bench.clock.mono_s()
    with caplog.at_level(logging.WARNING):
        sent = bench.run(bench.stop.set)
    assert sent[-1] == b"offline"
    assert bench.clock.mono_s() - began_s < 1.0 + 1.0 + 0.5 + 0.1, "a poll, the flush, the goodbye"
    assert "1 messages were not delivered" in caplog.text


def test_a_stop_does_not_wait_for_a_connect_that_hangs_and_closes_it_later() -> None:
    release = threading.Event()
    broker = FakeBroker()

    def hang() -> Connection:
        release.wait(10)
        return broker.connect(PublishSettings(), OFFLINE)

    link = BrokerLink(hang, OFFLINE, status_topic="", clock=ManualClock(), metrics=Metrics())
    stop = threading.Event()
    threading.Timer(0.05, stop.set).start()
    link.run(stop)
    assert broker.connections == []
    release.set()
    helper = next((thread for thread in threading.enumerate() if thread.name == "mqtt-connect"), None)
    if helper is not None:
        helper.join(5)
    assert broker.connections[0].closed
    assert broker.received == []


def test_a_bug_while_connecting_is_no_outage_but_ends_the_thread() -> None:
    def broken() -> Connection:
        raise ZeroDivisionError

    link = BrokerLink(broken, OFFLINE, status_topic="", clock=ManualClock(), metrics=Metrics())
    with pytest.raises(ZeroDivisionError):
        link.run(threading.Event())
