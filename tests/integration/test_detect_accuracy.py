"""Our OpenVINO path against ultralytics on the real model and real pictures; COCO's evaluator is the judge."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.integration,
    pytest.mark.model,
    pytest.mark.yolo,
    pytest.mark.timeout(240),  # 128 pictures twice a side: 30 s of two cores
    pytest.mark.skipif(
        importlib.util.find_spec("ultralytics") is None,
        reason="ultralytics is not installed: make test-yolo",
    ),
]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> dict[str, Any]:
    """What ``benchmarks/accuracy.py`` prints."""
    for needed in ("models/yolo11n_int8_openvino_model", "pictures"):
        if not (shared / needed).is_dir():
            pytest.skip(f"no {shared / needed}; test_detect_ultralytics compares on models and pictures made there")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "benchmarks/accuracy.py"],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        cwd=ROOT,
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), "XDG_CACHE_HOME": str(tmp_path_factory.mktemp("c"))},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    content: dict[str, Any] = json.loads(done.stdout)
    return content


def test_mean_precision_is_that_of_ultralytics(report: dict[str, Any]) -> None:
    assert report["pictures"] == 128
    assert report["ours_square"]["map50_95"] == pytest.approx(report["ultralytics"]["map50_95"], abs=0.005)
    assert report["ours_square"]["map50"] == pytest.approx(report["ultralytics"]["map50"], abs=0.005)
    # As the bridge runs, without grey margins: a quarter faster, no worse (0.993 here).
    assert report["ours"]["map50_95"] >= 0.98 * report["ultralytics"]["map50_95"]
    assert report["ours"]["map50_95"] > 0.48  # 0.4925: neither side is broken


def test_boxes_are_those_of_ultralytics(report: dict[str, Any]) -> None:
    boxes = report["boxes"]
    assert boxes["count"] > 500
    assert boxes["without_partner"] == 0
    assert boxes["farthest_px"] < 2
    assert boxes["largest_score_difference"] < 0.02
