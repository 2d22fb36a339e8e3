"""The camera link on real sockets: one thread named ``ingest`` with the bridge's only asyncio loop.

``wire`` speaks the protocol, with ``websockets`` in its sans-I/O form, asyncio moves the bytes (``connection``),
``access`` decides who may connect and ``door`` what becomes of what cameras say. A message is handled in the very call
that read its last byte: there is no queue in which pictures grow old, nothing waits for anything but the network, and a
camera that stalls, floods or lies harms only itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from typing import TYPE_CHECKING, Any, Final, Self

from bridge.ingest.access import CAMERA_PATH, decide
from bridge.ingest.connection import CLOSE_TIMEOUT_S, HANDSHAKE_TIMEOUT_S, IMAGE_PATH, Connection, House
from bridge.ingest.door import REMOVED, Door
from bridge.ingest.listen import bind, tls_context
from bridge.ingest.lobby import Lobby
from bridge.ingest.messages import write_restart, write_set, write_update
from bridge.ingest.reception import NobodyAtReception
from bridge.link.table import CLOSE_UNKNOWN_CAMERA
from bridge.runtime.worker import Worker

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable, Mapping

    from bridge.frames.store import FrameStore
    from bridge.ingest.access import Decision
    from bridge.ingest.reception import Reception
    from bridge.ingest.settings import IngestSettings
    from bridge.ingest.talk import CameraTalk
    from bridge.model import ControlValue, UpdateOrder
    from bridge.runtime.clock import Clock
    from bridge.runtime.worker import Supervisor

log = logging.getLogger(__name__)

_READ_BYTES: Final = 262_144  # what asyncio reads; one for all connections, because each empties it at once
_STOP_GRACE_S: Final = 0.7  # for cameras to answer a close while stopping: stop() promises 1 s
_CHECK_INTERVAL_S: Final = 1.0  # for silence of 20 s and more; looking costs nothing
_START_TIMEOUT_S: Final = 5.0


class IngestServer:
    """Listens for cameras, feeds the store, and takes commands to cameras.

    Args:
        settings: where to listen, who may come, how large a frame may be.
        store: takes frames, damaged frames, hellos and telemetry; knows every configured camera already.
        clock: where the time comes from.
        supervisor: told when the thread dies.
        admit: called with the id of a camera that is not configured before anything of it goes anywhere.
        talk: hears what cameras say of themselves, and says what to welcome them with.
        redirect_url: makes the address of the default camera's live stream from the host that a browser asked for.
        reception: knows the adopted cameras, and is told of those that wait; None: there are none.
        image: what lies behind a ticket; asked by anybody who can reach the port.
    """

    def __init__(
        self,
        settings: IngestSettings,
        store: FrameStore,
        *,
        clock: Clock,
        supervisor: Supervisor,
        admit: Callable[[str], None],
        talk: CameraTalk,
        redirect_url: Callable[[str], str],
        reception: Reception | None = None,
        image: Callable[[str], bytes | None] = lambda _ticket: None,
    ) -> None:
        self._settings = settings
        self._supervisor = supervisor
        self._reception = reception or NobodyAtReception()
        self._lobby = Lobby(settings, clock=clock, reception=self._reception)
        self._door = Door(settings, store, clock=clock, admit=admit, talk=talk)
        self._house = House(settings, self._door, self._lobby, self._decide, redirect_url, image)
        self._worker: Worker | None = None
        self._connections: set[Connection] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._started = threading.Event()
        self._port = 0
        self._buffer = memoryview(bytearray(_READ_BYTES))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen; returns when cameras can connect.

        Raises:
            ListenError: the port is taken or not allowed, or a certificate cannot be read.
        """
        tls = tls_context(self._settings.tls) if self._settings.tls else None
        listener = bind(self._settings.host, self._settings.port)
        self._port = listener.getsockname()[1]
        self._worker = Worker("ingest", lambda _: self._run(listener, tls), self._supervisor, on_stop=self._wake)
        self._worker.start()
        self._started.wait(_START_TIMEOUT_S)

    def stop(self, timeout_s: float = 2.0) -> bool:
        """Say goodbye to every camera (1001) and end the thread; takes less than a second.

        Returns:
            False when it did not end in time.
        """
        return self._worker is None or self._worker.stop(timeout_s)

    @property
    def port(self) -> int:
        """The port listened on, also when the settings said 0."""
        return self._port

    @property
    def listening(self) -> bool:
        """Whether cameras can connect now."""
        return self._stopping is not None and not self._stopping.is_set()

    # --- changes ------------------------------------------------------------------------------------------------------

    def take_up(self, settings: IngestSettings) -> None:
        """Go on by changed rules, soon; where it listens stays as it was."""
        self._call(self._take_up, settings)

    def dismiss(self, camera_id: str) -> None:
        """Send a camera away that was removed, soon."""
        self._call(self._door.dismiss, camera_id, CLOSE_UNKNOWN_CAMERA, REMOVED)

    def _take_up(self, settings: IngestSettings) -> None:
        self._settings = self._house.settings = settings
        self._lobby.take_up(settings)
        self._door.take_up(settings)

    def _call(self, act: Callable[..., None], *args: object) -> None:
        """Have it done in the loop's thread; at once while that is not there."""
        if self._loop is None or not self.listening:
            act(*args)
            return
        with contextlib.suppress(RuntimeError):  # the loop has ended since
            self._loop.call_soon_threadsafe(act, *args)

    # --- commands ---------------------------------------------------------------------------------------------

    def set_values(self, camera_id: str, command_id: int, values: Mapping[str, ControlValue]) -> bool:
        """Send ``set`` to a camera; from any thread, without waiting.

        Args:
            camera_id: which camera.
            command_id: comes back in ``CameraTalk.acknowledged``.
            values: settings by name; those that are not in it stay as they are.

        Returns:
            True when the camera is connected and takes commands at this moment. Afterwards ``CameraTalk`` hears its
            answer, or that it left, or neither if the camera never answers. Commands given by one thread go out in
            order, each on the connection that was there, or not at all.

        Raises:
            ValueError: the values are too long for a camera, or none that JSON has.
        """
        return self._command(camera_id, write_set(command_id, values))

    def restart(self, camera_id: str, command_id: int) -> bool:
        """Send ``restart`` to a camera; as ``set_values`` otherwise."""
        return self._command(camera_id, write_restart(command_id))

    def update(self, camera_id: str, command_id: int, order: UpdateOrder) -> bool:
        """Send ``update`` to a camera, with the address of the image as the camera reaches us; as ``set_values``."""
        visit = self._door.modern(camera_id)
        if visit is None or not visit.peer.dialled:
            return False
        url = f"{visit.peer.dialled}{IMAGE_PATH}{order.ticket}"
        text = write_update(command_id, url, order.sha256, order.size_bytes, order.version)
        return self._command(camera_id, text)

    def _command(self, camera_id: str, text: str) -> bool:
        visit = self._door.modern(camera_id)
        if visit is None or self._loop is None or not self.listening:
            return False
        try:
            self._loop.call_soon_threadsafe(self._door.command, visit, text)
        except RuntimeError:  # the loop has ended since
            return False
        return True

    # --- the thread -------------------------------------------------------------------------------------------

    def _run(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        try:
            asyncio.run(self._serve(listener, tls))
        finally:
            self._stopping = None
            self._started.set()

    def _wake(self) -> None:
        if self._loop is not None and self._stopping is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)

    async def _serve(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(self._on_exception)
        self._stopping = asyncio.Event()
        server = await self._loop.create_server(
            self._make_connection,
            sock=listener,
            ssl=tls,
            ssl_handshake_timeout=HANDSHAKE_TIMEOUT_S if tls else None,
            ssl_shutdown_timeout=CLOSE_TIMEOUT_S if tls else None,
        )
        scheme = "wss" if tls else "ws"
        log.info("listening for cameras on %s://%s:%d%s", scheme, self._settings.host, self._port, CAMERA_PATH)
        self._started.set()
        while not self._stopping.is_set():
            self._door.check_silence()
            self._lobby.check()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _CHECK_INTERVAL_S)
        server.close()
        await self._close_connections()

    async def _close_connections(self) -> None:
        self._door.say_goodbye()
        deadline_s = asyncio.get_running_loop().time() + _STOP_GRACE_S
        while any(connection.is_open for connection in self._connections):
            if asyncio.get_running_loop().time() > deadline_s:
                break
            await asyncio.sleep(0.01)
        while self._connections:  # browsers and scanners in mid-handshake, cameras that did not answer
            for connection in self._connections:
                connection.abort()
            await asyncio.sleep(0)

    def _make_connection(self) -> Connection:
        return Connection(self._house, self._connections, self._buffer)

    def _decide(self, path: str, authorization: str | None, origin: str | None) -> Decision:
        return decide(path, authorization, origin, self._settings, self._reception.adopted())

    def _on_exception(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Whatever escapes a callback: a fault of ours ends the process, the network's troubles are logged."""
        error = context.get("exception")
        if error is None or isinstance(error, OSError):
            log.warning("%s: %s", context.get("message"), error)
        else:
            self._supervisor.crashed("ingest", error)
