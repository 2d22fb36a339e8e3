"""Drawing: where boxes and labels go, and that every text can be drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.frames import codec
from bridge.model import Track
from bridge.serve import annotate


def _black(width: int = 640, height: int = 480) -> np.ndarray:
    return np.zeros((height, width, 3), np.uint8)


def _track(label: str = "person", box: tuple[float, float, float, float] = (0.25, 0.5, 0.75, 0.9)) -> Track:
    return Track(1, label, 0.87, box, 3)


def _drawn_columns(image: np.ndarray, row: int) -> list[int]:
    return [int(column) for column in np.flatnonzero(image[row].any(axis=1))]


def test_a_box_is_drawn_where_the_track_is_whatever_the_size_of_the_picture() -> None:
    for width, height in ((320, 240), (640, 480), (1600, 1200)):
        image = _black(width, height)
        annotate.draw_tracks(image, [_track()])
        drawn = _drawn_columns(image, int(0.7 * height))
        assert min(drawn) == pytest.approx(0.25 * width, abs=3)
        assert max(drawn) == pytest.approx(0.75 * width, abs=3)
        assert not image[int(0.7 * height), int(0.3 * width) : int(0.7 * width)].any(), "the inside stays free"


def test_the_main_tracks_box_has_the_thicker_line() -> None:
    def thickness(main: int | None) -> int:
        image = _black()
        annotate.draw_tracks(image, [_track()], main=main)
        return len(_drawn_columns(image, 400))

    assert thickness(1) > 2 * thickness(None) == 2 * thickness(7)


def test_lines_are_thin_on_small_and_thicker_on_large_pictures() -> None:
    thickness = {}
    for width, height in ((320, 240), (640, 480), (1600, 1200)):
        image = _black(width, height)
        annotate.draw_tracks(image, [_track()])
        thickness[width] = sum(column < width / 2 for column in _drawn_columns(image, int(0.7 * height)))
    assert thickness[320] < thickness[640] < thickness[1600] <= 5


def test_a_label_stands_above_its_box_and_inside_when_there_is_no_room() -> None:
    above = _black()
    annotate.draw_tracks(above, [_track()])
    assert above[230, 170].any(), "above the box, which begins at 240"
    inside = _black()
    annotate.draw_tracks(inside, [_track(box=(0.25, 0.0, 0.75, 0.9))])
    assert inside[10, 170].any(), "inside the box, which begins at 0"


def test_a_label_never_leaves_the_picture_on_the_right() -> None:
    image = _black()
    annotate.draw_tracks(image, [_track("traffic light", (0.97, 0.5, 1.0, 0.9))])
    assert image[230, 639].any()
    assert image[230, 560].any(), "it was moved to the left as a whole"


def test_a_label_has_the_same_colour_in_every_run_and_others_have_others() -> None:
    colours = {}
    for label in ("person", "dog", "bicycle"):
        image = _black()
        annotate.draw_boxes(image, [((100, 200, 300, 400), label, 0.5)])
        colours[label] = tuple(int(value) for value in image[300, 100])
    assert len(set(colours.values())) == 3
    assert colours["person"] == (53, 230, 163), "hash() would change it with every start"


def test_pixel_boxes_and_normalized_tracks_draw_the_same() -> None:
    first, second = _black(), _black()
    annotate.draw_tracks(first, [_track()])
    annotate.draw_boxes(second, [((160, 240, 480, 432), "person", 0.87)])
    assert np.array_equal(first, second)


@given(
    st.lists(
        st.tuples(st.tuples(*[st.floats(-1e9, 1e9)] * 4), st.text(max_size=30), st.floats(0, 1)),
        max_size=4,
    )
)
def test_no_box_and_no_label_makes_drawing_fail(
    boxes: list[tuple[tuple[float, float, float, float], str, float]],
) -> None:
    image = _black(160, 120)
    annotate.draw_boxes(image, boxes)
    assert image.shape == (120, 160, 3)
    assert bool(boxes) or not image.any(), "nothing to draw leaves the picture as it is"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Front door", "Front door"),
        ("Gartentür", "Gartentur"),
        ("Straße", "Strasse"),
        ("Entrée côté cour", "Entree cote cour"),
        ("Wejście główne", "Wejscie glowne"),
        ("Køkken \u2013 nord", "Kokken - nord"),
        ("玄関 1", "1"),
        ("a\tb\nc", "a b c"),
        ("<b>x</b>", "<b>x</b>"),
    ],
)
def test_names_are_written_in_the_letters_that_the_font_has(text: str, expected: str) -> None:
    assert annotate.ascii_text(text) == expected


@pytest.mark.parametrize("text", ["", "玄関", "🚪", "  ", "…", "???"])
def test_a_name_with_nothing_readable_gives_way_to_the_fallback(text: str) -> None:
    assert annotate.ascii_text(text, "front_door") == "front_door"


@given(st.text())
def test_any_text_becomes_printable_ascii(text: str) -> None:
    plain = annotate.ascii_text(text, "x")
    assert plain.isascii()
    assert plain.isprintable()


def test_a_notice_darkens_the_last_picture_and_writes_on_it() -> None:
    bright = np.full((480, 640, 3), 200, np.uint8)
    image = annotate.notice(640, 480, ("Front door", "offline since 03:14:05"), bright)
    assert image.shape == (480, 640, 3)
    assert image[5, 5].max() < 90
    assert image.max() > 230, "white letters"
    assert bright.min() == 200, "the picture itself is left alone"


@pytest.mark.parametrize(("width", "height"), [(160, 120), (640, 480), (1600, 1200), (240, 320)])
def test_a_notice_fits_pictures_of_every_size_however_long_its_text(width: int, height: int) -> None:
    image = annotate.notice(width, height, ("a very long name of a camera in the farthest corner", "offline since 1"))
    ground = image[0, 0]
    written = np.argwhere((image != ground).any(axis=2))
    assert image.shape == (height, width, 3)
    assert written[:, 1].min() >= 0.03 * width
    assert written[:, 1].max() <= 0.97 * width
    assert written[:, 0].min() > 0
    assert written[:, 0].max() < height - 1


def test_a_notice_survives_an_empty_line() -> None:
    assert annotate.notice(320, 240, ("", "")).shape == (240, 320, 3)


def test_annotated_pictures_survive_the_codec() -> None:
    image = _black()
    annotate.draw_tracks(image, [_track()])
    assert codec.decode(codec.encode(image)).shape == image.shape
