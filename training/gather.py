"""What is learned from: photographs with the teacher's boxes, and parts of them, laid out as ultralytics wants them."""

from __future__ import annotations

import os
import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import yaml
from crops import close_by, nobody
from examine import TEACHER_SCORE, look
from labels import PERSON, read_boxes, write_person
from split import split

from bridge.detect.load import load_detector
from bridge.detect.port import DetectorSettings
from bridge.frames import codec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.model import Detection, Image

    Look = Callable[[Image, float], list[Detection]]

SEED = 11
TEACHER = "models/yolo11n_int8_openvino_model"
TEACHER_SIZE_PX = 640
NOT_AT_ALL = 0.1
"""The teacher's score below which nobody is there."""


def gather(data: Path, out: Path) -> Path:
    """Lay the photographs and their boxes out as ultralytics wants them; gives the file that describes them."""
    learn: list[str] = []
    held: list[str] = []
    for name in ("people", "pictures"):
        images = {path.stem: path for path in sorted((data / name / "images").rglob("*.jpg"))}
        labels = {path.stem: path for path in (data / name / "labels").rglob("*.txt")}
        for part, stems in zip((learn, held), split(list(images)), strict=True):
            for stem in stems:
                part.append(_lay_out(images[stem], labels.get(stem), out / "data", f"{name}_{stem}"))
    settings = DetectorSettings(model=str(data / TEACHER), image_size=TEACHER_SIZE_PX, workers=1)
    teacher = load_detector(settings, os.environ)
    print(f"the teacher looks at parts of {len(learn)} photographs ...", flush=True)
    learn += add_parts(learn, partial(look, teacher), out / "data")
    teacher.close()
    for part, paths in (("learn", learn), ("held", held)):
        (out / f"{part}.txt").write_text("\n".join(paths) + "\n")
    description = out / "data.yaml"
    description.write_text(
        yaml.safe_dump({"train": str(out / "learn.txt"), "val": str(out / "held.txt"), "names": {0: "person"}})
    )
    return description


def _lay_out(image: Path, label: Path | None, folder: Path, name: str) -> str:
    target = folder / "images" / f"{name}.jpg"
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        shutil.copyfile(image, target)
    lines = label.read_text().splitlines() if label else []
    boxes = [line for line in lines if line.split()[:1] == [PERSON]]
    labels = folder / "labels" / f"{name}.txt"
    labels.parent.mkdir(parents=True, exist_ok=True)
    labels.write_text("".join(f"{line}\n" for line in boxes))
    return str(target)


def add_parts(learn: Sequence[str], look: Look, folder: Path) -> list[str]:
    """Write parts of photographs to learn from, as the teacher sees them; gives their paths.

    Args:
        learn: the photographs, of which ``folder`` has the labels.
        look: what a teacher sees in a picture at a score.
        folder: with ``images/`` and ``labels/``.
    """
    dice = np.random.default_rng(SEED)
    added: list[str] = []
    for path in map(Path, learn):
        image = codec.decode(path.read_bytes())
        size_px = image.shape[1], image.shape[0]
        boxes = read_boxes((folder / "labels" / f"{path.stem}.txt").read_text(), *size_px)
        for kind, part in (("close", close_by(image, boxes, dice)), ("nobody", nobody(image, boxes, dice))):
            if part is None:
                continue
            shown = cv2.resize(part, size_px, interpolation=cv2.INTER_CUBIC)
            persons = look(shown, NOT_AT_ALL)
            sure = [one for one in persons if one.score >= TEACHER_SCORE]
            # What the teacher doubts teaches nothing; nor does a part that shows the other thing.
            if len(sure) != len(persons) or bool(sure) != (kind == "close"):
                continue
            target = folder / "images" / f"{path.stem}_{kind}.jpg"
            cv2.imwrite(str(target), shown, [cv2.IMWRITE_JPEG_QUALITY, 95])
            lines = [write_person(one.box_xyxy_px, *size_px) for one in sure]
            (folder / "labels" / f"{target.stem}.txt").write_text("".join(lines))
            added.append(str(target))
    return added
