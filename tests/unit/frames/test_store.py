from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.frames.store import FrameStore
from bridge.model import Frame
from bridge.runtime.clock import ManualClock, SystemClock
from bridge.runtime.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable


def _put(store: FrameStore, camera_id: str = "door", jpeg: bytes = b"jpeg") -> Frame:
    return store.put(camera_id, jpeg, 640, 480)


def _take(store: FrameStore, limit: int = 8) -> list[str]:
    """Whose frames are due now, in their order."""
    return [frame.camera_id for frame in store.take(limit, 0.0)]


def _count(metrics: Metrics, line: str) -> float:
    found = [text for text in metrics.render().decode().splitlines() if text.startswith(line + " ")]
    return float(found[0].split()[-1]) if found else 0.0


# --- putting and taking --------------------------------------------------------------------------------------------


def test_a_frame_carries_what_was_put_in_and_when_it_came(store: FrameStore, clock: ManualClock) -> None:
    clock.now_mono_s, clock.now_unix_s = 50.0, 1_800_000_000.5
    put = store.put("door", b"jpeg", 800, 600, captured_unix_s=1_800_000_000.25)
    assert put == Frame("door", 1, b"jpeg", 800, 600, 50.0, 1_800_000_000.5, 1_800_000_000.25)
    assert store.take(1, 0.0) == [put]
    assert store.newest("door") is put


def test_frames_are_numbered_for_each_camera_from_one_without_gaps(store: FrameStore) -> None:
    assert [_put(store).seq for _ in range(3)] == [1, 2, 3]
    assert _put(store, "yard").seq == 1


def test_the_newest_frame_wins_and_every_missed_turn_is_counted(
    store: FrameStore, clock: ManualClock, metrics: Metrics
) -> None:
    for jpeg in (b"first", b"second", b"third"):  # 5 a second are promised
        _put(store, jpeg=jpeg)
        clock.advance(0.2)
    assert [frame.jpeg for frame in store.take(8, 0.0)] == [b"third"]
    assert store.status("door").dropped == 2
    assert _count(metrics, 'espcam_frames_dropped_total{camera="door"}') == 2
    assert _count(metrics, 'espcam_frames_received_total{camera="door"}') == 3


def test_frames_that_nobody_promised_to_look_at_are_no_drops(store: FrameStore, clock: ManualClock) -> None:
    for _ in range(100):  # 25 a second come, 5 a second are promised and looked at
        _put(store)
        store.take(8, 0.0)
        clock.advance(0.04)
    assert store.status("door").dropped == 0


def test_a_frame_that_was_taken_is_not_dropped_by_the_next(store: FrameStore) -> None:
    _put(store)
    store.take(8, 0.0)
    _put(store)
    assert store.status("door").dropped == 0


def test_a_frame_is_taken_once_only(store: FrameStore) -> None:
    _put(store)
    assert _take(store) == ["door"]
    assert _take(store) == []


def test_an_unknown_camera_is_a_key_error(store: FrameStore) -> None:
    for call in (store.newest, store.scene, store.state, store.status):
        with pytest.raises(KeyError):
            call("attic")
    with pytest.raises(KeyError):
        _put(store, "attic")


def test_adding_a_camera_twice_keeps_its_frames(store: FrameStore) -> None:
    _put(store)
    store.add_camera("door", name="Other name")
    assert store.camera_ids() == ("door", "yard")
    assert store.status("door").name == "Front door"
    assert store.newest("door") is not None


# --- fairness and rate ---------------------------------------------------------------------------------------------


def test_a_batch_holds_one_frame_of_each_camera_and_no_more_than_asked_for(store: FrameStore) -> None:
    store.add_camera("hall")
    for camera_id in ("door", "door", "yard", "hall"):
        _put(store, camera_id)
    assert _take(store, limit=2) == ["door", "yard"]
    assert _take(store, limit=2) == ["hall"]


def test_the_camera_whose_turn_is_longest_ago_comes_first(store: FrameStore, clock: ManualClock) -> None:
    turns: list[str] = []
    for _ in range(6):  # both always have a frame, the detector manages one at a time
        clock.advance(1.0)
        _put(store, "door")
        _put(store, "yard")
        turns += _take(store, limit=1)
    assert turns == ["door", "yard"] * 3


