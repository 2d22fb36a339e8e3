"""What opens the gate for the model: every visit, and as little else as can be."""

from __future__ import annotations

import copy
import functools
import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bridge.frames.opencv import cv2
from bridge.motion.gate import MotionGate, MotionSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    _Grey: TypeAlias = npt.NDArray[np.float64]
    _World: TypeAlias = Callable[[float], _Grey]  # what a camera looks at, by the second

_HEIGHT, _WIDTH = 60, 80  # VGA at 1/8
_PX = 8  # of the frame in a cell


@dataclass(frozen=True)
class _Sensor:
    """How a camera spoils a picture.

    Attributes:
        noise: of a pixel, grey levels; the mean over a cell has an eighth of it.
        dc_step: JPEG's step for a block's mean, which is the cell: 16 / 8 levels at quality 50, 66 / 8 at 12.
    """

    noise: float = 6.0
    dc_step: float = 12 / 8

    def sees(self, picture: _Grey, chance: np.random.Generator) -> npt.NDArray[np.uint8]:
        noisy = picture + chance.normal(0, self.noise / _PX, picture.shape)
        stepped = np.round(noisy / self.dc_step) * self.dc_step if self.dc_step else noisy
        return np.clip(np.round(stepped), 0, 255).astype(np.uint8)


_USUAL = _Sensor()
_SENSORS = [_Sensor(2, 0), _USUAL, _Sensor(10, 0), _Sensor(10, 40 / 8), _Sensor(2, 66 / 8), _Sensor(10, 66 / 8)]


def _room(seed: int = 1) -> _Grey:
    chance = np.random.default_rng(seed)
    room = np.tile(np.linspace(80.0, 150.0, _WIDTH), (_HEIGHT, 1))
    for _ in range(24):
        x, y = int(chance.integers(0, _WIDTH - 8)), int(chance.integers(0, _HEIGHT - 8))
        room[y : y + int(chance.integers(4, 25)), x : x + int(chance.integers(4, 30))] = chance.integers(70, 180)
    return room


def _with(picture: _Grey, x: float, y: float, width: float, height: float, contrast: float) -> _Grey:
    """Something as bright as what is behind it plus ``contrast``; lengths in pixels of the frame."""
    down, across = np.arange(_HEIGHT) * _PX, np.arange(_WIDTH) * _PX
    rows = np.clip(np.minimum(y + height, down + _PX) - np.maximum(y, down), 0, _PX) / _PX
    columns = np.clip(np.minimum(x + width, across + _PX) - np.maximum(x, across), 0, _PX) / _PX
    return picture + contrast * np.outer(rows, columns)


@dataclass
class _Watch:
    """A gate and its camera at a steady pace; nobody is followed unless said."""

    sensor: _Sensor = _USUAL
    fps: float = 5.0
    settings: MotionSettings = field(default_factory=MotionSettings)
    now_s: float = 100.0

    def __post_init__(self) -> None:
        self.gate = MotionGate(self.settings)
        self._chance = np.random.default_rng(7)

    def show(self, *pictures: _Grey, tracked: bool = False) -> list[bool]:
        """Whether each is worth a look."""
        said: list[bool] = []
        for picture in pictures:
            motion = self.gate.update(self.sensor.sees(picture, self._chance), self.now_s, tracked=tracked)
            said.append(motion.worth_a_look)
            self.now_s += 1 / self.fps
        return said

    def watch(self, world: _World, seconds: float, *, tracked: bool = False) -> list[bool]:
        times = (self.now_s + index / self.fps for index in range(round(seconds * self.fps)))
        return self.show(*[world(second) for second in times], tracked=tracked)


@functools.cache
def _learned(sensor: _Sensor, seed: int, fps: float = 5.0) -> _Watch:
    watch = _Watch(sensor, fps)
    watch.watch(lambda _: _room(seed), 40)
    return watch


def _used_to_room(sensor: _Sensor = _USUAL, seed: int = 1, fps: float = 5.0) -> _Watch:
    """A gate that has seen the empty room for a while."""
    return copy.deepcopy(_learned(sensor, seed, fps))


# --- what is no visit ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sensor", _SENSORS, ids=str)
@pytest.mark.parametrize("fps", [2.0, 10.0])
def test_a_still_room_keeps_the_gate_closed_once_the_noise_is_known(sensor: _Sensor, fps: float) -> None:
    watch = _Watch(sensor, fps)
    watch.watch(lambda _: _room(), 45)
    assert statistics.fmean(watch.watch(lambda _: _room(), 45)) <= 0.03


@pytest.mark.parametrize("sensor", _SENSORS[:3], ids=str)
def test_an_ordinary_camera_s_noise_needs_no_learning(sensor: _Sensor) -> None:
    assert sum(_Watch(sensor).watch(lambda _: _room(), 30)[1:]) <= 1


