"""Keeps the broker supplied, whatever happens to it: connects for ever, fills a new connection, hands over the outbox.

One thread, ``mqtt``, does everything with the connection: nothing else publishes, and no callback runs beside it. A
client library with a thread of its own can lose that thread while it still says "connected"; this cannot happen here,
because a crash of this thread is a crash of a ``Worker``. Others only ``send``, which never waits for the network.

A connection's life:

1. connect (jittered back-off from the very first try), in a helper thread, so that a stop need not wait for it
2. subscribe to what others may say to us (``reception``), and to our own events where a history keeps them (``echoes``)
3. when the broker remembers us and an event may be in doubt: hear which events it has, so that none comes twice
4. everything retained: discovery, states, ``online``, pictures; then the events that wait (``Outbox.resume``)
5. what comes: states, events, news of devices at their own pace (``stages``); what is gone is taken back (``sweep``);
   at Home Assistant's birth discovery and states again
6. a stop: what still waits (for a second at most), ``offline``, goodbye
"""

from __future__ import annotations

import logging
import random
import threading
from concurrent import futures
from typing import TYPE_CHECKING

from bridge.errors import BrokerError
from bridge.model import Readiness
from bridge.publish.connection import Acknowledged, Received, Refused
from bridge.publish.letters import stamp
from bridge.publish.messages import MessageKind, take_back
from bridge.publish.outbox import Outbox
from bridge.publish.stages import PACE_S, Stages
from bridge.publish.sweep import Sweep
from bridge.runtime.backoff import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bridge.publish.connection import Connection, Happening
    from bridge.publish.echoes import Echoes
    from bridge.publish.messages import Message
    from bridge.publish.reception import Reception
    from bridge.runtime.clock import Clock
    from bridge.runtime.metrics import Metrics

log = logging.getLogger(__name__)

# How many QoS 1 messages may be unacknowledged: Mosquitto's own default window (max_inflight_messages 20). They are
# what is in doubt when a connection is lost.
_WINDOW = 20
# When the broker acknowledged the probe and is silent for so long, it is asked once more, to see whether it is still
# there; when it is, and is silent for so long again, it does not let us read the probe. Far more than a round trip, and
# little beside the outage that it follows. A connection that is silent altogether ends by its keepalive.
_ECHO_SILENCE_S = 1.0
_POLL_S = 1.0  # the client library must look after its keepalive about once a second
# Tries against a local broker are cheap, and people watch when they restart it: never wait longer than this.
_RETRY_FIRST_S, _RETRY_MAX_S = 0.5, 10.0
# A connection that ends sooner than this does not reset the back-off: two clients with one id throw each other out
# for ever, each at once after its connect.
_STABLE_S = 5.0
_SHORT_LIVED = "if that repeats, another client may have the same mqtt.client_id"
# All bridges hear Home Assistant's birth at once. It says it 5 s after its last subscription and after the last
# discovery that it heard, so it has all that lies on the broker. What it may lack is what came while it was away and
# the broker did not keep (Mosquitto without persistence that was restarted before us).
_BIRTH_DELAY_S = (0.2, 1.5)
# A stop must end within 2 s, in all.
_FLUSH_S, _GOODBYE_S = 1.0, 0.5


