"""Puts an exported model into the box.

    python training/pack.py build/training/last_int8_openvino_model

The graph loses what only people read (blanks between its tags, a sixth of it), the metadata what is this machine's own.
"""

from __future__ import annotations

import argparse
import re
import shutil
from pathlib import Path

import yaml

BOX = Path(__file__).resolve().parents[1] / "bridge" / "detect" / "box"
NAME = "starter"
LARGEST_BYTES = 2_000_000
_BETWEEN_TAGS = re.compile(r">\s+<")


def pack(exported: Path, box: Path = BOX) -> Path:
    """Write the model in the box anew.

    Args:
        exported: a folder with an INT8 model of one fixed size.
        box: where it goes.

    Returns:
        The folder that was written.

    Raises:
        SystemExit: it is too large.
    """
    folder = box / f"{NAME}_int8_openvino_model"
    folder.mkdir(parents=True, exist_ok=True)
    (graph,) = exported.glob("*.xml")
    (folder / f"{NAME}.xml").write_text(_BETWEEN_TAGS.sub("><", graph.read_text()))
    shutil.copyfile(graph.with_suffix(".bin"), folder / f"{NAME}.bin")
    known = yaml.safe_load((exported / "metadata.yaml").read_text())
    metadata = {
        "description": "espcam-bridge's model in the box: persons, see README.md beside this folder",
        "author": "espcam-bridge",
        "license": "AGPL-3.0-or-later",
        **{key: known[key] for key in ("stride", "task", "batch", "imgsz", "names")},
        "args": {"half": False, "int8": True},
    }
    (folder / "metadata.yaml").write_text(yaml.safe_dump(metadata, sort_keys=False))
    size = sum(file.stat().st_size for file in folder.iterdir())
    if size > LARGEST_BYTES:
        raise SystemExit(f"{folder} has {size} bytes, of at most {LARGEST_BYTES}")
    return folder


def main() -> None:
    """Pack, and say what it takes."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("exported", type=Path)
    folder = pack(options.parse_args().exported)
    print(f"{folder}: {sum(file.stat().st_size for file in folder.iterdir()) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