def _flickering(chance: np.random.Generator, room: _Grey, _second: float) -> _Grey:
    """Bands of a lamp on the mains, elsewhere in every picture."""
    return room + 8 * np.sin(np.arange(_HEIGHT)[:, None] * 0.24 + chance.uniform(0, 6.28))


def _with_clock(_chance: np.random.Generator, room: _Grey, second: float) -> _Grey:
    drawn = np.zeros((24, 320), np.uint8)
    text = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(1.7e9 + second))
    cv2.putText(drawn, text, (2, 19), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255,), 2)
    picture = room.copy()
    picture[1:4, 1:41] = cv2.resize(drawn, (40, 3), interpolation=cv2.INTER_AREA)
    return picture


def _shaking(chance: np.random.Generator, room: _Grey, _second: float) -> _Grey:
    right, down = chance.integers(-1, 2, 2) / _PX
    matrix = np.array([[1, 0, right], [0, 1, down]], np.float32)
    return np.asarray(cv2.warpAffine(room, matrix, (_WIDTH, _HEIGHT), borderMode=cv2.BORDER_REPLICATE), np.float64)


def _raining(chance: np.random.Generator, room: _Grey, _second: float) -> _Grey:
    picture = room.copy()
    for x, y in zip(chance.integers(0, _WIDTH, 150), chance.integers(0, _HEIGHT - 2, 150), strict=True):
        picture[y : y + 2, x] += chance.uniform(2, 9)
    return picture


def _under_clouds(_chance: np.random.Generator, room: _Grey, second: float) -> _Grey:
    shade = np.arange(_WIDTH) * 0.03 + np.arange(_HEIGHT)[:, None] * 0.04
    return np.asarray(room * (0.85 + 0.15 * np.sin(shade - second / 4)), np.float64)


_PHASES = np.random.default_rng(5).uniform(0, 6.28, (20, 20))
_REACHES = np.random.default_rng(6).uniform(5, 30, (20, 20))


def _with_tree(_chance: np.random.Generator, room: _Grey, second: float) -> _Grey:
    picture = room.copy()
    gust = 0.6 + 0.4 * np.sin(second / 7)
    picture[5:25, 50:70] += _REACHES * gust * np.sin(2.5 * second + _PHASES)
    return picture


_RESTLESS = [_flickering, _with_clock, _shaking, _raining, _under_clouds, _with_tree]


@pytest.mark.parametrize("disturb", _RESTLESS)
def test_what_is_restless_all_the_time_is_heard_no_more_after_a_while(
    disturb: Callable[[np.random.Generator, _Grey, float], _Grey],
) -> None:
    watch, room, chance = _Watch(), _room(), np.random.default_rng(3)
    early = watch.watch(lambda second: disturb(chance, room, second), 20)
    watch.watch(lambda second: disturb(chance, room, second), 60)
    late = watch.watch(lambda second: disturb(chance, room, second), 60)
    assert any(early[1:]), "it would open the gate if it were not learned"
    assert statistics.fmean(late) <= 0.05


@pytest.mark.parametrize("disturb", _RESTLESS)
def test_a_restless_picture_is_damped_not_blinded(
    disturb: Callable[[np.random.Generator, _Grey, float], _Grey],
) -> None:
    watch, room, chance = _Watch(), _room(), np.random.default_rng(3)
    watch.watch(lambda second: disturb(chance, room, second), 80)
    # Somebody in dark clothes crosses, also in front of the tree.
    walk = [_with(disturb(chance, room, watch.now_s), x, 80, 60, 160, -75) for x in range(100, 500, 20)]
    said = watch.show(*walk)
    assert all(said[1:])


@pytest.mark.parametrize("gain", [0.7, 0.85, 1.2, 1.4])
def test_an_exposure_step_is_not_worth_a_look(gain: float) -> None:
    watch = _used_to_room()
    assert sum(watch.show(*[_room() * gain] * 50)) <= 1


def test_a_gain_that_drifts_is_not_worth_a_look() -> None:
    said = _used_to_room().watch(lambda second: _room() * (1 + 0.3 * np.sin((second - 140) / 15)), 120)
    assert statistics.fmean(said) <= 0.01


def test_what_stays_closes_the_gate_within_seconds() -> None:
    watch = _used_to_room()
    said = watch.show(*[_with(_room(), 300, 200, 120, 80, 60)] * 50)  # somebody parks a car
    assert all(said[:5])
    assert not any(said[40:])  # 8 s


# --- what must be looked at ----------------------------------------------------------------------------------------


def test_the_first_picture_another_size_and_another_scene_are() -> None:
    watch, room = _Watch(_Sensor(2, 0)), _room()
    assert watch.show(room)[0]
    watch.show(*[room] * 10)
    wider = np.repeat(room, 2, axis=1)
    assert watch.show(wider, *[wider] * 4) == [True] + [False] * 4
    assert watch.show(255 - 0.9 * wider)[0]


