"""Carries out what comes over MQTT: settings for cameras, and requests to the bridge.

The broker's thread only hands over; everything happens here, one after another, in a thread named ``commands``, which
also lets time pass for commands that wait for a camera's answer and writes down what they changed.
"""

from __future__ import annotations

import logging
from queue import Empty, Full, Queue
from typing import TYPE_CHECKING, Any, Protocol

from bridge.errors import BridgeError, ControlRefused, UpdateRefused
from bridge.publish.commands import InstallUpdate, Request, SetControl
from bridge.runtime.worker import Worker

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence

    from bridge.model import Control, ControlValue
    from bridge.publish.commands import Command
    from bridge.runtime.worker import Supervisor

log = logging.getLogger(__name__)

# Nobody presses so many buttons before the first one is carried out; beyond it is a flood, or a loop of automations.
_WAITING_MAX = 1000
# How soon a command without an answer is given up, and how soon what changed is on the disk.
_TICK_S = 0.1


class Desk(Protocol):
    """Who sets controls (``controls.desk.ControlDesk``)."""

    def request(self, camera_id: str, control: Control, value: ControlValue, done: Callable[[str], None]) -> None:
        """Set a control; ``done`` hears once what went wrong, empty for nothing. Raises ControlRefused."""


class Updates(Protocol):
    """Who updates cameras (``updates.desk.UpdateDesk``)."""

    def install(self, camera_id: str) -> object:
        """Have a camera take the newest firmware; raises UpdateRefused."""


class Dispatcher:
    """The thread that carries out commands.

    Args:
        desk: for cameras' settings.
        updates: for cameras' firmware.
        requests: for the bridge, by name: takes the request's payload and gives the answer's ``data``; may raise
            BridgeError, whose text becomes the answer's ``error``.
        respond: publishes an answer to a request.
        chores: what is to be done about ten times a second, in this order; cheap when there is nothing to do.
            The last writes down what was remembered, and is done once more at the end.
        supervisor: told when the thread dies.
    """

    def __init__(
        self,
        *,
        desk: Desk,
        updates: Updates,
        requests: Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]],
        respond: Callable[[str, Mapping[str, Any]], None],
        chores: Sequence[Callable[[], object]],
        supervisor: Supervisor,
    ) -> None:
        self._desk = desk
        self._updates = updates
        self._requests = requests
        self._respond = respond
        self._chores = chores
        self._waiting: Queue[Command] = Queue(_WAITING_MAX)
        self._flooded = False
        self._worker = Worker("commands", self._run, supervisor)

    def start(self) -> None:
        """Start the thread."""
        self._worker.start()

    def stop(self, timeout_s: float = 1.0) -> None:
        """Stop the thread and write down what was remembered."""
        self._worker.stop(timeout_s)
        self._chores[-1]()

    def take(self, command: Command) -> None:
        """Have a command carried out soon; from any thread, never blocks."""
        try:
            self._waiting.put_nowait(command)
        except Full:
            if not self._flooded:  # one line a flood
                self._flooded = True
                log.error("%d commands wait already: more are thrown away", _WAITING_MAX)  # noqa: TRY400 - no fault of ours

    def turn(self, timeout_s: float) -> None:
        """Carry out the next command, waiting for it this long; let time pass."""
        try:
            command = self._waiting.get(timeout=timeout_s)
        except Empty:
            self._flooded = False
        else:
            self._carry_out(command)
        for chore in self._chores:
            chore()

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self.turn(_TICK_S)

    def _carry_out(self, command: Command) -> None:
        match command:
            case SetControl(camera_id, control, value):
                self._set(camera_id, control, value)
            case InstallUpdate(camera_id):
                self._install(camera_id)
            case Request(name, payload):
                self._answer(name, payload)

    def _set(self, camera_id: str, control: Control, value: ControlValue) -> None:
        def done(problem: str) -> None:
            if problem:  # the desk says what took effect
                log.warning("%s: %s was not set to %s: %s", camera_id, control, value, problem)

        try:
            self._desk.request(camera_id, control, value, done)
        except ControlRefused as refused:
            done(str(refused))

    def _install(self, camera_id: str) -> None:
        try:
            self._updates.install(camera_id)
        except UpdateRefused as refused:
            log.warning("%s: was not updated: %s", camera_id, refused)

    def _answer(self, name: str, payload: Mapping[str, Any]) -> None:
        handle = self._requests.get(name)
        try:
            if handle is None:
                known = ", ".join(sorted(self._requests))
                raise ControlRefused(f"there is no request {name!r}; there are: {known}")
            answer = {"status": "ok", "data": handle(payload)}
        except BridgeError as error:
            log.warning("the request %s was not carried out: %s", name, error)
            answer = {"status": "error", "error": str(error)}
        # Who asked finds the answer to this very question by what it called it.
        if "transaction" in payload:
            answer["transaction"] = payload["transaction"]
        self._respond(name, answer)