def test_when_the_detector_cannot_keep_up_every_camera_gets_the_same_share_of_its_promise(
    clock: ManualClock, metrics: Metrics
) -> None:
    store = FrameStore(clock, metrics)
    promised = {"a": 20.0, "b": 10.0, "c": 10.0, "d": 5.0, "e": 2.0}
    for camera_id, max_fps in promised.items():
        store.add_camera(camera_id, detect_max_fps=max_fps)
    turns: list[str] = []
    for _ in range(20 * 24):  # 20 s of a detector with 24 pictures a second, half of what is promised
        for camera_id in promised:
            _put(store, camera_id)
        turns += _take(store, limit=1)
        clock.advance(1 / 24)
    shares = [turns.count(camera_id) / (20 * max_fps) for camera_id, max_fps in promised.items()]
    assert min(shares) > 0.4
    assert max(shares) < 0.65
    for camera_id, max_fps in promised.items():
        missed = store.status(camera_id).dropped
        assert missed + turns.count(camera_id) == pytest.approx(20 * max_fps, rel=0.15, abs=3)


@given(st.sets(st.integers(0, 7), max_size=7), st.floats(1.0, 40.0))
def test_nobody_starves_however_much_happens_elsewhere(eventful: set[int], pictures_per_s: float) -> None:
    clock = ManualClock()
    store = FrameStore(clock, Metrics())
    for number in range(8):
        store.add_camera(str(number))
        store.set_eventful(str(number), number in eventful)
    looked_s = dict.fromkeys(store.camera_ids(), clock.now_mono_s)
    longest_s = 0.0
    for _ in range(round(20 * pictures_per_s)):
        for camera_id in looked_s:
            _put(store, camera_id)
        for camera_id in _take(store, limit=1):
            longest_s = max(longest_s, clock.now_mono_s - looked_s[camera_id])
            looked_s[camera_id] = clock.now_mono_s
        clock.advance(1 / pictures_per_s)
    # The patience, a turn, and three rounds of all eight: those with events may be two turns ahead of the others.
    assert longest_s <= 1.0 + 0.4 + (3 * 8 + 1) / pictures_per_s


def test_a_fast_camera_leaves_slow_ones_their_share(clock: ManualClock, metrics: Metrics) -> None:
    store = FrameStore(clock, metrics)
    for camera_id, max_fps in (("fast", 30.0), ("slow", 1.0), ("slower", 0.5)):
        store.add_camera(camera_id, detect_max_fps=max_fps)
    turns: list[str] = []
    for _ in range(200):  # 20 s; a detector with 10 pictures a second
        clock.advance(0.1)
        for camera_id in store.camera_ids():
            _put(store, camera_id)
        turns += _take(store, limit=1)
    # A third of what is promised can be had; nobody who waited for a second waits longer.
    assert turns.count("slow") in range(7, 14)
    assert turns.count("slower") in range(4, 11)
    assert len(turns) == 200


@pytest.mark.parametrize(("camera_fps", "max_fps", "expected_fps"), [(10, 5, 5), (15, 5, 5), (8, 5, 5), (4, 5, 4)])
def test_a_camera_gets_the_rate_it_was_promised(
    clock: ManualClock, metrics: Metrics, camera_fps: float, max_fps: float, expected_fps: float
) -> None:
    store = FrameStore(clock, metrics)
    store.add_camera("door", detect_max_fps=max_fps)
    taken = 0
    for _ in range(round(camera_fps * 20)):
        _put(store)
        taken += len(_take(store))
        clock.advance(1 / camera_fps)
    assert taken == pytest.approx(expected_fps * 20, abs=2)


@pytest.fixture
def quarterly(clock: ManualClock, metrics: Metrics) -> Callable[[list[float]], list[float]]:
    """When the detector, allowed four pictures a second, takes frames that come at these times (seconds)."""
    store = FrameStore(clock, metrics)
    store.add_camera("door", detect_max_fps=4)

    def taken(arrivals_s: list[float]) -> list[float]:
        taken_s: list[float] = []
        for at_s in arrivals_s:
            clock.now_mono_s = 1000.0 + at_s
            _put(store)
            taken_s += [at_s] * len(_take(store))
        return taken_s

    return taken


def test_after_a_pause_the_camera_does_not_catch_up_in_a_burst(quarterly: Callable[[list[float]], list[float]]) -> None:
    sixteenths = [index / 16 for index in range(12)]
    arrivals_s = sixteenths + [60 + at_s for at_s in sixteenths]
    assert quarterly(arrivals_s) == [0.0, 0.25, 0.5, 60.0, 60.25, 60.5]


def test_a_late_frame_does_not_push_the_later_ones_back(quarterly: Callable[[list[float]], list[float]]) -> None:
    assert quarterly([0.0, 0.3125, 0.5, 0.75]) == [0.0, 0.3125, 0.5, 0.75]


