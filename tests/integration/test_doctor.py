"""``espcam-bridge doctor`` against a real Mosquitto, real ports and a bridge that runs."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bridge.app import App
from bridge.commands.doctor import DoctorOptions, run
from bridge.config.loader import load_config
from bridge.detect.fake import FakeDetector
from bridge.doctor import broker
from bridge.publish.discovery import discovery_messages
from bridge.publish.settings import PublishedCamera, PublishSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Listener, ListenerFactory, Mosquitto, MosquittoFactory, WaitUntil

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
OLD = PublishedCamera("gate", "Gate", ("person",))
OLD_STATES = {
    "espcam/gate/availability": b"offline",
    "espcam/gate/person": b"OFF",
    "espcam/gate/person/count": b"0",
    "espcam/gate/person/thumbnail": b"\xff\xd8\xff\xd9",
    "espcam/door/dog": b"OFF",
    "espcam/door/dog/count": b"0",
    "espcam/door/detect/set": b"OFF",
}
OTHERS = {
    "homeassistant/status": b"online",
    "homeassistant/sensor/kettle/config": b'{"unique_id":"kettle","state_topic":"kettle"}',
    "espcam/notes": b"mine",
    "zigbee2mqtt/gate/availability": b"online",
    "espcam/door/person": b"OFF",
    "espcam/door/person/count": b"0",
}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker is on this machine."""
    monkeypatch.setattr(broker, "ANSWER_S", 1.0)  # 3 s in earnest
    monkeypatch.setattr(broker, "BIG_ANSWER_S", 2.0)  # 8 s
    monkeypatch.setattr(broker, "LISTEN_S", 0.5)  # 2 s


class Patient:
    """A configuration in a folder of its own, and what the doctor says of it."""

    def __init__(self, folder: Path, broker_port: int, ports: tuple[int, int]) -> None:
        self.folder = folder
        self.file = folder / "espcam-bridge.yaml"
        self._written: dict[str, Any] = {
            "mqtt": {"port": broker_port},
            "ingest": {"host": "127.0.0.1", "port": ports[0]},
            "http": {"host": "127.0.0.1", "port": ports[1]},
            "detector": {"model": str(folder / "m_openvino_model")},
            "state_file": str(folder / "state.json"),
            "history": {"url": f"sqlite:///{folder}/events.db", "media_dir": str(folder / "media")},
            "cameras": [{"id": "door", "name": "Door", "labels": ["person"]}],
        }
        (folder / "m_openvino_model").mkdir()
        (folder / "m_openvino_model" / "m.xml").write_text("<net/>")
        self.change()

    def change(self, **sections: dict[str, Any]) -> None:
        """Change sections of the configuration, key by key."""
        for name, keys in sections.items():
            self._written[name] = {**self._written[name], **keys}
        self.file.write_text(json.dumps(self._written))  # JSON is YAML

    def examine(self, **options: bool) -> tuple[int, dict[str, list[dict[str, str]]]]:
        """The exit code, and the findings by check."""
        out = io.StringIO()
        code = run(DoctorOptions(self.file, as_json=True, **options), os.environ, out)
        told: dict[str, list[dict[str, str]]] = {}
        for finding in json.loads(out.getvalue())["findings"]:
            told.setdefault(finding["check"], []).append(finding)
        return code, told

    def command(self, *arguments: str) -> list[str]:
        """The command line of a process of its own."""
        return [sys.executable, "-m", "bridge", "doctor", "-c", str(self.file), *arguments]


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


@pytest.fixture
def patient(tmp_path: Path) -> Callable[[int], Patient]:
    """A configuration with which all is well, if the broker is."""
    return lambda broker_port: Patient(tmp_path, broker_port, _free_ports())


def _keep(listener: Listener, kept: dict[str, bytes]) -> None:
    for topic, payload in kept.items():
        listener.publish(topic, payload, retain=True)


def _old_discovery(client_id: str, base_topic: str) -> dict[str, bytes]:
    settings = replace(PublishSettings(), client_id=client_id, base_topic=base_topic)
    return {message.topic: message.payload for message in discovery_messages(settings, [OLD])}


def _kept(mqtt_listener: ListenerFactory, mqtt_broker: Mosquitto) -> dict[str, bytes]:
    """What a newcomer finds."""
    listener = mqtt_listener(mqtt_broker.port)
    time.sleep(0.3)
    return {heard.topic: heard.payload for heard in listener.heard if heard.retain}


def test_where_all_is_well_every_check_says_so_and_the_exit_code_is_0(
    mosquitto: MosquittoFactory, patient: Callable[[int], Patient]
) -> None:
    code, told = patient(mosquitto().port).examine()
    assert code == 0
    assert {check for check, findings in told.items() for finding in findings if finding["level"] == "ok"} == {
        "configuration", "clock", "ingest.port", "http.port", "model", "state", "history", "pictures of events",
        "broker", "round trip", "packet size", "stale topics",
    }  # fmt: skip
    assert [finding["level"] for finding in told["Home Assistant"]] == ["note"]


