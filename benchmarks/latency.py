"""From a frame's last byte on the socket to its event at a real MQTT subscriber, minus what the model alone takes.

One camera at 5 frames a second shows a person in every second frame, and events that end at once: every person is a
``new`` with its picture. The model alone answers one request at a time, at the same pace (a core that just slept is
slower), before and after. From both medians the median of the model is taken off, from the 99th percentile too.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import pictures
from harness import Options, Raw, Stage
from load import Camera, framed
from report import Findings, Row, Target, percentile

_INTERVAL_S = 0.2
_RULES = {"events": {"min_hits": 1, "end_after_s": 0.1}, "detect": {"max_fps": 10}}


def measure(options: Options) -> Findings:
    with tempfile.TemporaryDirectory() as folder, Raw() as raw, Stage(_RULES) as stage:
        frames = pictures.blinking(Path(folder))
        shape = raw.shape_for(pictures.VGA)
        paced_ms = raw.latency_ms(shape, options.pick(8, 1), _INTERVAL_S)
        events = stage.listener("espcam/+/events")
        sent_s = send(stage, frames, options.pick(45, 4))
        time.sleep(0.5)
        told = [(at_s, change) for at_s, change in events.events() if change["type"] == "new"]
        paced_ms += raw.latency_ms(shape, options.pick(8, 1), _INTERVAL_S)
        hurried_ms = raw.latency_ms(shape, options.pick(3, 0.5), 0)
    outside_ms = matched_ms(sent_s, [at_s for at_s, _ in told])
    inside_ms = [change["latency_ms"] for _, change in told]
    model_ms = percentile(paced_ms, 0.5)
    numbers = {"outside_ms": outside_ms, "inside_ms": inside_ms, "model_ms": paced_ms, "model_hurried_ms": hurried_ms}
    p99_ms = percentile(outside_ms, 0.99)
    compares = f"frame sent → event at a subscriber, minus the model alone at {shape[1]}x{shape[0]}"
    note = f"{len(outside_ms)} events; {percentile(outside_ms, 0.5):.1f} ms in all, the model alone {model_ms:.1f} ms"
    return Findings(
        [
            Row(
                "added latency, p50", compares, percentile(outside_ms, 0.5) - model_ms, "ms", Target(8, at_least=False),
                note=note, raw=numbers,
            ),
            Row(
                "added latency, p99", compares, p99_ms - model_ms, "ms", Target(25, at_least=False),
                note=f"{p99_ms:.1f} ms in all", raw=numbers,
            ),
            Row(
                "latency as the event says it, p50", "frame received → handed to the broker's link, the model included",
                percentile(inside_ms, 0.5), "ms",
            ),
            Row(
                "added latency, p50, against a busy model",
                "as above, but minus the model asked again and again, its caches and the core's clock warm",
                percentile(outside_ms, 0.5) - percentile(hurried_ms, 0.5), "ms",
            ),
        ]
    )  # fmt: skip


def send(stage: Stage, frames: Path, seconds: float) -> list[float]:
    """Send in turn; when each frame that shows somebody had left (they are the even ones), the first few left out."""
    ready = [framed(path.read_bytes(), 0x2) for path in sorted(frames.glob("*.jpg"))]
    camera = Camera(f"ws://127.0.0.1:{stage.ingest_port}/ws/load_1", ready, 0)
    warm_up = 6
    sent_s = []
    try:
        due_s = time.monotonic()
        for number in range(warm_up + round(seconds / _INTERVAL_S)):
            camera.send_frame()
            while not camera.flush():
                time.sleep(0.0002)
            if number % 2 == 0 and number >= warm_up:
                sent_s.append(time.monotonic())
            due_s += _INTERVAL_S
            time.sleep(max(0.0, due_s - time.monotonic()))
    finally:
        camera.socket.close()
    return sent_s


def matched_ms(sent_s: list[float], told_s: list[float]) -> list[float]:
    """For each frame the first message after it and before the next one."""
    ends_s = [*sent_s[1:], float("inf")]
    pairs = (
        (sent, next((told for told in told_s if sent <= told < end), None))
        for sent, end in zip(sent_s, ends_s, strict=True)
    )
    return [1000 * (told - sent) for sent, told in pairs if told is not None]
