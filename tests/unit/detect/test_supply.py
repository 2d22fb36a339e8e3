from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from bridge.detect.fake import FakeDetector
from bridge.detect.supply import DetectorSupply
from bridge.errors import ModelRefused, ModelUnavailable, WorkerCrashed
from bridge.model import Readiness
from bridge.runtime.backoff import Backoff
from bridge.runtime.worker import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bridge.detect.port import Detector
    from tests.conftest import WaitUntil

_NO_NETWORK = ModelUnavailable("yolo11n.pt cannot be downloaded", "connect to the network, or give a path")


@dataclass(frozen=True)
class _Detector(FakeDetector):
    """Notes when it is closed."""

    closed: threading.Event = field(default_factory=threading.Event, compare=False)

    def close(self) -> None:
        self.closed.set()


@dataclass
class _Loader:
    """Gives, in order, what a test put into ``outcomes``; the last one for ever."""

    outcomes: Sequence[Detector | Exception]
    calls: int = 0

    def __call__(self) -> Detector:
        outcome = self.outcomes[min(self.calls, len(self.outcomes) - 1)]
        self.calls += 1
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@dataclass
class _Waits:
    """A ``Backoff`` that hardly waits and notes the bounds it was asked for."""

    bounds_s: list[float] = field(default_factory=list)

    def backoff(self) -> Backoff:
        return Backoff(first_s=1.0, max_s=64.0, uniform=self._draw)

    def _draw(self, _low: float, high: float) -> float:
        self.bounds_s.append(high)
        return 0.001


@pytest.fixture
def waits() -> _Waits:
    return _Waits()


@pytest.fixture
def supervisor() -> Supervisor:
    return Supervisor()


@pytest.fixture
def supply_of(supervisor: Supervisor, waits: _Waits) -> Iterator[Callable[..., DetectorSupply]]:
    """Make and start a supply; it stops with the test."""
    supplies: list[DetectorSupply] = []

    def make(load: Callable[[], Detector], sound_after_s: float = 60.0) -> DetectorSupply:
        supply = DetectorSupply(load, supervisor, waits.backoff(), sound_after_s)
        supplies.append(supply)
        supply.start()
        return supply

    yield make
    for supply in supplies:
        supply.stop()


def test_before_it_starts_there_is_no_detector_and_it_says_so(supervisor: Supervisor) -> None:
    supply = DetectorSupply(FakeDetector, supervisor)
    assert supply.current() is None
    assert supply.readiness() == Readiness("detector", ready=False, detail="loading the model")


def test_a_loaded_detector_is_at_hand_and_ready(
    supply_of: Callable[..., DetectorSupply], wait_until: WaitUntil
) -> None:
    detector = FakeDetector()
    supply = supply_of(_Loader([detector]))
    wait_until(lambda: supply.current() is detector)
    assert supply.readiness() == Readiness("detector", ready=True, detail="coloured rectangles on fake none")


def test_it_keeps_trying_until_a_model_can_be_had(
    supply_of: Callable[..., DetectorSupply], waits: _Waits, wait_until: WaitUntil
) -> None:
    detector = FakeDetector()
    load = _Loader([_NO_NETWORK, _NO_NETWORK, _NO_NETWORK, detector])
    supply = supply_of(load)
    wait_until(lambda: supply.current() is detector)
    assert load.calls == 4
    assert waits.bounds_s == [1.0, 2.0, 4.0]


@pytest.mark.parametrize("error", [_NO_NETWORK, ModelRefused("bus.onnx is no detector", "choose another model")])
def test_the_reason_and_the_mend_are_shown_while_there_is_none(
    supervisor: Supervisor, error: Exception, wait_until: WaitUntil
) -> None:
    supply = DetectorSupply(_Loader([error]), supervisor)  # its first wait is half a second or more
    supply.start()
    wait_until(lambda: not supply.readiness().detail.startswith("loading"))
    assert supply.readiness() == Readiness("detector", ready=False, detail=str(error))
    assert supply.current() is None
    supply.stop()


