from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import pytest

from bridge.errors import BrokerError
from bridge.model import Control
from bridge.publish.commands import SetControl
from bridge.publish.fake import FakeBroker
from bridge.publish.link import BrokerLink
from bridge.publish.messages import Message, MessageKind
from bridge.publish.reception import Reception
from bridge.publish.settings import PublishSettings
from bridge.publish.stages import PACE_S
from bridge.runtime.clock import ManualClock
from bridge.runtime.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.publish.commands import Command
    from bridge.publish.connection import Connection

STATUS = "homeassistant/status"
OFFLINE = Message("state", b"offline", MessageKind.ONLINE)
ONLINE = Message("state", b"online", MessageKind.ONLINE)
DEAF = Reception("espcam", "", None, ManualClock())
CONFIG = Message("config", b"config", MessageKind.DISCOVERY)


def after(seconds: int) -> list[Callable[[], object]]:
    """Steps of a script that do nothing, a second each."""
    return [lambda: None] * seconds


def config(payload: bytes, topic: str = "config") -> Message:
    return Message(topic, payload, MessageKind.DISCOVERY)


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
        self.commands: list[Command] = []
        self.at: list[tuple[float, Message]] = []  # what the broker got, each with the time
        self.began_s = self.clock.mono_s()
        self.link = BrokerLink(
            self._connect,
            OFFLINE,
            reception=Reception("espcam", status_topic, self.commands.append, self.clock),
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
        self.at += [(self.clock.mono_s(), message) for message in self.broker.received[len(self.at) :]]
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

    def hear(self, topic: str, payload: bytes, *, retain: bool = False) -> Callable[[], None]:
        """Somebody says something."""
        return lambda: self.broker.connections[-1].deliver(topic, payload, retain=retain)

    def told(self, topic: str) -> list[tuple[float, bytes]]:
        """What the broker got on a topic, each with the seconds since the start."""
        return [(round(at_s - self.began_s, 2), m.payload) for at_s, m in self.at if m.topic == topic]

    def birth(self, payload: bytes = b"online", *, retain: bool = False) -> Callable[[], None]:
        """Home Assistant says something on its status topic."""
        return self.hear(STATUS, payload, retain=retain)

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
    sent = bench.run(*after(6), bench.birth(), lambda: None)
    assert sent == [b"config", b"online", b"x", b"config", b"online", b"offline"]
    assert bench.draws == [(0.2, 1.5)]
    assert bench.broker.connections[-1].qos == {STATUS: 1, "espcam/+/+/set": 0, "espcam/bridge/request/+": 0}


def test_births_in_quick_succession_count_once(bench: Bench) -> None:
    bench.link.send([CONFIG])
    deliver = bench.birth()

    def twice() -> None:
        deliver()
        deliver()

    assert bench.run(*after(6), twice, lambda: None).count(b"config") == 2


@pytest.mark.parametrize(("payload", "retain"), [(b"offline", False), (b"", False), (b"online", True)])
def test_what_is_no_birth_brings_nothing(bench: Bench, payload: bytes, retain: bool) -> None:
    bench.link.send([CONFIG])
    assert bench.run(*after(6), bench.birth(payload, retain=retain), lambda: None).count(b"config") == 1


def test_a_birth_right_after_the_connect_waits_until_home_assistant_has_worked_off_what_it_just_got(
    bench: Bench,
) -> None:
    bench.link.send([CONFIG])
    bench.run(bench.birth(), *after(7))
    assert bench.told("config") == [(0.0, b"config"), (PACE_S, b"config")]


def test_commands_are_passed_on_and_do_not_disturb(bench: Bench) -> None:
    bench.run(bench.hear("espcam/yard/detect/set", b"OFF"), lambda: None)
    assert bench.commands == [SetControl("yard", Control.DETECT, value=False)]


def test_news_of_a_device_go_step_by_step_and_the_end_is_told(bench: Bench) -> None:
    over: list[float] = []
    steps = [[config(b"a")], [config(b""), config(b"b", "new")]]
    bench.link.stage("yard", steps, lambda: over.append(bench.clock.mono_s() - bench.began_s))
    bench.run(*after(15))
    assert bench.told("config") == [(0.0, b"a"), (PACE_S, b"")]
    assert bench.told("new") == [(PACE_S, b"b")]
    assert over == [2 * PACE_S]


def test_what_was_never_heard_holds_nothing_up(bench: Bench) -> None:
    bench.link.stage("yard", [[config(b"a")]])
    bench.link.stage("yard", [[config(b"b")]])
    bench.run()
    assert bench.told("config") == [(0.0, b"b")]


def test_changed_news_within_the_pace_wait_for_it(bench: Bench) -> None:
    bench.link.stage("yard", [[config(b"a")]])
    bench.run(lambda: bench.link.stage("yard", [[config(b"b")]]), *after(7))
    assert bench.told("config") == [(0.0, b"a"), (1.0 + PACE_S - 1.0, b"b")]


def test_a_connection_that_breaks_between_two_steps_loses_none_and_keeps_their_distance(bench: Bench) -> None:
    bench.link.stage("yard", [[config(b"a")], [config(b"b")]])
    bench.run(*after(3), bench.lose, *after(7))
    (first_s, first), (again_s, again), (next_s, then) = bench.told("config")
    assert (first_s, first, again, then) == (0.0, b"a", b"a", b"b")
    assert again_s >= 3
    assert next_s - again_s == pytest.approx(PACE_S)


def test_a_birth_between_two_steps_keeps_their_distance_from_what_it_repeats(bench: Bench) -> None:
    steps = [[config(b"a")], [config(b"b")], [config(b"c")]]
    bench.link.stage("yard", steps)
    bench.run(*after(7), bench.birth(), *after(12))
    (_, first), (_, second), (again_s, again), (next_s, third) = bench.told("config")
    assert [first, second, again, third] == [b"a", b"b", b"b", b"c"]
    assert next_s - again_s == pytest.approx(PACE_S)


def test_news_that_a_broker_has_not_acknowledged_are_not_over(bench: Bench) -> None:
    over: list[str] = []
    bench.broker.acknowledges = False
    bench.link.stage("yard", [[config(b"a")]], lambda: over.append("yard"))
    bench.run(*after(9))
    assert over == []


def test_what_is_swept_is_emptied_on_the_broker_discovery_first_and_nothing_else(bench: Bench) -> None:
    for topic in ("ha/device/gate/config", "espcam/gate/person", "espcam/gate/snapshot", "espcam/yard/person"):
        bench.broker.keep(Message(topic, b"x", MessageKind.STATE))
    bench.link.sweep(["ha/device/gate/config"], ["espcam/gate/#"])
    bench.run(*after(15))
    assert set(bench.broker.retained) == {"espcam/yard/person", "state"}
    assert bench.told("ha/device/gate/config") == [(0.0, b"")]
    assert bench.told("espcam/gate/person") == [(PACE_S, b"")]
    assert not {"ha/device/gate/config", "espcam/gate/#"} & set(bench.broker.subscriptions)


def test_what_is_spared_in_time_stays(bench: Bench) -> None:
    bench.broker.keep(Message("espcam/gate/person", b"x", MessageKind.STATE))
    bench.link.sweep([], ["espcam/gate/#"])
    bench.run(lambda: bench.link.spare(["espcam/gate/#"]), *after(9))
    assert "espcam/gate/person" in bench.broker.retained


def test_a_topic_that_may_not_be_swept_is_left(bench: Bench) -> None:
    bench.broker.refuses = {"ha/device/gate/config"}
    bench.broker.keep(Message("ha/device/gate/config", b"x", MessageKind.STATE))
    bench.link.sweep(["ha/device/gate/config"])
    bench.run(*after(3))
    assert "ha/device/gate/config" in bench.broker.retained


def test_without_discovery_nobody_is_listened_to() -> None:
    bench = Bench(status_topic="")
    bench.run()
    assert STATUS not in bench.broker.connections[-1].subscriptions


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

    link = BrokerLink(hang, OFFLINE, reception=DEAF, clock=ManualClock(), metrics=Metrics())
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

    link = BrokerLink(broken, OFFLINE, reception=DEAF, clock=ManualClock(), metrics=Metrics())
    with pytest.raises(ZeroDivisionError):
        link.run(threading.Event())
