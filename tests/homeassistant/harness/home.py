"""A real Home Assistant in a process of its own, with a configuration folder that outlives its restarts."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from tests.homeassistant.harness.api import Api, ApiError
from tests.homeassistant.harness.log import PROBLEMS, Record, parse
from tests.homeassistant.harness.process import Program, free_port
from tests.homeassistant.harness.seed import seed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.homeassistant.harness.api import Answer

ROOT = Path(__file__).resolve().parents[3]
LAUNCHER = ROOT / ".ci" / "home-assistant"

_BOOT_S = 180.0  # 14 s on two idle cores
_RUN_LOGGER = "automation.run"


class Run(NamedTuple):
    """One run of an automation.

    Attributes:
        at_unix_s: when, to the millisecond.
        detail: what the automation noted.
    """

    at_unix_s: float
    detail: str


def note_run(name: str, detail: str = "") -> dict[str, Any]:
    """An automation's action that notes that it ran, so that ``HomeAssistant.runs(name)`` knows, whatever restarts.

    Args:
        name: one word.
        detail: may be a template.
    """
    data = {"logger": _RUN_LOGGER, "level": "info", "message": f"{name} {detail}"}
    return {"action": "system_log.write", "data": data}


def why_missing() -> str:
    """Why there is no Home Assistant to start here; empty when there is one."""
    probe = subprocess.run(
        [LAUNCHER, "python", "-c", "import homeassistant"], capture_output=True, text=True, check=False
    )
    return probe.stderr.strip().splitlines()[-1] if probe.returncode else ""


class HomeAssistant:
    """Home Assistant, set up with an owner and MQTT.

    Args:
        folder: for its configuration folder ``config`` and its log ``home-assistant.log``.
        mqtt_port: of the broker on 127.0.0.1.
        configuration: more sections of ``configuration.yaml``, such as ``automation``.

    Attributes:
        config_dir: its configuration folder; put blueprints, packages and the like there before ``start``.
        port: of its page on 127.0.0.1; the same after a restart.
        token: a long-lived access token of its owner.
        version: such as ``2025.4.4``, once it was started.
    """

    def __init__(self, folder: Path, mqtt_port: int, configuration: Mapping[str, Any] | None = None) -> None:
        self.config_dir = folder / "config"
        self.port = free_port()
        self.token = seed(self.config_dir, mqtt_port=mqtt_port)
        self.version = ""
        self.configure(configuration or {})
        self._api = Api(self.port, self.token)
        env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        self._program = Program(
            [
                str(LAUNCHER),
                "python",
                "-m",
                "homeassistant",
                "-c",
                str(self.config_dir),
                "--skip-pip",
                "--log-no-color",
            ],
            folder / "home-assistant.log",
            {**env, "TZ": "UTC", "SHARE_WITH_HA": str(folder)},
            folder,
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Its page, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    # --- life --------------------------------------------------------------------------------------------------------

    def configure(self, configuration: Mapping[str, Any]) -> None:
        """Write ``configuration.yaml`` anew, with these sections beside our own; it is read at the next start."""
        own = {
            "homeassistant": {"name": "Home", "time_zone": "UTC", "unit_system": "metric", "country": "DE"},
            "http": {"server_host": ["127.0.0.1"], "server_port": self.port},
            "api": None,
            "config": None,
            "frontend": None,
            "system_log": None,
            "logger": {"default": "warning", "logs": {_RUN_LOGGER: "info", "homeassistant.components.mqtt": "info"}},
        }
        (self.config_dir / "configuration.yaml").write_text(json.dumps({**own, **configuration}))  # JSON is YAML

    def launch(self) -> None:
        """Begin to start it; to be followed by ``wait``."""
        self._program.start()

    def wait(self) -> float:
        """Wait until all its integrations are set up; returns the seconds."""
        return self._program.wait(self._is_running, _BOOT_S)

    def start(self) -> float:
        """Start it and wait until all its integrations are set up; returns the seconds."""
        self.launch()
        return self.wait()

    def stop(self) -> None:
        """End it cleanly, as a restart from its page does."""
        self._program.end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self._program.end(signal.SIGKILL)

    def restart(self) -> float:
        """Stop and start; returns the seconds of the start."""
        self.stop()
        return self.start()

    def close(self) -> None:
        """End it for good; nobody needs what it would still write."""
        self.kill()

    def _is_running(self) -> bool:
        try:
            answer = self._api.get("/api/config")
        except (OSError, http.client.HTTPException, ApiError):
            return False
        self.version = answer["version"]
        return bool(answer["state"] == "RUNNING")

    # --- what it knows -----------------------------------------------------------------------------------------------

    def state(self, entity_id: str) -> str | None:
        """An entity's state; None when there is no such entity."""
        known = self.states().get(entity_id)
        return None if known is None else str(known["state"])

    def attributes(self, entity_id: str) -> dict[str, Any]:
        """An entity's attributes; it must exist."""
        return dict(self.states()[entity_id]["attributes"])

    def states(self) -> dict[str, dict[str, Any]]:
        """All entities by id: ``{state, attributes, last_changed, ...}``."""
        return {state["entity_id"]: state for state in self._api.get("/api/states")}

    def entities(self, platform: str = "mqtt") -> list[dict[str, Any]]:
        """The entity registry, as far as an integration brought it: ``{entity_id, unique_id, device_id, ...}``."""
        found = self._api.ask("config/entity_registry/list")
        return [entity for entity in found if entity["platform"] == platform]

    def devices(self) -> dict[str, dict[str, Any]]:
        """The device registry by device id: ``{name, identifiers, sw_version, via_device_id, ...}``."""
        return {device["id"]: device for device in self._api.ask("config/device_registry/list")}

    def wait_for(self, entity_id: str, state: str | Callable[[str | None], bool], timeout_s: float = 10.0) -> float:
        """Wait until an entity has a state.

        Returns:
            The seconds that this took.

        Raises:
            TimeoutError: it has not; says what it has.
        """
        fits = state if callable(state) else (lambda known: known == state)
        began_s = time.monotonic()
        while not fits(now := self.state(entity_id)):
            if time.monotonic() - began_s > timeout_s:
                raise TimeoutError(f"{entity_id} is {now!r}, not {state!r}, after {timeout_s} s")
            time.sleep(0.1)
        return time.monotonic() - began_s

    def picture(self, entity_id: str) -> Answer:
        """What it serves for a ``camera`` or ``image`` entity."""
        return self._api.raw(f"/api/{entity_id.partition('.')[0]}_proxy/{entity_id}")

    def get(self, path: str) -> Answer:
        """Any address of its own, as its owner: status, content type and body."""
        return self._api.raw(path)

    def read_stream(self, path: str, pictures: int) -> None:
        """Read a stream of pictures (``/api/camera_proxy_stream/ENTITY``) until so many came."""
        self._api.read_stream(path, b"\xff\xd8\xff", pictures)

    def ask(self, command: str, **fields: object) -> Any:  # noqa: ANN401 - that is what JSON is
        """Any command of its WebSocket interface, such as ``repairs/list_issues``; the result."""
        return self._api.ask(command, **fields)

    # --- what it can be told -----------------------------------------------------------------------------------------

    def call_service(self, service: str, entity_id: str | None = None, **data: object) -> None:
        """Call a service, such as ``switch.turn_on``; returns when it has run."""
        domain, _, name = service.partition(".")
        target = {} if entity_id is None else {"entity_id": entity_id}
        self._api.post(f"/api/services/{domain}/{name}", {**target, **data})

    def render_template(self, template: str, **variables: object) -> str:
        """What a template gives."""
        return str(self._api.post("/api/template", {"template": template, "variables": variables}))

    def config_flow(self, integration: str, *steps: Mapping[str, Any]) -> dict[str, Any]:
        """Fill in the forms that add an integration, one after the other.

        Returns:
            Its last answer: ``{type: create_entry, result, ...}``, or the form again with ``errors``.
        """
        flow = self._api.post("/api/config/config_entries/flow", {"handler": integration})
        for step in steps:
            flow = self._api.post(f"/api/config/config_entries/flow/{flow['flow_id']}", step)
        return dict(flow)

    def remove_entry(self, entry_id: str) -> None:
        """Take an integration's entry away, with its entities."""
        self._api.delete(f"/api/config/config_entries/entry/{entry_id}")

    # --- what it wrote -----------------------------------------------------------------------------------------------

    def log(self) -> list[Record]:
        """Everything that it logged since the first start."""
        return parse(self._program.log())

    def problems(self, logger: str = "", since_unix_s: float = 0.0) -> list[Record]:
        """Warnings and worse of the loggers whose names contain the text."""
        return [
            record
            for record in self.log()
            if record.level in PROBLEMS and logger in record.logger and record.at_unix_s >= since_unix_s
        ]

    def runs(self, name: str, since_unix_s: float = 0.0) -> list[Run]:
        """How often the automations with the action ``note_run(name)`` ran."""
        notes = [record for record in self.log() if record.logger == _RUN_LOGGER and record.at_unix_s >= since_unix_s]
        parts = [(note.at_unix_s, *note.text.partition(" ")) for note in notes]
        return [Run(at_unix_s, detail) for at_unix_s, noted, _, detail in parts if noted == name]
