from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.detect.agreement import SLACK, compare, overlap, threshold
from bridge.model import Detection

CONFIDENCE = 0.25


def thing(x: float, score: float = 0.8, label: str = "person", side: float = 10.0) -> Detection:
    return Detection(label, score, (x, 0.0, x + side, side))


def test_the_same_answers_agree_fully() -> None:
    seen = [[thing(0), thing(50, label="dog")], [], [thing(3, 0.3)]]
    agreement = compare(seen, seen, CONFIDENCE)
    assert (agreement.expected, agreement.found, agreement.f1, agreement.score_difference) == (3, 3, 1.0, 0.0)


def test_what_is_missed_lowers_recall_and_what_is_invented_lowers_precision() -> None:
    reference, other = [[thing(0), thing(100), thing(200), thing(300)]], [[thing(0), thing(100), thing(500)]]
    agreement = compare(reference, other, CONFIDENCE)
    assert agreement.recall == 2 / 4
    assert agreement.precision == pytest.approx(2 / 3)
    assert agreement.f1 == pytest.approx(2 * (1 / 2) * (2 / 3) / (1 / 2 + 2 / 3))


def test_another_label_or_place_is_another_thing() -> None:
    assert compare([[thing(0)]], [[thing(0, label="dog")]], CONFIDENCE).f1 == 0
    assert compare([[thing(0)]], [[thing(4)]], CONFIDENCE).f1 == 0  # IoU 6 / 14
    assert compare([[thing(0)]], [[thing(3)]], CONFIDENCE).f1 == 1  # IoU 7 / 13
    assert compare([[thing(0)], []], [[], [thing(0)]], CONFIDENCE).f1 == 0  # another picture


def test_a_score_that_flickers_around_the_threshold_costs_nothing() -> None:
    clear, faint = [[thing(0, CONFIDENCE + 0.02)]], [[thing(0, CONFIDENCE - 0.02)]]
    for one, other in ((clear, faint), (faint, clear)):
        agreement = compare(one, other, CONFIDENCE)
        assert (agreement.recall, agreement.precision) == (1, 1)
    assert compare(clear, [[thing(0, CONFIDENCE - SLACK - 0.01)]], CONFIDENCE).recall == 1  # never asked for, see below
    assert threshold(CONFIDENCE) == CONFIDENCE - SLACK
    assert threshold(0.05) == 0.01


def test_a_second_box_on_one_thing_is_not_confirmed() -> None:
    agreement = compare([[thing(0)]], [[thing(0), thing(0.5, 0.7)]], CONFIDENCE)
    assert (agreement.recall, agreement.precision) == (1, 0.5)


def test_lower_scores_show_as_a_negative_difference() -> None:
    reference, other = [[thing(0, 0.8), thing(50, 0.6)]], [[thing(0, 0.7), thing(50, 0.6)]]
    assert compare(reference, other, CONFIDENCE).score_difference == pytest.approx(-0.05)


def test_nothing_against_nothing_agrees() -> None:
    agreement = compare([[]], [[]], CONFIDENCE)
    assert (agreement.expected, agreement.f1) == (0, 1.0)


boxes = st.builds(thing, st.floats(0, 300), st.floats(0.15, 1), st.sampled_from(["person", "dog"]))
pictures = st.lists(st.lists(boxes, max_size=6), min_size=1, max_size=4)


@given(pictures, st.data())
def test_recall_one_way_is_precision_the_other_way(reference: list[list[Detection]], data: st.DataObject) -> None:
    count = len(reference)
    other = data.draw(st.lists(st.lists(boxes, max_size=6), min_size=count, max_size=count))
    there, back = compare(reference, other, CONFIDENCE), compare(other, reference, CONFIDENCE)
    assert (there.recall, there.precision) == (back.precision, back.recall)
    assert there.f1 == pytest.approx(back.f1)
    assert 0 <= there.f1 <= 1


@given(boxes, boxes)
def test_overlap_is_symmetric_and_full_only_for_the_same_box(one: Detection, other: Detection) -> None:
    shared = overlap(one.box_xyxy_px, other.box_xyxy_px)
    assert shared == pytest.approx(overlap(other.box_xyxy_px, one.box_xyxy_px))
    assert 0 <= shared <= 1
    assert overlap(one.box_xyxy_px, one.box_xyxy_px) == pytest.approx(1)
