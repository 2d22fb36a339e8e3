from __future__ import annotations

from bridge.adoption.waiting import FORGET_AFTER_S, MAX_PICTURE_BYTES, MAX_WAITING, WaitingRoom
from bridge.model import Guest


def guest(camera_id: str = "porch", key: str = "a", **more: object) -> Guest:
    return Guest(camera_id, key, "192.0.2.7", **more)  # type: ignore[arg-type]


def ids(room: WaitingRoom) -> list[str]:
    return [entry.guest.camera_id for entry in room.entries()]


def test_who_comes_again_waits_once_and_who_came_first_stays_in_front() -> None:
    room = WaitingRoom()
    assert room.came(guest("porch"), 0)
    assert room.came(guest("garden"), 1)
    assert not room.came(guest("porch"), 10)
    assert ids(room) == ["porch", "garden"]


def test_what_was_said_and_shown_before_is_kept() -> None:
    room = WaitingRoom()
    room.came(guest(hello={"board": "ai-thinker"}, jpeg=b"one"), 0)
    room.came(guest(), 10)
    (entry,) = room.entries()
    assert entry.guest.hello == {"board": "ai-thinker"}
    assert entry.guest.jpeg == b"one"
    room.came(guest(jpeg=b"two"), 20)
    assert room.entries()[0].guest.jpeg == b"two"


def test_a_picture_that_is_too_large_is_left_out() -> None:
    room = WaitingRoom()
    room.came(guest(jpeg=bytes(MAX_PICTURE_BYTES + 1)), 0)
    assert room.entries()[0].guest.jpeg is None


def test_who_comes_no_more_is_forgotten() -> None:
    room = WaitingRoom()
    room.came(guest("porch"), 0)
    room.came(guest("garden"), 200)
    room.expire(FORGET_AFTER_S - 0.1)
    assert ids(room) == ["porch", "garden"]
    room.expire(FORGET_AFTER_S)
    assert ids(room) == ["garden"]


def test_a_crowd_pushes_out_whoever_was_here_longest_ago() -> None:
    room = WaitingRoom()
    room.came(guest("first"), 0)
    room.came(guest("second"), 0)
    room.came(guest("first"), 1)
    for number in range(MAX_WAITING - 1):
        room.came(guest(f"crowd_{number}"), 2)
    assert len(room.entries()) == MAX_WAITING
    assert "first" in ids(room)
    assert "second" not in ids(room)


def test_two_boards_of_one_name_are_two_and_go_together() -> None:
    room = WaitingRoom()
    room.came(guest(key="a"), 0)
    room.came(guest(key="b"), 0)
    assert len(room.named("porch")) == 2
    assert room.dismiss("porch")
    assert not room.dismiss("porch")
    assert room.named("porch") == []
