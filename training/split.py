"""Which photographs are learned from, and which are held out. Pure.

Neighbouring photographs show the same street: whole runs of them are held out, and those beside such a run are left out
of both, so that no scene is in training and in the examination.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

RUN: Final = 20
"""Photographs in a row that stay together."""

EVERY: Final = 10
"""Of the runs, one is held out."""

BESIDE: Final = 3
"""Photographs next to a run that is held out, which nobody learns from either."""


def split(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Those to learn from, and those held out: a tenth.

    Args:
        names: of the photographs; their order says which were taken one after another.
    """
    ordered = sorted(names)
    held = [place // RUN % EVERY == EVERY // 2 for place in range(len(ordered))]
    near = [any(held[max(0, place - BESIDE) : place + BESIDE + 1]) for place in range(len(ordered))]
    learn = [name for name, close in zip(ordered, near, strict=True) if not close]
    return learn, [name for name, out in zip(ordered, held, strict=True) if out]
