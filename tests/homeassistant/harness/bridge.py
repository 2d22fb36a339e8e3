"""The bridge and its cameras as users run them: ``espcam-bridge run`` and ``espcam-bridge simulate``."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Self

from tests.homeassistant.harness.drawn import picture
from tests.homeassistant.harness.home import ROOT
from tests.homeassistant.harness.process import Program, free_port

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.homeassistant.harness.drawn import Somebody

_CAMERA_FPS = 10
_START_S = 30.0


class Bridge:
    """``espcam-bridge run``, on the same ports and files after every start.

    Args:
        folder: for its configuration, history and log ``bridge.log``.
        configuration: as in the YAML file; broker, ports and history are filled in where they are missing.
        mqtt_port: of the broker on 127.0.0.1.

    Attributes:
        http_port: of its page.
        ingest_port: that cameras dial.
        config_file: as written at the beginning.
    """

    def __init__(self, folder: Path, mqtt_port: int, configuration: Mapping[str, Any]) -> None:
        self.http_port, self.ingest_port = free_port(), free_port()
        self.config_file = folder / "espcam-bridge.yaml"
        self._own = {
            "mqtt": {"port": mqtt_port},
            "ingest": {"host": "127.0.0.1", "port": self.ingest_port},
            "http": {
                "host": "127.0.0.1",
                "port": self.http_port,
                "public_url": self.url,
            },
            "history": {"url": f"sqlite:///{folder}/history.db", "media_dir": f"{folder}/media"},
        }
        self.configure(configuration)
        self._folder = folder
        self._env = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._program = Program(
            [sys.executable, "-m", "bridge", "run", "-c", str(self.config_file)],
            folder / "bridge.log",
            self._env,
            folder,
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def configure(self, configuration: Mapping[str, Any]) -> None:
        """Write the configuration anew; it is read at the next start, or when the bridge is asked to."""
        self.config_file.write_text(json.dumps({**self._own, **configuration}))  # JSON is YAML

    def launch(self) -> None:
        """Begin to start it; to be followed by ``wait``."""
        self._program.start()

    def wait(self) -> float:
        """Wait until its page answers; it may still wait for the broker then. Returns the seconds."""
        return self._program.wait(self._answers, _START_S)

    def start(self) -> float:
        """Start it and wait until its page answers; returns the seconds."""
        self.launch()
        return self.wait()

    def stop(self) -> None:
        """End it cleanly."""
        self._program.end(signal.SIGTERM, 10.0)

    def kill(self) -> None:
        """End it at once."""
        self._program.end(signal.SIGKILL)

    @property
    def url(self) -> str:
        """Of its page, without a slash at the end."""
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def pid(self) -> int:
        """Its process id; 0 while it is off."""
        return self._program.pid

    def log(self) -> str:
        """What it logged since the first start."""
        return self._program.log()

    def get(self, path: str) -> tuple[int, bytes]:
        """GET from its page: status and body."""
        return self._request("GET", path)

    def set_controls(self, camera_id: str, **values: object) -> int:
        """Set a camera's controls as its page does; the status."""
        return self._request("PATCH", f"/api/cameras/{camera_id}", {"controls": values})[0]

    def _request(self, method: str, path: str, content: object = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=10)
        body, headers = (None, {}) if content is None else (json.dumps(content), {"Content-Type": "application/json"})
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    @property
    def ready(self) -> bool:
        """Whether broker, detector, camera port and history are all there."""
        return self.get("/readyz")[0] == http.HTTPStatus.OK

    def discovery(self) -> list[dict[str, Any]]:
        """What ``espcam-bridge discovery`` prints: ``[{topic, payload, retain, qos}]``."""
        return printed_discovery(self.config_file)

    def _answers(self) -> bool:
        try:
            return self.get("/healthz")[0] == http.HTTPStatus.OK
        except OSError:
            return False


def printed_discovery(config_file: Path) -> list[dict[str, Any]]:
    """What ``espcam-bridge discovery`` prints for a configuration: ``[{topic, payload, retain, qos}]``."""
    command = [sys.executable, "-m", "bridge", "discovery", "-c", str(config_file)]
    printed = subprocess.run(
        command,
        cwd=config_file.parent,  # where the bridge runs, and remembers what the cameras can
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    if printed.returncode:
        raise RuntimeError(printed.stderr.decode())
    found: list[dict[str, Any]] = json.loads(printed.stdout)
    return found


class Camera:
    """``espcam-bridge simulate``: a board that dials again and again, before which the test lets people come and go.

    Args:
        folder: for its picture and log.
        camera_id: as configured in the bridge.
        ingest_port: of the bridge.
        options: more of ``espcam-bridge simulate``, such as another ``--source``, which ``show`` does not change then.
    """

    def __init__(self, folder: Path, camera_id: str, ingest_port: int, options: Sequence[str] = ()) -> None:
        self.id = camera_id
        self._picture = folder / f"{camera_id}.jpg"
        self.show()
        url = f"ws://127.0.0.1:{ingest_port}/ws/{camera_id}"
        command = ["simulate", "--url", url, "--source", str(self._picture), "--fps", str(_CAMERA_FPS)]
        self._program = Program(
            [sys.executable, "-m", "bridge", *command, *options],
            folder / f"{camera_id}.log",
            {**os.environ, "PYTHONPATH": str(ROOT)},
            folder,
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self, *options: str) -> None:
        """Switch it on; with options of ``espcam-bridge simulate`` for this time only."""
        self._program.start(*options)

    def log(self) -> str:
        """What it logged since the first start."""
        return self._program.log()

    def stop(self) -> None:
        """Let it say goodbye."""
        self._program.end(signal.SIGTERM, 10.0)

    def kill(self) -> None:
        """Pull its plug."""
        self._program.end(signal.SIGKILL)

    def show(self, *present: Somebody) -> None:
        """What it sees from its next picture on: a room with these in it; nobody: an empty room."""
        self.show_picture(picture(*present))

    def show_picture(self, jpeg: bytes) -> None:
        """Any other picture, sent byte for byte."""
        # The board reads the file for every picture: it must be whole at any moment.
        fresh = self._picture.with_suffix(".new")
        fresh.write_bytes(jpeg)
        fresh.replace(self._picture)
