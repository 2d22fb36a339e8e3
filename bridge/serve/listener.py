"""The HTTP server under Flask: cheroot, with the habits that live streams and the open network need.

What is changed, and why:

- A connection that has sent nothing holds no thread (browsers open spare ones ahead of time); cheroot would give each a
  thread for up to 10 s. The same for the TLS handshake, which cheroot makes on its one accepting thread: there a client
  that connects and stays silent would stop the whole server.
- A request must be read and answered within ``REQUEST_S``, however slowly its bytes drip in; a live stream is free of
  that once it has begun, but each of its writes must be taken within ``WRITE_S``: a stalled viewer is dropped.
- What waits unsent in the kernel is kept small: a viewer on a slow link then skips frames and stays up to date, where
  megabytes of old frames would otherwise queue before it sees the present.
- cheroot's notes go to ``logging``; what clients do wrong is no error of ours.
"""

from __future__ import annotations

import contextlib
import logging
import math
import socket
import ssl
import sys
import threading
from typing import TYPE_CHECKING, Any

from cheroot.makefile import MakeFile
from cheroot.server import HTTPConnection, HTTPRequest
from cheroot.ssl import Adapter
from cheroot.wsgi import Server

from bridge.errors import ListenError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed.wsgi import WSGIApplication

    from bridge.runtime.clock import Clock
    from bridge.serve.site import TlsFiles

log = logging.getLogger(__name__)

REQUEST_S = 15.0
WRITE_S = 10
_UNSENT_BYTES = 65536  # two VGA frames; the link stays busy, the picture stays fresh
_MAX_HEADER_BYTES = 16384
_MAX_BODY_BYTES = 65536  # no route takes more than a few settings
_MAX_IDLE_CONNECTIONS = 256  # well under the usual limit of 1024 open files
_BACKLOG = 128

# The first bytes of an answer to somebody who speaks HTTP to the HTTPS port.
_SPEAK_TLS = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
    b"This port speaks HTTPS: open https:// instead.\n"
)


class _Request(HTTPRequest):
    """Writes a chunk with one system call and one deadline."""

    def send_headers(self) -> None:
        """Send the headers; a live stream has no deadline from here on, and ends with its connection.

        Cutting it into chunks as well (HTTP/1.1) would copy every picture for every viewer once more.
        """
        if any(value.startswith(b"multipart/x-mixed-replace") for _, value in self.outheaders):
            self.server.free_of_deadline(self.conn)
            self.response_protocol = "HTTP/1.0"  # what cheroot decides by; the answer still says HTTP/1.1
            self.outheaders.append((b"Connection", b"close"))
        super().send_headers()

    def write(self, chunk: bytes) -> None:
        """Send a chunk; ``sendall`` counts its time-out over the whole chunk, cheroot's writer over each piece."""
        if self.chunked_write:
            chunk = b"%x\r\n%b\r\n" % (len(chunk), chunk)
        self.conn.socket.sendall(chunk)


class _Connection(HTTPConnection):
    """Registers with the server while it is being served; makes the TLS handshake on a thread of its own."""

    RequestHandlerClass = _Request

    def __init__(self, server: Listener, sock: socket.socket, makefile: Any = MakeFile) -> None:  # noqa: ANN401 - cheroot's
        super().__init__(server, sock, makefile)
        self.shaken = not isinstance(sock, ssl.SSLSocket)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)

    def communicate(self) -> bool:
        """Serve one request; True when the connection stays open."""
        with self.server.serving(self):
            if not self.shaken:
                return self._shake_hands()
            return bool(super().communicate())  # type: ignore[no-untyped-call]  # cheroot's stubs are half typed

    def close(self) -> None:
        """Close, whatever state the socket is in: to cheroot, an exception from here is the end of the whole server."""
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
        threads: how many requests and streams are served at a time.
        clock: for deadlines.
        tls: None for plain HTTP.

    Raises:
        ListenError: the certificate cannot be used.
    """

    ConnectionClass = _Connection
    max_request_header_size = _MAX_HEADER_BYTES
    max_request_body_size = _MAX_BODY_BYTES
    keep_alive_conn_limit = _MAX_IDLE_CONNECTIONS
    expiration_interval = 0.1  # also how long a stop waits for the accepting thread (cheroot: 0.5 s)

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
            timeout=WRITE_S,
            shutdown_timeout=1,
        )
        self.ssl_adapter = _Tls(tls) if tls is not None else None
        self.bind_failure: OSError | None = None
        self._clock = clock
        self._deadlines: dict[_Connection, float] = {}
        self._lock = threading.Lock()

    # --- who is being served -----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def serving(self, connection: _Connection) -> Iterator[None]:
        """Note that a thread is busy with this connection."""
        with self._lock:
            self._deadlines[connection] = self._clock.mono_s() + REQUEST_S
        try:
            yield
        finally:
            with self._lock:
                del self._deadlines[connection]

    def free_of_deadline(self, connection: _Connection) -> None:
        """A live stream begins: it may last."""
        with self._lock:
            self._deadlines[connection] = math.inf

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
