from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from bridge.runtime.errands import Errands

if TYPE_CHECKING:
    import pytest


def _broken() -> None:
    raise ValueError("the bulb burst")


def test_calls_are_made_in_order_and_outside_the_lock() -> None:
    lock = threading.Lock()
    errands = Errands(lock)
    made: list[int] = []
    for number in range(5):
        errands.add(lambda number=number: made.append(number + 10 * lock.locked()))  # type: ignore[misc]
    errands.run()
    errands.run()
    assert made == [0, 1, 2, 3, 4]


def test_a_call_that_adds_another_has_it_made_after_those_that_wait() -> None:
    lock = threading.Lock()
    errands = Errands(lock)
    made: list[str] = []

    def first() -> None:
        with lock:
            errands.add(lambda: made.append("added"))
        errands.run()
        made.append("first")

    errands.add(first)
    errands.add(lambda: made.append("second"))
    errands.run()
    assert made == ["first", "second", "added"]


def test_a_call_that_fails_is_logged_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    errands = Errands(threading.Lock())
    made: list[str] = []
    errands.add(_broken)
    errands.add(lambda: made.append("after"))
    errands.run()
    assert made == ["after"]
    assert "the bulb burst" in caplog.text


def test_threads_make_every_call_once_and_one_at_a_time() -> None:
    lock = threading.Lock()
    errands = Errands(lock)
    decided: list[tuple[int, int]] = []
    made: list[tuple[int, int]] = []
    busy = threading.Lock()

    def call(item: tuple[int, int]) -> None:
        assert busy.acquire(blocking=False), "two calls at a time"
        made.append(item)
        busy.release()

    def work(name: int) -> None:
        for number in range(300):
            item = (name, number)
            with lock:
                decided.append(item)
                errands.add(lambda item=item: call(item))  # type: ignore[misc]
            errands.run()

    threads = [threading.Thread(target=work, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert made == decided
    assert len(made) == 1800
