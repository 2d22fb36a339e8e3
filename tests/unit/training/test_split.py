"""What is held out of the training shares no scene with what is learned from."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "training"))

from split import BESIDE, RUN, split  # noqa: E402 - a folder of its own, which no package is


def test_a_tenth_is_held_out_in_whole_runs_and_their_neighbours_are_in_neither() -> None:
    names = [f"{number:06d}" for number in range(1569)]
    learn, held = split(list(reversed(names)))
    assert 0.09 < len(held) / len(names) < 0.11
    assert not set(learn) & set(held)
    places = {name: place for place, name in enumerate(names)}
    held_places = [places[name] for name in held]
    assert all(
        len([p for p in held_places if p // RUN == place // RUN]) in {RUN, len(names) % RUN} for place in held_places
    )
    nearest = min(abs(places[one] - place) for one in learn for place in held_places)
    assert nearest == BESIDE + 1
    assert split(names) == (learn, held), "the same every time, whatever the order"


def test_few_photographs_are_all_learned_from() -> None:
    assert split(["b", "a"]) == (["a", "b"], [])
