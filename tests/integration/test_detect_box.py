"""The model in the box on what it never learned from: the held-out photographs, and the footage of six visits."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bridge.detect.load import load_detector
from bridge.detect.port import DetectorSettings

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "training"))

import examine  # noqa: E402 - a folder of its own, which no package is

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.detect.port import Detector

pytestmark = [pytest.mark.integration, pytest.mark.model, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def detector() -> Iterator[Detector]:
    loaded = load_detector(DetectorSettings(model="starter", workers=1), os.environ)
    yield loaded
    loaded.close()


@pytest.fixture(scope="module")
def held(detector: Detector, shared: Path) -> dict[str, Any]:
    """What ``training/examine.py`` prints of the photographs."""
    if not (shared / "people").is_dir():
        pytest.skip(f"no {shared / 'people'}")
    return examine.on_photographs(detector, shared)


def test_it_finds_most_of_whom_the_teacher_finds(held: dict[str, Any]) -> None:
    assert held["persons"] > 500
    assert held["recall"] > 0.70
    assert held["precision"] > 0.80
    assert held["ap50"] > 0.75


def test_who_is_near_is_hardly_ever_missed(held: dict[str, Any]) -> None:
    assert held["recall_large"] > 0.93
    assert held["recall_large"] > held["recall_middle"] > held["recall_small"]


VISITS_S = (6.5, 23, 50.5, 74.5, 92.5, 123.5)
"""When the six people of the footage come into the picture."""


def test_every_visit_is_told_when_it_begins_and_hardly_one_twice(detector: Detector, shared: Path) -> None:
    """Of the third one it makes two: it takes her shoulder for another person. YOLO11n makes six."""
    footage = shared / "footage" / "one-by-one-person.mp4"
    if not footage.exists():
        pytest.skip(f"no {footage}")
    begun_s = examine.visits(detector, footage)
    assert [any(abs(begun - visit) < 1 for begun in begun_s) for visit in VISITS_S] == [True] * len(VISITS_S), begun_s
    assert len(begun_s) <= len(VISITS_S) + 1, begun_s
