from __future__ import annotations

import http.server
import os
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from bridge.doctor.findings import Level
from bridge.doctor.ports import Port, check_port, listeners

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class _Stranger(http.server.BaseHTTPRequestHandler):
    """Answers every path as a usual program does."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def stranger() -> Iterator[int]:
    """The port of an HTTP server that is no bridge."""
    server = http.server.HTTPServer(("127.0.0.1", 0), _Stranger)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_port_that_nobody_has_is_free(free_port: int) -> None:
    finding = check_port(Port("http", "127.0.0.1", free_port, tls=False))
    assert (finding.level, finding.text) == (Level.OK, f"127.0.0.1:{free_port} is free")


@pytest.mark.parametrize("key", ["http", "ingest"])
@pytest.mark.parametrize("tls", [False, True])
def test_a_port_that_another_program_has_names_it(stranger: int, key: str, tls: bool) -> None:
    finding = check_port(Port(key, "127.0.0.1", stranger, tls=tls))
    assert finding.level is Level.ERROR
    assert f"(pid {os.getpid()}) listens on 127.0.0.1:{stranger}" in finding.text
    assert f"{key}.port" in finding.mend


def test_a_program_that_accepts_and_says_nothing_is_no_bridge() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        finding = check_port(Port("http", "127.0.0.1", mute.getsockname()[1], tls=False))
    assert finding.level is Level.ERROR


def test_an_address_of_another_machine_says_so() -> None:
    finding = check_port(Port("ingest", "192.0.2.1", 3001, tls=False))
    assert finding.level is Level.ERROR
    assert "ingest.host" in finding.mend


def test_where_nothing_can_be_looked_into_nobody_is_named(tmp_path: Path) -> None:
    assert listeners(80, tmp_path) == set()
    (tmp_path / "net").mkdir()
    row = "0: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4242 1 x\n"
    (tmp_path / "net" / "tcp").write_text("  sl\n" + row)
    (tmp_path / "17").mkdir()
    assert listeners(80, tmp_path) == set()
    (tmp_path / "17" / "fd").mkdir()
    (tmp_path / "17" / "fd" / "3").symlink_to("socket:[4242]")
    (tmp_path / "17" / "comm").write_text("nginx\n")
    assert listeners(80, tmp_path) == {"nginx (pid 17)"}
    assert listeners(81, tmp_path) == set()
