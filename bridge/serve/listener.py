"""The HTTP server under Flask: cheroot, with the habits that live streams and the open network need.

What is changed, and why:

- A connection that has sent nothing holds no thread (browsers open spare ones ahead of time); cheroot would give each a
  thread for up to 10 s. The same for the TLS handshake, which cheroot makes on its one accepting thread: there a client
  that connects and stays silent would stop the whole server.
- A request must be read and answered within ``REQUEST_S``, however slowly its bytes drip in. A long answer that goes
  out in pieces may ask for as much again before each of them (``MORE_TIME``).
- A live stream needs no thread: once the head of its response is sent, the connection is handed over (``HAND_OVER``).
- What waits unsent in the kernel is kept small: a viewer on a slow link then skips frames and stays up to date, where
  megabytes of old frames would otherwise queue before it sees the present.
- cheroot's notes go to ``logging``; what clients do wrong is no error of ours.
"""

from __future__ import annotations

import contextlib
import io
import logging
import socket
import ssl
import sys
import threading
from typing import TYPE_CHECKING, Any, Protocol

from cheroot.makefile import MakeFile
from cheroot.server import HTTPConnection, HTTPRequest
from cheroot.ssl import Adapter
from cheroot.wsgi import Gateway_10, Server

from bridge.errors import ListenError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed.wsgi import WSGIApplication

    from bridge.runtime.clock import Clock
    from bridge.serve.site import TlsFiles

log = logging.getLogger(__name__)

# Where a route finds the function that it tells who takes the connection over (a ``Successor``).
HAND_OVER = "bridge.hand_over"

# Where a route finds the function that gives its answer another ``REQUEST_S`` from now.
MORE_TIME = "bridge.more_time"

REQUEST_S = 15.0
_WRITE_S = 10
_UNSENT_BYTES = 65536  # two VGA frames; the link stays busy, the picture stays fresh
_MAX_HEADER_BYTES = 16384
_MAX_BODY_BYTES = 65536  # no route takes more than a few settings
_MAX_IDLE_CONNECTIONS = 256  # well under the usual limit of 1024 open files
_BACKLOG = 128
_FREE_FOR_OTHERS = 2  # threads that no address alone can keep busy, by requests that drip

# What is not cut into chunks, because somebody else goes on with it.
_ENDLESS = (b"multipart/x-mixed-replace", b"text/event-stream")

# The first bytes of an answer to somebody who speaks HTTP to the HTTPS port.
_SPEAK_TLS = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
    b"This port speaks HTTPS: open https:// instead.\n"
)


class Successor(Protocol):
    """Takes a connection over from the HTTP server; one of its methods is called, once."""

    def take(self, sock: socket.socket) -> None:
        """The head of the response and what the route gave of its body are sent; the rest is yours, the end too."""

    def give_up(self) -> None:
        """The connection broke before that."""


class _Request(HTTPRequest):
    """Writes a chunk with one system call and one deadline."""

    def send_headers(self) -> None:
        """Send the headers; a live stream is not cut into chunks, and ends with its connection."""
        stream = any(value.startswith(_ENDLESS) for _, value in self.outheaders)
        if stream:
            self.response_protocol = "HTTP/1.0"  # what cheroot decides by; the answer still says HTTP/1.1
            self.outheaders.append((b"Connection", b"close"))
        super().send_headers()
        self.conn.streams = stream

    def write(self, chunk: bytes) -> None:
        """Send a chunk; ``sendall`` counts its time-out over the whole chunk, cheroot's writer over each piece."""
        if self.chunked_write:
            chunk = b"%x\r\n%b\r\n" % (len(chunk), chunk)
        self.conn.socket.sendall(chunk)


