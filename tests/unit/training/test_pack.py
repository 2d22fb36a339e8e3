"""The model in the box is small, and says nothing of the machine that made it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "training"))

import pack  # noqa: E402 - a folder of its own, which no package is


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    folder = tmp_path / "last_int8_openvino_model"
    folder.mkdir()
    (folder / "last.xml").write_text('<?xml version="1.0"?>\n<net name="n a">\n\t<layer />\n</net>\n')
    (folder / "last.bin").write_bytes(b"weights")
    known = {"stride": 32, "task": "detect", "batch": 1, "imgsz": [320, 320], "names": {0: "person"}}
    machine = {"description": "trained on /somewhere/data.yaml", "args": {"data": "/somewhere"}, "date": "today"}
    (folder / "metadata.yaml").write_text(yaml.safe_dump({**known, **machine}))
    return folder


def test_graph_and_weights_are_kept_and_the_machine_is_not(exported: Path, tmp_path: Path) -> None:
    folder = pack.pack(exported, tmp_path / "box")
    assert folder == tmp_path / "box" / "starter_int8_openvino_model"
    assert (folder / "starter.xml").read_text() == '<?xml version="1.0"?><net name="n a"><layer /></net>\n'
    assert (folder / "starter.bin").read_bytes() == b"weights"
    text = (folder / "metadata.yaml").read_text()
    assert "somewhere" not in text
    assert yaml.safe_load(text)["names"] == {0: "person"}


def test_what_is_too_large_for_the_box_is_refused(exported: Path, tmp_path: Path) -> None:
    (exported / "last.bin").write_bytes(bytes(pack.LARGEST_BYTES))
    with pytest.raises(SystemExit, match="of at most"):
        pack.pack(exported, tmp_path / "box")


def test_the_one_in_the_box_is_within_the_limit() -> None:
    folder = pack.BOX / "starter_int8_openvino_model"
    assert sum(file.stat().st_size for file in folder.iterdir()) <= pack.LARGEST_BYTES
    assert (pack.BOX / "README.md").is_file(), "its card"
