"""The demo's footage, with the portrait in the installed matplotlib, and the model in the box looking at it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.demo.footage import FPS, WALKS, RoomFilm, demo_sources
from bridge.detect.load import load_detector
from bridge.detect.port import DetectorSettings
from bridge.errors import DependencyMissing, SourceError
from bridge.frames.codec import decode

pytestmark = pytest.mark.integration

REPO = Path(__file__).resolve().parents[2]


def test_every_camera_films_another_place_or_moment() -> None:
    pictures = [source.read(30) for source in demo_sources(4)]
    assert len({picture for picture in pictures if picture}) == 4


def test_neither_matplotlib_nor_pytorch_is_loaded_for_it() -> None:
    program = (
        "import sys; from bridge.demo.footage import demo_sources; assert demo_sources(2)[1].read(0);"
        " print(sorted({'matplotlib', 'ultralytics', 'torch'} & set(sys.modules)))"
    )
    environment = os.environ | {"PYTHONPATH": str(REPO)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "[]"


def test_without_matplotlib_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(DependencyMissing, match=r"pip install matplotlib, or .* --source PATH"):
        demo_sources(1)


def test_a_matplotlib_without_its_portrait_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "matplotlib").mkdir()
    (tmp_path / "matplotlib" / "__init__.py").touch()
    monkeypatch.delitem(sys.modules, "matplotlib", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SourceError, match=r"without mpl-data/sample_data/grace_hopper\.jpg; .* --source PATH"):
        demo_sources(1)


@pytest.mark.model
@pytest.mark.parametrize("place", range(len(WALKS)), ids=["there", "mirrored"])
@pytest.mark.parametrize("model", ["starter", "yolo11n"])
def test_the_model_sees_her_while_she_stands_there_and_nobody_else(model: str, place: int) -> None:
    if model == "yolo11n" and not (REPO.parent / "shared" / "models").is_dir():
        pytest.skip("no YOLO11n here; the model in the box is tried")
    detector = load_detector(DetectorSettings(model=model, workers=1), os.environ)
    (film,) = [one for one in demo_sources(2) if isinstance(one, RoomFilm) and one.walk is WALKS[place]]
    film.start_s = 0

    def people(index: int) -> list[float]:
        jpeg = film.read(index)
        assert jpeg is not None
        (found,) = detector.detect([decode(jpeg)], 0.15, 0.45)
        return sorted((one.score for one in found if one.label == "person"), reverse=True)

    duration_s = film.walk.duration_s
    moments = [(index, film.walk.place_at(index / FPS).x) for index in range(0, round(duration_s * FPS), 5)]
    stands = [people(index) for index, x in moments if 0.3 < x < 0.7]
    gone = [people(index) for index, x in moments if not -0.45 < x < 1.45]
    detector.close()
    assert min(scores[0] if scores else 0.0 for scores in stands) > 0.5  # 0.25 would do
    assert len(stands) > 10
    assert gone == [[]] * len(gone)
    assert len(gone) > 10
