"""Cameras that change while they are analysed, come and go: what is open goes on, and nothing crashes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bridge.detect.fake import FakeDetector
from bridge.errors import UnknownCamera
from bridge.motion.gate import MotionSettings
from bridge.track.filters import DetectionFilter
from bridge.track.zones import Zone
from tests.unit.pipeline.site import EMPTY, PLAN, YARD, Site, picture

if TYPE_CHECKING:
    from collections.abc import Callable

LEFT = Zone("left", ((0, 0), (0.6, 0), (0.6, 1), (0, 1)), inertia_frames=1)


def visited(site_with: Callable[..., Site], *more: object) -> Site:
    """A site with a person in front of the door, whose event is open."""
    site = site_with(FakeDetector(), PLAN, *more)
    for _ in range(3):
        site.turn(door=picture(20))
    assert site.sink.kinds("new", "end") == ["new"]
    return site


@pytest.mark.parametrize(
    "change",
    [
        {"zones": (LEFT,)},
        {"motion": MotionSettings()},
        {"thumbnail_px": 120, "snapshot_interval_s": 0.0},
        {"rules": replace(PLAN.rules, end_after_s=9.0, min_hits=5)},
        {"filter": DetectionFilter(confidence=0.4)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_open_event_goes_on_with_changed_settings(site_with: Callable[..., Site], change: dict[str, object]) -> None:
    site = visited(site_with)
    site.pipeline.change_camera(replace(PLAN, **change))
    for _ in range(5):
        site.turn(door=picture(24))
    assert site.sink.kinds("new", "end") == ["new"]
    scene = site.store.scene("door")
    assert scene is not None
    assert [(track.track_id, track.hits) for track in scene.tracks] == [(1, 8)], "it is followed from the beginning on"
    if "zones" in change:
        assert site.sink.of("zones")[-1] == {"left": {"person": 1}}


def test_a_longer_pause_counts_at_once(site_with: Callable[..., Site]) -> None:
    site = visited(site_with)
    site.pipeline.change_camera(replace(PLAN, rules=replace(PLAN.rules, end_after_s=8.0)))
    for _ in range(25):  # five seconds, more than the three of before
        site.turn(door=EMPTY)
    for _ in range(3):
        site.turn(door=picture(24))
    assert site.sink.kinds("new", "end") == ["new"]


@pytest.mark.parametrize("change", [{"rotate": 180}, {"detect": False}])
def test_what_cannot_be_found_again_ends(site_with: Callable[..., Site], change: dict[str, object]) -> None:
    site = visited(site_with)
    site.pipeline.change_camera(replace(PLAN, **change))
    site.turn(door=picture(24))
    assert site.sink.kinds("new", "end") == ["new", "end"]


def test_a_camera_that_goes_ends_its_events_and_what_is_under_way_of_it_counts_no_more(
    site_with: Callable[..., Site],
) -> None:
    site = visited(site_with, YARD)
    site.put("door", picture(24))
    assert site.pipeline.remove_camera("door", 5.0)
    site.store.remove_camera("door")
    assert site.sink.kinds("new", "end") == ["new", "end"]
    for x in (20, 40, 60):
        site.turn(yard=picture(x))
    assert site.sink.kinds("new", camera_id="yard") == ["new"], "the others go on"
    with pytest.raises(UnknownCamera, match="there is no camera 'door'"):
        site.store.status("door")
    assert [status.camera_id for status in site.store.statuses()] == ["yard"]
    site.pipeline.change_camera(PLAN)  # somebody was late
    site.pipeline.set_confidence("door", 0.5, done=lambda: None)
    site.turn()
    site.add(PLAN)
    for _ in range(3):
        site.turn(door=picture(20))
    assert site.sink.kinds("new", "end") == ["new", "end", "new"], "and back it is"
