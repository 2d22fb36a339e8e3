"""A process that is killed at any moment loses nothing that it was told is written."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from bridge.history.store import EventStore
from bridge.model import EventQuery

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration

# Records event after event, each with its zone and its letters, and says so once each is written. Now and then it
# throws delivered letters away and lets old events expire, as the bridge does.
_RECORDER = """
import sys
from bridge.history.store import EventStore
from bridge.model import Event, Letter

store = EventStore(sys.argv[1])
store.open()
number = int(sys.argv[2])
while True:
    event_id = f"{1_795_564_800_000 + number}-00000a"
    event = Event(event_id, "door", "person", 0.7, 0.9, (0.0, 0.0, 1.0, 1.0), 1.0, 2.0, 1.0, 0.0,
                  entered_zones=("porch",))
    letters = [Letter(0, "door", event_id, "topic", str(number).encode())] * 2
    numbers = store.record(event, letters)
    print("recorded", number, *numbers, flush=True)
    if number % 10 == 9:
        store.delivered(numbers)
        print("delivered", number, *numbers, flush=True)
    number += 1
"""


def _run_for(seconds: float, url: str, first: int) -> list[list[str]]:
    """What a recorder said before it was killed, by line."""
    command = [sys.executable, "-c", _RECORDER, url, str(first)]
    recorder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert recorder.stdout is not None
    lines = [recorder.stdout.readline()]  # it is under way
    time.sleep(seconds)
    recorder.kill()
    lines += recorder.stdout.readlines()
    recorder.wait(10)
    recorder.stdout.close()
    return [line.split() for line in lines if line.endswith("\n")]


def test_what_was_committed_before_a_kill_is_there_and_nothing_is_half_there(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/history.db"
    chance = random.Random(1)  # noqa: S311 - of when to kill
    first = 0
    last_number = 0
    recorded: set[int] = set()
    waiting: dict[int, int] = {}  # number of the letter → of the event
    for _ in range(4):
        for what, number, *letters in _run_for(chance.uniform(0.05, 0.4), url, first):
            for letter in map(int, letters):
                if what == "recorded":
                    assert letter > last_number, "no number comes again"
                    last_number = letter
                    waiting[letter] = int(number)
                else:
                    del waiting[letter]
            recorded.add(int(number))
        store = EventStore(url)
        store.open()
        there = {int(event.id[:13]) - 1_795_564_800_000 for event in store.stream(EventQuery())}
        kept = {letter.number: int(letter.payload) for letter in store.waiting(limit=1_000_000)}
        in_zone = store.count(EventQuery(zone="porch"))
        store.close()

        assert recorded <= there
        # It may have been killed between writing and saying so: at most the last record, or the last delivery.
        assert len(there - recorded) <= 1
        assert in_zone == len(there)
        unsaid = there - recorded
        delivered_unsaid = set(waiting.values()) - set(kept.values())
        assert delivered_unsaid <= {max(recorded)}
        expected = {letter: number for letter, number in waiting.items() if number not in delivered_unsaid}
        new = {letter: number for letter, number in kept.items() if number in unsaid}
        assert kept == expected | new
        assert len(new) == 2 * len(unsaid), "both letters of an event, or none"
        first = max(there) + 1
        recorded, waiting = there, kept
        last_number = max([last_number, *kept])