class BrokerLink:
    """The thread body that owns the connection, and the door for messages.

    Args:
        connect: opens a connection, blocking; raises ``BrokerError``.
        farewell: the last message of a clean stop (``offline``).
        reception: hears what others say to us.
        clock: for latency and delays.
        metrics: ``mqtt_connected``, ``outbox_messages`` and ``event_latency_seconds`` are kept here.
        echoes: hears which events the broker has; None = nobody remembers anything, an event may come twice.
        delivered: called from this thread with the number of a letter that the broker has; must be quick.
        uniform: draws the delays; a test passes its own.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        farewell: Message,
        *,
        reception: Reception,
        clock: Clock,
        metrics: Metrics,
        echoes: Echoes | None = None,
        delivered: Callable[[int], None] = lambda _number: None,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._connect = connect
        self._farewell = farewell
        self._reception = reception
        self._clock = clock
        self._metrics = metrics
        self._echoes = echoes
        self._delivered = delivered
        self._uniform = uniform
        self._backoff = Backoff(_RETRY_FIRST_S, _RETRY_MAX_S, uniform)
        # Guards the outbox, the stages, the sweep, the settled, the connection's reference and the problem.
        self._lock = threading.Lock()
        self._outbox = Outbox()
        self._stages = Stages()
        self._sweep = Sweep()
        self._connection: Connection | None = None
        self._settled: list[int] = []  # letters that left the disk
        self._problem = "not connected yet"
        self._tickets: dict[int, int] = {}  # the connection's token → the outbox's ticket
        self._probe_token: int | None = None  # while the broker has not acknowledged the probe
        self._began_mono_s = 0.0
        self._rebirth_mono_s: float | None = None

    # --- any thread ----------------------------------------------------------------------------------------------

    def send(self, messages: Iterable[Message]) -> None:
        """Queue messages, together and in this order; never blocks."""
        with self._lock:
            self._queue(messages)

    def stage(self, device: str, stages: Sequence[Sequence[Message]], done: Callable[[], None] = lambda: None) -> None:
        """Tell Home Assistant news of a device, step by step; replaces what is left of earlier ones. Never blocks.

        Args:
            device: any name for it.
            stages: the steps, each some messages of the kind ``DISCOVERY``, or empty ones.
            done: called, from the link's thread, when the broker has them all; it must be quick.
        """
        with self._lock:
            if self._connection is None:
                self._stages.forget_pace(device)  # a new connection sends the newest of each topic only
            self._queue(self._stages.put(device, stages, done, self._clock.mono_s()))

    def sweep(self, configs: Iterable[str], states: Iterable[str] = ()) -> None:
        """Empty what is retained on the topics that fit these filters, on every connection; see ``Sweep.add``."""
        with self._lock:
            self._sweep.add(configs, states)
            self._wake()

    def spare(self, filters: Iterable[str]) -> None:
        """Sweep these no more."""
        with self._lock:
            self._sweep.spare(filters)

    def _queue(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self._outbox.put(message)
        self._metrics.outbox_messages.set(len(self._outbox))
        self._wake()

    def _wake(self) -> None:
        if self._connection is not None:
            self._connection.wake()

    def settled(self, numbers: Iterable[int]) -> None:
        """These letters left the disk: the broker need not remember them for us any more."""
        if self._echoes is None:
            return
        with self._lock:
            self._settled.extend(numbers)
            self._wake()

    def wake(self) -> None:
        """Let the thread look at its stop event."""
        with self._lock:
            self._wake()

    @property
    def connected(self) -> bool:
        """Whether a broker accepted us and is still there, as far as we know."""
        return self._connection is not None

    @property
    def waiting(self) -> int:
        """How many messages wait for the broker."""
        with self._lock:
            return len(self._outbox)

    def status(self) -> Readiness:
        """One line for ``/readyz``."""
        with self._lock:
            connected = self._connection is not None
            return Readiness("mqtt", connected, "connected" if connected else self._problem)

    # --- the mqtt thread -----------------------------------------------------------------------------------------

    def run(self, stop: threading.Event) -> None:
        """Supply the broker until ``stop`` is set."""
        while not stop.is_set():
            try:
                connection = self._open(stop)
                if connection is not None:
                    self._serve(connection, stop)
            except BrokerError as error:
                self._note_problem(error)
                stop.wait(self._backoff.next_s())
        if self._outbox:
            log.warning("%d messages were not delivered to the broker", len(self._outbox))

    def _open(self, stop: threading.Event) -> Connection | None:
        """Connect; looking up a name or an address that does not answer can take a minute, and no stop waits for it.

        Returns:
            None when the stop came first.
        """
        attempt: futures.Future[Connection] = futures.Future()
        threading.Thread(target=_fulfil, args=(attempt, self._connect), name="mqtt-connect", daemon=True).start()
        while not stop.is_set():
            if futures.wait([attempt], timeout=0.1).done:
                return attempt.result()
        attempt.add_done_callback(_close_abandoned)
        return None

    def _serve(self, connection: Connection, stop: threading.Event) -> None:
        began_s = self._began_mono_s = self._clock.mono_s()
        try:
            self._begin(connection)
            self._hear_echoes(connection, stop)
            with self._lock:
                self._outbox.resume()
                self._stages.hold(began_s)
                self._sweep.begin(began_s)
            while not stop.is_set():
                self._turn(connection, _POLL_S)
            self._finish(connection)
        except BrokerError as error:
            if self._clock.mono_s() - began_s < _STABLE_S:
                raise BrokerError(error.reason, _SHORT_LIVED) from error
            self._backoff.reset()
            raise
        finally:
            with self._lock:
                self._connection = None
            self._metrics.mqtt_connected.set(0)
            connection.close()

    def _begin(self, connection: Connection) -> None:
        self._tickets.clear()
        self._probe_token = self._rebirth_mono_s = None
        with self._lock:
            self._connection = connection
            self._problem = "disconnected"
        self._metrics.mqtt_connected.set(1)
        log.info("connected to the broker")
        for topic, qos in self._reception.subscriptions:
            connection.subscribe(topic, qos)
        if self._echoes is not None:
            self._echoes.begin()
            for topic in self._echoes.topics:
                connection.subscribe(topic)

    def _hear_echoes(self, connection: Connection, stop: threading.Event) -> None:
        """Let the broker tell which of the events that may be in doubt it has, before any of them is sent again."""
        echoes = self._echoes
        if echoes is None or not connection.session_present or not (echoes.first or self._outbox.has_events):
            return
        self._probe_token = connection.publish(echoes.probe())
        heard, since_s, asked_again = echoes.count, self._clock.mono_s(), False
        while echoes.probing and not stop.is_set():
            left_s = since_s + _ECHO_SILENCE_S - self._clock.mono_s()
            if left_s <= 0:
                if asked_again:
                    echoes.give_up("the broker does not send us our own messages")
                    return
                asked_again = True
                self._probe_token = connection.publish(echoes.probe())
            acknowledged = self._probe_token is None
            self._attend(connection, max(left_s, 0.05))
            if echoes.count != heard:
                heard, since_s, asked_again = echoes.count, self._clock.mono_s(), False
            elif not acknowledged:
                since_s = self._clock.mono_s()

    def _turn(self, connection: Connection, timeout_s: float) -> None:
        """Send what may be sent, then wait for what happens."""
        now_s = self._clock.mono_s()
        if self._rebirth_mono_s is not None and now_s >= self._rebirth_mono_s:
            self._rebirth_mono_s = None
            with self._lock:
                self._outbox.refresh()
                self._stages.hold(now_s)
        self._go_on(connection, now_s)
        self._fill(connection)
        with self._lock:
            times_s = (self._rebirth_mono_s, self._stages.next_s(now_s), self._sweep.next_s())
        waits_s = [max(time_s - now_s, 0.0) for time_s in times_s if time_s is not None]
        self._attend(connection, min([timeout_s, *waits_s]))

    def _go_on(self, connection: Connection, now_s: float) -> None:
        """The next step of news that take several, and of what is taken back."""
        with self._lock:
            step = self._sweep.due(now_s)
            # A plan is over when the broker has all of it, so that one who is killed begins it again.
            messages, over = self._stages.due(now_s, settled=lambda: not self._outbox.has(MessageKind.DISCOVERY))
            if messages:
                self._queue(messages)
        for topic in step.subscribe:
            connection.subscribe(topic, 0)
        for topic in step.unsubscribe:
            connection.unsubscribe(topic)
        for done in over:
            done()

    def _fill(self, connection: Connection) -> None:
        while len(self._tickets) < _WINDOW and connection.writable:
            with self._lock:
                parcel = self._outbox.take()
                self._metrics.outbox_messages.set(len(self._outbox))
            if parcel is None:
                return
            message = parcel.message
            if self._echoes is not None and message.kind is MessageKind.EVENT and self._echoes.claim(message):
                self._note_handed_over(parcel.ticket)
                continue
            token = connection.publish(stamp(message, mono_s=self._clock.mono_s(), unix_s=self._clock.unix_s()))
            if token is not None:
                self._tickets[token] = parcel.ticket

    def _attend(self, connection: Connection, timeout_s: float) -> None:
        """Confirm echoes whose letters are gone, then wait for what happens."""
        if self._echoes is not None:
            with self._lock:
                numbers, self._settled = self._settled, []
            for receipt in self._echoes.settled(numbers):
                connection.confirm(receipt)
        for happening in connection.poll(timeout_s):
            self._note(connection, happening)

    def _note(self, connection: Connection, happening: Happening) -> None:
        match happening:
            case Acknowledged(token):
                if token == self._probe_token:
                    self._probe_token = None
                elif (ticket := self._tickets.pop(token, None)) is not None:
                    self._note_handed_over(ticket)
            case Refused(topic):
                if self._echoes is not None and topic in self._echoes.topics:
                    self._echoes.give_up(f"the broker does not let us subscribe to {topic}")
            case Received() if self._reception.knows(happening.topic):
                connection.confirm(happening.receipt)
                if self._reception.hear(happening):
                    self._note_birth()
            case Received() if happening.retain:
                connection.confirm(happening.receipt)
                self._take_back(happening)
            case Received():
                connection.confirm(self._note_echo(happening))

    def _note_handed_over(self, ticket: int) -> None:
        with self._lock:
            message = self._outbox.acknowledge(ticket)
        self._note_delivered(message)

    def _note_echo(self, received: Received) -> int:
        """One of our own messages came back.

        Returns:
            The receipt to confirm now; 0 for none.
        """
        if self._echoes is None:
            return received.receipt
        with self._lock:
            message = self._outbox.recognise(received.topic, received.payload)
        if message is None:
            return self._echoes.arrived(received)
        self._note_delivered(message)
        return self._echoes.hold(received)

    def _note_delivered(self, message: Message | None) -> None:
        """The broker has a message; None: we knew that already."""
        if message is None:
            return
        with self._lock:
            self._metrics.outbox_messages.set(len(self._outbox))
        if message.frame_mono_s is not None:  # one from the disk would tell how long the bridge was away
            self._metrics.event_latency_seconds.observe(self._clock.mono_s() - message.frame_mono_s)
        if message.number:
            if self._echoes is not None:
                self._echoes.delivered(message)
            self._delivered(message.number)

    def _note_birth(self) -> None:
        if self._rebirth_mono_s is None:
            log.info("Home Assistant started: discovery and states go out again")
            soon_s = self._clock.mono_s() + self._uniform(*_BIRTH_DELAY_S)
            # After a broker's restart both of us come back: what this connection began with is still being set up.
            self._rebirth_mono_s = max(soon_s, self._began_mono_s + PACE_S)

    def _take_back(self, received: Received) -> None:
        """Something is retained that we asked for: does it belong to what is gone?"""
        with self._lock:
            if self._sweep.wants(received.topic):
                self._queue([take_back(received.topic)])

    def _note_problem(self, error: BrokerError) -> None:
        """Keep the newest problem; log it when it differs from the one before, not at every try."""
        text = str(error)
        with self._lock:
            changed, self._problem = text != self._problem, text
        if changed:
            log.warning("broker: %s", text)

    def _finish(self, connection: Connection) -> None:
        """Hand over what waits and say ``offline``, both within their time."""
        deadline_s = self._clock.mono_s() + _FLUSH_S
        if self._echoes is not None and self._echoes.probing:
            deadline_s = 0.0  # what is in doubt would come twice; it waits on the disk
        while self._outbox and self._clock.mono_s() < deadline_s:
            self._turn(connection, 0.05)
        farewell = connection.publish(self._farewell)
        deadline_s = self._clock.mono_s() + _GOODBYE_S
        while self._clock.mono_s() < deadline_s:
            if Acknowledged(farewell or 0) in connection.poll(0.05):
                return


def _fulfil(attempt: futures.Future[Connection], connect: Callable[[], Connection]) -> None:
    try:
        attempt.set_result(connect())
    except BaseException as error:  # noqa: BLE001 - it goes on in the thread that waits
        attempt.set_exception(error)


def _close_abandoned(attempt: futures.Future[Connection]) -> None:
    if attempt.exception() is None:
        attempt.result().close()
