"""Frames a second that each viewer sees, against the first server on the same model, in turns.

The camera sends 25 a second. The first server looks at the picture anew for every viewer; here every frame is looked
at once, as far as the model keeps up, and shown to everybody. Nobody can see more frames than the camera sends, so on
a machine where the first server shows more than 25/3 a second, three times that is out of reach; a second row, with a
camera that sends 60, shows what the bridge itself could do.
"""

from __future__ import annotations

import contextlib
import importlib.util
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pictures
from harness import MODEL, SHARED, Missing, Options, Stage, cameras, free_port, seen_per_s, start, viewers, wait_for
from report import Findings, Row, Target

SEED = SHARED / "seed" / "main.py"
_FPS = 25.0
_FAST_FPS = 60.0  # more than any board sends
_MODEL_LINE = "YOLO('yolo11n.pt')"


def measure(options: Options) -> Findings:
    seconds = options.pick(5, 1.2)
    counts = (4,) if options.quick else (4, 1)
    fast = [] if options.quick else [4]
    rounds: list[dict[str, Any]] = []
    fast_rounds: list[dict[str, Any]] = []
    rules = {"stream": {"max_fps": _FAST_FPS}, "detect": {"max_fps": _FPS}}
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        frames = pictures.walking(folder)
        port = first_server(stack, folder)
        with cameras(f"ws://127.0.0.1:{port}/ws", 1, _FPS, frames):  # its first picture loads the model
            deadline_s = time.monotonic() + 30
            while not watched(f"http://127.0.0.1:{port}/", 1, 1)[0] and time.monotonic() < deadline_s:
                pass
        stage = stack.enter_context(Stage(rules))
        for _ in range(options.rounds):
            with stage.cameras(1, _FPS, frames):
                ours = {count: watched(stage_url(stage), count, seconds) for count in counts}
            with cameras(f"ws://127.0.0.1:{port}/ws", 1, _FPS, frames):
                theirs = {count: watched(f"http://127.0.0.1:{port}/", count, seconds) for count in counts}
            rounds.append({"ours": ours, "first_server": theirs})
            if fast:
                with stage.cameras(1, _FAST_FPS, frames):
                    ours = {count: watched(stage_url(stage), count, seconds) for count in fast}
                fast_rounds.append({"ours": ours, "first_server": theirs})
    rows = [row(rounds, count, Target(3) if count == 4 else None) for count in counts]
    return Findings(rows + [row(fast_rounds, count, None, _FAST_FPS) for count in fast])


def row(rounds: list[dict[str, Any]], count: int, target: Target | None, sent_fps: float = _FPS) -> Row:
    ours, theirs = ([statistics.fmean(one[who][count]) for one in rounds] for who in ("ours", "first_server"))
    return Row(
        f"live view, {count} viewer{'s' if count > 1 else ''}" + (", a faster camera" if sent_fps > _FPS else ""),
        "frames/s that each viewer sees ÷ the same with the first server on the same model",
        statistics.median(our / their for our, their in zip(ours, theirs, strict=True)),
        target=target,
        note=f"{statistics.median(ours):.1f} of {sent_fps:g} a second to {statistics.median(theirs):.1f} of {_FPS:g}",
        raw={"rounds": [{who: one[who][count] for who in one} for one in rounds]},
    )


def stage_url(stage: Stage) -> str:
    return f"http://127.0.0.1:{stage.http_port}/cameras/load_1/stream.mjpg"


def watched(url: str, count: int, seconds: float) -> list[float]:
    with viewers(url, count, 1) as watching:
        time.sleep(0.6)
        return seen_per_s(watching, seconds)


def first_server(stack: contextlib.ExitStack, folder: Path) -> int:
    """Start it as it is but for the model's path; its port."""
    lacking = [name for name in ("fastapi", "uvicorn", "ultralytics") if importlib.util.find_spec(name) is None]
    if lacking:
        raise Missing(f"the first server needs {', '.join(lacking)}: pip install -e '.[yolo,bench]'")
    if not SEED.exists():
        raise Missing(f"no first server at {SEED}")
    text = SEED.read_text()
    assert text.count(_MODEL_LINE) == 1
    (folder / "main.py").write_text(text.replace(_MODEL_LINE, f"YOLO({str(MODEL)!r}, task='detect')"))
    port, log = free_port(), folder / "first-server.log"
    command = (sys.executable, "-m", "uvicorn", "main:app", "--host", "127.0.0.1", "--port", str(port))
    process = start(stack, *command, "--log-level", "warning", log=log, cwd=folder)

    def listening() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_for(listening, process, log)
    return port
