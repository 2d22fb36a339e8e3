from __future__ import annotations

import pytest

from bridge.detect.openvino import choose_device
from bridge.errors import ModelUnavailable


@pytest.mark.parametrize(
    ("devices", "wanted", "expected"),
    [
        (["CPU"], "auto", "CPU"),
        (["CPU", "NPU"], "auto", "CPU"),
        (["CPU", "GPU"], "auto", "GPU"),
        (["CPU", "GPU.0", "GPU.1"], "auto", "GPU.0"),
        (["CPU", "GPU.0", "GPU.1"], "gpu.1", "GPU.1"),
        (["CPU", "GPU.0", "GPU.1"], "GPU", "GPU"),
        (["CPU", "NPU"], "npu", "NPU"),
        (["CPU"], "AUTO:GPU,CPU", "AUTO:GPU,CPU"),
    ],
)
def test_the_device_is_the_one_wanted_else_a_gpu_else_the_cpu(devices: list[str], wanted: str, expected: str) -> None:
    assert choose_device(devices, wanted) == expected


@pytest.mark.parametrize("wanted", ["GPU", "cuda:0", "NPU", "AUTOMATIC", ""])
def test_a_device_that_is_not_there_is_refused_with_those_that_are(wanted: str) -> None:
    with pytest.raises(ModelUnavailable, match=r"set detector\.device to auto or one of: CPU"):
        choose_device(["CPU"], wanted)
