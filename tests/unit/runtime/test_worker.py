from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time

import pytest

from bridge.errors import WorkerCrashed
from bridge.runtime.worker import Supervisor, Worker


def _until_stopped(stop: threading.Event) -> None:
    stop.wait(5)


def _crash(_stop: threading.Event) -> None:
    raise ValueError("the lens fell off")


# --- Supervisor ----------------------------------------------------------------------------------------------------


def test_waiting_ends_with_the_time_when_nothing_happens() -> None:
    supervisor = Supervisor()
    assert supervisor.wait(0.0) is False
    assert supervisor.wait(0.001) is False
    assert not supervisor.stopping


def test_a_stop_ends_every_wait_now_and_later() -> None:
    supervisor = Supervisor()
    ended: list[bool] = []
    waiting = [threading.Thread(target=lambda: ended.append(supervisor.wait(5))) for _ in range(3)]
    for thread in waiting:
        thread.start()
    supervisor.stop()
    for thread in waiting:
        thread.join(5)
    assert ended == [True, True, True]
    assert supervisor.stopping
    assert supervisor.wait() is True


def test_a_crash_is_raised_to_whoever_waits_with_its_cause_attached(caplog: pytest.LogCaptureFixture) -> None:
    supervisor = Supervisor()
    cause = ValueError("the lens fell off")
    supervisor.crashed("infer", cause)
    assert supervisor.stopping
    with pytest.raises(WorkerCrashed, match=r"infer crashed: ValueError\('the lens fell off'\)") as caught:
        supervisor.wait(5)
    assert caught.value.worker == "infer"
    assert caught.value.__cause__ is cause
    assert [record.levelno for record in caplog.records] == [logging.CRITICAL]


def test_the_first_crash_wins_and_the_later_ones_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    supervisor = Supervisor()
    supervisor.crashed("infer", ValueError("first"))
    supervisor.crashed("outbox", ValueError("second"))
    supervisor.stop()
    with pytest.raises(WorkerCrashed, match="infer"):
        supervisor.wait(5)
    assert "outbox crashed" in caplog.text


# --- Worker --------------------------------------------------------------------------------------------------------


def test_a_worker_runs_in_a_named_thread_that_cannot_keep_the_process_alive() -> None:
    threads: list[threading.Thread] = []
    worker = Worker("eyes", lambda _stop: threads.append(threading.current_thread()), Supervisor())
    worker.start()
    assert worker.stop()
    assert [(thread.name, thread.daemon) for thread in threads] == [("eyes", True)]


def test_stopping_waits_for_the_body_to_return() -> None:
    done: list[bool] = []

    def body(stop: threading.Event) -> None:
        stop.wait(5)
        time.sleep(0.01)
        done.append(True)

    supervisor = Supervisor()
    worker = Worker("eyes", body, supervisor)
    worker.start()
    assert worker.stop()
    assert done == [True]
    assert not supervisor.stopping


def test_a_crash_in_the_body_reaches_the_supervisor(caplog: pytest.LogCaptureFixture) -> None:
    supervisor = Supervisor()
    worker = Worker("eyes", _crash, supervisor)
    worker.start()
    with pytest.raises(WorkerCrashed, match="eyes crashed"):
        supervisor.wait(5)
    assert worker.stop()
    assert "the lens fell off" in caplog.text


def test_on_stop_wakes_a_body_that_does_not_watch_the_event() -> None:
    wake = threading.Event()

    def body(_stop: threading.Event) -> None:
        wake.wait(5)

    worker = Worker("eyes", body, Supervisor(), on_stop=wake.set)
    worker.start()
    started_s = time.monotonic()
    assert worker.stop()
    assert time.monotonic() - started_s < 1


def test_a_body_that_hangs_is_reported_and_left_to_die_with_the_process(caplog: pytest.LogCaptureFixture) -> None:
    release = threading.Event()

    def body(_stop: threading.Event) -> None:
        release.wait(5)

    worker = Worker("eyes", body, Supervisor())
    worker.start()
    assert worker.stop(timeout_s=0.01) is False
    assert "eyes did not stop within" in caplog.text
    release.set()
    assert worker.stop()


def test_a_worker_that_never_started_stops_at_once() -> None:
    assert Worker("eyes", _until_stopped, Supervisor()).stop()


def test_stopping_twice_is_harmless() -> None:
    worker = Worker("eyes", _until_stopped, Supervisor())
    worker.start()
    assert worker.stop()
    assert worker.stop()


# --- the end of the process ----------------------------------------------------------------------------------------

_ENDING = """
import atexit, sys, time
from bridge.runtime.worker import Supervisor, Worker, leave
worker = Worker("compiler", lambda stop: {body}, Supervisor())
worker.start()
stopped = worker.stop(0.2)
atexit.register(print, "and Python's own ending")
print("stopped" if stopped else "stuck", end=" ")
leave(3)
"""


@pytest.mark.parametrize(
    ("body", "says"), [("stop.wait(5)", "stopped and Python's own ending\n"), ("time.sleep(60)", "stuck ")]
)
def test_a_process_ends_with_its_code_and_last_words_whether_a_worker_is_stuck_or_not(body: str, says: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _ENDING.format(body=body)], capture_output=True, text=True, timeout=20, check=False
    )
    assert (ended.returncode, ended.stdout) == (3, says)
