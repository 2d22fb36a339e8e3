"""The limit: OpenVINO alone, with a picture that lies ready in memory. A process of its own that waits to be asked.

    python benchmarks/raw.py MODEL_FOLDER

Each line on stdin is a question, each line on stdout its answer, in JSON:
``{"do": "throughput", "shape": [480, 640], "seconds": 3}`` → ``{"per_s": ..., "cpu_s": CPU seconds a picture}``;
``{"do": "latency", "shape": ..., "seconds": 3, "interval_s": 0.2}`` → ``{"ms": [...]}``;
``{"do": "shape", "picture": [640, 480]}`` → ``{"shape": [480, 640]}``. An answer of ``{"problem": ...}`` says why
there is none. Between questions it costs nothing.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from bridge.detect.models import ModelFiles, kind_of
from bridge.detect.openvino_graph import ModelGraph, ov
from bridge.detect.yolo import input_size
from bridge.errors import ModelRefused

IMAGE_SIZE = 640  # the configuration's default


class Raw:
    """Compiled models by shape and hint, each made when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._core = ov.Core()
        self._files = ModelFiles(folder, kind_of(folder))
        self._compiled: dict[tuple[int, int, str], ov.CompiledModel] = {}

    def throughput(self, shape: tuple[int, int], seconds: float) -> dict[str, Any]:
        """Pictures a second, as many requests in flight as OpenVINO likes, at its own settings."""
        compiled = self._model(shape, "THROUGHPUT")
        queue = ov.AsyncInferQueue(compiled)
        tensor = picture_for(compiled)
        for _ in range(4 * len(queue)):
            queue.start_async([tensor], share_inputs=True)
        queue.wait_all()
        began_s, cpu_s, count = time.perf_counter(), time.process_time(), 0
        while time.perf_counter() - began_s < seconds:
            queue.start_async([tensor], share_inputs=True)
            count += 1
        queue.wait_all()
        took_s = time.perf_counter() - began_s
        return {"per_s": count / took_s, "cpu_s": (time.process_time() - cpu_s) / count, "requests": len(queue)}

    def latency(self, shape: tuple[int, int], seconds: float, interval_s: float) -> dict[str, Any]:
        """Milliseconds of single synchronous requests, one each ``interval_s`` (0: one after the other)."""
        compiled = self._model(shape, "LATENCY")
        request = compiled.create_infer_request()
        tensor = picture_for(compiled)
        for _ in range(5):
            request.infer([tensor], share_inputs=True)
        took_ms, end_s = [], time.perf_counter() + seconds
        while (began_s := time.perf_counter()) < end_s:
            request.infer([tensor], share_inputs=True)
            took_ms.append((time.perf_counter() - began_s) * 1000)
            time.sleep(max(0.0, began_s + interval_s - time.perf_counter()))
        return {"ms": took_ms}

    def shape(self, picture: tuple[int, int]) -> dict[str, Any]:
        """Height and width of the input that the bridge gives the model for pictures of this width and height."""
        graph = ModelGraph(self._core, self._files, IMAGE_SIZE)
        width, height = input_size(*picture, max(graph.size_px)) if graph.any_shape else graph.size_px
        return {"shape": [height, width]}

    def _model(self, shape: tuple[int, int], hint: str) -> ov.CompiledModel:
        key = (*shape, hint)
        if key not in self._compiled:
            model = self._core.read_model(next(self._files.path.glob("*.xml")))
            if tuple(model.input(0).shape)[2:] != shape:  # as the bridge makes it, its preprocessing included
                model = ModelGraph(self._core, self._files, IMAGE_SIZE).build(shape[1], shape[0])
            self._compiled[key] = self._core.compile_model(model, "CPU", {"PERFORMANCE_HINT": hint})
        return self._compiled[key]


def picture_for(compiled: ov.CompiledModel) -> Any:  # noqa: ANN401 - openvino is not typed
    """An array as the model wants it, all grey."""
    kind = compiled.input(0).element_type.to_dtype()
    return np.full(compiled.input(0).shape, 0.4 if kind == np.float32 else 114, kind)


def main() -> None:
    raw = Raw(Path(sys.argv[1]))
    for line in sys.stdin:
        question = json.loads(line)
        do = question.pop("do")
        try:
            answer = getattr(raw, do)(
                **{key: tuple(value) if isinstance(value, list) else value for key, value in question.items()}
            )
        except (RuntimeError, ModelRefused) as error:
            answer = {"problem": str(error).strip().splitlines()[-1]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
