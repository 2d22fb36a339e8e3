"""The camera port is announced by real multicast DNS, on this machine's own network."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from typing import TYPE_CHECKING

import pytest
import zeroconf

from bridge.ingest import beacon
from bridge.ingest.settings import IngestSettings, TlsFiles
from bridge.runtime.worker import Supervisor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.integration

_EVERYWHERE = "0.0.0.0"  # noqa: S104 - what the default is
_NAME = f"espcam-bridge on beacon-test.{beacon.SERVICE_TYPE}"


@pytest.fixture
def own_address() -> str:
    """An address of this machine that is no loopback, over which multicast works."""
    addresses = beacon.announceable(_EVERYWHERE, beacon.own_addresses())
    if not addresses:
        pytest.skip("this machine has no network besides loopback")
    return addresses[0]


@pytest.fixture
def listener(own_address: str) -> Iterator[zeroconf.Zeroconf]:
    with contextlib.closing(zeroconf.Zeroconf(interfaces=[own_address])) as network:
        yield network


def announce(settings: IngestSettings, **others: object) -> beacon.Beacon:
    return beacon.Beacon(settings, lambda: 3001, Supervisor(), host_name=lambda: "beacon-test.lan", **others)  # type: ignore[arg-type]


def ask(listener: zeroconf.Zeroconf, seconds: float) -> zeroconf.ServiceInfo | None:
    return listener.get_service_info(beacon.SERVICE_TYPE, _NAME, timeout=int(seconds * 1000))


def test_a_camera_that_asks_is_told_address_port_and_path(own_address: str, listener: zeroconf.Zeroconf) -> None:
    running = announce(IngestSettings(host=own_address))
    running.start()
    try:
        found = ask(listener, 10)
        assert found is not None
        assert found.parsed_addresses() == [own_address]
        assert found.port == 3001
        assert found.server == "beacon-test.local."
        assert found.properties == {b"path": b"/ws"}
    finally:
        assert running.stop()


def test_with_tls_it_says_so(own_address: str, listener: zeroconf.Zeroconf, tmp_path: Path) -> None:
    running = announce(IngestSettings(host=own_address, tls=TlsFiles(tmp_path / "cert.pem", tmp_path / "key.pem")))
    running.start()
    try:
        found = ask(listener, 10)
        assert found is not None
        assert found.properties == {b"path": b"/ws", b"tls": b"1"}
    finally:
        assert running.stop()


def test_when_it_stops_it_says_goodbye(own_address: str, listener: zeroconf.Zeroconf) -> None:
    gone = threading.Event()

    def watch(state_change: zeroconf.ServiceStateChange, name: str, **_: object) -> None:
        if name == _NAME and state_change is zeroconf.ServiceStateChange.Removed:
            gone.set()

    browser = zeroconf.ServiceBrowser(listener, beacon.SERVICE_TYPE, handlers=[watch])
    running = announce(IngestSettings(host=own_address))
    running.start()
    try:
        assert ask(listener, 10) is not None
    finally:
        assert running.stop()
    assert gone.wait(5)
    browser.cancel()


def test_another_address_is_told_in_place_of_the_old_one(
    own_address: str, listener: zeroconf.Zeroconf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beacon, "_LOOK_AGAIN_S", 0.1)
    now: list[str] = []  # no network yet, as on a machine whose Wi-Fi comes up after the bridge
    running = announce(IngestSettings(host=_EVERYWHERE), addresses=lambda: now)
    running.start()
    try:
        assert ask(listener, 1) is None
        now.append(own_address)
        found = ask(listener, 10)
        assert found is not None
        assert found.parsed_addresses() == [own_address]
    finally:
        assert running.stop()


def test_trouble_with_the_network_is_one_warning_and_no_end(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beacon, "_LOOK_AGAIN_S", 0.05)
    supervisor = Supervisor()

    def addresses() -> list[str]:
        raise OSError(19, "No such device")

    running = beacon.Beacon(IngestSettings(host=_EVERYWHERE), lambda: 3001, supervisor, addresses=addresses)
    with caplog.at_level(logging.WARNING):
        running.start()
        deadline = time.monotonic() + 5
        while not caplog.records and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.3)
        assert running.stop()
    assert "ingest.mdns" in caplog.records[0].message
    assert len(caplog.records) == 1  # said once, tried on
    assert not supervisor.stopping


def test_switched_off_it_says_nothing(own_address: str, listener: zeroconf.Zeroconf) -> None:
    running = announce(IngestSettings(host=own_address, mdns=False))
    running.start()
    assert ask(listener, 1.5) is None
    assert running.stop()
