"""Trains the model in the box: one command, seeded; interrupted, it goes on where it stopped.

    python training/train.py --data ../shared --out build/training

Data: ``people/`` (photographs with the teacher's boxes) and ``pictures/`` (COCO, of which only the persons count;
pictures without any teach what is none); besides parts of them, which the teacher marks (``crops.py``). What is
held out (``split.py``) and the footage are never seen.

    python training/train.py --onwards bridge/detect/box/starter_int8_openvino_model --epochs 16

goes on from weights in the box.
"""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import ultralytics.engine.trainer
import yaml
from crops import close_by, nobody
from lens import Lens
from recover import recover
from split import split
from ultralytics import YOLO
from ultralytics.models.yolo.detect import DetectionTrainer
from weather import degrade

from bridge.detect.load import load_detector
from bridge.detect.port import DetectorSettings

HERE = Path(__file__).resolve().parent
SEED = 11
EPOCHS = 90
IMAGE_SIZE_PX = 320
PERSON = "0"
FIRST_RATE = 0.002
ONWARDS_RATE = 0.0007
TEACHER = "models/yolo11n_int8_openvino_model"
SURE, NOT_AT_ALL = 0.4, 0.1
"""The teacher's scores: of the labels, and below which nobody is there."""


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
    learn += add_parts(learn, data / TEACHER, out / "data")
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


def add_parts(learn: list[str], teacher: Path, folder: Path) -> list[str]:
    """Parts of the photographs to learn from, as the teacher sees them; gives their paths."""
    detector = load_detector(DetectorSettings(model=str(teacher), image_size=640, workers=1), os.environ)
    dice = np.random.default_rng(SEED)
    added: list[str] = []
    for path in map(Path, learn):
        image = cv2.imread(str(path))
        boxes = _boxes(folder / "labels" / f"{path.stem}.txt", image)
        for kind, part in (("close", close_by(image, boxes, dice)), ("nobody", nobody(image, boxes, dice))):
            if part is None:
                continue
            shown = cv2.resize(part, image.shape[1::-1], interpolation=cv2.INTER_CUBIC)
            found = detector.start([shown], NOT_AT_ALL, 0.45, lambda: None).result()[0]
            persons = [one for one in found if one.label == "person"]
            marked = [one.box_xyxy_px for one in persons if one.score >= SURE]
            # What the teacher doubts teaches nothing; nor does a part that shows the other thing.
            if len(marked) != len(persons) or bool(marked) != (kind == "close"):
                continue
            target = folder / "images" / f"{path.stem}_{kind}.jpg"
            cv2.imwrite(str(target), shown, [cv2.IMWRITE_JPEG_QUALITY, 95])
            (folder / "labels" / f"{target.stem}.txt").write_text("".join(_line(box, shown) for box in marked))
            added.append(str(target))
    return added