class _Gateway(Gateway_10):
    """Tells the application how to hand its connection over, and how to get more time for it."""

    def get_environ(self) -> dict[str, Any]:  # type: ignore[override]  # cheroot's stubs are half typed
        """What WSGI applications are told, once the whole request is there: none is longer than ``_MAX_BODY_BYTES``."""
        connection = self.req.conn
        self.req.rfile = io.BytesIO(self.req.rfile.read())
        connection.heard = True
        ours = {HAND_OVER: connection.hand_over, MORE_TIME: connection.more_time}
        return {**super().get_environ(), **ours}  # type: ignore[no-untyped-call]  # likewise


class _Connection(HTTPConnection):
    """Registers with the server while it is being served; makes the TLS handshake on a thread of its own."""

    RequestHandlerClass = _Request

    def __init__(self, server: Listener, sock: socket.socket, makefile: Any = MakeFile) -> None:  # noqa: ANN401 - cheroot's
        super().__init__(server, sock, makefile)
        self.shaken = not isinstance(sock, ssl.SSLSocket)
        self.streams = False  # the head of a live stream is sent
        self.heard = False  # all of this request is there
        self._successor: Successor | None = None
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)

    def communicate(self) -> bool:
        """Serve one request; True when the connection stays open."""
        with self.server.serving(self):
            if self.server.is_flooded_by(self):
                return False
            if not self.shaken:
                return self._shake_hands()
            try:
                return bool(super().communicate())  # type: ignore[no-untyped-call]  # cheroot's stubs are half typed
            finally:
                if self._successor is not None and not self.streams:
                    self._successor.give_up()
                    self._successor = None

    def hand_over(self, successor: Successor) -> None:
        """Leave the connection to somebody else as soon as this request's response is sent."""
        self._successor = successor

    def more_time(self) -> None:
        """Begin this request's ``REQUEST_S`` anew."""
        self.server.give_time(self)

    def close(self) -> None:
        """Close, or hand over: the last that cheroot does to a connection.

        Whatever state the socket is in: to cheroot, an exception from here is the end of the whole server.
        """
        if self._successor is not None:
            successor, self._successor = self._successor, None
            successor.take(self.socket)
            return
        with contextlib.suppress(OSError):
            super().close()
        self.socket.close()

    def _shake_hands(self) -> bool:
        try:
            self.socket.do_handshake()
        except ssl.SSLError as error:
            log.debug("TLS handshake with %s failed: %s", self.remote_addr, error)
            if error.reason == "HTTP_REQUEST":
                self._say_speak_tls()
            return False
        self.shaken = True
        return True  # back to the selector: the request itself may still be on its way

    def _say_speak_tls(self) -> None:
        with contextlib.suppress(OSError), socket.socket(fileno=self.socket.detach()) as plain:
            plain.settimeout(1.0)
            plain.sendall(_SPEAK_TLS)
            plain.shutdown(socket.SHUT_WR)
            plain.recv(_MAX_HEADER_BYTES)  # what is left of the request: closing over it would destroy the answer


class _Tls(Adapter):
    """TLS by the standard library, with the handshake left to the thread that serves the connection."""

    def __init__(self, files: TlsFiles) -> None:
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            # An empty password: without one, OpenSSL would ask for it on the terminal and wait.
            self.context.load_cert_chain(files.cert_file, files.key_file, password="")
        except (OSError, ValueError) as error:
            raise ListenError(
                f"http.tls: {files.cert_file} and {files.key_file} cannot be used ({error}); "
                "both must be PEM files, the key unencrypted and the one that belongs to the certificate"
            ) from error

    def bind(self, sock: socket.socket) -> socket.socket:
        """Leave the listening socket as it is."""
        return sock

    def wrap(self, sock: socket.socket) -> tuple[ssl.SSLSocket, dict[str, str]]:
        """Wrap an accepted socket; reads and writes nothing."""
        wrapped = self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return wrapped, self.get_environ()

    def get_environ(self) -> dict[str, str]:
        """What WSGI applications are told."""
        return {"wsgi.url_scheme": "https", "HTTPS": "on"}

    def makefile(self, sock: socket.socket, mode: str = "r", bufsize: int = -1) -> Any:  # noqa: ANN401 - cheroot's
        """The file that cheroot reads requests from."""
        return MakeFile(sock, mode, bufsize)


