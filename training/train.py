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
from pathlib import Path
from typing import Any

import numpy as np
import torch
import ultralytics.engine.trainer
from gather import SEED, gather
from lens import Lens
from recover import recover
from ultralytics import YOLO
from ultralytics.models.yolo.detect import DetectionTrainer
from weather import degrade

HERE = Path(__file__).resolve().parent
EPOCHS = 90
IMAGE_SIZE_PX = 320
FIRST_RATE = 0.002
ONWARDS_RATE = 0.0007


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
        network = recover(chosen.onwards, network, photographs[::12], IMAGE_SIZE_PX, out / "recovered.pt")
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
