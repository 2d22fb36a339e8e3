from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.adapt.ladder import WORST_QUALITY, Settings, at, rungs
from bridge.link.table import FRAMESIZES

SIZES = tuple(FRAMESIZES)
CEILING = Settings("UXGA", 12, 15.0)


def cost(settings: Settings) -> float:
    """Something that grows with the bytes a second."""
    width, height = FRAMESIZES.get(settings.framesize or "VGA", (640, 480))
    return width * height * (settings.max_fps or 1.0) / (settings.quality or 1)


def test_it_goes_from_what_costs_least_to_what_hurts() -> None:
    assert rungs(CEILING, SIZES, 5.0) == (
        Settings("UXGA", 12, 15.0),
        Settings("UXGA", 18, 15.0),
        Settings("UXGA", 26, 15.0),
        Settings("XGA", 26, 15.0),
        Settings("SVGA", 26, 15.0),
        Settings("VGA", 26, 15.0),
        Settings("VGA", 26, 9.0),
        Settings("VGA", 26, 5.0),
        Settings("QVGA", 26, 5.0),
        Settings("QVGA", 26, 2.5),
        Settings("QVGA", 26, 1.0),
    )


def test_a_size_of_another_shape_is_never_taken() -> None:
    """The sensor would cut the picture, and zones would lie elsewhere."""
    found = {step.framesize for step in rungs(Settings("HD", None, None), SIZES, 5.0)}
    assert found == {"HD"}
    assert not {"SXGA", "HD", "HVGA"} & {step.framesize for step in rungs(CEILING, SIZES, 5.0)}


@pytest.mark.parametrize(
    ("ceiling", "lowest"),
    [
        (Settings(), Settings()),
        (Settings(quality=39), Settings(quality=WORST_QUALITY)),
        (Settings(quality=50), Settings(quality=50)),
        (Settings(framesize="QQVGA"), Settings(framesize="QQVGA")),
        (Settings(framesize="96X96"), Settings(framesize="96X96")),
        (Settings(max_fps=1.0), Settings(max_fps=1.0)),
        (Settings(max_fps=0.5), Settings(max_fps=0.5)),
        (Settings(max_fps=4.0), Settings(max_fps=1.0)),
    ],
)
def test_what_cannot_be_set_or_is_low_already_stays(ceiling: Settings, lowest: Settings) -> None:
    assert rungs(ceiling, SIZES, 5.0)[-1] == lowest


@given(
    st.builds(
        Settings,
        framesize=st.none() | st.sampled_from(SIZES),
        quality=st.none() | st.integers(4, 63),
        max_fps=st.none() | st.floats(0.5, 60),
    ),
    st.sets(st.sampled_from(SIZES)).map(tuple),
    st.floats(0.5, 60),
)
def test_each_step_sends_less_than_the_one_before(ceiling: Settings, sizes: tuple[str, ...], detect_fps: float) -> None:
    steps = rungs(ceiling, sizes, detect_fps)
    assert steps[0] == ceiling
    assert all(cost(lower) < cost(higher) for higher, lower in pairwise(steps))
    assert {step.framesize for step in steps[1:]} <= {ceiling.framesize, *sizes}


def test_while_an_event_is_open_the_detector_gets_its_pictures() -> None:
    steps = rungs(CEILING, SIZES, 5.0)
    lowest = len(steps) - 1
    quiet = at(steps, lowest, eventful=False, detect_fps=5.0, idle_fps=None)
    busy = at(steps, lowest, eventful=True, detect_fps=5.0, idle_fps=2.0)
    assert (quiet.max_fps, busy.max_fps) == (1.0, 5.0)
    assert quiet.framesize == busy.framesize == "QVGA"
    slow = rungs(Settings(max_fps=3.0), SIZES, 5.0)
    assert at(slow, 0, eventful=True, detect_fps=5.0, idle_fps=None).max_fps == 3.0, "never more than is wanted"


def test_while_nothing_happens_fewer_are_enough() -> None:
    steps = rungs(CEILING, SIZES, 5.0)
    assert at(steps, 0, eventful=False, detect_fps=5.0, idle_fps=2.0) == Settings("UXGA", 12, 2.0)
    assert at(steps, 10, eventful=False, detect_fps=5.0, idle_fps=2.0).max_fps == 1.0
    assert at((Settings(quality=9),), 0, eventful=False, detect_fps=5.0, idle_fps=2.0) == Settings(quality=9)
