"""The arithmetic of ``benchmarks/report.py``: what it says of a figure is right. Nothing is measured here."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from types import ModuleType

_ROOT = Path(__file__).resolve().parents[2]


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_report", _ROOT / "benchmarks" / "report.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_report"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


report = _load()
_FINITE = st.floats(-1e6, 1e6)


@pytest.mark.parametrize(
    ("value", "bound", "at_least", "uncertainty", "verdict"),
    [
        (0.95, 0.95, True, 0.0, "met"),
        (0.949, 0.95, True, 0.0, "short"),
        (3.0, 3.0, False, 0.0, "met"),
        (3.01, 3.0, False, 0.0, "short"),
        (0.5, 1.0, False, 0.4, "met"),
        (0.5, 1.0, False, 0.6, "undecided"),
        (1.5, 1.0, False, 0.6, "undecided"),
        (2.0, 1.0, False, 0.6, "short"),
    ],
)
def test_verdict_follows_value_target_and_uncertainty(
    value: float, bound: float, at_least: bool, uncertainty: float, verdict: str
) -> None:
    row = report.Row("x", "", value, target=report.Target(bound, at_least), uncertainty=uncertainty)
    assert row.verdict == verdict


def test_nothing_is_claimed_while_others_took_the_machine() -> None:
    calm = report.Row("x", "", 2.0, target=report.Target(1), disturbed_cores=0.05)
    assert calm.verdict == "met"
    assert report.Row("x", "", 2.0, target=report.Target(1), disturbed_cores=0.5).verdict == "undecided"


def test_without_value_nothing_is_claimed_and_without_target_nothing_judged() -> None:
    assert report.Row("x", "", target=report.Target(1), problem="no broker").verdict == "not measured"
    assert report.Row("x", "", float("nan"), target=report.Target(1)).verdict == "not measured"
    assert report.Row("x", "", 5.0).verdict == ""


@given(slope=st.floats(-100, 100), intercept=_FINITE, count=st.integers(3, 40))
def test_line_is_found_where_points_lie_on_one(slope: float, intercept: float, count: int) -> None:
    x = list(range(count))
    fit = report.fit_line(x, [intercept + slope * at for at in x])
    assert fit.slope == pytest.approx(slope, abs=1e-6)
    assert fit.uncertainty == pytest.approx(0, abs=1e-6)


def test_line_is_less_sure_when_neighbours_are_alike() -> None:
    x = list(range(40))
    quick = report.fit_line(x, [(-1) ** at for at in x])
    slow = report.fit_line(x, [(-1) ** (at // 10) for at in x])
    assert slow.uncertainty > 2 * quick.uncertainty > 0


def test_line_needs_three_points() -> None:
    with pytest.raises(ValueError, match="three"):
        report.fit_line([1, 2], [1, 2])


@given(st.lists(_FINITE, min_size=1))
def test_percentile_is_one_of_the_values_and_covers_its_share(values: list[float]) -> None:
    for share in (0.0, 0.5, 0.99, 1.0):
        found = report.percentile(values, share)
        assert found in values
        assert sum(value <= found for value in values) >= share * len(values)


def test_knee_is_where_the_first_value_is_left() -> None:
    assert report.knee([1, 2, 4, 8], [5.0, 5.1, 4.9, 2.5]) == 8
    assert report.knee([1, 2, 4], [5.0, None, 5.0]) is None


def test_stages_share_out_exactly_what_the_process_used() -> None:
    told = {
        "process_cpu_s": 10.0,
        "threads": [
            {"name": "ingest", "cpu_s": 2.0, "stages": {"integrity gate": 0.5}},
            {"name": "infer", "cpu_s": 3.0, "stages": {"decoding": 2.0, "tracking": 0.75}},
            {"name": "web-streams", "cpu_s": 1.0},
            {"name": "", "cpu_s": None, "stages": {"decoding": 0.5}},
        ],
    }
    assert report.share_out(told) == pytest.approx(
        {
            "receiving": 1.5,
            "integrity gate": 0.5,
            "decoding": 2.5,
            "tracking": 0.75,
            "hand-over": 0.25,
            "live streams": 1.0,
            "inference": 3.5,
        }
    )


def _rows() -> list[object]:
    return [
        report.Row("speed", "ours ÷ theirs", 0.951, target=report.Target(0.95), note="on two cores"),
        report.Row("memory", "growth", 2.5, "MB", report.Target(2, at_least=False), uncertainty=0.1),
        report.Row("broken", "", problem="no broker"),
    ]


def test_tables_name_value_target_and_verdict() -> None:
    lines = report.markdown_table(_rows()).splitlines()
    assert lines[2] == "| speed | ours ÷ theirs. on two cores | 0.95 | ≥ 0.95 | met |"
    assert lines[3] == "| memory | growth | 2.50 ± 0.10 MB | ≤ 2 MB | **short** |"
    assert "no broker" in lines[4]
    text = report.text_table(_rows())
    assert "broken: no broker" in text
    assert text.index("speed") < text.index("memory") < text.index("broken")


def test_json_holds_verdicts_and_is_json() -> None:
    curve = report.Curve("cameras", "cameras", [1, 2], {"rate": [1.0, None]})
    found = report.joined([report.Findings(_rows()), report.Findings((), [curve], {"inference": 1.0})])
    told = json.loads(json.dumps(report.as_json(found)))
    assert [row["verdict"] for row in told["rows"]] == ["met", "short", "not measured"]
    assert told["curves"][0]["panels"] == {"rate": [1.0, None]}
    assert told["shares_cpu_s"] == {"inference": 1.0}


def test_publishing_replaces_what_stands_between_the_marks_and_nothing_else() -> None:
    page = f"before\n\n{report.BEGIN_MARK}\nold\n{report.END_MARK}\n\nafter\n"
    once = report.insert(page, "new")
    assert once == f"before\n\n{report.BEGIN_MARK}\n\nnew\n\n{report.END_MARK}\n\nafter\n"
    assert report.insert(once, "new") == once
    with pytest.raises(ValueError, match="once"):
        report.insert("no marks", "new")


def test_the_published_page_has_its_marks() -> None:
    page = (_ROOT / "docs" / "performance.md").read_text()
    assert report.insert(page, "x").count("x") >= 1
