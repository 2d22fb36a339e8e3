"""The composition root: builds every part, starts them in order, stops them in reverse.

Nothing here decides anything about frames or events; it only knows who needs whom.
"""

from __future__ import annotations

import itertools
import logging
import os
import secrets
import string
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from bridge import __version__, wiring
from bridge.adapt.steward import Steward
from bridge.adoption.desk import AdoptionDesk
from bridge.courier import Courier
from bridge.detect.load import load_detector
from bridge.detect.supply import DetectorSupply
from bridge.dispatcher import Dispatcher
from bridge.errors import AdoptionRefused, ConfigError
from bridge.eventlog import EventLog
from bridge.events.ids import IdMaker
from bridge.frames.store import FrameStore
from bridge.history import house
from bridge.household import Household
from bridge.ingest.beacon import Beacon
from bridge.ingest.server import IngestServer
from bridge.model import Readiness
from bridge.monitor import HealthMonitor
from bridge.pipeline import Pipeline
from bridge.publish.publisher import Publisher
from bridge.relay import TalkRelay
from bridge.runtime.clock import SystemClock
from bridge.runtime.metrics import Metrics
from bridge.runtime.statefile import StateFile
from bridge.runtime.worker import Supervisor
from bridge.serve.http import WebServer
from bridge.switchboard import Switchboard
from bridge.updates.desk import UpdateDesk
from bridge.updates.library import ImageLibrary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bridge.config.schema import Config
    from bridge.detect.port import Detector
    from bridge.history.archive import Archive
    from bridge.model import EventChange
    from bridge.runtime.clock import Clock
    from bridge.serve.live import StreamOptions


log = logging.getLogger(__name__)


# Of the memory.
_WEB: Final = "web"
_SECRET: Final = "session_key"  # noqa: S105 - the name of what is kept there
_SECRET_HEX: Final = 64


class Operator(Protocol):
    """Who can do to the bridge what it cannot do to itself; called from the threads that carry out requests."""

    def reload(self) -> Sequence[str]:
        """Take up the configuration as it is now.

        Returns:
            The keys for which the bridge begins anew, within a second; empty when everything is in force already.

        Raises:
            ConfigError: it is wrong; nothing has changed.
        """

    def restart(self) -> None:
        """Begin anew, soon. Raises ConfigError when that could not start."""

    def settings(self, camera_id: str) -> Mapping[str, Any]:
        """What the configuration says of one camera, with what it has from ``defaults``, as JSON values.

        Secrets are left out.
        """

    def remove_settings(self, camera_id: str) -> Sequence[str]:
        """Take a camera's entry out of the configuration, and take it up; as ``reload`` otherwise."""

    def change_settings(self, camera_id: str, change: Mapping[str, Any]) -> Sequence[str]:
        """Write a change of one camera's settings into the configuration, and take it up as ``reload`` does.

        Args:
            camera_id: whose.
            change: keys of the camera with their values; a mapping is merged, None takes a key out.

        Raises:
            ConfigError: the change is wrong, or the file cannot be written; nothing has changed.
        """


