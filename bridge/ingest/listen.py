"""The listening socket and its TLS; every failure says the mend."""

from __future__ import annotations

import errno
import socket
import ssl
from typing import TYPE_CHECKING

from bridge.errors import ListenError

if TYPE_CHECKING:
    from bridge.ingest.settings import TlsFiles


def bind(host: str, port: int) -> socket.socket:
    """A TCP socket that listens; ``::`` listens on IPv4 as well.

    Raises:
        ListenError: the port is taken or not allowed, or the host is not this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, dualstack_ipv6=host == "::")
    except OSError as error:
        mend = {
            errno.EADDRINUSE: "another program has it: stop that one, or set another ingest.port",
            errno.EACCES: "ports below 1024 belong to root: set another ingest.port",
        }.get(error.errno or 0, f"{error}: set ingest.host to an address of this machine, or to 0.0.0.0")
        raise ListenError(f"cannot listen for cameras on {host}:{port}: {mend}") from error


def tls_context(files: TlsFiles) -> ssl.SSLContext:
    """What a TLS server needs, from PEM files.

    Raises:
        ListenError: a file cannot be read, is no PEM, or key and certificate do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(files.cert_file, files.key_file)
    except OSError as error:  # ssl.SSLError is one too
        raise ListenError(f"ingest.tls: cannot use {files.cert_file} with {files.key_file}: {error}") from error
    return context
