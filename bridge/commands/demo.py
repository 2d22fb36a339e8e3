"""``espcam-bridge demo``: see it work without camera, broker or Home Assistant."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from bridge.demo.show import Show


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the command line asks for.

    Attributes:
        source: a video, picture or folder; None makes footage here.
        cameras: how many simulated cameras.
        duration_s: stop after this time; None: at Ctrl-C.
        model: a model's name or path; None for the automatic choice.
    """

    source: str | None = None
    cameras: int = 2
    duration_s: float | None = None
    model: str | None = None


def run(options: DemoOptions) -> int:
    """Run the demo.

    Returns:
        The exit code.
    """
    # The demo tells its story itself; the log would tell it twice.
    logging.getLogger().setLevel(max(logging.getLogger().level, logging.WARNING))
    Show(options.source, options.cameras, options.model).run(options.duration_s)
    return 0
