"""The table of twelve faults, each really there: the doctor names it, with its mend."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bridge.doctor.machine import check_clock
from tests.conftest import Listener, Mosquitto
from tests.homeassistant.harness.process import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Ward:
    """A bridge's configuration with which all is well, on a broker of its own, until a fault is made."""

    folder: Path
    broker_lines: list[str] = field(default_factory=list)
    kept: dict[str, bytes] = field(default_factory=dict)
    sections: dict[str, dict[str, Any]] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    wanted: list[Callable[[], None]] = field(default_factory=list)

    def examine(self) -> str:
        """What ``espcam-bridge doctor`` prints, as a user sees it."""
        model = self.folder / "m_openvino_model"
        model.mkdir(exist_ok=True)
        (model / "m.xml").write_text("<net/>")
        broker = Mosquitto(self.folder, free_port(), config=tuple(self.broker_lines))
        broker.start()
        try:
            settings: dict[str, Any] = {
                "mqtt": {"port": broker.port},
                "ingest": {"host": "127.0.0.1", "port": free_port(), "max_frame_bytes": 200_000},
                "http": {"host": "127.0.0.1", "port": free_port()},
                "detector": {"model": str(model)},
                "state_file": str(self.folder / "state.json"),
                "history": {"url": f"sqlite:///{self.folder}/events.db", "media_dir": str(self.folder / "media")},
                "cameras": [{"id": "door", "labels": ["person"]}],
            }
            for name, keys in self.sections.items():
                settings[name] = {**settings.get(name, {}), **keys}
            file = self.folder / "espcam-bridge.yaml"
            file.write_text(json.dumps(settings))
            if self.kept:
                listener = Listener(broker.port, "#")
                for topic, payload in self.kept.items():
                    listener.publish(topic, payload, retain=True)
                listener.close()
            told = subprocess.run(
                [sys.executable, "-m", "bridge", "doctor", "-c", str(file)],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(ROOT), **self.environ},
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            broker.kill()
        return told.stdout + told.stderr


@pytest.fixture
def ward(tmp_path: Path) -> Ward:
    return Ward(tmp_path)


def finding(told: str, level: str, *words: str) -> str:
    """The line of this level that holds these words."""
    fitting = [line for line in told.splitlines() if line.startswith(level) and all(word in line for word in words)]
    assert len(fitting) == 1, told
    return fitting[0]


def test_with_no_fault_there_is_no_warning(ward: Ward) -> None:
    told = ward.examine()
    assert "error" not in told
    assert "warning" not in told


def test_1_a_wrong_password(ward: Ward) -> None:
    passwords = ward.folder / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), "bridge", "right"], check=True)
    passwords.chmod(0o644)
    ward.broker_lines += ["allow_anonymous false", f"password_file {passwords}"]
    ward.sections["mqtt"] = {"username": "bridge", "password": "wrong"}
    assert "mqtt.password" in finding(ward.examine(), "error", "broker")


def test_2_an_access_list_that_is_too_narrow(ward: Ward) -> None:
    access_list = ward.folder / "acl"
    access_list.write_text("topic read espcam/#\ntopic readwrite homeassistant/#\n")
    access_list.chmod(0o644)
    ward.broker_lines.append(f"acl_file {access_list}")
    assert "espcam/# in the broker's access list" in finding(ward.examine(), "error", "round trip")


def test_3_a_packet_size_that_is_too_small(ward: Ward) -> None:
    ward.broker_lines.append("max_packet_size 100000")
    assert "raise max_packet_size" in finding(ward.examine(), "error", "packet size")


def test_4_a_port_that_is_taken(ward: Ward) -> None:
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        ward.sections["http"] = {"port": somebody.getsockname()[1]}
        assert "stop it, or set another http.port" in finding(ward.examine(), "error", "http.port")


def test_5_stale_retained_topics(ward: Ward) -> None:
    ward.kept = {"espcam/gate/availability": b"online", "espcam/gate/motion": b"ON"}
    assert "doctor --fix" in finding(ward.examine(), "warning", "stale topics", "espcam/gate/motion")


def test_6_a_clock_that_is_off(ward: Ward) -> None:
    ran = "import time; real = time.time; time.time = lambda: real() - 20 * 365 * 86400\n"
    (ward.folder / "sitecustomize.py").write_text(ran)  # what a board without a battery believes
    ward.environ["PYTHONPATH"] = f"{ward.folder}:{ROOT}"
    assert "timedatectl set-ntp true" in finding(ward.examine(), "error", "clock", "is in the past")
    assert check_clock(0.0, 0.0).level == "error"


def test_7_a_model_that_is_missing(ward: Ward) -> None:
    ward.sections["detector"] = {"model": str(ward.folder / "none_openvino_model")}
    assert "detector.model" in finding(ward.examine(), "error", "model: there is no model at")


def test_8_a_system_library_that_is_missing(ward: Ward) -> None:
    (ward.folder / "cv2.py").write_text(
        "raise ImportError('libGL.so.1: cannot open shared object file: No such file or directory')\n"
    )
    ward.environ["PYTHONPATH"] = f"{ward.folder}:{ROOT}"
    told = ward.examine()
    assert "libGL.so.1" in told
    assert "sudo apt-get install libgl1" in told
    assert "Traceback" not in told


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_9_a_disk_that_is_full(ward: Ward, small_disk: Path) -> None:
    (small_disk / "somebody-elses").write_bytes(bytes(900_000))
    ward.sections["history"] = {"media_dir": str(small_disk / "media")}
    assert "make room" in finding(ward.examine(), "error", "pictures of events", "the disk is full but for 0 MB")


def test_10_a_wrong_birth_topic(ward: Ward) -> None:
    ward.sections["homeassistant"] = {"status_topic": "hass/birth"}
    ward.kept = {"homeassistant/status": b"online"}
    line = finding(ward.examine(), "warning", "Home Assistant")
    assert "set homeassistant.status_topic: homeassistant/status" in line


def test_11_two_bridges_with_one_client_id(ward: Ward) -> None:
    ward.kept = {"espcam/bridge/state": b"online", "espcam/bridge/info": b'{"cameras": ["door"]}'}
    assert "mqtt.client_id" in finding(ward.examine(), "warning", "two bridges")


def test_12_a_discovery_prefix_out_of_reach(ward: Ward) -> None:
    access_list = ward.folder / "acl"
    access_list.write_text("topic readwrite espcam/#\ntopic read homeassistant/status\n")
    access_list.chmod(0o644)
    ward.broker_lines.append(f"acl_file {access_list}")
    assert "write homeassistant/# in the broker's access list" in finding(ward.examine(), "warning", "discovery")
    other = Ward(ward.folder / "other", kept={"ha/sensor/kettle/config": b'{"unique_id": "kettle"}'})
    other.folder.mkdir()
    assert "homeassistant.discovery_prefix" in finding(other.examine(), "warning", "discovery prefix")


def test_an_open_page_is_named_too(ward: Ward) -> None:
    ward.sections["http"] = {"host": "0.0.0.0"}  # noqa: S104 - what it is about
    assert "set http.password" in finding(ward.examine(), "warning", "page: no password is set")
    ward.sections["http"] = {"host": "0.0.0.0", "password": "plain"}  # noqa: S104 - likewise
    assert "write its hash instead" in finding(ward.examine(), "note", "page: http.password")
