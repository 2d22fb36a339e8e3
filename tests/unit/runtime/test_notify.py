from __future__ import annotations

import contextlib
import socket
import uuid
from typing import TYPE_CHECKING

import pytest

from bridge.runtime.notify import Notifier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=["file", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """A service manager's socket, and what its name is in the environment."""
    name = str(tmp_path / "notify") if request.param == "file" else f"@espcam-{uuid.uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(name if request.param == "file" else f"\0{name[1:]}")
        listening.settimeout(1)
        yield name, listening


def test_what_happens_is_told(manager: tuple[str, socket.socket]) -> None:
    name, listening = manager
    notifier = Notifier({"NOTIFY_SOCKET": name})
    notifier.ready("2 cameras")
    assert listening.recv(100) == b"READY=1\nSTATUS=2 cameras"
    notifier.reloading()
    assert listening.recv(100).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
    notifier.stopping()
    assert listening.recv(100) == b"STOPPING=1"


def test_a_sign_of_life_comes_as_often_as_it_is_wanted(manager: tuple[str, socket.socket]) -> None:
    name, listening = manager
    notifier = Notifier({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "20000000"})
    for _ in range(50):
        notifier.alive()
    assert listening.recv(100) == b"WATCHDOG=1"
    listening.settimeout(0)
    with pytest.raises(BlockingIOError):
        listening.recv(100)


@pytest.mark.parametrize("usec", ["", "0", "-5", "soon"])
def test_without_a_watchdog_there_is_no_sign_of_life(manager: tuple[str, socket.socket], usec: str) -> None:
    name, listening = manager
    Notifier({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": usec}).alive()
    listening.settimeout(0)
    with pytest.raises(BlockingIOError):
        listening.recv(100)


@pytest.mark.parametrize("name", ["", "/nowhere/at/all", "@nobody-listens-here"])
def test_where_nobody_listens_nothing_happens(name: str) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "1"} if name else {})
    notifier.ready("")
    notifier.alive()
    notifier.stopping()


def test_a_manager_that_does_not_read_holds_nobody_up(tmp_path: Path) -> None:
    name = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(name)
        notifier = Notifier({"NOTIFY_SOCKET": name})
        for _ in range(5000):
            notifier.stopping()
        deaf.settimeout(0)
        heard = 0
        with contextlib.suppress(BlockingIOError):
            while deaf.recv(100):
                heard += 1
        assert 0 < heard < 5000, "what no longer fits is lost, and nobody waits for it"
