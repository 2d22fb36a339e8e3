from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bridge.motion.gate import MotionGate, MotionSettings

if TYPE_CHECKING:
    import numpy.typing as npt

    from bridge.model import Image

    _Grey = npt.NDArray[np.float64]

_HEIGHT, _WIDTH = 60, 80  # VGA at 1/8
_NOISE = 3.0  # grey levels, more than an OV2640 shows after the mean over 8 x 8 pixels


def _room(seed: int = 1) -> _Grey:
    """A room with furniture: a soft gradient and two dozen things of all shades."""
    chance = np.random.default_rng(seed)
    room = np.tile(np.linspace(60.0, 160.0, _WIDTH), (_HEIGHT, 1))
    for _ in range(24):
        x, y = int(chance.integers(0, _WIDTH - 8)), int(chance.integers(0, _HEIGHT - 8))
        width, height = int(chance.integers(4, 30)), int(chance.integers(4, 25))
        room[y : y + height, x : x + width] = chance.integers(25, 180)
    return room


def _with_person(room: _Grey, x: int, y: int = 20, width: int = 4, height: int = 12, shade: float = 230.0) -> _Grey:
    picture = room.copy()
    picture[y : y + height, x : x + width] = shade
    return picture


@dataclass
class _Watch:
    """A gate that is shown pictures at a steady pace, each with fresh noise."""

    settings: MotionSettings = field(default_factory=MotionSettings)
    fps: float = 5.0
    now_s: float = 100.0

    def __post_init__(self) -> None:
        self.gate = MotionGate(self.settings)
        self._chance = np.random.default_rng(7)

    def show(self, *pictures: _Grey, times: int = 1) -> list[bool]:
        """What the gate says of each."""
        said: list[bool] = []
        for picture in pictures * times:
            noisy = picture + self._chance.normal(0, _NOISE, picture.shape)
            grey: Image = np.clip(noisy, 0, 255).astype(np.uint8)
            said.append(self.gate.update(grey, self.now_s).moving)
            self.now_s += 1 / self.fps
        return said


@pytest.mark.parametrize("seed", range(4))
def test_a_still_room_with_noise_shows_no_motion(seed: int) -> None:
    assert not any(_Watch().show(_room(seed), times=60))


@pytest.mark.parametrize("shade", [20.0, 120.0, 230.0])
def test_a_person_who_walks_through_is_motion_from_the_second_step_on(shade: float) -> None:
    watch, room = _Watch(), _room()
    watch.show(room, times=20)
    said = watch.show(*[_with_person(room, x, shade=shade) for x in range(5, 70, 3)])
    assert all(said[1:])


def test_something_smaller_than_the_least_area_is_no_motion() -> None:
    room = _room()
    bird = [_with_person(room, x, width=6, height=6) for x in range(5, 60, 5)]
    for min_area, expected in ((0.002, True), (0.05, False)):
        watch = _Watch(MotionSettings(min_area=min_area))
        watch.show(room, times=20)
        assert any(watch.show(*bird)) is expected


def test_a_fainter_change_than_the_threshold_is_no_motion() -> None:
    room = np.full((_HEIGHT, _WIDTH), 100.0)
    ghost = [_with_person(room, x, width=10, shade=130) for x in range(5, 60, 5)]
    for threshold, expected in ((14.0, True), (40.0, False)):
        watch = _Watch(MotionSettings(threshold=threshold))
        watch.show(room, times=20)
        assert any(watch.show(*ghost)) is expected


# --- light ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("gain", [0.6, 0.8, 1.2, 1.4])
def test_an_exposure_step_is_no_motion(gain: float, seed: int) -> None:
    watch, room = _Watch(), _room(seed)
    watch.show(room, times=20)
    assert not any(watch.show(room * gain, times=40))


@pytest.mark.parametrize("offset", [-25.0, 40.0])
def test_haze_over_the_whole_picture_is_no_motion(offset: float) -> None:
    watch, room = _Watch(), _room()
    watch.show(room, times=20)
    assert not any(watch.show(room + offset, times=40))


def _with_window(room: _Grey, light: float) -> _Grey:
    picture = room.copy()
    picture[5:25, 30:50] = light
    return picture


def test_a_window_that_blows_out_is_no_motion() -> None:
    watch, room = _Watch(), _with_window(_room(), 240.0)
    watch.show(room, times=20)
    assert not any(watch.show(room * 1.4, times=40))
    assert not any(watch.show(room, times=40)), "nor when the glare goes"


def test_a_window_that_was_blown_out_and_is_not_any_more_is_no_motion() -> None:
    room = _with_window(_room(), 330.0)
    for pictures_before in (1, 20):
        watch = _Watch()
        watch.show(room, times=pictures_before)
        assert not any(watch.show(room * 0.7, times=40))


def test_somebody_dark_in_front_of_a_blown_out_window_is_seen() -> None:
    watch, room = _Watch(), _with_window(_room(), 300.0)
    watch.show(room, times=20)
    assert any(watch.show(*[_with_person(room, x, y=8, shade=40) for x in range(32, 46, 2)]))


def test_somebody_in_glaring_white_is_seen() -> None:
    watch, room = _Watch(), _room()
    watch.show(room, times=20)
    assert any(watch.show(*[_with_person(room, x, shade=255) for x in range(5, 60, 5)]))


def test_dawn_and_dusk_are_no_motion() -> None:
    watch, room = _Watch(), _room()
    day = [room * gain for gain in np.concatenate([np.linspace(0.5, 1.2, 80), np.linspace(1.2, 0.5, 80)])]
    assert not any(watch.show(*day))


