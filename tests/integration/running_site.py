"""A bridge as users run it, its broker, and who hears it; cameras dial it as boards do."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from tests.conftest import Listener, Mosquitto
from tests.homeassistant.harness.bridge import Bridge, Camera
from tests.homeassistant.harness.drawn import save_model
from tests.homeassistant.harness.process import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class Site(NamedTuple):
    """A bridge that knows no camera, and who hears its broker."""

    folder: Path
    bridge: Bridge
    heard: Listener

    def waiting(self) -> list[dict[str, Any]]:
        """Who waits; nobody while the bridge begins anew."""
        found: list[dict[str, Any]] = self.told("/api/waiting").get("waiting", [])
        return found

    def state(self, camera_id: str) -> str:
        """A camera's state; empty when it is not there."""
        cameras = self.told("/api/cameras").get("cameras", [{"id": camera_id, "state": "?"}])
        return next((camera["state"] for camera in cameras if camera["id"] == camera_id), "")

    def told(self, path: str) -> dict[str, Any]:
        """What the API says; nothing while the bridge begins anew."""
        try:
            answer: dict[str, Any] = json.loads(self.bridge.get(path)[1])
        except (OSError, http.client.HTTPException):
            return {}
        return answer

    def send(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
        """A request that changes something."""
        request = urllib.request.Request(  # noqa: S310 - our own server
            self.bridge.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - likewise
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def ask(self, name: str, payload: dict[str, Any]) -> dict[str, Any]:
        """An MQTT request's answer."""
        count = len(self.heard.on(f"espcam/bridge/response/{name}"))
        self.heard.publish(f"espcam/bridge/request/{name}", json.dumps(payload).encode())
        answer: dict[str, Any] = self.heard.wait_for(f"espcam/bridge/response/{name}", count=count + 1).json()
        return answer

    def camera(self, camera_id: str, *more: str) -> Camera:
        """A board that dials the bridge; it is not started."""
        scene = self.folder / "scene.png"
        cv2.imwrite(str(scene), np.full((240, 320, 3), 128, np.uint8))
        return Camera(self.folder, camera_id, self.bridge.ingest_port, ("--source", str(scene), *more))


@contextmanager
def running_site(folder: Path, settings: Mapping[str, Any]) -> Iterator[Site]:
    """A bridge with these settings, from start to end."""
    broker = Mosquitto(folder, free_port())
    with ExitStack() as stack:
        stack.callback(broker.kill)
        broker.start()
        heard = Listener(broker.port, "#")
        stack.callback(heard.close)
        basics = {"detector": {"model": str(save_model(folder))}, "state_file": str(folder / "state.json")}
        yield Site(folder, stack.enter_context(Bridge(folder, broker.port, {**basics, **settings})), heard)
