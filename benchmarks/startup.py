"""How long until ``espcam-bridge run`` is ready, what ``check`` and an import cost, and what they load."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from harness import MODEL, Options, Stage, environment
from report import Findings, Row, Target

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEAVY = ("openvino", "cv2", "torch", "ultralytics", "numpy")
_FORBIDDEN = ("openvino", "cv2", "torch")


def measure(options: Options) -> Findings:
    starts = [start_once() for _ in range(round(options.pick(5, 2)))]
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "bench.yaml"
        config.write_text(f"detector: {{model: {MODEL}}}\ncameras: [{{id: door}}]\n")
        commands = {"import bridge": ("-c", "import bridge"), "check": ("-m", "bridge", "check", "-c", str(config))}
        rounds = {
            name: [run_once(*command) for _ in range(round(options.pick(9, 3)))] for name, command in commands.items()
        }
        loaded = {name: heavy_imports(*command) for name, command in commands.items()}
    ready = Row(
        "ready",
        "from `espcam-bridge run` to /readyz, the model cached",
        statistics.median(ready_s for ready_s, _ in starts),
        "s",
        Target(3, at_least=False),
        raw={"s": [ready_s for ready_s, _ in starts]},
    )
    held = Row("memory at rest", "the bridge ready, without cameras", statistics.median(mb for _, mb in starts), "MB")
    return Findings([ready, *(command_row(name, timed, loaded[name]) for name, timed in rounds.items()), held])


def command_row(name: str, timed: Sequence[tuple[float, float]], loaded: list[str]) -> Row:
    """How long a command takes, and whether it loads what it must not."""
    wall_s, cpu_s = ([one[place] for one in timed] for place in (0, 1))
    forbidden = [package for package in loaded if package in _FORBIDDEN]
    imports = f"imports {', '.join(forbidden)}" if forbidden else f"none of {', '.join(_FORBIDDEN)} imported"
    return Row(
        f"`{name}`",
        "wall time of the whole process, the median",
        statistics.median(wall_s),
        "s",
        Target(0.3, at_least=False),
        note=f"{statistics.median(cpu_s):.2f} s of CPU time; {imports}",
        raw={"wall_s": wall_s, "cpu_s": cpu_s, "loaded": loaded},
    )


def start_once() -> tuple[float, float]:
    """Seconds until ready, and MB held then."""
    with Stage() as stage:
        return stage.ready_s, stage.rss_mb()


def run_once(*command: str) -> tuple[float, float]:
    """Wall and CPU seconds of Python running this."""
    began_s = time.perf_counter()
    process = subprocess.Popen([sys.executable, *command], env=environment(), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{command} ended with {process.returncode}"
    return time.perf_counter() - began_s, usage.ru_utime + usage.ru_stime


def heavy_imports(*command: str) -> list[str]:
    """Which of the big packages it imports."""
    told = subprocess.run(
        [sys.executable, "-X", "importtime", *command], env=environment(), capture_output=True, text=True, check=True
    ).stderr
    names = set(re.findall(r"\|\s+(\w+)", told))
    return [name for name in _HEAVY if name in names]
