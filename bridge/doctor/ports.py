"""Who listens where the bridge wants to listen."""

from __future__ import annotations

import contextlib
import errno
import http.client
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.doctor.findings import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator

_TIMEOUT_S = 2.0
_LISTENING = "0A"  # in /proc/net/tcp


@dataclass(frozen=True, slots=True)
class Port:
    """A port that the bridge listens on.

    Attributes:
        key: of the configuration: ``http`` or ``ingest``.
        host: the address.
        port: the number; 0 takes any that is free.
        tls: whether it speaks TLS there.
    """

    key: str
    host: str
    port: int
    tls: bool


def check_port(wanted: Port) -> Finding:
    """Whether the port is free, or a bridge that runs already has it."""
    check, where = f"{wanted.key}.port", f"{wanted.host}:{wanted.port}"
    family = socket.AF_INET6 if ":" in wanted.host else socket.AF_INET
    try:
        socket.create_server((wanted.host, wanted.port), family=family).close()
    except OSError as error:
        return _explain(wanted, check, where, error)
    return Finding(Level.OK, check, f"{where} is free")


def _explain(wanted: Port, check: str, where: str, error: OSError) -> Finding:
    match error.errno:
        case errno.EADDRINUSE if _is_bridge(wanted):
            return Finding(Level.OK, check, f"a bridge that runs listens on {where}")
        case errno.EADDRINUSE:
            who = ", ".join(sorted(listeners(wanted.port))) or "another program"
            return Finding(
                Level.ERROR, check, f"{who} listens on {where}", f"stop it, or set another {wanted.key}.port"
            )
        case errno.EACCES:
            mend = f"ports below 1024 are for root: set a higher {wanted.key}.port"
            return Finding(Level.ERROR, check, f"{where} may not be listened on", mend)
    mend = f"set {wanted.key}.host to an address of this machine, or to 0.0.0.0 for all of them"
    return Finding(Level.ERROR, check, f"{where} cannot be listened on ({error.strerror or error})", mend)


def _is_bridge(wanted: Port) -> bool:
    """Whether who listens there answers as the bridge does: with its name, or from the camera port to the stream."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(wanted.host, wanted.host)  # noqa: S104 - a comparison
    with contextlib.suppress(OSError, http.client.HTTPException):
        connection = _connection(host, wanted)
        try:
            connection.request("GET", "/healthz" if wanted.key == "http" else "/")
            answer = connection.getresponse()
            if wanted.key == "http":
                return answer.getheader("Server") == "espcam-bridge"
            return answer.status in {301, 302} and "/stream.mjpg" in (answer.getheader("Location") or "")
        finally:
            connection.close()
    return False


def _connection(host: str, wanted: Port) -> http.client.HTTPConnection:
    if not wanted.tls:
        return http.client.HTTPConnection(host, wanted.port, timeout=_TIMEOUT_S)
    context = ssl.create_default_context()
    context.check_hostname = False  # it is our own certificate, by whatever name; no secret is sent
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, wanted.port, timeout=_TIMEOUT_S, context=context)


def listeners(port: int, proc: Path = Path("/proc")) -> set[str]:
    """Which programs listen on a TCP port, as ``name (pid)``; only those that we may look into, and only on Linux."""
    wanted = {f"socket:[{inode}]" for inode in _inodes(port, proc)}
    found: set[str] = set()
    for folder in proc.glob("[0-9]*") if wanted else ():
        with contextlib.suppress(OSError):  # not ours to look into, or gone
            if any(str(link.readlink()) in wanted for link in (folder / "fd").iterdir()):
                found.add(f"{(folder / 'comm').read_text().strip()} (pid {folder.name})")
    return found


def _inodes(port: int, proc: Path) -> Iterator[str]:
    for name in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in (proc / "net" / name).read_text().splitlines()[1:]:
                columns = line.split()
                if columns[3] == _LISTENING and int(columns[1].rpartition(":")[2], 16) == port:
                    yield columns[9]