class Listener(Server):
    """cheroot's WSGI server with the changes that this file's head names.

    Args:
        address: host and port to listen on.
        application: what answers.
        threads: how many requests are served at a time.
        clock: for deadlines.
        tls: None for plain HTTP.

    Raises:
        ListenError: the certificate cannot be used.
    """

    ConnectionClass = _Connection
    max_request_header_size = _MAX_HEADER_BYTES
    max_request_body_size = _MAX_BODY_BYTES
    keep_alive_conn_limit = _MAX_IDLE_CONNECTIONS
    expiration_interval = 0.25  # also how long a stop waits for the accepting thread (cheroot: 0.5 s)

    def __init__(
        self,
        address: tuple[str, int],
        application: WSGIApplication,
        *,
        threads: int,
        clock: Clock,
        tls: TlsFiles | None = None,
    ) -> None:
        super().__init__(
            address,
            application,
            numthreads=threads,
            server_name="espcam-bridge",
            request_queue_size=_BACKLOG,
            timeout=_WRITE_S,
            shutdown_timeout=1,
        )
        self.gateway = _Gateway
        self.ssl_adapter = _Tls(tls) if tls is not None else None
        self.bind_failure: OSError | None = None
        self._clock = clock
        # Browsers open six connections to a host.
        self._most_waiting = max(1, threads - _FREE_FOR_OTHERS)
        self._deadlines: dict[_Connection, float] = {}
        self._lock = threading.Lock()

    # --- who is being served -----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def serving(self, connection: _Connection) -> Iterator[None]:
        """Note that a thread is busy with this connection."""
        connection.heard = False
        self.give_time(connection)
        try:
            yield
        finally:
            with self._lock:
                del self._deadlines[connection]

    def give_time(self, connection: _Connection) -> None:
        """Let the connection's ``REQUEST_S`` begin now."""
        with self._lock:
            self._deadlines[connection] = self._clock.mono_s() + REQUEST_S

    def is_flooded_by(self, connection: _Connection) -> bool:
        """Whether its address keeps as many threads waiting as one may: the others are for everybody else."""
        with self._lock:
            waiting = sum(not one.heard and one.remote_addr == connection.remote_addr for one in self._deadlines)
        return bool(waiting > self._most_waiting)

    @property
    def busy(self) -> int:
        """How many connections are being served at this moment."""
        return len(self._deadlines)

    def cut(self, *, late_only: bool) -> None:
        """Cut connections that are being served: those past their deadline, or all.

        Their threads wake up with a broken connection and are free again.
        """
        now_s = self._clock.mono_s()
        with self._lock:
            for connection, deadline_s in self._deadlines.items():
                if deadline_s < now_s or not late_only:
                    with contextlib.suppress(OSError):  # gone already
                        # Not SSLSocket's own: it would take the TLS state away under the thread that uses it.
                        socket.socket.shutdown(connection.socket, socket.SHUT_RDWR)

    # --- what cheroot calls --------------------------------------------------------------------------------------

    def bind_socket(self, socket_: socket.socket, bind_addr: tuple[str, int]) -> socket.socket:  # type: ignore[override]
        """Bind; a failure is kept, because cheroot passes on its text only."""
        try:
            socket_.bind(bind_addr)
        except OSError as error:
            self.bind_failure = error
            socket_.close()
            raise
        return socket_

    def process_conn(self, conn: _Connection) -> None:
        """Give a connection to a thread, once it has something to say."""
        if conn.last_used is not None:
            super().process_conn(conn)
        elif self.can_add_keepalive_connection:
            self.put_conn(conn)
        else:
            log.warning("%d idle connections: a new one is closed", _MAX_IDLE_CONNECTIONS)
            conn.close()

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        """Log; a client that broke its connection is worth a debug line only."""
        cause = sys.exc_info()[1]
        theirs = isinstance(cause, OSError)
        log.log(logging.DEBUG if theirs else level, "%s", msg, exc_info=traceback and not theirs)
