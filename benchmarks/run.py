"""Measure everything in one go: each figure beside its limit, in the same run on the same machine.

    python benchmarks/run.py [--quick] [--only NAME...] [--soak MINUTES] [--out DIR] [--publish]

Writes a table, ``results.json`` and three plots to ``benchmarks/results``; ``--publish`` puts them into
``docs/performance.md`` as well. A measurement that fails costs its row, not the run. Nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import json
import os
import platform
import re
import resource
import sys
import time
import traceback
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import report
from harness import HERE, MODEL, ROOT, Missing, Options, machine_cpu_s

_PACKAGES = ("openvino", "opencv-python", "numpy", "websockets", "ultralytics")


@dataclass(frozen=True)
class Measurement:
    """Where it is, and about how many seconds it takes in full and ``--quick`` (0: left out)."""

    module: str
    function: str
    full_s: int
    quick_s: int
    cpu_time: bool = False  # counts CPU time alone: other load slows it down, but does not spoil it


MEASUREMENTS = {
    "throughput": Measurement("throughput", "measure", 90, 14),
    "latency": Measurement("latency", "measure", 72, 14),
    "live": Measurement("live", "measure", 85, 18),
    "viewers": Measurement("scripts", "viewers", 55, 10, cpu_time=True),
    "still": Measurement("still", "measure", 26, 10, cpu_time=True),
    "ingest": Measurement("scripts", "ingest", 8, 4, cpu_time=True),
    "accuracy": Measurement("scripts", "accuracy", 26, 9, cpu_time=True),
    "startup": Measurement("startup", "measure", 15, 5),
    "memory": Measurement("memory", "measure", 125, 10, cpu_time=True),
    "cameras": Measurement("growth", "measure_cameras", 62, 10),
    "viewer-growth": Measurement("growth", "measure_viewers", 40, 9),
    "sizes": Measurement("growth", "measure_sizes", 42, 8),
    "hotpath": Measurement("hotpath", "measure", 20, 7),
    "motion": Measurement("scripts", "motion", 30, 0, cpu_time=True),
    "tracking": Measurement("scripts", "tracking", 15, 0, cpu_time=True),
}


def main() -> int:
    """Measure, print and write."""
    chosen = arguments()
    options = Options(quick=chosen.quick, soak_min=chosen.soak, say=lambda text: print(text, flush=True))
    expected_s = {name: one.quick_s if chosen.quick else one.full_s for name, one in MEASUREMENTS.items()}
    names = chosen.only or [name for name, seconds in expected_s.items() if seconds]
    if chosen.soak:
        expected_s["memory"] = round(60 * chosen.soak)
    minutes = sum(expected_s[name] for name in names) / 60
    options.say(f"{len(names)} measurements, about {minutes:.1f} minutes; leave the machine alone meanwhile")
    began_s, found = time.monotonic(), []
    for place, name in enumerate(names, 1):
        options.say(f"[{place}/{len(names)}] {name}: about {expected_s[name]} s ...")
        start_s = time.monotonic()
        before_s = others_cpu_s()
        findings = attempt(name, options)
        others = (others_cpu_s() - before_s) / (time.monotonic() - start_s)
        findings = disturbed(findings, others, MEASUREMENTS[name])
        found.append(findings)
        for row in findings.rows:
            shown = report.shown_value(row) if row.value is not None else row.problem
            target = f"  ({report.shown_target(row)}: {row.verdict})" if row.target else ""
            options.say(f"    {row.name}: {shown}{target}")
        options.say(f"    took {time.monotonic() - start_s:.0f} s; others took {others:.2f} cores meanwhile")
    findings = report.joined(found)
    document = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": "make bench ARGS=--quick" if chosen.quick else "make bench",
        "took_s": round(time.monotonic() - began_s),
        "model": MODEL.name,
        "machine": machine(),
        **report.as_json(findings),
    }
    options.say("\n" + report.text_table(findings.rows))
    write(chosen.out, document, findings, publish=chosen.publish)
    options.say(f"\n{chosen.out}/results.json, performance.md and plots; took {document['took_s']} s")
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="everything within two minutes, less exact")
    parser.add_argument("--only", nargs="+", choices=list(MEASUREMENTS), metavar="NAME", help=", ".join(MEASUREMENTS))
    parser.add_argument("--soak", type=float, default=0.0, metavar="MINUTES", help="how long memory is watched")
    parser.add_argument("--out", type=Path, default=HERE / "results", metavar="DIR")
    parser.add_argument("--publish", action="store_true", help="write docs/performance.md and its plots")
    chosen = parser.parse_args()
    if chosen.publish and chosen.only:
        parser.error("--publish shows one whole run; leave --only out")
    return chosen


def attempt(name: str, options: Options) -> report.Findings:
    """Run one measurement; when it cannot, its row says why."""
    measurement = MEASUREMENTS[name]
    try:
        module = importlib.import_module(measurement.module)
        findings: report.Findings = getattr(module, measurement.function)(options)
    except Missing as missing:
        return report.Findings([report.Row(name, "", problem=str(missing))])
    except Exception as error:  # noqa: BLE001 - whatever it is, the others are measured
        traceback.print_exc()
        return report.Findings([report.Row(name, "", problem=f"{type(error).__name__}: {error}")])
    return findings


def others_cpu_s() -> float:
    """CPU seconds of the machine that are neither ours nor our ended processes'."""
    own = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return machine_cpu_s() - sum(usage.ru_utime + usage.ru_stime for usage in own)


def disturbed(findings: report.Findings, cores: float, measurement: Measurement) -> report.Findings:
    """The findings with a word on what else ran, where it was more than a little."""
    if cores <= report.DISTURBED_CORES or measurement.cpu_time:
        return findings
    word = f"others took {cores:.2f} cores meanwhile, so nothing is claimed"
    rows = [
        replace(row, disturbed_cores=cores, note="; ".join(filter(None, (row.note, word)))) for row in findings.rows
    ]
    return replace(findings, rows=rows)


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    cpu = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    versions = {"Python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "cpu": cpu[1] if cpu else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9,
        "system": f"{platform.system()} {platform.release()}",
        "load_before": os.getloadavg()[0],
        "versions": versions,
    }


def write(out: Path, document: dict[str, Any], findings: report.Findings, *, publish: bool) -> None:
    """Table, JSON and plots; where matplotlib is missing, all but the plots."""
    out.mkdir(parents=True, exist_ok=True)
    generated = report.markdown(document, findings)
    (out / "results.json").write_text(json.dumps(document, indent=1) + "\n")
    (out / "performance.md").write_text(generated + "\n")
    try:
        import plots
    except ImportError:
        print("no plots: pip install -e '.[bench]'")
        return
    drawn = {}
    if findings.rows:
        drawn["performance.svg"] = plots.targets(findings.rows)
    if findings.curves:
        drawn["performance-growth.svg"] = plots.growth(findings.curves)
    if findings.shares:
        drawn["performance-profile.svg"] = plots.stages(findings.shares)
    for name, svg in drawn.items():
        (out / name).write_text(svg)
    if publish:
        page = ROOT / "docs" / "performance.md"
        page.write_text(report.insert(page.read_text(), generated))
        for name, svg in drawn.items():
            (page.parent / name).write_text(svg)


if __name__ == "__main__":
    sys.exit(main())
