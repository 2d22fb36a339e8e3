from __future__ import annotations

import threading

import pytest

from bridge.runtime.aside import Aside


def test_calls_are_answered_in_order_by_one_named_thread() -> None:
    aside: Aside[tuple[int, str]] = Aside("helper")
    futures = [aside.call(lambda number=number: (number, threading.current_thread().name)) for number in range(5)]
    assert [future.result(5) for future in futures] == [(number, "helper") for number in range(5)]
    aside.stop()


def test_what_a_call_raises_comes_out_and_the_next_one_works() -> None:
    aside: Aside[int] = Aside("helper")
    broken = aside.call(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        broken.result(5)
    assert aside.call(lambda: 2).result(5) == 2
    aside.stop()


def test_caller_goes_on_while_the_call_runs() -> None:
    aside: Aside[bool] = Aside("helper")
    go_on = threading.Event()
    future = aside.call(lambda: go_on.wait(5))
    assert not future.done()
    go_on.set()
    assert future.result(5)
    aside.stop()


def test_its_thread_starts_with_the_first_call_and_ends_when_told() -> None:
    before = threading.active_count()
    aside: Aside[int] = Aside("helper")
    assert threading.active_count() == before
    names: list[threading.Thread] = []
    aside.call(lambda: names.append(threading.current_thread()) or 0).result(5)
    aside.stop()
    names[0].join(5)
    assert not names[0].is_alive()
    assert names[0].daemon
