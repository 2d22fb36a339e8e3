"""A camera that nobody configured, from its first knock to its pictures: real bridge, real broker, real twin."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from bridge.app import App
from bridge.config.schema import Config
from bridge.detect.fake import FakeDetector
from bridge.errors import ConfigError
from bridge.runtime.statefile import StateFile
from tests.integration.running_site import Site, running_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import WaitUntil

pytestmark = pytest.mark.integration


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A bridge that knows no camera."""
    with running_site(tmp_path, {}) as made:
        yield made


@pytest.mark.timeout(120)
def test_a_new_camera_waits_is_approved_by_mqtt_and_stays(site: Site, wait_until: WaitUntil) -> None:
    with site.camera("porch"):
        wait_until(lambda: site.waiting(), 20, "it waits")  # noqa: PLW0108 - asked anew each time
        (guest,) = site.waiting()
        assert (guest["id"], guest["board"], guest["has_key"], guest["another_key"]) == (
            "porch",
            "simulated",
            True,
            False,
        )
        assert site.state("porch") == ""
        status, picture = site.bridge.get("/api/waiting/porch/snapshot.jpg")
        assert (status, picture[:2]) == (200, b"\xff\xd8")
        wait_until(
            lambda: (site.heard.on("espcam/bridge/telemetry") or [None])[-1].json()["waiting"] == 1,  # type: ignore[union-attr]
            12,
            "the broker hears that one waits",
        )
        answer = site.ask("approve", {"id": "porch", "name": "Front porch", "transaction": 7})
        assert answer == {
            "status": "ok",
            "data": {"id": "porch", "name": "Front porch", "bound_to_key": True},
            "transaction": 7,
        }
        # The default camera, which never came, goes: the bridge begins anew, and the camera finds it again.
        wait_until(lambda: site.state("porch") == "online", 30, "its pictures come")
        assert site.state("camera") == ""
        assert site.waiting() == []
        device = site.heard.wait_for("homeassistant/device/espcam-bridge_porch/config").json()
        assert device["dev"]["name"] == "Front porch"

        site.bridge.kill()
        site.bridge.start()
        wait_until(lambda: site.state("porch") == "online", 30, "it is known after a restart")
    kept = json.loads((site.folder / "state.json").read_text())
    assert "porch" in json.dumps(kept)

    with site.camera("porch", "--token", "an impostor's"):
        wait_until(lambda: [guest["another_key"] for guest in site.waiting()] == [True], 20, "the impostor waits")
        wait_until(lambda: site.state("porch") == "offline", 20, "and does not take its place")


@pytest.mark.timeout(120)
def test_over_http_a_camera_is_dismissed_approved_and_removed(site: Site, wait_until: WaitUntil) -> None:
    assert site.send("POST", "/api/cameras/porch/approve", {}) == (
        409,
        {
            "error": "conflict",
            "detail": "nobody waits as porch: see that the camera has power, and that it dials this bridge",
        },
    )
    with site.camera("porch"):
        wait_until(lambda: site.waiting(), 20, "it waits")  # noqa: PLW0108 - as above
        assert site.send("POST", "/api/waiting/porch/dismiss", {}) == (200, {"id": "porch"})
        assert site.waiting() == []
        wait_until(lambda: site.waiting(), 20, "it comes again")  # noqa: PLW0108 - as above
        status, told = site.send("POST", "/api/cameras/porch/approve")
        assert (status, told["bound_to_key"]) == (200, True)
        wait_until(lambda: site.state("porch") == "online", 30, "its pictures come")
        site.heard.wait_for("homeassistant/device/espcam-bridge_porch/config")
        assert site.send("DELETE", "/api/cameras/porch")[0] == 200
        wait_until(lambda: site.state("porch") == "", 30, "it is gone")
        wait_until(lambda: site.waiting(), 30, "it waits again")  # noqa: PLW0108 - as above
        site.heard.wait_for("homeassistant/device/espcam-bridge_porch/config", b"")
    assert site.send("DELETE", "/api/cameras/camera")[0] == 409


@pytest.mark.parametrize("origin", ["http://evil.example", "null"])
def test_another_sites_page_approves_nobody(site: Site, origin: str) -> None:
    for path in ("/api/cameras/porch/approve", "/api/waiting/porch/dismiss"):
        request = urllib.request.Request(site.bridge.url + path, method="POST", headers={"Origin": origin})  # noqa: S310 - our own server
        with pytest.raises(urllib.error.HTTPError, match="403") as refused:
            urllib.request.urlopen(request, timeout=10)  # noqa: S310 - likewise
        refused.value.close()


class Editing:
    """An operator whose configuration somebody is just editing."""

    def reload(self) -> tuple[str, ...]:
        raise ConfigError(("espcam-bridge.yaml:3: mqtt.prt: unknown key",))

    def restart(self) -> None:
        raise AssertionError

    def settings(self, _camera_id: str) -> dict[str, object]:
        raise AssertionError

    def change_settings(self, _camera_id: str, _change: object) -> tuple[str, ...]:
        raise AssertionError

    def remove_settings(self, _camera_id: str) -> tuple[str, ...]:
        raise AssertionError


def test_a_camera_is_removed_also_while_the_configuration_is_wrong(tmp_path: Path, free_port: int) -> None:
    state = tmp_path / "s"
    memory = StateFile(state)
    memory.put("adopted", "porch", {"name": "Porch", "key_sha256": "", "since": ""})
    memory.save()
    local = {"host": "127.0.0.1", "port": 0}
    config = Config.model_validate(
        {
            "mqtt": {"port": free_port},
            "ingest": local,
            "http": local,
            "history": {"enabled": False},
            "state_file": state,
        }
    )
    with App(config, load=FakeDetector, operator=Editing()) as app:
        assert app.info()["cameras"] == ["porch"]
        app._adoption.remove("porch")
        assert app.info()["cameras"] == ["camera"], "the default camera, for want of another"
