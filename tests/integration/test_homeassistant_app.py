"""The app's start, with a Supervisor that answers as the real one does: broker, sidebar and folders fall into place."""

from __future__ import annotations

import http.client
import json
import os
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.homeassistant.harness.process import Program, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import MosquittoFactory, WaitUntil

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def supervisor(service: dict[str, Any] | None) -> Iterator[str]:
    """Answers ``/services/mqtt`` to whoever has the token; None: there is no such service."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers.get("Authorization") == "Bearer s3cret" and self.path == "/services/mqtt"
            body = json.dumps({"result": "ok", "data": service}).encode()
            self.send_response(200 if known and service is not None else 400)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def start(folder: Path, address: str, options: dict[str, Any]) -> tuple[Program, int]:
    """The app as the Supervisor starts it, but for its ports, which may be taken here."""
    (folder / "options.json").write_text(json.dumps(options))
    run, port = folder / "run.py", free_port()
    text = (ROOT / "homeassistant" / "app" / "run.py").read_text()
    run.write_text(text.replace("INGRESS_PORT = 8099", f"INGRESS_PORT = {port}").replace("172.30.32.0/23", "127.0.0.2"))
    environ = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "APP_OPTIONS": str(folder / "options.json"),
        "APP_CONFIG": str(folder / "config"),
        "SUPERVISOR": address,
        "SUPERVISOR_TOKEN": "s3cret",
        "ESPCAM_BRIDGE__INGEST__PORT": str(free_port()),
        "ESPCAM_BRIDGE__INGEST__HOST": "127.0.0.1",
        "ESPCAM_BRIDGE__INGEST__MDNS": "false",
    }
    program = Program([sys.executable, str(run)], folder / "app.log", environ, folder)
    program.start()
    return program, port


def get(port: int, path: str, source: str = "127.0.0.1", **headers: str) -> tuple[int, str]:
    """A request from this address."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5, source_address=(source, 0))
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def alive(port: int) -> bool:
    try:
        return get(port, "/healthz")[0] == 200
    except OSError:
        return False


def test_broker_sidebar_and_configuration_fall_into_place(
    tmp_path: Path, mosquitto: MosquittoFactory, wait_until: WaitUntil
) -> None:
    broker = mosquitto()
    service = {"host": "127.0.0.1", "port": broker.port, "username": "addons", "password": "geheim", "ssl": False}
    with supervisor(service) as address:
        program, port = start(tmp_path, address, {"log_level": "debug"})
        try:
            wait_until(lambda: alive(port), 20, "it runs")
            ingress = {"X-Ingress-Path": "/api/hassio_ingress/abc"}
            status, page = get(port, "/", "127.0.0.2", **ingress)
            assert (status, 'data-role="admin"' in page) == (200, True)
            assert get(port, "/")[0] == 401, "the sidebar or a password"
            assert get(port, "/", **ingress)[0] == 401, "nobody else is the sidebar's proxy"
            wait_until(
                lambda: '"mqtt","ready":true' in get(port, "/readyz", "127.0.0.2", **ingress)[1].replace(" ", ""),
                10,
                "the broker is found",
            )
            assert "addons" in broker.log(), "under the name that the Supervisor gave"
        finally:
            program.end(15, 10)
    assert (tmp_path / "config" / "espcam-bridge.yaml").read_text().startswith("#")
    assert "geheim" not in program.log()


def test_without_a_broker_it_says_what_to_do_and_the_page_is_there(tmp_path: Path, wait_until: WaitUntil) -> None:
    with supervisor(None) as address:
        program, port = start(tmp_path, address, {"mqtt_host": "127.0.0.1", "mqtt_port": free_port()})
        try:
            wait_until(lambda: alive(port), 20, "it runs")
            assert "install the Mosquitto app, or set mqtt_host" in program.log()
        finally:
            program.end(15, 10)
