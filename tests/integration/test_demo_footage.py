"""The demo's footage from the photographs that the installed ultralytics package carries."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.demo.footage import FPS, WALKS, PhotoWalk, demo_sources
from bridge.errors import DependencyMissing, SourceError
from bridge.frames.codec import decode

pytestmark = pytest.mark.integration

REPO = Path(__file__).resolve().parents[2]
installed = pytest.mark.skipif(importlib.util.find_spec("ultralytics") is None, reason="ultralytics is not installed")


@installed
def test_every_camera_films_another_place_or_moment() -> None:
    pictures = [source.read(0) for source in demo_sources(4)]
    assert len({picture for picture in pictures if picture}) == 4


@installed
def test_neither_ultralytics_nor_pytorch_is_loaded_for_it() -> None:
    program = (
        "import sys; from bridge.demo.footage import demo_sources; assert demo_sources(2)[1].read(0);"
        " print(sorted({'ultralytics', 'torch'} & set(sys.modules)))"
    )
    environment = os.environ | {"PYTHONPATH": str(REPO)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "[]"


def test_without_ultralytics_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ultralytics", None)
    with pytest.raises(DependencyMissing, match=r"pip install 'espcam-bridge\[yolo\]', or .* --source PATH"):
        demo_sources(1)


def test_an_ultralytics_without_photographs_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ultralytics").mkdir()
    (tmp_path / "ultralytics" / "__init__.py").touch()
    monkeypatch.delitem(sys.modules, "ultralytics", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SourceError, match=r"without its photograph bus\.jpg; .* --source PATH"):
        demo_sources(1)


@installed
@pytest.mark.model
@pytest.mark.parametrize("place", range(len(WALKS)), ids=[walk.photograph for walk in WALKS])
def test_the_model_sees_people_during_the_visits_and_nobody_between(place: int, shared: Path) -> None:
    from bridge.detect.load import load_detector
    from bridge.detect.port import DetectorSettings

    model = shared / "models" / "yolo11n_int8_openvino_model"
    detector = load_detector(DetectorSettings(model=str(model)), os.environ)
    walk = WALKS[place]
    (source,) = [one for one in demo_sources(len(WALKS)) if isinstance(one, PhotoWalk) and one.walk is walk]

    def people(at_s: float) -> list[float]:
        jpeg = source.read(round((at_s - source.start_s) % walk.duration_s * FPS))
        assert jpeg is not None
        (found,) = detector.detect([decode(jpeg)], 0.15, 0.45)
        return sorted((one.score for one in found if one.label == "person"), reverse=True)

    visits = [people(5.0 + step) for step in range(7)] + [people(24.0 + step) for step in range(7)]
    rests = [people(at_s) for at_s in (0.0, 1.5, 3.0, 13.0, 16.0, 19.0, 22.0, 32.0, 35.0, 37.9)]
    detector.close()
    assert min(scores[0] if scores else 0.0 for scores in visits) > 0.5
    assert rests == [[]] * len(rests)
