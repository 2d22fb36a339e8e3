"""Work in a process of its own: PyTorch's memory does not stay, and a library that crashes or hangs ends only itself.

A child is a program of ours that says nothing on stdout but, when it failed, the reason in one line. It ends when its
stdin closes, so that it never outlives its parent.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from bridge.detect.models import first_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def run_child(command: Sequence[str], environ: Mapping[str, str], timeout_s: float) -> str:
    """Run a child to its end.

    Args:
        command: the program and its arguments.
        environ: its environment.
        timeout_s: it is killed after that.

    Returns:
        Why it failed, in one line; empty when it did not.
    """
    chatter = None if sys.stderr.isatty() else subprocess.DEVNULL
    with subprocess.Popen(  # noqa: S603 - our own program; the arguments were checked
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=chatter, env=dict(environ), text=True
    ) as process:
        # stdin stays open on purpose, see above. The child says one line at most, far less than a pipe holds, so that
        # waiting before reading cannot block it.
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            return f"it took longer than {timeout_s:.0f} s"
        except BaseException:  # Ctrl-C: leaving the block would wait for a child that may hang
            process.kill()
            raise
        assert process.stdout is not None  # noqa: S101 - it is a pipe, see above
        said = process.stdout.read().strip()
    if process.returncode < 0:
        return f"the process was ended by signal {-process.returncode} (out of memory?)"
    return said or ("" if process.returncode == 0 else f"the process ended with status {process.returncode}")


def be_child(work: Callable[[], None]) -> int:
    """Do a child's work; the reason of a failure is the one line on stdout, progress and chatter go to stderr.

    Returns:
        The exit status.
    """
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        with contextlib.redirect_stdout(sys.stderr):
            work()
    except Exception as error:  # noqa: BLE001 - whatever it was, the parent needs one line
        print(first_line(error).lstrip("❌ ").rstrip("."))  # noqa: T201 - that line is what stdout is for
        return 1
    return 0


def _die_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)  # nothing ever comes; it ends when the parent does
    os._exit(1)