def test_the_switch_to_infrared_is_no_motion_and_motion_is_seen_after_it() -> None:
    watch, room = _Watch(), _room()
    infrared = 235.0 - 0.6 * room + np.random.default_rng(3).normal(0, 25, room.shape)
    watch.show(room, times=20)
    assert not any(watch.show(infrared, times=20))
    assert any(watch.show(*[_with_person(infrared, x, shade=20) for x in range(5, 60, 5)]))


@pytest.mark.parametrize(("gain", "offset"), [(1.3, 0.0), (0.7, -5.0), (1.0, 50.0), (1.0, -40.0)])
def test_a_person_is_seen_while_the_light_changes(gain: float, offset: float) -> None:
    watch, room = _Watch(), _room()
    watch.show(room, times=20)
    lit = room * gain + offset
    assert all(watch.show(*[_with_person(lit, x, shade=250) for x in range(5, 60, 3)])[1:])


def test_a_switch_of_scene_ends_motion_at_once() -> None:
    watch, room = _Watch(), _room()
    watch.show(room, times=20)
    assert watch.show(*[_with_person(room, x) for x in (10, 20, 30)])[-1]
    assert watch.show(255.0 - 0.9 * _room(5), times=5) == [False] * 5


def test_a_switch_of_scene_behind_a_large_mask_is_no_motion() -> None:
    mask = ((0.0, 0.0), (1.0, 0.0), (1.0, 0.5), (0.0, 0.5))
    watch = _Watch(MotionSettings(masks=(mask,)))
    watch.show(_room(), times=20)
    assert not any(watch.show(255.0 - 0.9 * _room(5), times=20))


def test_two_halves_that_change_against_each_other_are_a_new_scene() -> None:
    watch = _Watch()
    plain = np.full((_HEIGHT, _WIDTH), 120.0)
    halves = plain.copy()
    halves[:, : _WIDTH // 2] += 70.0
    halves[:, _WIDTH // 2 :] -= 70.0
    watch.show(plain, times=20)
    assert not any(watch.show(halves, times=20))


# --- time ----------------------------------------------------------------------------------------------------------


def test_motion_holds_for_two_seconds_after_the_last_change() -> None:
    watch, room = _Watch(fps=10), _room()
    watch.show(room, times=20)
    assert watch.show(*[_with_person(room, x) for x in (10, 20, 30)])[-1]
    said = watch.show(room, times=40)
    assert said.index(False) in (20, 21)  # 2 s at 10 fps
    assert not any(said[21:])


def test_what_stays_becomes_background() -> None:
    watch, room = _Watch(), _room()
    parked = _with_person(room, 30, width=12)
    watch.show(room, times=20)
    said = watch.show(parked, times=200)  # 40 s
    assert said[1]
    assert not any(said[-20:])


@pytest.mark.parametrize("fps", [1.0, 6.0])
def test_memory_is_measured_in_seconds_not_in_frames(fps: float) -> None:
    watch, room = _Watch(fps=fps), _room()
    parked = _with_person(room, 30, width=12, shade=room[20:32, 30:42].mean() + 60)
    watch.show(room, times=round(10 * fps))
    said = watch.show(parked, times=round(25 * fps))
    lasted_s = sum(said) / fps
    assert 8 < lasted_s < 22


def test_a_clock_that_stands_still_or_steps_back_does_not_harm() -> None:
    watch, room = _Watch(), _room()
    watch.show(room, times=20)
    watch.now_s -= 0.5
    assert not any(watch.show(room, times=5))
    watch.fps = 1e9
    assert not any(watch.show(room, times=5))


def test_a_long_pause_does_not_replace_the_background_at_once() -> None:
    watch, room = _Watch(), _room()
    watch.show(room, times=20)
    watch.now_s += 3600
    assert any(watch.show(_with_person(room, 30, width=10), times=3))
    assert any(watch.show(_with_person(room, 30, width=10), times=3))


# --- picture -------------------------------------------------------------------------------------------------------


def test_the_first_picture_is_no_motion() -> None:
    assert _Watch().show(_room()) == [False]


def test_motion_under_a_mask_does_not_count() -> None:
    room = _room()
    tree = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
    watch = _Watch(MotionSettings(masks=(tree,)))
    watch.show(room, times=20)
    assert not any(watch.show(*[_with_person(room, x) for x in range(2, 34, 4)]))
    assert any(watch.show(*[_with_person(room, x) for x in range(44, 70, 4)]))


def test_a_picture_that_is_masked_all_over_never_moves() -> None:
    everywhere = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    watch, room = _Watch(MotionSettings(masks=(everywhere,))), _room()
    watch.show(room, times=20)
    assert not any(watch.show(*[_with_person(room, x, width=20) for x in range(2, 60, 4)]))


def test_a_change_of_resolution_begins_anew_without_motion_and_keeps_the_masks() -> None:
    left = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
    watch, room = _Watch(MotionSettings(masks=(left,))), _room()
    large: _Grey = np.repeat(np.repeat(room, 2, axis=0), 2, axis=1)
    watch.show(room, times=20)
    assert not any(watch.show(large, times=20))
    assert not any(watch.show(*[_with_person(large, x, width=8, height=24) for x in range(4, 68, 8)]))
    assert any(watch.show(*[_with_person(large, x, width=8, height=24) for x in range(88, 140, 8)]))


def test_two_cameras_are_watched_apart() -> None:
    here, there, room = _Watch(), _Watch(), _room()
    here.show(room, times=20)
    there.show(room, times=20)
    assert any(here.show(*[_with_person(room, x) for x in range(5, 60, 5)]))
    assert not any(there.show(room, times=10))
