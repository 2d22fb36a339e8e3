"""The command as a process of its own: what it loads, what it says, how it ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bridge import __version__
from bridge.serve.password import PasswordCheck

pytestmark = pytest.mark.integration

_ROOT = Path(__file__).resolve().parents[2]


def test_import_and_check_load_nothing_heavy() -> None:
    code = (
        "import sys; import bridge; from bridge.cli import main; "
        f"assert main(['check', '-c', {str(_ROOT / 'config' / 'minimal.yaml')!r}]) == 0; "
        "heavy = {'cv2', 'numpy', 'openvino', 'torch', 'ultralytics', 'flask', 'paho', 'websockets', 'trackers'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=_ROOT)
    assert done.stdout.splitlines()[-1] == "[]"


def test_module_is_the_same_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bridge", "--version"], capture_output=True, text=True, check=True, cwd=_ROOT
    )
    assert done.stdout == f"espcam-bridge {__version__}\n"


def test_password_from_a_pipe_is_hashed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bridge", "password"],
        input="opensesame\n",
        capture_output=True,
        text=True,
        check=True,
        cwd=_ROOT,
    )
    check = PasswordCheck(done.stdout.strip())
    assert check("opensesame")
    assert not check("opensesam")


def test_empty_password_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bridge", "password"],
        input="\n",
        capture_output=True,
        text=True,
        check=False,
        cwd=_ROOT,
    )
    assert done.returncode == 2
    assert "empty" in done.stderr


def _import_with_broken_cv2(folder: Path, error: str) -> str:
    """What ``bridge.frames.opencv`` says when ``import cv2`` fails like this."""
    (folder / "cv2.py").write_text(f"raise ImportError({error!r})\n")
    script = (
        "import bridge.errors\n"
        "try:\n"
        "    import bridge.frames.opencv\n"
        "except bridge.errors.DependencyMissing as missing:\n"
        "    print(missing)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": f"{folder}:{_ROOT}"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            "libGL.so.1: cannot open shared object file: No such file or directory",
            "libGL.so.1 (OpenCV needs it) is not installed; run: sudo apt-get install libgl1 libglib2.0-0",
        ),
        (
            "libgthread-2.0.so.0: cannot open shared object file: No such file or directory",
            "libgthread-2.0.so.0 (OpenCV needs it) is not installed; run: sudo apt-get install libgl1 libglib2.0-0",
        ),
        ("No module named 'cv2'", "opencv-python is not installed; run: pip install opencv-python"),
    ],
    ids=["libGL", "libgthread", "opencv"],
)
def test_a_missing_library_is_said_in_one_line_with_its_mend(tmp_path: Path, error: str, said: str) -> None:
    assert _import_with_broken_cv2(tmp_path, error) == said


# In a process of its own: a few thousand signals a second, each handled on whatever stack is small just then, are more
# than the libraries that other tests have loaded into pytest's process can take.
_STOPPED_BY_SIGNALS = """
import os, signal, threading
from bridge.runtime.worker import Supervisor

supervisors, done = [Supervisor()], threading.Event()
signal.signal(signal.SIGUSR1, lambda *_: supervisors[-1].stop())

def send():
    while not done.wait(2e-4):
        os.kill(os.getpid(), signal.SIGUSR1)

threading.Thread(target=send, daemon=True).start()
for _ in range(300):  # with a threading.Event inside, this hangs within the first hundred
    while not supervisors[-1].wait(1e-5):
        pass
    supervisors.append(Supervisor())
done.set()
print("stopped", len(supervisors))
"""


def test_a_signal_handler_may_stop_at_any_instant_of_the_wait() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _STOPPED_BY_SIGNALS], capture_output=True, text=True, check=True, cwd=_ROOT, timeout=20
    )
    assert done.stdout == "stopped 301\n"