_SIZES = st.tuples(st.integers(12, 120), st.integers(30, 300))


@given(
    sensor=st.sampled_from(_SENSORS[:4]),
    seed=st.integers(0, 3),
    fps=st.sampled_from([2.0, 5.0, 10.0]),
    size=_SIZES,
    contrast=st.floats(6, 60) | st.floats(-60, -6),
    speed=st.floats(1, 40),
    entry=st.sampled_from(["left", "right", "above", "door"]),
    place=st.floats(0, 1),
)
def test_every_visitor_opens_the_gate_by_the_second_frame_that_shows_him_whole(
    *,
    sensor: _Sensor,
    seed: int,
    fps: float,
    size: tuple[int, int],
    contrast: float,
    speed: float,
    entry: str,
    place: float,
) -> None:
    width, height = size
    # As pale as 6 levels for all but the smallest: what is left of them after the noise, no detector finds either.
    assume(abs(contrast) >= (6 if width >= 24 and height >= 60 else 15))
    assume(speed * fps >= 5)  # px/s; whoever creeps is found by the look that is forced every three seconds
    across, down = place * (640 - width), place * (480 - height)
    path = {  # from outside the picture, or in it at once
        "left": lambda way: (way - width, down),
        "right": lambda way: (640 - way, down),
        "above": lambda way: (across, way - height),
        "door": lambda way: (across, down / 2 + way),
    }[entry]
    length = {"left": width, "right": width, "above": height, "door": 0}[entry]
    watch, room = _used_to_room(sensor, seed, fps), _room(seed)
    steps = int(length / speed) + 3
    said = watch.show(*[_with(room, *path(speed * step), width, height, contrast) for step in range(1, steps)])
    assert any(said)


@pytest.mark.parametrize("fps", [2.0, 5.0])
def test_the_slowest_walker_opens_the_gate_again_and_again(fps: float) -> None:
    watch, room = _used_to_room(fps=fps), _room()
    said = watch.show(*[_with(room, 200 + step, 150, 40, 120, 20) for step in range(100)])  # 1 px a frame
    longest = max(len(closed) for closed in "".join(".X"[worth] for worth in said).split("X"))
    assert longest <= 5 * fps


def test_a_path_that_somebody_walks_every_twenty_seconds_is_not_learned_away() -> None:
    watch, room = _used_to_room(), _room()
    walk = [_with(room, x, 150, 40, 120, 25) for x in range(0, 600, 30)]
    for _ in range(12):  # the model never finds anything in it, so that it may be learned
        said = watch.show(*walk)
        watch.show(*[room] * 80)
    assert all(said[1:])


def test_what_moves_while_somebody_is_followed_is_not_learned() -> None:
    chance = np.random.default_rng(3)
    learning, followed = _used_to_room(), _used_to_room()
    for watch, tracked in ((learning, False), (followed, True)):
        watch.watch(lambda second: _with_tree(chance, _room(), second), 60, tracked=tracked)
    assert not any(learning.watch(lambda second: _with_tree(chance, _room(), second), 2))
    assert any(followed.watch(lambda second: _with_tree(chance, _room(), second), 2))


def test_a_picture_of_uxga_shows_the_smallest_visitor_too() -> None:
    def large(picture: _Grey) -> _Grey:
        return np.asarray(cv2.resize(picture, (200, 150), interpolation=cv2.INTER_LINEAR), np.float64)

    watch, room = _Watch(), _room()
    assert sum(watch.show(*[large(room)] * 100)[1:]) <= 1
    assert any(watch.show(*[large(_with(room, 300, 200, 12, 30, 30))] * 2))


# --- settings ------------------------------------------------------------------------------------------------------


def test_settings_for_motion_do_not_hide_a_visit_from_the_model() -> None:
    watch, room = _Watch(settings=MotionSettings(threshold=200.0, min_area=0.9)), _room()
    watch.show(*[room] * 100)
    assert any(watch.show(*[_with(room, x, 150, 40, 120, 30) for x in (100, 130)]))


def test_masks_hide_from_the_model_what_they_cover_and_no_more() -> None:
    left = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
    watch, room = _Watch(settings=MotionSettings(masks=(left,))), _room()
    watch.show(*[room] * 100)
    assert not any(watch.show(*[_with(room, x, 150, 40, 120, 60) for x in range(20, 240, 20)]))
    watch.show(*[room] * 50)
    assert all(watch.show(*[_with(room, x, 150, 40, 120, 60) for x in range(350, 600, 20)])[1:])


def test_a_picture_that_is_masked_all_over_is_worth_no_look_but_the_first() -> None:
    everywhere = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    watch, room = _Watch(settings=MotionSettings(masks=(everywhere,))), _room()
    said = watch.show(*[_with(room, x, 50, 200, 300, 60) for x in range(0, 400, 20)])
    assert said == [True] + [False] * 19
