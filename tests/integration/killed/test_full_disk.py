"""A disk that is really full: a small file system of its own, filled by a file that is not ours."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import ListenerFactory, MosquittoFactory, WaitUntil
    from tests.integration.killed.conftest import Settle, VictimFactory

pytestmark = pytest.mark.integration

DISK_MB = 96  # room for the reserve to be made: 64 MB must be free
SEED = 4


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 96 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Take all the room there is; returns the file that has it."""
    path = disk / "somebody-elses.bin"
    with path.open("ab", buffering=0) as file:
        while True:
            try:
                file.write(os.urandom(1 << 16))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                return path


@pytest.mark.timeout(180)
def test_disk_filled_and_the_bridge_killed_events_go_on_and_recover(
    mosquitto: MosquittoFactory,
    mqtt_listener: ListenerFactory,
    victim_on: VictimFactory,
    busy_cameras: int,
    settle: Settle,
    disk: Path,
    wait_until: WaitUntil,
) -> None:
    broker = mosquitto(config=("max_queued_messages 0",))
    listener = mqtt_listener(broker.port, "espcam/+/+")
    victim, dice = victim_on(broker.port, busy_cameras, disk), random.Random(SEED)  # noqa: S311 - no secret
    victim.start()
    wait_until(lambda: len(listener.on("espcam/door/events")) > 2, 20, "events")
    assert (disk / "history.db-reserve").exists()
    filler = fill(disk)
    for _ in range(3):
        before = len(listener.heard)
        time.sleep(dice.uniform(1.5, 3.0))
        assert len(listener.heard) > before, "events go on"
        victim.end()
        victim.start()
    assert not (disk / "history.db-reserve").exists(), "the reserve was given up"
    log = victim.log_file.read_text()
    assert "the disk is full" in log
    assert "Traceback" not in log
    filler.unlink()
    time.sleep(1)
    settle(victim, listener)
    victim.start()
    wait_until((disk / "history.db-reserve").exists, 20, "the reserve is there again")