class App:
    """The bridge, from the camera port to MQTT and the page.

    Args:
        config: the whole configuration.
        load: makes the detector; a test passes one that makes a fake.
        listeners: called with every change of an event, in the inference thread; must not block.
        operator: carries out requests to reload and to restart; None: they are refused.
        clock: where the time comes from.
    """

    def __init__(
        self,
        config: Config,
        *,
        load: Callable[[], Detector] | None = None,
        listeners: Sequence[Callable[[EventChange], None]] = (),
        operator: Operator | None = None,
        clock: Clock | None = None,
    ) -> None:
        clock = clock or SystemClock()
        self._config = config
        self._stack = ExitStack()
        self._supervisor = Supervisor()
        self.metrics = Metrics()
        self._store = FrameStore(clock, self.metrics)
        self._supply = DetectorSupply(load or (lambda: _load_model(config)), self._supervisor)
        self._memory = StateFile(config.state_file)
        self._operator = operator
        self._load = load
        self._adoption = AdoptionDesk(memory=self._memory, household=self, clock=clock)
        archive = self._build_delivery(clock)
        self._pipeline = Pipeline(
            store=self._store,
            supply=self._supply,
            iou=config.detector.iou,
            new_id=IdMaker(secrets.randbits),
            sinks=(self._courier, EventLog(self.metrics, (*listeners, self._tell_pages))),
            clock=clock,
            metrics=self.metrics,
            supervisor=self._supervisor,
        )
        self._build_controls(clock, operator)
        self._build_household()
        self._monitor = HealthMonitor(
            store=self._store,
            sink=self._publisher,
            describe=self.info,
            figures=lambda: {"waiting": self._adoption.count()},
            clock=clock,
            supervisor=self._supervisor,
        )
        self._build_doors(clock, archive)

    def _build_delivery(self, clock: Clock) -> Archive | None:
        """Who writes events down and who sends them; gives who reads them again."""
        self._publisher = Publisher(
            wiring.publish_settings(self._config),
            clock=clock,
            metrics=self.metrics,
            supervisor=self._supervisor,
            delivered=lambda number: self._courier.delivered(number),  # noqa: PLW0108 - it is made below
            commands=lambda command: self._dispatcher.take(command),  # noqa: PLW0108 - likewise
            memory=self._memory,
        )
        history = house.build(wiring.history_settings(self._config))
        self._courier = Courier(
            ledger=history.ledger,
            publisher=self._publisher,
            clock=clock,
            metrics=self.metrics,
            supervisor=self._supervisor,
        )
        return history.archive

    def _build_controls(self, clock: Clock, operator: Operator | None) -> None:
        """Who sets what cameras and the bridge can be told to do."""
        numbers = itertools.count(1)
        self._switchboard = Switchboard(
            pipeline=self._pipeline,
            publisher=self._publisher,
            describe=lambda camera_id, offer: wiring.published_camera(self._household.camera(camera_id), offer),
            memory=self._memory,
            clock=clock,
            numbers=numbers,
        )
        self._updates = UpdateDesk(
            library=ImageLibrary(self._config.firmware.dir),
            line=self._switchboard,
            audience=self._publisher,
            memory=self._memory,
            numbers=numbers,
            clock=clock,
        )
        requests = {
            "health": lambda _payload: self._health(),
            "approve": lambda payload: self._adoption.approve(*_strings(payload, "id", "name")),
            "dismiss": lambda payload: _done(lambda: self._adoption.dismiss(*_strings(payload, "id"))),
            "remove": lambda payload: _done(lambda: self._adoption.remove(*_strings(payload, "id"))),
        }
        requests["update"] = lambda payload: _done(lambda: self._updates.install(*_strings(payload, "id")))
        if operator is not None:
            requests["reload"] = lambda _payload: {"begins_anew_for": list(operator.reload())}
            requests["restart"] = lambda _payload: _done(operator.restart)
        self._steward = Steward(cameras=self._store, steering=self._switchboard.desk, memory=self._memory, clock=clock)
        self._dispatcher = Dispatcher(
            desk=self._switchboard.desk,
            updates=self._updates,
            requests=requests,
            respond=self._publisher.respond,
            chores=(self._switchboard.desk.tick, self._updates.tick, self._steward.tick, self._memory.save),
            supervisor=self._supervisor,
        )

    def _build_household(self) -> None:
        """Who lives here."""
        self._household = Household(
            self._config,
            store=self._store,
            pipeline=self._pipeline,
            publisher=self._publisher,
            switchboard=self._switchboard,
            updates=self._updates,
            steward=self._steward,
            adopted=self._adoption.names,
            keep=self._adoption.keep,
        )

    def _build_doors(self, clock: Clock, archive: Archive | None) -> None:
        """Where people and cameras come in."""
        self._web = WebServer(
            wiring.http_settings(self._config),
            self,
            adoption=self._adoption,
            updates=self._updates,
            store=self._store,
            events=archive,
            metrics=self.metrics,
            clock=clock,
            supervisor=self._supervisor,
            secret=self._web_secret(),
        )
        self._ingest = IngestServer(
            wiring.ingest_settings(self._config),
            self._store,
            clock=clock,
            supervisor=self._supervisor,
            admit=self._household.admit,
            talk=TalkRelay(self._switchboard.desk, self._updates),
            redirect_url=self._stream_url,
            reception=self._adoption,
            image=self._updates.image,
        )
        self._switchboard.connect(self._ingest)
        self._household.connect(self)
        self._beacon = Beacon(wiring.ingest_settings(self._config), lambda: self._ingest.port, self._supervisor)

    def _web_secret(self) -> bytes:
        """What signs sessions; the same for as long as the state file lives."""
        kept = self._memory.section(_WEB).get(_SECRET)
        if not (isinstance(kept, str) and len(kept) == _SECRET_HEX and set(kept) <= set(string.hexdigits)):
            kept = secrets.token_hex(_SECRET_HEX // 2)
            self._memory.put(_WEB, _SECRET, kept)
        return bytes.fromhex(kept)

    # --- life -------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything; cameras may dial in and the page answers when it returns.

        The model loads in the background and the broker is waited for in the background.

        Raises:
            ListenError: a port is taken; what was started is stopped again.
        """
        with ExitStack() as stack:
            self._supply.start()  # the model loads while the cameras' trackers bring in their library
            stack.callback(self._supply.stop)
            self._household.begin()
            stack.callback(self._courier.close)  # last of all: notes what the broker took at the very end
            self._courier.open()  # before the publisher: what waited goes before everything new
            # Stopped in reverse: first nobody comes in, then the last events are made, written down, and handed over.
            for part in (
                self._publisher, self._courier, self._dispatcher, self._monitor,
                self._pipeline, self._web, self._ingest, self._beacon,
            ):  # fmt: skip
                part.start()
                stack.callback(part.stop)
                if part is self._pipeline:
                    stack.callback(self._store.close)  # wakes the loop and the viewers from their waits
            self._stack = stack.pop_all()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until ``request_stop`` is called.

        Returns:
            False when the time ran out first.

        Raises:
            WorkerCrashed: a part died.
        """
        return self._supervisor.wait(timeout_s)

    def request_stop(self) -> None:
        """Let ``wait`` return; safe from a signal handler."""
        self._supervisor.stop()

    def stop(self) -> None:
        """Stop everything, in less than 3 seconds."""
        self._stack.close()

    # --- changes ------------------------------------------------------------------------------------------------------

    def take_up(self, config: Config) -> None:
        """Go on with a changed configuration; cameras, viewers and open events notice nothing of it.

        Args:
            config: differs only in what can be taken up so (``wiring.begins_anew`` says nothing of it).
        """
        before, self._config = self._config, config
        if self._load is None and wiring.detector_settings(before) != wiring.detector_settings(config):
            self._supply.renew(lambda: _load_model(config))
        self._ingest.take_up(wiring.ingest_settings(config))
        self._household.take_up(config)
        self._web.take_up(wiring.http_settings(config))
        log.info("the changed configuration is in force")

    def _tell_pages(self, change: EventChange) -> None:
        self._web.event(change)

    def dismiss(self, camera_id: str) -> None:
        """Send a camera and its viewers away from what is gone."""
        self._ingest.dismiss(camera_id)
        self._web.forget(camera_id)

    def move_in(self, camera_id: str) -> None:
        """A camera was approved."""
        self._household.move_in(camera_id)

    def strike(self, camera_id: str) -> None:
        """Take a camera out of the configuration, if it is in there."""
        if self._config.camera(camera_id) is None:
            return
        try:
            self._need_operator().remove_settings(camera_id)
        except ConfigError as error:
            raise AdoptionRefused(f"{camera_id} is in the configuration as well: {error}") from error

    def move_out(self, camera_id: str) -> None:
        """An adopted camera was removed."""
        self._household.move_out(camera_id)

    def reload(self) -> Sequence[str]:
        """See ``Operator.reload``; for the page."""
        return self._need_operator().reload()

    def settings(self, camera_id: str) -> Mapping[str, Any]:
        """See ``Operator.settings``; for the page."""
        return self._need_operator().settings(camera_id)

    def change_settings(self, camera_id: str, change: Mapping[str, Any]) -> Sequence[str]:
        """See ``Operator.change_settings``; for the page."""
        new = self._config.camera(camera_id) is None
        if new and camera_id in self._adoption.names() and self._config.defaults.token is not None:
            # With an entry, the token of all cameras would go before the key that this one has.
            mend = "write an entry for it with a token of its own"
            raise ConfigError((f"{camera_id} was approved by its key, and defaults.token would lock it out: {mend}",))
        return self._need_operator().change_settings(camera_id, change)

    def _need_operator(self) -> Operator:
        if self._operator is None:
            raise ConfigError(("this bridge has no configuration file: settings cannot be changed here",))
        return self._operator

    # --- what others may know -----------------------------------------------------------------------------------------

    @property
    def ingest_port(self) -> int:
        """The port that cameras dial."""
        return self._ingest.port

    @property
    def http_port(self) -> int:
        """The port of the page."""
        return self._web.port

    def readiness(self) -> Sequence[Readiness]:
        """Each part that must work for events to reach Home Assistant."""
        listening = self._ingest.listening
        where = f"cameras dial port {self._ingest.port}" if listening else "the camera port is closed"
        return (
            self._publisher.status(),
            self._supply.readiness(),
            Readiness("ingest", listening, where),
            self._courier.status(),
        )

    def info(self) -> Mapping[str, Any]:
        """What the bridge is; no secrets."""
        detector = self._supply.current()
        return {
            "version": __version__,
            "runtime": detector.info.runtime if detector else None,
            "model": detector.info.model if detector else None,
            "device": detector.info.device if detector else None,
            "cameras": list(self._store.camera_ids()),
            "ingest_port": self._ingest.port,
            "ingest_tls": self._config.ingest.tls.enabled,
            "config_sha256": self._config.sha256(),
            "history": self._courier.status().detail,
            "state": self._memory.problem or "what was set is kept",
        }

    def stream_options(self, camera_id: str) -> StreamOptions:
        """How a camera is shown."""
        return wiring.stream_options(self._household.camera(camera_id))

    def controls(self, camera_id: str) -> Mapping[str, Any]:
        """What can be set on a camera, and what it is set to."""
        return self._switchboard.controls(camera_id)

    def set_control(self, camera_id: str, name: str, value: object) -> None:
        """Set one of a camera's controls and wait until it took effect; raises ControlRefused when it did not."""
        self._switchboard.set_control(camera_id, name, value)

    def _health(self) -> Mapping[str, Any]:
        parts = self.readiness()
        return {
            "ready": all(part.ready for part in parts),
            "parts": {part.part: {"ready": part.ready, "detail": part.detail} for part in parts},
            "cameras": {status.camera_id: status.state.value for status in self._store.statuses()},
            "waiting": self._adoption.waiting(),
        }

    def _stream_url(self, host: str) -> str:
        scheme = "https" if self._config.http.tls.enabled else "http"
        base = self._config.http.public_url or f"{scheme}://{host}:{self._web.port}"
        return f"{base}/cameras/{self._config.ingest.default_camera}/stream.mjpg"


def _strings(payload: Mapping[str, Any], first: str, *others: str) -> tuple[str, ...]:
    """The texts of a request; the first must be there.

    Raises:
        AdoptionRefused: it is not, or one is no text.
    """
    values = tuple(payload.get(name, "") for name in (first, *others))
    if not all(isinstance(value, str) for value in values) or not values[0]:
        names = ", ".join(f'"{name}"' for name in (first, *others))
        raise AdoptionRefused(f"the request needs texts: {names} (the first always)")
    return values


def _done(act: Callable[[], object]) -> Mapping[str, Any]:
    """Do it; there is nothing to tell of it."""
    act()
    return {}


def _load_model(config: Config) -> Detector:
    """The detector that is configured; what it never can see is said."""
    detector = load_detector(wiring.detector_settings(config), os.environ)
    for label, cameras in wiring.never_seen(config, detector.info.labels).items():
        seekers = ", ".join(cameras)
        log.warning("the model %s knows no %s, which is looked for by %s", detector.info.model, label, seekers)
    return detector
