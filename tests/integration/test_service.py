"""The bridge as a service manager sees it: ready, alive, reloading, stopping; and the unit that it would run it by."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.homeassistant.harness.drawn import save_model
from tests.homeassistant.harness.process import Program, free_port

if TYPE_CHECKING:
    from tests.conftest import WaitUntil

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "config" / "systemd" / "espcam-bridge.service"


def test_a_service_manager_hears_what_happens(tmp_path: Path, wait_until: WaitUntil) -> None:
    config = tmp_path / "espcam-bridge.yaml"
    local = f"{{host: 127.0.0.1, port: {free_port()}}}"
    config.write_text(
        f"mqtt: {{port: {free_port()}}}\nhistory: {{enabled: false}}\ndetector: {{model: {save_model(tmp_path)}}}\n"
        f"http: {local}\ningest: {{host: 127.0.0.1, port: {free_port()}}}\n"
    )
    heard: list[bytes] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(0)

        def count(what: bytes) -> int:
            """How often it was heard that something begins like this."""
            while True:
                try:
                    heard.append(manager.recv(1000))
                except BlockingIOError:
                    return sum(message.startswith(what) for message in heard)

        env = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "NOTIFY_SOCKET": str(tmp_path / "notify"),
            "WATCHDOG_USEC": "1000000",
        }
        command = [sys.executable, "-m", "bridge", "run", "-c", str(config)]
        program = Program(command, tmp_path / "bridge.log", env, tmp_path)
        program.start()
        try:
            wait_until(lambda: count(b"READY=1\nSTATUS=page at port"), 20, "it is ready")
            wait_until(lambda: count(b"WATCHDOG=1"), 5, "it is alive")
            assert heard[0].startswith(b"READY=1"), "not before it is"
            os.kill(program.pid, signal.SIGHUP)
            wait_until(lambda: count(b"RELOADING=1\nMONOTONIC_USEC="), 5, "it takes the configuration up")
            wait_until(lambda: count(b"READY=1") == 2, 20, "it is ready again")
        finally:
            program.end(signal.SIGTERM, 10)
        assert count(b"STOPPING=1") == 1


def test_the_unit_is_one_that_systemd_takes() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(UNIT)], capture_output=True, text=True, check=False
    )
    ours = [line for line in checked.stderr.splitlines() if "espcam-bridge" in line and "is not executable" not in line]
    assert ours == []
