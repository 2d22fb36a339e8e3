"""The measurements that are programs of their own: run, and their JSON read."""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from harness import HERE, Missing, Options, environment
from report import Findings, Row, Target

if TYPE_CHECKING:
    from collections.abc import Iterator

_LIMIT_S = 300


def viewers(options: Options) -> Findings:
    rounds, seconds = ("1", "1") if options.quick else ("3", "4")
    (told,) = json_lines(output("viewers.py", "--rounds", rounds, "--seconds", seconds))
    compares = "CPU seconds a viewer-second, 10 frames/s VGA ÷ a bare loop writing the same bytes to 50 sockets"
    target = Target(2, at_least=False)
    note = f"{told['pictures_ms_per_frame']:.1f} ms of each picture are decoding, drawing and encoding, once for all"
    return Findings(
        [
            Row("50 viewers, as sent", compares, told["viewers_raw_ratio"], target=target, raw=told),
            Row(
                "50 viewers, with boxes", compares, told["viewers_annotated_ratio"], target=target, note=note, raw=told
            ),
            Row("50 viewers, with boxes, serving alone", compares, told["viewers_annotated_serving_ratio"], raw=told),
        ]
    )


def ingest(options: Options) -> Findings:
    said = output("ingest.py", "--rounds", str(round(options.pick(60, 12))))
    ratios = re.search(r"^ratio\s+(\S+)\s+(\S+)", said, re.MULTILINE)
    assert ratios, f"ingest.py names no ratio: {said}"
    link, server = (float(value) for value in ratios.groups())
    compares = "30 KB frames/s of CPU time over loopback ÷ a bare `websockets` server that only counts"
    raw = {"said": said}
    return Findings(
        [
            Row("ingest alone", f"{compares}, client and server together", link, target=Target(0.8), raw=raw),
            Row("ingest alone, the server's half", compares, server, raw=raw),
        ]
    )


def accuracy(options: Options) -> Findings:
    pictures = ("--pictures", "12") if options.quick else ()
    told = json.loads(output("accuracy.py", *pictures))
    ours, theirs = told["ours"]["map50_95"], told["ultralytics"]["map50_95"]
    return Findings(
        [
            Row(
                "accuracy", "mAP50-95 of our OpenVINO path ÷ ultralytics on the same model and pictures",
                told["ratio_map50_95"], target=Target(0.99),
                uncertainty=0.03 if options.quick else 0.0,  # a dozen pictures cannot tell
                note=f"{ours:.3f} to {theirs:.3f} on {told['pictures']} pictures",
                raw=told,
            )
        ]
    )  # fmt: skip


def motion(_: Options) -> Findings:
    cases = list(json_lines(output("motion.py", "--quick", may_fail=True)))
    visits = [case for case in cases if case["case"] == "visits"]
    kept = min(case["with_gate"] / case["without_gate"] for case in visits)
    spared = 1 - statistics.median(case["looked_alone"] for case in visits)
    raw = {"cases": cases}
    return Findings(
        [
            Row("visits that the motion gate keeps", "events with it ÷ without it", kept, target=Target(1), raw=raw),
            Row("looks that the motion gate spares", "share of the frames while nobody is there", spared),
        ]
    )


def tracking(_: Options) -> Findings:
    table = output("tracking.py").partition("ms/update\n")[2]  # after the head
    rows = [re.split(r"\s{2,}", line.strip()) for line in table.splitlines()]
    mistakes = {name: statistics.fmean(map(float, counts)) for name, *counts, _ in rows}
    ours = mistakes.pop("bridge.track")
    others = ", ".join(f"{name} {count:.1f}" for name, count in mistakes.items())
    compares = "wrong ids in six visits, the mean over frame rates and drops"
    return Findings([Row("tracking mistakes", compares, ours, note=f"others: {others}", raw={"others": mistakes})])


def output(script: str, *arguments: str, may_fail: bool = False) -> str:
    """What the script says on stdout; one that cannot run here says ``skipped: why``."""
    if not (HERE / script).exists():
        raise Missing(f"no benchmarks/{script}")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(HERE / script), *arguments],
        env=environment(), capture_output=True, text=True, check=False, timeout=_LIMIT_S,
    )  # fmt: skip
    if done.returncode and not (may_fail and done.stdout):
        raise RuntimeError(f"{script}: {(done.stderr.strip() or done.stdout.strip() or 'no word').splitlines()[-1]}")
    if done.stdout.startswith("skipped:"):
        raise Missing(done.stdout.partition(":")[2].strip())
    return done.stdout


def json_lines(text: str) -> Iterator[dict[str, Any]]:
    """The JSON objects among the lines that a script says."""
    for line in text.splitlines():
        if line.startswith("{"):
            yield json.loads(line)
