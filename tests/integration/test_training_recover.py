"""Training goes on from the weights in the box: what is gotten out of them sees what they see."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
BOX = ROOT / "bridge/detect/box/starter_int8_openvino_model"

pytestmark = [
    pytest.mark.integration,
    pytest.mark.yolo,
    pytest.mark.timeout(120),  # PyTorch loads
    pytest.mark.filterwarnings("ignore"),  # PyTorch's own
    pytest.mark.skipif(
        importlib.util.find_spec("ultralytics") is None, reason="ultralytics is not installed: make test-yolo"
    ),
]


def test_the_network_that_learns_on_answers_as_the_one_in_the_box(tmp_path: Path) -> None:
    import cv2
    import matplotlib.cbook
    import openvino
    import torch
    from ultralytics import YOLO

    sys.path.insert(0, str(ROOT / "training"))
    from recover import recover

    portrait = matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
    image = np.full((320, 320, 3), 114, np.uint8)
    image[80:280, 80:240] = cv2.resize(cv2.imread(str(portrait)), (160, 200))
    picture = tmp_path / "portrait.jpg"
    cv2.imwrite(str(picture), image)
    recovered = YOLO(recover(BOX, ROOT / "training/starter.yaml", [picture], 320, tmp_path / "recovered.pt"))
    pixels = np.ascontiguousarray(image[..., ::-1].transpose(2, 0, 1)[None]).astype(np.float32) / 255
    with torch.no_grad():
        answer = recovered.model.float().eval()(torch.from_numpy(pixels))[0].numpy()
    expected = openvino.Core().compile_model(BOX / "starter.xml", "CPU")(pixels)[0]
    best = expected[0, 4] > 0.25
    assert best.any(), "somebody is seen"
    assert np.abs(answer - expected)[0, 4].max() < 0.1
    assert np.abs(answer - expected)[0, :4, best].max() < 8, "pixels"