def test_a_port_that_nobody_listens_on_is_an_error_and_the_rest_is_told_all_the_same(
    patient: Callable[[int], Patient], free_port: int
) -> None:
    code, told = patient(free_port).examine()
    assert code == 1
    (finding,) = told["broker"]
    assert (finding["level"], finding["text"]) == ("error", f"nothing listens on 127.0.0.1:{free_port}")
    assert "start the broker" in finding["mend"]
    assert told["model"][0]["level"] == "ok"
    assert "round trip" not in told


def test_a_wrong_password_is_an_error_that_names_the_keys(
    mosquitto: MosquittoFactory, patient: Callable[[int], Patient], tmp_path: Path
) -> None:
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), "bridge", "offen"], check=True)
    passwords.chmod(0o644)
    ill = patient(mosquitto(config=("allow_anonymous false", f"password_file {passwords}")).port)
    ill.change(mqtt={"username": "bridge", "password": "geheim"})
    code, told = ill.examine()
    assert (code, told["broker"][0]["level"]) == (1, "error")
    assert "mqtt.password" in told["broker"][0]["mend"]
    assert "geheim" not in json.dumps(told)
    ill.change(mqtt={"username": "bridge", "password": "offen"})
    code, told = ill.examine()
    assert (code, told["broker"][0]["text"].endswith("lets us in as bridge")) == (0, True)


@pytest.mark.parametrize(
    ("rights", "levels"),
    [
        ("topic readwrite espcam/#\ntopic write homeassistant/#\ntopic read homeassistant/status\n", ("ok", "warning")),
        ("topic write espcam/#\ntopic readwrite homeassistant/#\n", ("error", None)),
        ("topic read espcam/#\ntopic readwrite homeassistant/#\n", ("error", None)),
        ("topic readwrite espcam/#\ntopic readwrite homeassistant/#\n", ("ok", None)),
    ],
    ids=["discovery unread", "no reading", "no writing", "enough"],
)
def test_an_access_list_that_is_too_narrow_is_found(
    mosquitto: MosquittoFactory,
    patient: Callable[[int], Patient],
    tmp_path: Path,
    rights: str,
    levels: tuple[str, str | None],
) -> None:
    access_list = tmp_path / "acl"
    access_list.write_text(rights)
    access_list.chmod(0o644)
    ill = patient(mosquitto(config=(f"acl_file {access_list}",)).port)
    code, told = ill.examine()
    assert told["round trip"][0]["level"] == levels[0]
    assert [finding["level"] for finding in told.get("discovery", [])] == ([levels[1]] if levels[1] else [])
    assert code == (levels[0] == "error")
    if code:
        assert "espcam/#" in told["round trip"][0]["mend"]


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("limit", "level", "said"),
    [
        ("message_size_limit 200000", "warning", "one of 65536 does"),
        ("message_size_limit 20000", "error", "one of 8192 does"),
        ("max_packet_size 200000", "error", "hangs up"),
    ],
)
def test_a_broker_that_takes_no_big_pictures_is_found_with_the_setting_that_mends_it(
    mosquitto: MosquittoFactory, patient: Callable[[int], Patient], limit: str, level: str, said: str
) -> None:
    code, told = patient(mosquitto(config=(limit,)).port).examine()
    (size,) = told["packet size"]
    assert (size["level"], code) == (level, int(level == "error"))
    assert said in size["text"]
    assert limit.split(maxsplit=1)[0] in size["mend"]
    assert told["stale topics"][0]["level"] == "ok", "the other checks go on"


def test_stale_topics_are_found_told_and_cleared_and_nothing_else_is_touched(
    mosquitto: MosquittoFactory, mqtt_listener: ListenerFactory, patient: Callable[[int], Patient]
) -> None:
    mqtt_broker = mosquitto()
    listener = mqtt_listener(mqtt_broker.port)
    config = "homeassistant/device/espcam-bridge_gate/config"
    stale = {config: _old_discovery("espcam-bridge", "espcam")[config]} | OLD_STATES
    left = OTHERS | _old_discovery("garage", "garage")
    _keep(listener, stale | left)
    ill = patient(mqtt_broker.port)
    code, told = ill.examine()
    assert code == 0, "warnings"
    assert told["stale topics"][0]["text"].startswith(f"{len(stale) - 1} kept")
    assert "espcam/door/detect/set" in told["commands"][0]["text"]
    assert told["other bridges"][0]["text"] == "another bridge, garage, has announced 2 devices: left alone"
    assert told["Home Assistant"][0]["level"] == "ok"
    code, told = ill.examine(fix=True)
    assert "cleared" not in told, "nobody can be asked"
    assert _kept(mqtt_listener, mqtt_broker) == stale | left
    listener.clear()
    code, told = ill.examine(fix=True, yes=True)
    assert code == 0
    assert {finding["text"] for finding in told["cleared"]} == set(stale)
    assert _kept(mqtt_listener, mqtt_broker) == left
    emptied = [heard.topic for heard in listener.heard if heard.payload == b""]
    assert emptied[0] == config
    assert emptied[-1] == "espcam/gate/availability"
    gaps_s = [heard.at_mono_s for heard in listener.heard if heard.payload == b""]
    assert gaps_s[1] - gaps_s[0] > 0.9, "Home Assistant lets go of the entities first"
    assert ill.examine()[1]["stale topics"][0]["level"] == "ok"


