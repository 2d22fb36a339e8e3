from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridge.ingest.access import Wait
from bridge.ingest.lobby import MAX_VISITORS, STAY_S, Lobby
from bridge.ingest.settings import IngestSettings
from bridge.runtime.clock import ManualClock

if TYPE_CHECKING:
    from bridge.model import Guest

HELLO = json.dumps({"type": "hello", "v": 1, "board": "ai-thinker", "version": "1.0.0"})
JPEG = bytes.fromhex("ffd8ffc0000b080008000801011100ffc4000300ffda0008010100003f0012ffd9")


@dataclass
class Peer:
    address: str = "192.0.2.7"
    dialled: str = "http://bridge:3001"
    closed: list[tuple[int, str]] = field(default_factory=list)

    def send(self, text: str) -> None:
        raise AssertionError(f"nothing is said to who waits: {text}")

    def ping(self) -> None:
        raise AssertionError

    def close(self, code: int, reason: str) -> None:
        self.closed.append((code, reason))


@dataclass
class Reception:
    guests: list[Guest] = field(default_factory=list)

    def adopted(self) -> dict[str, str]:
        return {}

    def came(self, guest: Guest) -> None:
        self.guests.append(guest)


class House:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.reception = Reception()
        self.lobby = Lobby(IngestSettings(), clock=self.clock, reception=self.reception)
        self.wait = Wait("porch", "ab" * 32, 4403, "porch waits for approval")


def test_a_camera_says_who_it_is_shows_a_picture_and_is_sent_away() -> None:
    house, peer = House(), Peer()
    visitor = house.lobby.enter(peer, house.wait)
    house.lobby.receive(visitor, HELLO)
    assert peer.closed == []
    house.lobby.receive(visitor, b"ECF1" + bytes(16) + JPEG)
    assert peer.closed == [(4403, "porch waits for approval")]
    house.lobby.receive(visitor, JPEG)  # it had not heard yet
    house.lobby.leave(visitor, "closed")
    (guest,) = house.reception.guests
    assert (guest.camera_id, guest.key_sha256, guest.address, guest.jpeg) == ("porch", "ab" * 32, "192.0.2.7", JPEG)
    assert guest.hello == {"v": 1, "board": "ai-thinker", "version": "1.0.0"}


def test_a_legacy_camera_has_only_its_picture_to_show() -> None:
    house, peer = House(), Peer()
    visitor = house.lobby.enter(peer, house.wait)
    house.lobby.receive(visitor, "hello from ESP32 camera stream!")
    house.lobby.receive(visitor, JPEG)
    assert house.reception.guests[0].hello == {}
    assert house.reception.guests[0].jpeg == JPEG


def test_a_camera_without_a_picture_is_heard_for_a_moment_only() -> None:
    house, peer = House(), Peer()
    visitor = house.lobby.enter(peer, house.wait)
    house.lobby.receive(visitor, HELLO)
    house.lobby.receive_heartbeat(visitor)
    house.clock.advance(STAY_S - 0.1)
    house.lobby.check()
    assert peer.closed == []
    house.clock.advance(0.1)
    house.lobby.check()
    assert peer.closed == [(4403, "porch waits for approval")]
    assert house.reception.guests[0].jpeg is None


def test_a_damaged_picture_is_not_shown_and_a_hello_that_makes_no_sense_ends_it() -> None:
    house, peer = House(), Peer()
    visitor = house.lobby.enter(peer, house.wait)
    house.lobby.receive(visitor, HELLO)
    house.lobby.receive(visitor, JPEG[:-2])
    assert peer.closed == []
    house.lobby.receive(visitor, '{"type":"hello","v":9}')
    assert peer.closed[0][0] == 4400


def test_who_hangs_up_early_was_here_all_the_same() -> None:
    house = House()
    visitor = house.lobby.enter(Peer(), house.wait)
    house.lobby.receive(visitor, HELLO)
    house.lobby.leave(visitor, "gone")
    assert house.reception.guests[0].hello["board"] == "ai-thinker"
    huge = house.lobby.enter(Peer(), house.wait)
    house.lobby.refuse_huge(huge)
    assert len(house.reception.guests) == 2


def test_a_crowd_is_sent_away_at_once() -> None:
    house = House()
    peers = [Peer() for _ in range(MAX_VISITORS + 1)]
    visitors = [house.lobby.enter(peer, house.wait) for peer in peers]
    assert [bool(peer.closed) for peer in peers] == [False] * MAX_VISITORS + [True]
    house.lobby.leave(visitors[-1], "gone")
    assert house.reception.guests == []
    house.lobby.leave(visitors[0], "gone")
    assert not house.lobby.enter(Peer(), house.wait).told
