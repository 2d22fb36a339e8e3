"""The demo: broker, cameras, bridge and page, all real, all here, until Ctrl-C."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.app import App
from bridge.demo.broker import EmbeddedBroker
from bridge.demo.footage import demo_sources
from bridge.demo.narrator import line
from bridge.operator import FileOperator
from bridge.runtime.clock import SystemClock
from bridge.runtime.worker import Supervisor, Worker
from bridge.simulate.camera import dial
from bridge.simulate.fleet import Fleet
from bridge.simulate.source import open_source
from bridge.simulate.twin import Esp32Twin

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

    from bridge.model import EventChange, Readiness
    from bridge.simulate.source import Source

_HOST = "127.0.0.1"
_HTTP_PORT = 8080
_INGEST_PORT = 3001
# Visitors of the demo walk in and out every few seconds; a real porch can wait longer for the end of a visit.
_END_AFTER_S = 2.0
# The footage that is made here is of people; a user's own may show more.
_LABELS = ["person", "bicycle", "car", "motorcycle", "bus", "truck", "cat", "dog"]
_PERIOD_S = 0.5


class Show:
    """One demo.

    Args:
        source: footage to play; None makes some from the photographs of the ultralytics package.
        cameras: how many simulated cameras.
        model: which model; None for the automatic choice.
    """

    def __init__(self, source: str | None, cameras: int, model: str | None) -> None:
        self._source = source
        self._ids = [f"demo_{number}" for number in range(1, cameras + 1)]
        self._model = model or "auto"

    def run(self, duration_s: float | None) -> None:
        """Run until Ctrl-C, SIGTERM or the time is over; then stop all of it.

        Raises:
            BridgeError: something that the demo needs is not there; the message says the mend.
        """
        clock = SystemClock()
        with ExitStack() as stack:
            sources = self._sources()
            broker = stack.enter_context(EmbeddedBroker(_HOST))
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="espcam-bridge-demo-")))
            file = folder / "espcam-bridge.yaml"  # so that the page can change settings, as it does everywhere
            file.write_text(json.dumps(self._settings(broker.port, folder)), encoding="utf-8")  # JSON is YAML
            operator = FileOperator(file, {})
            config = operator.load()
            app = App(config, listeners=[self._tell], operator=operator)
            stack.enter_context(_stop_on_signals(app))
            stack.enter_context(app)
            operator.serve(app, config)
            stack.enter_context(self._cameras(sources, app, clock))
            print(self._addresses(app, broker.port), flush=True)
            end_mono_s = clock.mono_s() + (duration_s or float("inf"))
            said = ""
            while not app.wait(_PERIOD_S) and clock.mono_s() < end_mono_s:
                said = _say_news(app.readiness(), said)
            print("stopping ...", flush=True)

    def _sources(self) -> list[Source]:
        if self._source is None:
            return demo_sources(len(self._ids))
        # Each camera begins at another place, else all would show the same.
        return [open_source(self._source, start=place / len(self._ids)) for place in range(len(self._ids))]

    def _settings(self, broker_port: int, folder: Path) -> dict[str, Any]:
        return {
            "mqtt": {"host": _HOST, "port": broker_port},
            "ingest": {"host": _HOST, "port": _free_or_any(_INGEST_PORT)},
            "http": {"host": _HOST, "port": _free_or_any(_HTTP_PORT)},
            "detector": {"model": self._model},
            "state_file": str(folder / "state.json"),
            "history": {"url": f"sqlite:///{folder / 'demo.db'}", "media_dir": str(folder / "media")},
            "defaults": {
                "labels": _LABELS if self._source else _LABELS[:1],
                "events": {"end_after_s": _END_AFTER_S},
            },
            "cameras": [
                {"id": camera_id, "name": f"Demo camera {number}"}
                for number, camera_id in enumerate(self._ids, start=1)
            ],
        }

    @contextlib.contextmanager
    def _cameras(self, sources: list[Source], app: App, clock: SystemClock) -> Iterator[None]:
        base = f"ws://{_HOST}:{app.ingest_port}/ws"
        twins = [
            Esp32Twin(camera_id, source, dial=partial(dial, f"{base}/{camera_id}"), clock=clock)
            for camera_id, source in zip(self._ids, sources, strict=True)
        ]
        # A crash of the cameras ends the demo like any other crash.
        supervisor = Supervisor()
        worker = Worker("cameras", Fleet(twins, progress_every_s=float("inf")).run, supervisor)
        worker.start()
        try:
            yield
        finally:
            worker.stop()

    def _addresses(self, app: App, broker_port: int) -> str:
        page = f"http://{_HOST}:{app.http_port}"
        return "\n".join(
            (
                "",
                f"  page     {page}/",
                f"  stream   {page}/cameras/{self._ids[0]}/stream.mjpg",
                f"  MQTT     mosquitto_sub -h {_HOST} -p {broker_port} -v -t 'espcam/+/events'",
                f"  cameras  {len(self._ids)} simulated, dialling ws://{_HOST}:{app.ingest_port}/ws/…",
                "  end      Ctrl-C",
                "",
            )
        )

    @staticmethod
    def _tell(change: EventChange) -> None:
        text = line(change, change.event.camera_id, SystemClock().unix_s())
        if text is not None:
            print(text, flush=True)


def _say_news(readiness: Sequence[Readiness], said: str) -> str:
    """Print what is not ready (a model that loads or is missing) once; returns what was said last."""
    text = "; ".join(f"{one.part}: {one.detail}" for one in readiness if not one.ready) or "ready"
    if text != said:
        print(f"  {text}", flush=True)
    return text


def _free_or_any(port: int) -> int:
    """The port if nobody has it, else 0: any free one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return 0
    return port


@contextlib.contextmanager
def _stop_on_signals(app: App) -> Iterator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        app.request_stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