def _boxes(label: Path, image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    rows = np.array([line.split()[1:5] for line in label.read_text().splitlines()], np.float32).reshape(-1, 4)
    centre, size = rows[:, :2] * (width, height), rows[:, 2:] * (width, height)
    return np.hstack([centre - size / 2, centre + size / 2])


def _line(box_xyxy_px: tuple[float, float, float, float], image: np.ndarray) -> str:
    left, top, right, bottom = np.array(box_xyxy_px) / np.tile(image.shape[1::-1], 2)
    return f"{PERSON} {(left + right) / 2:.6f} {(top + bottom) / 2:.6f} {right - left:.6f} {bottom - top:.6f}\n"


class Weather:
    """A transform of ultralytics' kind."""

    def __init__(self, seed: int) -> None:
        self._dice = np.random.default_rng(seed)

    def __call__(self, labels: dict[str, Any]) -> dict[str, Any]:
        """Degrade the picture, in place of the one that was there."""
        labels["img"] = degrade(labels["img"], self._dice)
        return labels


class StarterTrainer(DetectionTrainer):
    """Ultralytics' trainer, with the weather of these cameras."""

    def build_dataset(self, img_path: str, mode: str = "train", batch: int | None = None) -> Any:  # noqa: ANN401 - theirs
        """As theirs."""
        dataset = super().build_dataset(img_path, mode, batch)
        if mode == "train":
            _insert(dataset)
        return dataset

    def preprocess_batch(self, batch: dict[str, Any]) -> dict[str, Any]:
        """As theirs, with the pictures as convolutions like them best on a CPU."""
        batch = super().preprocess_batch(batch)
        batch["img"] = batch["img"].contiguous(memory_format=torch.channels_last)
        return batch

    def get_model(self, cfg: Any = None, weights: Any = None, verbose: bool = True) -> Any:  # noqa: ANN401 - theirs
        """Likewise; and on all the cores, of which ultralytics leaves one idle."""
        torch.set_num_threads(os.cpu_count() or 1)
        return super().get_model(cfg, weights, verbose).to(memory_format=torch.channels_last)

    def _close_dataloader_mosaic(self) -> None:
        super()._close_dataloader_mosaic()  # which makes the transforms anew
        _insert(self.train_loader.dataset)


def _insert(dataset: Any) -> None:  # noqa: ANN401 - theirs
    transforms = dataset.transforms
    for effect in (Lens(SEED), Weather(SEED)):
        transforms.insert(len(transforms.transforms) - 1, effect)  # before the one that makes tensors


def halve_arithmetic(device: str) -> None:
    """Let the network learn in bfloat16 where the processor computes in it: half the time (0.40, not 0.77 s a batch).

    Ultralytics does so on GPUs alone (and downloads a model to check them by), so its switch is replaced.
    """
    if device == "cpu" and torch.cpu._is_avx512_bf16_supported():  # noqa: SLF001 - the only way to ask
        ultralytics.engine.trainer.autocast = lambda *_, **__: torch.autocast("cpu", torch.bfloat16)


def settings(chosen: argparse.Namespace) -> dict[str, Any]:
    """What ultralytics is told (https://docs.ultralytics.com/usage/cfg/#train-settings)."""
    learning = {
        "imgsz": IMAGE_SIZE_PX,
        "epochs": chosen.epochs,
        "batch": chosen.batch,
        "nbs": chosen.batch,  # a step for every batch
        "optimizer": "AdamW",
        "lr0": ONWARDS_RATE if chosen.onwards else FIRST_RATE,
        "cos_lr": True,
        "weight_decay": 0.01,
        "warmup_epochs": 1 if chosen.onwards else 2,
        "close_mosaic": min(15, chosen.epochs // 3),
        "pretrained": chosen.onwards is not None,
        "amp": False,
        "patience": 0,
        "val": False,  # the held-out tenth is for the examination, not for choosing among epochs: last.pt is the model
    }
    # Cameras hang high, look down, and see parts of people.
    views = {"degrees": 6, "translate": 0.2, "scale": 0.6, "perspective": 0.0006, "mixup": 0.05}
    machine = {
        "workers": chosen.workers,
        "device": chosen.device,
        "fraction": chosen.share,
        "seed": SEED,
        "deterministic": True,
        "cache": "ram",
        "plots": False,
    }
    return learning | views | machine


def main() -> None:
    """Train, from the beginning or from where it stopped."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, default=HERE.parents[1] / "shared", help="with people/ and pictures/")
    options.add_argument("--out", type=Path, default=HERE.parent / "build" / "training", help="where everything goes")
    options.add_argument("--onwards", type=Path, help="a model in the box to go on from (default: from nothing)")
    options.add_argument("--epochs", type=int, default=EPOCHS, help=f"default: {EPOCHS}")
    options.add_argument("--batch", type=int, default=16, help="photographs at a time (default: 16)")
    options.add_argument("--workers", type=int, default=0, help="processes that prepare photographs (default: 0)")
    options.add_argument("--device", default="cpu", help="cpu (default), or the number of a GPU")
    options.add_argument("--share", type=float, default=1.0, help="of the photographs: to try things (default: 1)")
    chosen = options.parse_args()
    out = chosen.out.resolve()
    halve_arithmetic(chosen.device)
    last = out / "run" / "weights" / "last.pt"
    if last.exists():
        YOLO(last).train(trainer=StarterTrainer, resume=True)
        return
    out.mkdir(parents=True, exist_ok=True)
    data = gather(chosen.data.resolve(), out)
    network = HERE / "starter.yaml"
    if chosen.onwards:
        photographs = [Path(line) for line in (out / "learn.txt").read_text().split()]
        network = recover(chosen.onwards, network, photographs[::12], out / "recovered.pt")
    YOLO(network, task="detect").train(
        trainer=StarterTrainer,
        data=str(data),
        project=str(out),
        name="run",
        exist_ok=True,
        **settings(chosen),
    )


if __name__ == "__main__":
    main()