def test_the_same_reason_is_logged_once_and_a_new_one_again(
    supply_of: Callable[..., DetectorSupply], wait_until: WaitUntil, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    other = ModelUnavailable("the disk is full", "make room")
    supply = supply_of(_Loader([_NO_NETWORK] * 5 + [other] * 5 + [FakeDetector()]))
    wait_until(lambda: supply.current() is not None)
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert told == [f"no detection, trying again: {_NO_NETWORK}", f"no detection, trying again: {other}"]
    ready = [record.getMessage() for record in caplog.records if record.levelno == logging.INFO]
    assert ready == ["model ready: coloured rectangles on fake none"]


def test_a_detector_that_failed_is_closed_and_loaded_anew(
    supply_of: Callable[..., DetectorSupply], wait_until: WaitUntil, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = _Detector(), _Detector()
    supply = supply_of(_Loader([first, second]))
    wait_until(lambda: supply.current() is first)
    supply.failed(RuntimeError("the GPU went away"))
    assert first.closed.is_set()
    assert supply.current() is not first
    wait_until(lambda: supply.current() is second)
    assert "the GPU went away" in caplog.text


def test_after_a_failure_the_reason_is_shown_until_the_next_load(supervisor: Supervisor, wait_until: WaitUntil) -> None:
    supply = DetectorSupply(FakeDetector, supervisor)
    supply.start()
    wait_until(lambda: supply.current() is not None)
    supply.failed(RuntimeError("the GPU went away"))
    detail = "the detector failed: the GPU went away"
    assert supply.readiness() == Readiness("detector", ready=False, detail=detail)
    supply.stop()


def test_a_detector_that_always_fails_is_loaded_at_growing_intervals(
    supply_of: Callable[..., DetectorSupply], waits: _Waits, wait_until: WaitUntil
) -> None:
    supply = supply_of(FakeDetector)
    for _ in range(4):
        wait_until(lambda: supply.current() is not None)
        supply.failed(RuntimeError("out of memory"))
    wait_until(lambda: supply.current() is not None)
    assert waits.bounds_s == [1.0, 2.0, 4.0, 8.0]


def test_a_detector_that_worked_for_long_is_loaded_anew_soon(
    supply_of: Callable[..., DetectorSupply], waits: _Waits, wait_until: WaitUntil
) -> None:
    supply = supply_of(_Loader([_NO_NETWORK, _NO_NETWORK, FakeDetector()]), sound_after_s=0.01)
    wait_until(lambda: supply.current() is not None)
    time.sleep(0.05)
    supply.failed(RuntimeError("once a day"))
    wait_until(lambda: len(waits.bounds_s) == 3)
    assert waits.bounds_s == [1.0, 2.0, 1.0]


def test_a_detector_that_cannot_even_be_closed_harms_nobody(
    supply_of: Callable[..., DetectorSupply], wait_until: WaitUntil, caplog: pytest.LogCaptureFixture
) -> None:
    class Stuck(FakeDetector):
        def close(self) -> None:
            raise RuntimeError("no driver")

    stuck, good = Stuck(), FakeDetector()
    supply = supply_of(_Loader([stuck, good]))
    wait_until(lambda: supply.current() is stuck)
    supply.failed(RuntimeError("the GPU went away"))
    wait_until(lambda: supply.current() is good)
    assert "the detector could not be closed" in caplog.text


def test_stopping_closes_the_detector(supply_of: Callable[..., DetectorSupply], wait_until: WaitUntil) -> None:
    detector = _Detector()
    supply = supply_of(_Loader([detector]))
    wait_until(lambda: supply.current() is detector)
    supply.stop()
    assert detector.closed.is_set()
    assert supply.current() is None
    assert not supply.readiness().ready


def test_between_two_tries_it_waits_and_stops_quickly(
    supervisor: Supervisor, wait_until: WaitUntil, caplog: pytest.LogCaptureFixture
) -> None:
    load = _Loader([_NO_NETWORK])
    supply = DetectorSupply(load, supervisor, Backoff(first_s=3600, max_s=3600))
    supply.start()
    wait_until(lambda: "download" in supply.readiness().detail)
    started_s = time.monotonic()
    supply.stop()
    assert time.monotonic() - started_s < 0.5
    assert load.calls == 1
    assert "closed" not in caplog.text


def test_stopping_while_a_model_loads_is_quick_and_what_comes_late_is_closed(supervisor: Supervisor) -> None:
    loading, go_on = threading.Event(), threading.Event()
    detector = _Detector()

    def load() -> Detector:
        loading.set()
        go_on.wait(5)
        return detector

    supply = DetectorSupply(load, supervisor)
    supply.start()
    loading.wait(5)
    started_s = time.monotonic()
    supply.stop(timeout_s=0.01)
    assert time.monotonic() - started_s < 0.5
    go_on.set()
    assert detector.closed.wait(5)
    assert supply.current() is None


def test_a_loader_that_is_broken_ends_the_process(supervisor: Supervisor) -> None:
    supply = DetectorSupply(_Loader([TypeError("a bug of ours")]), supervisor)
    supply.start()
    with pytest.raises(WorkerCrashed, match="model crashed"):
        supervisor.wait(5)
    supply.stop()


def test_a_renewed_supply_keeps_the_old_detector_until_the_new_one_is_there(supervisor: Supervisor) -> None:
    old, new, go_on = _Detector(), _Detector(), threading.Event()

    def slow() -> Detector:
        go_on.wait(5)
        return new

    supply = DetectorSupply(lambda: old, supervisor)
    supply.start()
    _wait_for(lambda: supply.current() is old)
    supply.renew(slow)
    time.sleep(0.05)
    assert supply.current() is old
    assert not old.closed.is_set()
    go_on.set()
    _wait_for(lambda: supply.current() is new)
    assert old.closed.wait(1)
    assert not new.closed.is_set()
    supply.stop()


def test_a_renewed_supply_that_finds_nothing_goes_on_with_the_old_detector(supervisor: Supervisor) -> None:
    old, tried = _Detector(), threading.Event()

    def nothing() -> Detector:
        tried.set()
        raise ModelUnavailable("there is no model at /nowhere", "set detector.model")

    supply = DetectorSupply(lambda: old, supervisor)
    supply.start()
    _wait_for(lambda: supply.current() is old)
    supply.renew(nothing)
    assert tried.wait(5)
    assert supply.current() is old
    assert supply.readiness().ready
    assert not old.closed.is_set()
    supply.stop()


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.005)
