"""``espcam-bridge models bench``: which runtime, form and size of a model is the best on this machine."""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypeAlias

from bridge.commands.footage import FootageOptions, gather
from bridge.commands.models import say
from bridge.detect.agreement import compare, threshold
from bridge.detect.inventory import forms
from bridge.detect.models import AUTO_MODEL, STARTER, ModelKind, find
from bridge.detect.port import DetectorSettings
from bridge.detect.trial import Outcome, Trial, devices, try_out
from bridge.errors import ModelUnavailable, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bridge.detect.agreement import Agreement
    from bridge.detect.inventory import ModelFacts
    from bridge.detect.models import ModelFiles
    from bridge.detect.port import Runtime

MODELS = ("auto", STARTER)
SIZES = (640, 480, 320)
GOOD_AGREEMENT = 0.97
"""The winner agrees at least so far with the reference. INT8 done well has 99 %; the next smaller size seldom does."""
_FRAMES = 100
_MIN_FRAMES = 5
_FEW_OBJECTS = 20
_EXACTNESS = {"FP32": 3, "-": 2, "FP16": 1, "INT8": 0}
_WEIGHT_BYTES = {"FP16": 2, "INT8": 1}
_CONFIDENCE, _IOU = 0.25, 0.45

TryOut: TypeAlias = "Callable[[Trial, Path, Mapping[str, str]], Outcome | str]"
FindDevices: TypeAlias = "Callable[[Sequence[str], Path, Mapping[str, str]], Mapping[str, Sequence[str]]]"


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """What the command line of ``models bench`` asks for.

    Attributes:
        models: names or paths.
        sizes: input sizes, for models that take any.
        footage: the user's own frames.
        seconds: how long each timing takes; there are two a row.
        accuracy: whether to compare what the candidates see; without, no frames are needed.
        as_json: one JSON document instead of a table.
        write: a file for the winning lines; must not exist.
    """

    models: Sequence[str] = MODELS
    sizes: Sequence[int] = SIZES
    footage: FootageOptions = field(default_factory=FootageOptions)
    seconds: float = 3.0
    accuracy: bool = True
    as_json: bool = False
    write: Path | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to run a model.

    Attributes:
        model: its form.
        runtime: what runs it.
        device: where.
        image_size: longer side of its input.
    """

    model: ModelFacts
    runtime: Runtime
    device: str
    image_size: int

    @property
    def settings(self) -> DetectorSettings:
        """The same for a detector."""
        return DetectorSettings(self.runtime, str(self.model.files.path), self.device, self.image_size)


@dataclass(frozen=True, slots=True)
class Row:
    """What came of a candidate.

    Attributes:
        candidate: which one.
        outcome: figures, or why there are none.
        agreement: with the reference; None without figures or without accuracy.
    """

    candidate: Candidate
    outcome: Outcome | str
    agreement: Agreement | None = None


def run(
    options: BenchOptions,
    environ: Mapping[str, str],
    out: TextIO,
    *,
    trial: TryOut = try_out,
    find_devices: FindDevices = devices,
) -> int:
    """Try every candidate in turn, print a row each, and name the best.

    Returns:
        0, or 1 when none could be run.

    Raises:
        UsageError: no frames, or the file to write exists.
        ModelUnavailable: there is no such model here.
    """
    if options.write is not None and options.write.exists():
        raise UsageError(f"--write {options.write}: it exists already")
    if options.accuracy and not (options.footage.paths or options.footage.bridge_url):
        raise UsageError(
            "which model is good enough shows only on your own cameras' frames: give --frames PATH, or --bridge URL of "
            "a bridge that runs; or --no-accuracy to time only"
        )
    with tempfile.TemporaryDirectory(prefix="espcam-bridge-") as name:
        folder = Path(name)
        candidates = _candidates(options, environ, lambda runtimes: find_devices(runtimes, folder, environ))
        frames = gather(options.footage, _FRAMES, folder, say)
        if options.accuracy and len(frames) < _MIN_FRAMES:
            raise UsageError(f"{len(frames)} frames are too few: give at least {_MIN_FRAMES}, better {_FRAMES}")
        asked = Trial(DetectorSettings(), [str(frame) for frame in frames], options.seconds, 0.0, _IOU)
        asked = replace(asked, confidence=threshold(_CONFIDENCE) if options.accuracy else _CONFIDENCE)
        rows = []
        if not options.as_json:
            _print_head(candidates, out)
        for row in _try_all(candidates, asked, lambda one: trial(one, folder, environ), accuracy=options.accuracy):
            rows.append(row)
            if not options.as_json:
                _print_row(row, _name_width(candidates), out)
    return _conclude(rows, options, environ, out)


# --- candidates ------------------------------------------------------------------------------------------------------


def _candidates(
    options: BenchOptions,
    environ: Mapping[str, str],
    find_devices: Callable[[Sequence[str]], Mapping[str, Sequence[str]]],
) -> list[Candidate]:
    models: list[ModelFacts] = []
    for name in options.models:
        found = forms(name, environ)
        if not found:
            wanted = AUTO_MODEL if name == "auto" else name
            raise ModelUnavailable(
                f"there is no model {wanted} on this machine",
                f"get it with: espcam-bridge models export {wanted} --precision fp32",
            )
        models += [model for model in found if model not in models]
    runtimes = {runtime for model in models if (runtime := _runtime(model)) is not None}
    return plan(models, find_devices(sorted(runtimes)), options.sizes)


def plan(models: Sequence[ModelFacts], found: Mapping[str, Sequence[str]], sizes: Sequence[int]) -> list[Candidate]:
    """Every way to run these models, the reference first: the largest model, in its exact form, at the largest size.

    Args:
        models: their forms.
        found: devices by runtime.
        sizes: input sizes, for models that take any.
    """
    candidates = [
        Candidate(model, runtime, device, size)
        for model in models
        if not model.problem and model.task in ("", "detect") and (runtime := _runtime(model)) is not None
        for device in found.get(runtime, ())
        for size in ([max(model.size_px)] if model.size_px else sizes)
    ]
    weights: dict[str, float] = {}
    for model in models:
        single = model.disk_bytes * 4 / _WEIGHT_BYTES.get(model.precision, 4)
        weights[model.files.family] = max(weights.get(model.files.family, 0), single)
    return sorted(
        candidates,
        key=lambda one: (
            weights[one.model.files.family],
            _EXACTNESS[one.model.precision],
            one.image_size,
            one.device.lower() == "cpu",
            one.runtime == "openvino",
        ),
        reverse=True,
    )


def _runtime(model: ModelFacts) -> Runtime | None:
    if model.files.kind in (ModelKind.OPENVINO, ModelKind.ONNX):
        return "openvino"
    if model.files.kind is ModelKind.PYTORCH and importlib.util.find_spec("ultralytics") is not None:
        return "ultralytics"
    return None


def _try_all(
    candidates: Sequence[Candidate], asked: Trial, trial: Callable[[Trial], Outcome | str], *, accuracy: bool
) -> Iterator[Row]:
    reference: Outcome | None = None
    for number, candidate in enumerate(candidates, 1):
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\033[K{number}/{len(candidates)} {candidate.model.files.name} {candidate.image_size}")
        outcome = trial(replace(asked, settings=candidate.settings))
        if sys.stderr.isatty():
            sys.stderr.write("\r\033[K")
        agreement = None
        if isinstance(outcome, Outcome) and accuracy:
            reference = reference or outcome
            agreement = compare(reference.found, outcome.found, _CONFIDENCE)
        yield Row(candidate, outcome, agreement)


# --- conclusion ------------------------------------------------------------------------------------------------------


def best(rows: Sequence[Row]) -> Row | None:
    """The fastest that is good enough; None when nothing could be run."""
    speed = {
        number: row.outcome.fps
        for number, row in enumerate(rows)
        if isinstance(row.outcome, Outcome) and (row.agreement is None or row.agreement.f1 >= GOOD_AGREEMENT)
    }
    return rows[max(speed, key=lambda number: speed[number])] if speed else None


def config_lines(candidate: Candidate, environ: Mapping[str, str]) -> str:
    """The lines of the configuration that choose a candidate."""
    files = candidate.model.files
    names = (name for name in ("auto", files.family) if _is_called(name, files, environ))
    model = next(names, str(files.path.resolve()))
    return (
        "detector:\n"
        f"  runtime: {candidate.runtime}\n"
        f"  model: {json.dumps(model, ensure_ascii=False)}\n"
        f"  image_size: {candidate.image_size}\n"
        f"  device: {json.dumps(candidate.device)}\n"
    )


def _is_called(name: str, files: ModelFiles, environ: Mapping[str, str]) -> bool:
    try:
        found = find(name, environ)
    except ModelUnavailable:  # no name that one can give
        return False
    return found is not None and found.path.resolve() == files.path.resolve()


def _conclude(rows: Sequence[Row], options: BenchOptions, environ: Mapping[str, str], out: TextIO) -> int:
    winner = best(rows)
    lines = config_lines(winner.candidate, environ) if winner else ""
    if options.as_json:
        document = {"rows": [_json_row(row, chosen=row is winner) for row in rows], "configuration": lines or None}
        print(json.dumps(document, indent=2, ensure_ascii=False), file=out)
    elif winner is None:
        print("\nnone of them runs here", file=out)
    else:
        _print_winner(winner, rows, lines, out)
    if options.write is not None and winner is not None:
        with options.write.open("x", encoding="utf-8") as file:
            file.write(lines)
    return 0 if winner else 1


def _json_row(row: Row, *, chosen: bool) -> dict[str, object]:
    candidate, outcome, agreement = row.candidate, row.outcome, row.agreement
    told: dict[str, object] = {
        "model": candidate.model.files.name,
        "path": str(candidate.model.files.path),
        "runtime": candidate.runtime,
        "precision": candidate.model.precision,
        "image_size": candidate.image_size,
        "device": candidate.device,
        "best": chosen,
    }
    if isinstance(outcome, str):
        return {**told, "error": outcome}
    told |= {
        "input_px": list(outcome.input_px),
        "latency_ms": round(outcome.latency_ms, 2),
        "fps": round(outcome.fps, 2),
        "memory_mib": round(outcome.memory_mib),
    }
    if agreement is not None:
        told |= {
            "objects": agreement.expected,
            "agreement": round(agreement.f1, 4),
            "recall": round(agreement.recall, 4),
            "precision_of_boxes": round(agreement.precision, 4),
            "score_difference": round(agreement.score_difference, 4),
        }
    return told


# --- table -----------------------------------------------------------------------------------------------------------


def _name_width(candidates: Sequence[Candidate]) -> int:
    return max((len(one.model.files.name) for one in candidates), default=5)


def _print_head(candidates: Sequence[Candidate], out: TextIO) -> None:
    width = _name_width(candidates)
    print(
        f"{'MODEL':{width}}  WEIGHTS  RUNTIME      DEVICE  SIZE     MS     FPS    MiB  AGREES  FOUND  RIGHT  SCORES",
        file=out,
        flush=True,
    )


def _print_row(row: Row, width: int, out: TextIO) -> None:
    one, outcome, agreement = row.candidate, row.outcome, row.agreement
    line = (
        f"{one.model.files.name:{width}}  {one.model.precision:7}  {one.runtime:11}  {one.device:6}  {one.image_size:4}"
    )
    if isinstance(outcome, str):
        print(f"{line}  {outcome}", file=out, flush=True)
        return
    line += f"  {outcome.latency_ms:5.1f}  {outcome.fps:6.1f}  {outcome.memory_mib:5.0f}"
    if agreement is not None:
        line += f"  {agreement.f1:6.1%}  {agreement.recall:5.0%}  {agreement.precision:5.0%}"
        line += f"  {agreement.score_difference:+6.3f}"
    print(line, file=out, flush=True)


def _print_winner(winner: Row, rows: Sequence[Row], lines: str, out: TextIO) -> None:
    objects = max((row.agreement.expected for row in rows if row.agreement), default=0)
    if winner.agreement is None:
        print("\nthe fastest; how well it sees was not looked at:", file=out)
    else:
        print(f"\nthe fastest that agrees to at least {GOOD_AGREEMENT:.0%} with the first row:", file=out)
        if objects < _FEW_OBJECTS:
            print(f"only {objects} objects are in your frames: the agreement is a guess", file=sys.stderr)
    print(f"\n{lines}", file=out, end="")
