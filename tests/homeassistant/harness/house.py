"""Everything together: broker, Home Assistant with automations of ours, the bridge, and two cameras."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from tests.conftest import Listener, Mosquitto
from tests.homeassistant.harness.bridge import Bridge, Camera
from tests.homeassistant.harness.drawn import Somebody, save_model
from tests.homeassistant.harness.home import HomeAssistant, note_run
from tests.homeassistant.harness.process import free_port
from tests.homeassistant.harness.truth import differences

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

CAMERAS: list[dict[str, Any]] = [
    {
        "id": "porch",
        "name": "Front porch",
        "labels": ["person", "dog"],
        "zones": {
            "steps": {"points": [[0, 0], [0.34, 0], [0.34, 1], [0, 1]], "labels": ["person"], "inertia_frames": 1},
            "gate": {"points": [[0.66, 0], [1, 0], [1, 1], [0.66, 1]], "inertia_frames": 1},
        },
    },
    {"id": "yard", "name": "Yard"},
]
END_AFTER_S = 1.0
OFFLINE_AFTER_S = 2.0

_RETAINED_S = 0.3  # they all come right after the subscription; a fraction of this on a busy machine

AUTOMATIONS: list[dict[str, Any]] = [
    {
        "id": "occupancy",
        "alias": "occupancy",
        "mode": "queued",
        "triggers": [{"trigger": "state", "entity_id": "binary_sensor.porch_person", "from": "off", "to": "on"}],
        "actions": [note_run("occupancy")],
    },
    {
        "id": "event",
        "alias": "event",
        "mode": "queued",
        # Coming back from unavailable is no event; the very first event comes after "unknown".
        "triggers": [{"trigger": "state", "entity_id": "event.porch_detected", "not_from": "unavailable"}],
        "conditions": ["{{ trigger.to_state.state not in ['unavailable', 'unknown'] }}"],
        "actions": [note_run("event", "{{ trigger.to_state.attributes.id }}")],
    },
    {
        "id": "picture",
        "alias": "picture",
        "mode": "queued",
        "triggers": [{"trigger": "state", "entity_id": "event.porch_detected", "not_from": "unavailable"}],
        "actions": [note_run("picture", "{{ states('image.porch_person_thumbnail') }}")],
    },
    {
        "id": "mqtt",
        "alias": "mqtt",
        "mode": "queued",
        "triggers": [{"trigger": "mqtt", "topic": "espcam/porch/events"}],
        "conditions": ["{{ trigger.payload_json.type == 'new' }}"],
        "actions": [note_run("mqtt", "{{ trigger.payload_json.id }}")],
    },
]


class House:
    """Broker, Home Assistant, bridge and cameras, started together and ended together.

    Args:
        folder: for all their files.
        persistence: whether the broker keeps retained messages over its own restart.
        home: more sections of Home Assistant's configuration.
        bridge: more sections of the bridge's.
        twins: options of ``espcam-bridge simulate`` by camera.

    Attributes:
        settings: the bridge's configuration at the beginning.
    """

    def __init__(
        self,
        folder: Path,
        *,
        persistence: bool = False,
        home: Mapping[str, Any] | None = None,
        bridge: Mapping[str, Any] | None = None,
        twins: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._folder = folder
        self.broker = Mosquitto(folder, free_port(), persistence=persistence)
        self.home = HomeAssistant(folder, self.broker.port, {"automation": AUTOMATIONS, **(home or {})})
        self.settings: dict[str, Any] = {
            "detector": {"model": str(save_model(folder))},
            "defaults": {
                "events": {"end_after_s": END_AFTER_S, "min_hits": 2},
                "detect": {"max_fps": 10},
                "offline_after_s": OFFLINE_AFTER_S,
            },
            "cameras": CAMERAS,
            **(bridge or {}),
        }
        self.bridge = Bridge(folder, self.broker.port, self.settings)
        ids, options, port = [camera["id"] for camera in self.settings["cameras"]], twins or {}, self.bridge.ingest_port
        self.cameras = {camera_id: Camera(folder, camera_id, port, options.get(camera_id, ())) for camera_id in ids}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self.broker.kill)
            self.broker.start()
            stack.callback(self.home.close)
            self.home.launch()  # takes longest by far
            stack.enter_context(self.bridge)
            for camera in self.cameras.values():
                stack.enter_context(camera)
            self.home.wait()
            wait_until(self._knows_cameras, 30, "Home Assistant knows what the cameras told of themselves")
            self.settle()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _knows_cameras(self) -> bool:
        """Whether what only the cameras' hellos tell was announced, which is some seconds after the rest."""
        return {f"sensor.{camera_id}_rssi_dbm" for camera_id in self.cameras} <= self.home.states().keys()

    def make_broker_forget(self) -> None:
        """End the broker and let it lose all that it kept."""
        self.broker.kill()
        for file in self._folder.glob("mosquitto-*-data/*"):
            file.unlink()

    def retained(self) -> dict[str, bytes]:
        """What the broker keeps: topic to payload."""
        listener = self.listen("#")
        time.sleep(_RETAINED_S)
        listener.close()
        return {heard.topic: heard.payload for heard in listener.heard}

    def wrong(self) -> dict[str, str]:
        """The entities whose state is not what the broker's retained messages say, each with what is wrong."""
        return differences(self.home, self.retained())

    def settle(self, timeout_s: float = 30.0) -> float:
        """Wait until nothing is wrong; returns the seconds.

        Raises:
            TimeoutError: something still is; says what.
        """
        began_s = time.monotonic()
        while wrong := self.wrong():
            if time.monotonic() - began_s > timeout_s:
                raise TimeoutError(f"after {timeout_s} s: {wrong}")
            time.sleep(0.2)
        return time.monotonic() - began_s

    def listen(self, topic: str = "espcam/#") -> Listener:
        """A subscriber of the broker; to be closed by the caller."""
        return Listener(self.broker.port, topic)

    def visit(self, camera_id: str = "porch", somebody: Somebody | None = None) -> None:
        """Somebody comes, stays until Home Assistant knows, and leaves; returns when Home Assistant knows that, too."""
        who = somebody or Somebody()
        entity_id = f"binary_sensor.{camera_id}_{who.label}"
        self.cameras[camera_id].show(who)
        self.home.wait_for(entity_id, "on")
        self.cameras[camera_id].show()
        self.home.wait_for(entity_id, "off")


def wait_until(done: Callable[[], object], timeout_s: float, what: str) -> float:
    """Wait until something is so.

    Returns:
        The seconds that this took.

    Raises:
        TimeoutError: it is not.
    """
    began_s = time.monotonic()
    while not done():
        if time.monotonic() - began_s > timeout_s:
            raise TimeoutError(f"not within {timeout_s} s: {what}")
        time.sleep(0.1)
    return time.monotonic() - began_s
