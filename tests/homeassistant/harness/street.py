"""A Home Assistant that has our blueprints, package and dashboard, and a bridge played by published messages.

The bridge itself is not there: what a test publishes is what happens, to the moment.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import TYPE_CHECKING, Any, Self

from tests.conftest import Listener, Mosquitto
from tests.homeassistant.harness.api import Api
from tests.homeassistant.harness.bridge import printed_discovery
from tests.homeassistant.harness.drawn import picture
from tests.homeassistant.harness.home import LAUNCHER, ROOT, HomeAssistant
from tests.homeassistant.harness.house import wait_until
from tests.homeassistant.harness.process import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

OURS = ROOT / "homeassistant"
SETTLED_S = 0.5  # far more than Home Assistant takes from a message to the end of an automation

_CAMERAS: list[dict[str, Any]] = [
    {
        "id": "front_door",
        "name": "Front door",
        "labels": ["person", "dog"],
        "zones": {"porch": {"points": [[0, 0], [1, 0], [1, 1]], "labels": ["person"]}},
    },
    {"id": "garden", "name": "Garden"},
    {"id": "attic", "name": "Attic"},  # offline from the beginning
]
_LAMPS = ("lamp", "lantern", "lamp_by_sun")


class Street:
    """Broker and Home Assistant; cameras and lamps as messages make them.

    It is between 12 and 13 o'clock, dark, and nobody is there; of the cameras, only the attic's is offline.

    Args:
        folder: for all their files.
        automations: made of our blueprints, as in ``configuration.yaml``.
    """

    def __init__(self, folder: Path, automations: Sequence[dict[str, Any]]) -> None:
        self._folder = folder
        self._mosquitto = Mosquitto(folder, free_port())
        self.home = HomeAssistant(folder, self._mosquitto.port)
        _furnish(self.home, automations)
        self.api = Api(self.home.port, self.home.token)
        self._numbers = count(1)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self._mosquitto.kill)
            self._mosquitto.start()
            self._broker = Listener(self._mosquitto.port, "nothing")
            stack.callback(self._broker.close)
            self._announce_bridge()
            self._announce_lamps()
            stack.callback(self.home.close)  # also when it does not come up
            self.home.start()
            self.home.wait_for("binary_sensor.front_door_zone_porch_person", "off", 30)
            self.home.wait_for("light.lamp_by_sun", "off", 30)
            self.home.wait_for("sensor.visits_today", "0")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _announce_bridge(self) -> None:
        """The bridge's own discovery, and first states."""
        config = self._folder / "espcam-bridge.yaml"
        config.write_text(json.dumps({"cameras": _CAMERAS}))  # JSON is YAML
        for message in printed_discovery(config):
            self._publish(message["topic"], message["payload"], retain=message["retain"])
        self.tell("bridge/state", "online")
        for camera in _CAMERAS:
            self.tell(f"{camera['id']}/availability", "offline" if camera["id"] == "attic" else "online")
            for topic in ("person", "dog", "motion", "zones/porch/person"):
                self.tell(f"{camera['id']}/{topic}", "OFF")
            self._broker.publish(f"espcam/{camera['id']}/snapshot", picture(), retain=True)

    def _announce_lamps(self) -> None:
        for lamp in _LAMPS:
            topics = {"command_topic": f"house/{lamp}/set", "state_topic": f"house/{lamp}"}
            light = {"unique_id": lamp, "name": lamp, "optimistic": True, **topics}
            self._publish(f"homeassistant/light/{lamp}/config", light)
            self._broker.publish(f"house/{lamp}", b"OFF", retain=True)
        kind = {"device_class": "illuminance", "unit_of_measurement": "lx"}
        sensor = {"unique_id": "lux", "name": "Brightness", "state_topic": "house/lux", **kind}
        self._publish("homeassistant/sensor/lux/config", sensor)
        self._broker.publish("house/lux", b"0", retain=True)

    def _publish(self, topic: str, content: dict[str, Any], *, retain: bool = True) -> None:
        self._broker.publish(topic, json.dumps(content).encode(), retain=retain)

    # --- what happens ------------------------------------------------------------------------------------------------

    def tell(self, topic: str, state: str) -> None:
        """Publish a state below ``espcam/``."""
        self._broker.publish(f"espcam/{topic}", state.encode(), retain=True)

    def illuminate(self, lux: int) -> None:
        """Make it so bright."""
        self._broker.publish("house/lux", str(lux).encode(), retain=True)
        self.home.wait_for("sensor.brightness", str(lux))

    def visit(self, label: str = "person", *zones: str, number: int | None = None) -> tuple[str, bytes]:
        """Somebody is seen at the front door: first the picture, at once the news.

        Args:
            label: who.
            zones: where, at first sight.
            number: of the visit; a new one unless given.

        Returns:
            The event's id, and the picture.
        """
        number = next(self._numbers) if number is None else number
        shown = picture(shade=number)
        self._broker.publish(f"espcam/front_door/{label}/thumbnail", shown, retain=True)
        news = {"event_type": label, "id": f"visit-{number}", "score": 0.9, "zones": zones}
        self._publish("espcam/front_door/detected", news, retain=False)
        return f"visit-{number}", shown

    # --- what came of it ---------------------------------------------------------------------------------------------

    def notes(self, automation: str) -> list[list[Any]]:
        """The JSON lists that an automation noted so far."""
        return [json.loads(run.detail) for run in self.home.runs(automation)]

    def notes_of(self, automation: str, visit: str, amount: int = 1) -> list[list[Any]]:
        """The notes that begin with a visit's id, half a second after there were so many."""

        def found() -> list[list[Any]]:
            return [note for note in self.notes(automation) if note[0] == visit]

        wait_until(lambda: len(found()) >= amount, 5, f"{amount} notes of {automation}")
        time.sleep(SETTLED_S)
        return found()

    def notification(self, notification_id: str) -> dict[str, Any] | None:
        """What Home Assistant's own notifications show under an id."""
        shown = self.home.ask("persistent_notification/get")
        return next((each for each in shown if each["notification_id"] == notification_id), None)

    def idle(self, automation: str) -> bool:
        """Whether an automation has no run under way."""
        return bool(self.home.attributes(f"automation.{automation}")["current"] == 0)