def test_what_the_access_list_keeps_from_being_cleared_is_an_error(
    mosquitto: MosquittoFactory, mqtt_listener: ListenerFactory, patient: Callable[[int], Patient], tmp_path: Path
) -> None:
    access_list = tmp_path / "acl"
    access_list.write_text("topic readwrite #\n")
    access_list.chmod(0o644)
    mqtt_broker = mosquitto(config=(f"acl_file {access_list}",), persistence=True)
    _keep(mqtt_listener(mqtt_broker.port), {"espcam/gate/availability": b"offline"})
    mqtt_broker.stop()
    access_list.write_text("topic readwrite espcam/bridge/#\ntopic read espcam/#\ntopic readwrite homeassistant/#\n")
    mqtt_broker.start()
    code, told = patient(mqtt_broker.port).examine(fix=True, yes=True)
    assert code == 1
    assert told["not cleared"][0]["text"] == "espcam/gate/availability"


@pytest.mark.parametrize(("accepts", "level"), [("accept", "ok"), ("reject", "warning")])
def test_cameras_that_the_bridge_let_in_without_configuration_are_not_stale(
    mosquitto: MosquittoFactory,
    mqtt_listener: ListenerFactory,
    patient: Callable[[int], Patient],
    accepts: str,
    level: str,
) -> None:
    mqtt_broker = mosquitto()
    kept = {"espcam/bridge/info": b'{"cameras":["door","gate"]}', "espcam/gate/availability": b"online"}
    _keep(mqtt_listener(mqtt_broker.port), kept)
    ill = patient(mqtt_broker.port)
    ill.change(ingest={"unknown_cameras": accepts})
    assert ill.examine()[1]["stale topics"][0]["level"] == level


def test_a_bridge_that_runs_is_recognised_and_not_disturbed(
    mosquitto: MosquittoFactory,
    mqtt_listener: ListenerFactory,
    patient: Callable[[int], Patient],
    wait_until: WaitUntil,
) -> None:
    mqtt_broker = mosquitto()
    well = patient(mqtt_broker.port)
    listener = mqtt_listener(mqtt_broker.port)
    with App(load_config(well.file, {}), load=FakeDetector) as app:
        wait_until(lambda: listener.newest("espcam/bridge/state") == b"online")
        listener.wait_for("espcam/bridge/info")
        before = dict(_kept(mqtt_listener, mqtt_broker))
        code, told = well.examine(fix=True, yes=True)
        after = _kept(mqtt_listener, mqtt_broker)
        assert code == 0
        for key in ("ingest.port", "http.port"):
            assert "a bridge that runs" in told[key][0]["text"]
        assert told["stale topics"][0]["level"] == "ok"
        assert set(after) == set(before)
        assert [heard.payload for heard in listener.on("espcam/bridge/state")] == [b"online"]
        assert app.readiness()[0].ready
    assert "already connected" not in mqtt_broker.log(), "no client id was taken over"


def test_a_wrong_configuration_is_told_as_check_tells_it_and_ends_with_2(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("mqtt: {port: 99999}\n")
    told = [
        subprocess.run(
            [sys.executable, "-m", "bridge", command, "-c", str(file)],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )
        for command in ("check", "doctor")
    ]
    assert [one.returncode for one in told] == [2, 2]
    assert told[0].stderr == told[1].stderr != ""


@pytest.mark.parametrize(("answer", "cleared"), [("n", False), ("", False), ("y", True)])
def test_on_a_terminal_it_asks_before_it_clears(
    mosquitto: MosquittoFactory,
    mqtt_listener: ListenerFactory,
    patient: Callable[[int], Patient],
    answer: str,
    cleared: bool,
) -> None:
    mqtt_broker = mosquitto()
    _keep(mqtt_listener(mqtt_broker.port), {"espcam/gate/availability": b"offline"})
    said = _on_a_terminal(patient(mqtt_broker.port).command("--fix"), answer)
    assert "  espcam/gate/availability\r\nclear these 1 topics? [y/N]" in said
    assert ("ok       cleared: espcam/gate/availability" in said) == cleared
    assert ("espcam/gate/availability" not in _kept(mqtt_listener, mqtt_broker)) == cleared


def _on_a_terminal(command: list[str], answer: str) -> str:
    """What a program shows there, with this answer to its question."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # Linux says EIO at the end
            while data := os.read(ours, 4096):
                shown += data
                if shown.endswith(b"[y/N] "):
                    os.write(ours, f"{answer}\n".encode())
        process.wait(20)
    os.close(ours)
    return shown.decode()
