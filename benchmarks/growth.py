"""How cost grows: with cameras, with viewers, with the size of the pictures; and the memory of a camera."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pictures
from harness import Options, Span, Stage, cpu_s, seen_per_s
from report import Curve, Findings, Row, Target, fit_line, knee, number, percentile

if TYPE_CHECKING:
    from collections.abc import Sequence

CAMERAS = (1, 2, 4, 8, 16, 32)
VIEWERS = (1, 10, 50, 100, 200)
SIZES = {"VGA": pictures.VGA, "SVGA": pictures.SVGA, "XGA": pictures.XGA, "UXGA": pictures.UXGA}
_QUICK_CAMERAS, _QUICK_VIEWERS, _QUICK_SIZES = (1, 8, 32), (1, 50, 200), ("VGA", "UXGA")
_CAMERA_FPS = 10.0
_LOOKS_PER_S = 5.0  # detect.max_fps, the configuration's default


def measure_cameras(options: Options) -> Findings:
    """Cameras as they are by default: 10 frames a second sent, 5 looked at, somebody walking in all of them."""
    counts = _QUICK_CAMERAS if options.quick else CAMERAS
    steps: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder, Stage() as stage:
        frames = pictures.walking(Path(folder))
        events = stage.listener("espcam/+/events")
        with stage.cameras(1, _CAMERA_FPS, frames):
            time.sleep(options.pick(5, 1.5))  # what is allocated once is allocated now
        for count in counts:
            with stage.cameras(count, _CAMERA_FPS, frames):
                time.sleep(options.pick(2, 0.5))
                heard = len(events.messages)
                before = detected(stage)
                span = stage.watch(options.pick(6, 1))
                each_per_s = [(now - before.get(camera, 0)) / span.seconds for camera, now in detected(stage).items()]
                latencies_ms = [
                    change["latency_ms"] for _, change in events.events()[heard:] if change["type"] != "end"
                ]
                steps.append(camera_step(span, latencies_ms) | {"MB held": stage.rss_mb(), "each": each_per_s})
    return Findings([memory_row(counts, steps)], [camera_curve(counts, steps)])


def detected(stage: Stage) -> dict[str, int]:
    """Looks of the model so far, by camera."""
    cameras = stage.json("/api/cameras")["cameras"]
    return {camera["id"]: camera["detected"] for camera in cameras if camera["state"] == "online"}


def camera_step(span: Span, latencies_ms: list[float]) -> dict[str, Any]:
    """What is noted at one number of cameras."""
    received = span.counters["espcam_frames_received_total"]
    return {
        "detections/s": span.per_s("frames_detected"),
        "frames not looked at, %": 100 * (1 - span.counters["espcam_frames_detected_total"] / received),
        "event latency p50, ms": percentile(latencies_ms, 0.5) if latencies_ms else None,
        "cores used": span.cpu_s / span.seconds,
    }


def camera_curve(counts: Sequence[int], steps: list[dict[str, Any]]) -> Curve:
    rates = [step["detections/s"] for step in steps]
    per_camera = [rate / count for rate, count in zip(rates, counts, strict=True)]
    panels: dict[str, list[float | None]] = {"detections/s": rates, "detections/s a camera": per_camera}
    for name in ("event latency p50, ms", "frames not looked at, %", "cores used", "MB held"):
        panels[name] = [step[name] for step in steps]
    bend, most, each = knee(counts, per_camera), max(rates), steps[-1]["each"]
    note = (
        f"each asks for {_LOOKS_PER_S:g} looks a second and the machine has {most:.0f}, so beyond "
        f"{most / _LOOKS_PER_S:.0f} cameras each gets its even share of them"
        f"{f' (measured: fewer from {bend:.0f} on)' if bend else ' (not reached here)'}; the worst served camera of "
        f"{counts[-1]} gets {number(min(each))} a second, the best served one {number(max(each))}"
    )
    return Curve("cameras", "cameras at 10 frames/s", counts, panels, note=note)


def memory_row(counts: Sequence[int], steps: list[dict[str, Any]]) -> Row:
    held = [step["MB held"] for step in steps]
    line = fit_line(counts, held)
    return Row(
        "memory, a camera",
        f"growth of what the bridge holds (RSS) from {counts[0]} to {counts[-1]} sending cameras",
        line.slope, "MB", Target(2, at_least=False), uncertainty=line.uncertainty,
        note=f"{held[0]:.0f} MB with one, {held[-1]:.0f} MB with {counts[-1]}", raw={"cameras": counts, "mb": held},
    )  # fmt: skip


def measure_viewers(options: Options) -> Findings:
    """One camera at 10 frames a second with somebody in it, watched with boxes."""
    counts = _QUICK_VIEWERS if options.quick else VIEWERS
    steps: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder, Stage() as stage:
        frames = pictures.walking(Path(folder))
        with stage.cameras(1, _CAMERA_FPS, frames):
            time.sleep(1.5)
            alone = stage.watch(options.pick(4, 1.5))
            for count in counts:
                with stage.viewers(count, 1) as watching:
                    time.sleep(options.pick(1.5, 0.5))
                    before, watching_cpu_s = stage.now(), cpu_s(watching.process.pid)
                    seen = seen_per_s(watching, options.pick(4, 1))
                    span = stage.now().since(before)
                    watching_cores = (cpu_s(watching.process.pid) - watching_cpu_s) / span.seconds
                cores = span.cpu_s / span.seconds
                steps.append(
                    {
                        "frames/s a viewer, median": statistics.median(seen),
                        "frames/s, slowest viewer": min(seen),
                        "CPU ms a viewer-second": 1000 * (cores - alone.cpu_s / alone.seconds) / count,
                        "cores used": cores,
                        "the viewers' own cores": watching_cores,
                    }
                )
                time.sleep(0.3)
    panels: dict[str, list[float | None]] = {name: [step[name] for step in steps] for name in steps[0]}
    bend = knee(counts, panels["frames/s a viewer, median"])
    note = (
        "the picture is encoded once, so a viewer costs its writes: "
        f"{steps[0]['CPU ms a viewer-second']:.1f} ms of CPU time a second for the first, "
        f"{steps[-1]['CPU ms a viewer-second']:.1f} ms for each of {counts[-1]}; "
        + (f"from {bend:.0f} on they see fewer frames" if bend else "all see every frame")
        + f"; at {counts[-1]} the bridge uses {steps[-1]['cores used']:.2f} cores, the viewers on the same machine "
        f"{watching_cores:.2f}"
    )
    return Findings((), [Curve("viewers", "viewers of one camera at 10 frames/s", counts, panels, note=note)])


def measure_sizes(options: Options) -> Findings:
    """Four cameras that send more than can be taken, in four sizes."""
    names = _QUICK_SIZES if options.quick else tuple(SIZES)
    steps: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder, Stage({"detect": {"max_fps": 60}}) as stage:
        for name in names:
            frames = pictures.walking(Path(folder) / name, SIZES[name])
            with stage.cameras(4, 25, frames, prefix=name.lower()):
                time.sleep(options.pick(2, 0.7))
                span = stage.watch(options.pick(6, 1))
            detected = span.counters["espcam_frames_detected_total"]
            steps.append(
                {
                    "detections/s": detected / span.seconds,
                    "CPU ms a detection": 1000 * span.cpu_s / detected,
                    "KB a frame": statistics.fmean(file.stat().st_size for file in frames.iterdir()) / 1000,
                }
            )
    panels: dict[str, list[float | None]] = {panel: [step[panel] for step in steps] for panel in steps[0]}
    first, last = steps[0], steps[-1]
    note = (
        "the model sees about as many pixels in all of them; what grows is receiving, checking and decoding the JPEG: "
        f"{first['CPU ms a detection']:.0f} ms of CPU time a detection at {names[0]}, "
        f"{last['CPU ms a detection']:.0f} at {names[-1]}; {first['detections/s']:.0f} and {last['detections/s']:.0f} "
        "detections a second"
    )
    x = [SIZES[name][0] * SIZES[name][1] / 1e6 for name in names]
    return Findings((), [Curve("picture sizes", "size of the pictures", x, panels, x_names=names, note=note)])
