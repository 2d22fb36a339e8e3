"""A changed configuration is taken up while cameras send, somebody watches and an event is open; nobody notices."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.homeassistant.harness.bridge import Camera
from tests.homeassistant.harness.drawn import Somebody
from tests.integration.running_site import running_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import WaitUntil
    from tests.integration.running_site import Site

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120), pytest.mark.xdist_group("reload")]

LEFT = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]
DOOR: dict[str, Any] = {"id": "door", "labels": ["person"], "motion": {"enabled": False}, "events": {"min_hits": 2}}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with running_site(tmp_path, {"cameras": [DOOR]}) as site:
        yield site


def configure(site: Site, cameras: list[dict[str, Any]], **more: object) -> None:
    """Write the configuration anew."""
    basics = {"detector": {"model": str(site.folder / "drawn_openvino_model")}}
    site.bridge.configure({**basics, "state_file": str(site.folder / "state.json"), "cameras": cameras, **more})


class Viewer:
    """Somebody who watches a camera's live stream."""

    def __init__(self, site: Site, camera_id: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", site.bridge.http_port, timeout=10)
        self._connection.request("GET", f"/cameras/{camera_id}/stream.mjpg")
        self._response = self._connection.getresponse()
        self.pictures = 0
        self.ended = False
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            while line := self._response.readline():
                self.pictures += line.startswith(b"Content-Type: image/jpeg")
        except OSError:
            pass
        self.ended = True

    def close(self) -> None:
        self._connection.close()


def steps(site: Site) -> list[tuple[str, str]]:
    """Every step of every event so far: its id and what it is."""
    told = [message.json() for message in site.heard.on("espcam/door/events")]
    return [(step["id"], step["type"]) for step in told]


def test_a_camera_a_viewer_and_an_open_event_notice_nothing_of_a_reload(site: Site, wait_until: WaitUntil) -> None:
    with Camera(site.folder, "door", site.bridge.ingest_port) as camera:
        camera.show(Somebody("person", "left"))
        site.heard.wait_for("espcam/door/person", b"ON", 30)
        viewer = Viewer(site, "door")
        wait_until(lambda: viewer.pictures > 3, 10, "pictures come")
        (event,) = {step[0] for step in steps(site)}
        changed = {**DOOR, "name": "Haustür", "zones": {"porch": {"points": LEFT}}, "detect": {"max_fps": 9}}
        configure(site, [changed, {"id": "yard"}])
        assert site.send("POST", "/api/reload") == (200, {"begins_anew_for": []})
        site.heard.wait_for("espcam/door/zones/porch/person", b"ON", 10)
        assert site.told("/api/cameras/door")["name"] == "Haustür"
        assert site.state("yard") == "waiting"
        before = viewer.pictures
        wait_until(lambda: viewer.pictures > before + 10, 10, "pictures go on")
        camera.show()
        wait_until(lambda: steps(site)[-1][1] == "end", 30, "the event ends")
        assert {step[0] for step in steps(site)} == {event}
        assert [what for _, what in steps(site) if what != "update"] == ["new", "end"]
        log = site.bridge.log()
        assert not viewer.ended
        assert log.count("door: connected from") == 1
        assert "disconnected" not in log
        viewer.close()


def test_a_camera_that_is_taken_out_goes_everywhere_and_the_others_stay(site: Site, wait_until: WaitUntil) -> None:
    configure(site, [DOOR, {**DOOR, "id": "yard"}])
    assert site.send("POST", "/api/reload")[0] == 200
    with (
        Camera(site.folder, "door", site.bridge.ingest_port) as door,
        Camera(site.folder, "yard", site.bridge.ingest_port) as yard,
    ):
        door.show(Somebody("person", "left"))
        yard.show(Somebody("person", "left"))
        site.heard.wait_for("espcam/door/person", b"ON", 30)
        site.heard.wait_for("espcam/yard/person", b"ON", 30)
        watching, watched = Viewer(site, "door"), Viewer(site, "yard")
        wait_until(lambda: watching.pictures and watched.pictures, 10, "pictures come")
        configure(site, [DOOR])
        os.kill(site.bridge.pid, signal.SIGHUP)
        wait_until(lambda: site.state("yard") == "", 10, "it is gone from the API")
        wait_until(lambda: watched.ended, 5, "its viewer is sent away")
        ends = [message.json() for message in site.heard.on("espcam/yard/events")]
        wait_until(
            lambda: any(message.json()["type"] == "end" for message in site.heard.on("espcam/yard/events")),
            5,
            f"its event is ended: {ends}",
        )
        wait_until(
            lambda: site.heard.on("homeassistant/device/espcam-bridge_yard/config")[-1].payload == b"",
            10,
            "Home Assistant is told",
        )
        wait_until(lambda: "4403" in site.bridge.log(), 10, "it waits to be approved, as any other stranger")
        assert site.bridge.get("/cameras/yard/snapshot.jpg")[0] == 404
        before = watching.pictures
        wait_until(lambda: watching.pictures > before + 5, 10, "the other one goes on")
        # And back it is, as if it had never been away.
        configure(site, [DOOR, {**DOOR, "id": "yard"}])
        assert site.send("POST", "/api/reload")[0] == 200
        site.heard.clear()
        site.heard.wait_for("espcam/yard/person", b"ON", 30)
        watching.close()


def test_what_needs_a_new_beginning_is_named_and_gets_one(site: Site, wait_until: WaitUntil) -> None:
    configure(site, [DOOR], homeassistant={"discovery": False})
    assert site.send("POST", "/api/reload") == (200, {"begins_anew_for": ["homeassistant"]})
    wait_until(lambda: site.bridge.log().count("page: http://") == 2, 20, "it began anew")
    wait_until(lambda: site.told("/api/bridge").get("ready"), 20, "it is ready again")


def test_a_changed_token_must_be_shown(site: Site, wait_until: WaitUntil) -> None:
    with Camera(site.folder, "door", site.bridge.ingest_port):
        wait_until(lambda: site.state("door") == "online", 20, "it is there")
        configure(site, [{**DOOR, "token": "geheim"}])
        assert site.send("POST", "/api/reload")[0] == 200
        wait_until(lambda: site.state("door") == "offline", 20, "it has the old one")
        assert "4401" in site.bridge.log()
        assert "geheim" not in site.bridge.log()


def test_settings_are_written_into_the_file_and_in_force(site: Site) -> None:
    own = json.loads(site.bridge.config_file.read_text())
    text = f"# Mine.\nhttp:   {json.dumps(own['http'])}  # the page\n"
    for key in ("mqtt", "ingest", "history", "detector", "state_file"):
        text += f"{key}: {json.dumps(own[key])}\n"
    text += (
        "cameras:\n  # By the door.\n  - id: door   # this one\n    labels: [person]\n    motion: {enabled: false}\n"
    )
    site.bridge.config_file.write_text(text)
    assert site.send("POST", "/api/reload")[1] == {"begins_anew_for": []}
    change = {"zones": {"porch": {"points": LEFT}}, "detect": {"max_fps": 3}, "masks": [LEFT]}
    status, answer = site.send("PATCH", "/api/cameras/door/settings", change)
    assert (status, answer["begins_anew_for"]) == (200, [])
    assert answer["settings"]["zones"]["porch"]["points"] == [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]
    written = site.bridge.config_file.read_text()
    assert written == text + (
        "    zones: {porch: {points: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}}\n"
        "    detect: {max_fps: 3}\n"
        "    masks: [[[0, 0], [0.5, 0], [0.5, 1], [0, 1]]]\n"
    )
    assert site.bridge.config_file.with_name("espcam-bridge.yaml.bak").read_text() == text
    for wrong in ({"zones": {"porch": {"points": [[0, 0], [2, 2]]}}}, {"colour": "red"}, {"token": "x"}, {"id": "y"}):
        status, answer = site.send("PATCH", "/api/cameras/door/settings", wrong)
        assert status == 400, wrong
        assert answer["detail"]
        assert site.bridge.config_file.read_text() == written
    assert "espcam-bridge.yaml" in answer["detail"]
    assert sorted(path.name for path in site.folder.glob("*espcam-bridge.yaml*")) == [
        "espcam-bridge.yaml",
        "espcam-bridge.yaml.bak",
    ]


def test_five_hundred_random_edits_never_crash_it_nor_leave_a_half_state(site: Site, wait_until: WaitUntil) -> None:
    dice = random.Random(20261126)  # noqa: S311 - a test's dice
    good = bad = 0
    own = site.bridge.config_file.read_text()
    with Camera(site.folder, "door", site.bridge.ingest_port):
        wait_until(lambda: site.state("door") == "online", 20, "it is there")
        for _ in range(500):
            cameras = [DOOR | edits(dice) for _ in range(1)] + [
                {"id": f"c{number}"} | edits(dice) for number in range(dice.randint(0, 3))
            ]
            text = json.dumps({**json.loads(own), "cameras": cameras})
            if dice.random() < 0.4:
                at = dice.randrange(text.index('"cameras"'), len(text))
                text = (
                    text[:at]
                    + dice.choice(["", "{", "\t", "\0", "é", "!x ", ": ", "[1,"])
                    + text[at + dice.randint(0, 9) :]
                )
            site.bridge.config_file.write_text(text)
            status, answer = site.send("POST", "/api/reload")
            if status == 200 and answer["begins_anew_for"] == []:
                good += 1
                told = site.told("/api/cameras")["cameras"]
                wanted = json.loads(text) if text.startswith("{") and _is_json(text) else None
                if wanted is not None:
                    assert {camera["id"] for camera in told} == {camera["id"] for camera in wanted["cameras"]}
            elif status == 200:  # a port or a path was hit: it begins anew, somewhere else perhaps; back to what it was
                site.bridge.config_file.write_text(own)
                site.bridge.kill()
                site.bridge.start()
            else:
                assert status == 400
                assert answer["detail"]
                bad += 1
        site.bridge.config_file.write_text(own)
        assert site.send("POST", "/api/reload")[0] == 200
        wait_until(lambda: site.state("door") == "online", 20, "it is there still")
        assert "Traceback" not in site.bridge.log()
    assert good > 100
    assert bad > 100


def edits(dice: random.Random) -> dict[str, Any]:
    """Some keys of a camera, most of them right."""
    zones = {
        name: {"points": [[dice.random(), dice.random()] for _ in range(3)]} for name in "ab" if dice.random() < 0.3
    }
    some = {
        "name": dice.choice(["Tür", "a" * 70, ""]),
        "labels": dice.choice([["person"], ["person", "dog"], []]),
        "rotate": dice.choice([0, 90, 180, 270, 45]),
        "zones": zones,
        "detect": {"enabled": dice.random() < 0.8, "max_fps": dice.choice([1, 5, 20, -1])},
        "motion": {"enabled": dice.random() < 0.5},
        "events": {"min_hits": dice.randint(1, 4), "end_after_s": dice.choice([1, 5])},
        "stream": {"max_fps": dice.choice([5, 15]), "annotate": dice.random() < 0.5},
        "adapt": {"enabled": dice.random() < 0.5},
    }
    return {key: value for key, value in some.items() if dice.random() < 0.25}


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
