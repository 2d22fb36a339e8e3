"""An MQTT broker inside the demo, so that nobody needs to install one first; the only file that knows ``amqtt``.

It listens on a socket of its own and hands the connections to amqtt: only so can the system choose a free port and
the port be known, and only so does stopping not wait for clients that never say goodbye.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from typing import TYPE_CHECKING

from bridge.errors import DependencyMissing, ListenError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from amqtt.broker import Broker

_LISTENER = "default"  # the name that amqtt insists on
_ANONYMOUS = "amqtt.plugins.authentication.AnonymousAuthPlugin"
_START_TIMEOUT_S = 10.0
_SHUTDOWN_TIMEOUT_S = 1.0
_STOP_TIMEOUT_S = 2.0


class EmbeddedBroker:
    """A broker in a thread of its own; anybody may connect. A context manager, to be entered once.

    Args:
        host: the address to listen on.
        port: 0 lets the system choose.

    Raises:
        DependencyMissing: on entering: amqtt is not installed.
        ListenError: on entering: the port is taken or not allowed.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.host = host
        self.port = port
        self._thread = threading.Thread(target=self._run, name="broker", daemon=True)
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._stop = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def __enter__(self) -> Self:
        """Start it; afterwards ``port`` is known and open."""
        self._thread.start()
        started = self._ready.wait(_START_TIMEOUT_S)
        if self._failure is not None:
            raise self._failure
        if not started:
            raise ListenError(f"the demo's broker did not start within {_START_TIMEOUT_S:.0f} s")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it, and forget everything that was retained."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it crashed before, and its loop is closed
                self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_STOP_TIMEOUT_S)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - it is raised again in the thread that asked for a broker
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        broker = _amqtt()
        await broker.start()
        try:
            server = await self._listen(broker)
            self._ready.set()
            await self._stop.wait()
            server.close()
        finally:
            # amqtt waits up to 5 s for messages under way; those of a demo that ends may be lost.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SHUTDOWN_TIMEOUT_S):
                    await broker.shutdown()

    async def _listen(self, broker: Broker) -> asyncio.Server:
        from amqtt.adapters import StreamReaderAdapter, StreamWriterAdapter  # noqa: PLC0415 - an extra

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await broker.external_connected(StreamReaderAdapter(reader), StreamWriterAdapter(writer), _LISTENER)
            finally:
                writer.close()

        try:
            server = await asyncio.start_server(connected, self.host, self.port)
        except OSError as error:
            where = f"{self.host}:{self.port}"
            raise ListenError(f"the demo's broker cannot listen on {where}: {error.strerror}") from error
        self.port = server.sockets[0].getsockname()[1]
        return server


def _amqtt() -> Broker:
    try:
        from amqtt.broker import Broker  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise DependencyMissing("amqtt", "run: pip install 'espcam-bridge[demo]'") from error
    # They tell of every packet and every change of state, and call it an error when a client hangs up.
    for name in ("amqtt", "transitions"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return Broker({"listeners": {_LISTENER: {"type": "external"}}, "plugins": {_ANONYMOUS: {"allow_anonymous": True}}})
