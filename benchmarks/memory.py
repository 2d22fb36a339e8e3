"""Does memory grow? Cameras and viewers come and go for minutes; what the bridge holds is noted whenever all are gone.

Growth is a line through those notes, the first third left out (what is allocated once is allocated then), in percent
an hour with its uncertainty. Minutes cannot tell 1 % an hour for sure; ``--soak 60`` can.
"""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path

import pictures
from harness import Options, Stage
from report import Findings, Fit, Row, Target, fit_line

_POOL = 8  # cameras that come and go
_HOUR_S = 3600.0
_WARM_S = 600.0
_STEP_SHARE = 0.005  # allocators take memory in steps: 2 MB of 400 once is not yet growth


def measure(options: Options) -> Findings:
    seconds = options.soak_min * 60 or options.pick(120, 7)
    noted: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as name, Stage() as stage:
        folder = Path(name)
        scenes = [pictures.walking(folder), pictures.still(folder)]
        chance = random.Random(1)  # noqa: S311 - the same comings and goings every time
        began_s = time.monotonic()
        while (now_s := time.monotonic() - began_s) < seconds:
            visit(stage, chance, scenes, options.pick(1.2, 0.4))
            noted.append((now_s, stage.rss_mb()))
            options.say(f"    {now_s:.0f} of {seconds:.0f} s: {noted[-1][1]:.1f} MB") if len(noted) % 20 == 0 else None
    kept = noted[len(noted) // 3 :]
    line = slope(kept)
    percent_an_hour = 100 * _HOUR_S / kept[0][1]
    return Findings(
        [
            Row(
                "memory over an hour of churn",
                f"growth of what the bridge holds, from {kept[-1][0] - kept[0][0]:.0f} s of coming and going",
                line.slope * percent_an_hour, "%", Target(1, at_least=False),
                uncertainty=line.uncertainty * percent_an_hour,
                note=f"{kept[0][1]:.1f} MB at first, {kept[-1][1]:.1f} MB at last; `--soak 60` decides",
                raw={"s_mb": noted},
            )
        ]
    )  # fmt: skip


def slope(noted: list[tuple[float, float]]) -> Fit:
    """MB a second; at least as unsure as one more step of the allocator would make it.

    In the first minutes all growth may be warming up: until then the whole of it is in doubt.
    """
    line = fit_line(*zip(*noted, strict=True))
    watched_s = noted[-1][0] - noted[0][0]
    doubt = abs(line.slope) if watched_s < _WARM_S else 0.0
    return Fit(line.slope, max(line.uncertainty, _STEP_SHARE * noted[0][1] / watched_s, doubt))


def visit(stage: Stage, chance: random.Random, scenes: list[Path], seconds: float) -> None:
    """Some cameras come, some viewers with them, and all go."""
    count = chance.randint(1, _POOL)
    with stage.cameras(count, 10, chance.choice(scenes)), stage.viewers(chance.randint(1, 6), count):
        time.sleep(seconds * chance.uniform(0.5, 1.5))
    time.sleep(0.2)