@given(st.lists(st.floats(0.001, 3.0), min_size=1, max_size=60), st.sampled_from([0.5, 1.0, 5.0, 15.0]))
def test_no_stretch_of_time_holds_more_turns_than_the_rate_allows(gaps_s: list[float], max_fps: float) -> None:
    clock = ManualClock()
    store = FrameStore(clock, Metrics())
    store.add_camera("door", detect_max_fps=max_fps)
    taken_s: list[float] = []
    for gap_s in gaps_s:
        clock.advance(gap_s)
        _put(store)
        taken_s += [clock.now_mono_s] * len(_take(store))
    for first in range(len(taken_s)):
        for last in range(first, len(taken_s)):
            # One turn more than the rate says, because a late one may be followed by one in time.
            assert last - first + 1 < (taken_s[last] - taken_s[first]) * max_fps + 2 + 1e-6


# --- waiting -------------------------------------------------------------------------------------------------------


@dataclass
class _Waiting:
    """A call that runs in a thread of its own."""

    call: Callable[[], object]
    result: object = None

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        self.result = self.call()

    def ends_at_once(self) -> bool:
        """Whether it comes back within a second."""
        self._thread.join(1)
        return not self._thread.is_alive()


@pytest.fixture
def live_store() -> FrameStore:
    store = FrameStore(SystemClock(), Metrics())
    store.add_camera("door", detect_max_fps=50)
    return store


def test_the_detector_is_woken_by_a_frame_at_once(live_store: FrameStore) -> None:
    waiting = _Waiting(lambda: live_store.take(4, 5.0))
    frame = _put(live_store)
    assert waiting.ends_at_once()
    assert waiting.result == [frame]


def test_the_detector_is_woken_when_a_waiting_frame_becomes_due(live_store: FrameStore) -> None:
    _put(live_store)
    live_store.take(4, 0.0)
    _put(live_store)  # 20 ms too early
    started_s = time.monotonic()
    assert len(live_store.take(4, 5.0)) == 1
    assert 0.01 < time.monotonic() - started_s < 1.0


def test_taking_ends_with_the_time(live_store: FrameStore) -> None:
    started_s = time.monotonic()
    assert live_store.take(4, 0.02) == []
    assert 0.02 <= time.monotonic() - started_s < 1.0


def test_the_detector_is_woken_when_an_answer_is_there(live_store: FrameStore) -> None:
    waiting = _Waiting(lambda: live_store.take(4, 5.0))
    live_store.nudge()
    assert waiting.ends_at_once()
    assert waiting.result == []
    live_store.nudge()  # before the wait
    started_s = time.monotonic()
    assert live_store.take(4, 5.0) == []
    assert time.monotonic() - started_s < 1.0
    assert live_store.take(4, 0.01) == []


def test_a_listener_hears_of_every_frame(live_store: FrameStore) -> None:
    heard: list[str] = []
    live_store.listen(heard.append)
    _put(live_store)
    _put(live_store)
    assert heard == ["door", "door"]


def test_closing_wakes_everybody_and_every_later_wait_ends_at_once(live_store: FrameStore) -> None:
    waiting = _Waiting(lambda: live_store.take(4, 5.0))
    live_store.close()
    assert waiting.ends_at_once()
    assert waiting.result == []
    _put(live_store)
    assert live_store.take(4, 5.0) == []


def test_threads_that_hammer_the_store_lose_no_frame_untold() -> None:
    store = FrameStore(SystemClock(), Metrics())
    cameras = ("a", "b", "c")
    for camera_id in cameras:
        store.add_camera(camera_id, detect_max_fps=1e6)
    taken: list[Frame] = []

    def ingest(camera_id: str) -> None:
        for _ in range(200):
            _put(store, camera_id)

    def infer() -> None:
        while frames := store.take(2, 0.05):
            assert len({frame.camera_id for frame in frames}) == len(frames) <= 2
            taken.extend(frames)

    threads = [threading.Thread(target=ingest, args=(camera_id,)) for camera_id in cameras]
    threads.append(threading.Thread(target=infer))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    for camera_id in cameras:
        seqs = [frame.seq for frame in taken if frame.camera_id == camera_id]
        assert seqs == sorted(set(seqs))
        assert seqs[-1] == 200
        assert len(seqs) + store.status(camera_id).dropped <= 200
        times_s = [frame.received_mono_s for frame in taken if frame.camera_id == camera_id]
        assert times_s == sorted(times_s)
