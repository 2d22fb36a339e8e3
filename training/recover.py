"""Gets a network that can learn on out of the INT8 weights in the box, so that a better one takes minutes, not hours.

In the box, what normalizes (batch normalization) is folded into the convolutions. It is unfolded again by what the
convolutions answer on a few photographs: the network computes the same, and learns as one that was never folded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import openvino
import torch
from ultralytics import YOLO
from ultralytics.nn.modules import Conv

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_LEAST_SPREAD = 1e-3  # of channels that never speak


def recover(packed: Path, network: Path, photographs: Sequence[Path], size_px: int, out: Path) -> Path:
    """Write a checkpoint that training goes on from.

    Args:
        packed: a folder with the INT8 model.
        network: the description that it was made of.
        photographs: to see what the convolutions answer.
        size_px: the width of what the network takes.
        out: the checkpoint.
    """
    yolo = YOLO(network, task="detect")
    net = yolo.model.eval()
    known = _convolutions(packed)
    with torch.no_grad():
        for name, layer in net.named_modules():
            if isinstance(layer, torch.nn.Conv2d) and name in known:
                weight, bias = known[name]
                layer.weight.copy_(torch.from_numpy(weight).reshape(layer.weight.shape))
                if layer.bias is not None:
                    layer.bias.copy_(torch.from_numpy(bias.copy()))
        _unfold(net, {name: bias for name, (_, bias) in known.items()}, _batches(photographs, size_px))
    yolo.ckpt = {}
    yolo.save(out)
    return out


def _convolutions(packed: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    (graph,) = packed.glob("*.xml")
    found = {}
    for convolution in openvino.Core().read_model(graph).get_ops():
        weight = convolution.input_value(1).get_node() if "Convolution" in convolution.get_type_name() else None
        if weight is None or weight.get_type_name() != "Multiply":  # that of the boxes' distribution stays as it is
            continue
        steps = weight.input_value(0).get_node().input_value(0).get_node().data
        scale = weight.input_value(1).get_node().data
        (user,) = convolution.output(0).get_target_inputs()
        name = convolution.get_friendly_name().removeprefix("__module.").split("/")[0]
        found[name] = steps.astype(np.float32) * scale, user.get_node().input_value(1).get_node().data.reshape(-1)
    return found


def _batches(photographs: Sequence[Path], size_px: int, count: int = 16) -> list[torch.Tensor]:
    images = [cv2.resize(cv2.imread(str(path)), (size_px, size_px * 4 // 5)) for path in photographs]
    pixels = np.stack(images)[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32) / 255
    return list(torch.from_numpy(pixels).split(count))


def _unfold(net: torch.nn.Module, biases: dict[str, np.ndarray], batches: list[torch.Tensor]) -> None:
    layers = [(name, one) for name, one in net.named_modules() if isinstance(one, Conv)]
    seen: dict[str, list[torch.Tensor]] = {name: [] for name, _ in layers}
    for name, layer in layers:  # first as folded: what normalizes adds the bias and nothing else
        layer.bn.running_mean.zero_()
        layer.bn.running_var.fill_(1 - layer.bn.eps)
        layer.bn.weight.fill_(1)
        layer.bn.bias.copy_(torch.from_numpy(biases[f"{name}.conv"].copy()))
        layer.conv.register_forward_hook(
            lambda _layer, _given, answer, name=name: seen[name].append(
                torch.stack([answer.mean((0, 2, 3)), (answer * answer).mean((0, 2, 3))])
            )
        )
    for batch in batches:
        net(batch)
    for name, layer in layers:
        mean, square = torch.stack(seen[name]).mean(0)
        spread = (square - mean * mean).clamp_min(0).sqrt().clamp_min(_LEAST_SPREAD)
        layer.conv.weight /= spread[:, None, None, None]
        layer.bn.running_mean.copy_(mean / spread)
        layer.bn.running_var.fill_(1 - layer.bn.eps)
        layer.bn.weight.copy_(spread)
        layer.bn.bias += mean
        layer.conv._forward_hooks.clear()  # noqa: SLF001 - ours, of above
