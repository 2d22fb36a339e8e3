"""How soon a real Home Assistant acts: from a person's first frame to the run of an automation.

Needs what ``make test-homeassistant`` installs (``HA=newest`` chooses the other one). The bridge has its own defaults,
but for the end of a visit: three sure frames make an event, five a second are looked at. With the shared model and
footage a real person comes and goes; without them drawn ones and a model that finds those::

    .venv/bin/python benchmarks/homeassistant.py --visits 30 --out results.json
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pictures
from harness import FOOTAGE, MODEL, ROOT
from report import percentile

sys.path.insert(0, str(ROOT))  # for the tests' harness

from tests.homeassistant.harness import drawn
from tests.homeassistant.harness.home import why_missing
from tests.homeassistant.harness.house import House, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

AUTOMATIONS = {
    "event": "trigger: state of the event entity",
    "mqtt": "trigger: the MQTT topic of the events",
    "occupancy": "trigger: state of the occupancy sensor",
}
SINCE = {
    "sight": "from the picture in which the camera has a person before it",
    "first": "from the first frame with a person in it that the bridge looked at",
    "sure": "from the frame that made it an event",
}
_PATIENCE_S = 15.0
_SEED = 30


@dataclass(frozen=True)
class Scene:
    """What the camera sees.

    Attributes:
        detector: the bridge's section.
        somebody: a picture with a person.
        nobody: one without.
        words: what that is.
    """

    detector: dict[str, Any]
    somebody: bytes
    nobody: bytes
    words: str


def scene(folder: Path) -> Scene:
    """The real one where the shared material is there, else a drawn one."""
    if not (MODEL.exists() and FOOTAGE.exists()):
        detector = {"model": str(drawn.save_model(folder / "drawn"))}
        return Scene(detector, drawn.picture(drawn.Somebody()), drawn.picture(), "drawn people")
    people = sorted(pictures.walking(folder).glob("*.jpg"))
    empty = sorted(pictures.still(folder).glob("*.jpg"))
    middle = people[len(people) // 2]
    return Scene({"model": str(MODEL)}, middle.read_bytes(), empty[0].read_bytes(), "YOLO11n INT8, a real person")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visits", type=int, default=30)
    parser.add_argument("--out", type=Path, metavar="FILE", help="all figures as JSON; Markdown with .md")
    chosen = parser.parse_args()
    if reason := why_missing():
        print(reason, file=sys.stderr)
        return 1
    result = measure(chosen.visits)
    page = markdown(result)
    print(page)
    if chosen.out is not None:
        chosen.out.write_text(page if chosen.out.suffix == ".md" else json.dumps(result, indent=1) + "\n")
    return 0


def measure(visits: int) -> dict[str, Any]:
    """Let somebody come and go so often.

    Returns:
        ``version``, ``scene``, ``visits`` and ``ms``: automation → where the time begins → milliseconds of each visit.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        seen = scene(folder)
        rules = {"defaults": {"events": {"end_after_s": 1.0}}, "detector": seen.detector}
        with House(folder, bridge=rules) as house:
            wait_until(lambda: house.bridge.ready, 30, "the bridge has its model")
            house.cameras["porch"].show_picture(seen.nobody)
            time.sleep(2)  # the scene changed altogether, which is motion
            listener = house.listen("espcam/porch/events")
            came_unix_s = play(house, seen, visits)
            changes = [heard.json() for heard in listener.on("espcam/porch/events")]
            listener.close()
            told = [change for change in changes if change["type"] == "new"]
            ms = {name: since_ms(house, name, came_unix_s, told) for name in AUTOMATIONS}
            return {"version": house.home.version, "scene": seen.words, "visits": len(told), "ms": ms}


def play(house: House, seen: Scene, visits: int) -> list[float]:
    """Let somebody come and go; returns when the camera first had each before it (Unix time)."""
    camera, home, dice, came_unix_s = house.cameras["porch"], house.home, random.Random(_SEED), []  # noqa: S311 - no secret
    for number in range(1, visits + 1):
        came_unix_s.append(time.time())
        camera.show_picture(seen.somebody)
        for automation in AUTOMATIONS:
            wait_until(_ran(house, automation, number), _PATIENCE_S, f"{automation} runs for visit {number}")
        camera.show_picture(seen.nobody)
        home.wait_for("binary_sensor.porch_person", "off", _PATIENCE_S)
        time.sleep(dice.uniform(0.5, 1.5))  # at no fixed place between two looks of the detector
    return came_unix_s


def _ran(house: House, automation: str, times: int) -> Callable[[], bool]:
    return lambda: len(house.home.runs(automation)) >= times


def since_ms(
    house: House, automation: str, came_unix_s: list[float], told: list[dict[str, Any]]
) -> dict[str, list[float]]:
    """Milliseconds to each run, from each of ``SINCE``.

    Raises:
        RuntimeError: there are not as many runs as visits.
    """
    runs = house.home.runs(automation)
    if not len(runs) == len(told) == len(came_unix_s):
        raise RuntimeError(f"{len(came_unix_s)} came, {len(told)} events, {len(runs)} runs of {automation}")
    begins = {
        "sight": came_unix_s,
        "first": [_unix_s(change["start_time"]) for change in told],
        "sure": [_unix_s(change["frame_time"]) for change in told],
    }
    return {
        since: [(run.at_unix_s - begin) * 1000 for run, begin in zip(runs, all_begin, strict=True)]
        for since, all_begin in begins.items()
    }


def _unix_s(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def markdown(result: dict[str, Any]) -> str:
    """A table of the medians and the slowest hundredth."""
    lines = [
        f"Home Assistant {result['version']}, {result['visits']} visits ({result['scene']}); ms, p50 / p99:",
        "",
        f"| automation | {' | '.join(SINCE.values())} |",
        f"|---{'|---' * len(SINCE)}|",
    ]
    for automation, words in AUTOMATIONS.items():
        taken = result["ms"][automation]
        cells = [f"{percentile(taken[since], 0.5):.0f} / {percentile(taken[since], 0.99):.0f}" for since in SINCE]
        lines.append(f"| {words} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