def _furnish(home: HomeAssistant, automations: Sequence[dict[str, Any]]) -> None:
    """Put our files where homeassistant/README.md says, and automations made of the blueprints beside them."""
    shutil.copytree(OURS / "blueprints", home.config_dir / "blueprints")
    shutil.copytree(OURS / "packages", home.config_dir / "packages")
    shutil.copytree(OURS / "dashboards", home.config_dir / "dashboards")
    (home.config_dir / "automations.yaml").write_text("[]")
    (home.config_dir / "media").mkdir()
    dashboard = {"mode": "yaml", "title": "Cameras", "icon": "mdi:cctv", "filename": "dashboards/espcam_bridge.yaml"}
    place = {"name": "Home", "country": "DE", "time_zone": _time_zone_at_noon()}
    media = {"local": str(home.config_dir / "media")}  # /media where Home Assistant runs in a container
    home.configure(
        {
            "homeassistant": {**place, "media_dirs": media, "packages": "!include_dir_named packages"},
            "automation": list(automations),
            "automation ui": "!include automations.yaml",
            "lovelace": {"dashboards": {"espcam-bridge": dashboard}},
            **dict.fromkeys(("history", "logbook", "sun", *(["mobile_app"] if knows_phones() else []))),
        }
    )
    file = home.config_dir / "configuration.yaml"
    text = file.read_text()
    for tagged in ("!include_dir_named packages", "!include automations.yaml"):
        text = text.replace(f'"{tagged}"', tagged)  # JSON has no tags
    file.write_text(text)


def _time_zone_at_noon() -> str:
    """Where it is between 12 and 13 o'clock now, so that tests may name hours as they are."""
    return f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"


def knows_phones() -> bool:
    """Whether this Home Assistant has what its part for phones requires."""
    return subprocess.run([LAUNCHER, "python", "-c", "import nacl"], capture_output=True, check=False).returncode == 0


@contextmanager
def phone(street: Street, name: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A phone with Home Assistant's app: its device id, and the messages that it is sent."""
    received: list[dict[str, Any]] = []

    class Gateway(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            _answer(self, 201, "application/json", b"{}")

        def log_message(self, *_: object) -> None:
            """Nothing of this is news."""

    with _served(Gateway) as address:
        app = {"app_id": "tests", "app_name": "Tests", "app_version": "1", "os_name": "Android", "os_version": "16"}
        device = {"device_name": name, "device_id": name, "manufacturer": "Tests", "model": "Phone"}
        push = {"push_token": "token", "push_url": address}
        registration = {**app, **device, "supports_encryption": False, "app_data": push}
        street.api.post("/api/mobile_app/registrations", registration)
        known = street.home.devices().items()
        yield next(device_id for device_id, each in known if each["name"] == device["device_name"]), received


@contextmanager
def live_stream() -> Iterator[str]:
    """A live stream's address, as far as Home Assistant's form tries it."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _answer(self, 200, "image/jpeg", picture())

        def log_message(self, *_: object) -> None:
            """Nothing of this is news."""

    with _served(Page) as address:
        yield address


@contextmanager
def _served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def _answer(request: BaseHTTPRequestHandler, status: int, content_type: str, body: bytes) -> None:
    request.send_response(status)
    request.send_header("Content-Type", content_type)
    request.end_headers()
    request.wfile.write(body)
