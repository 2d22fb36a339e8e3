"""Where models are on this machine, by path or name, and what their own metadata say of them."""

from __future__ import annotations

import ast
import os
import re
import tempfile
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from bridge.errors import ModelRefused, ModelUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

AUTO_MODEL = "yolo11n"
"""What we recommend, and ``auto`` takes unless the user brought something else."""
STARTER = "starter"
"""The model in the box: ours, small, for persons alone; see ``box/README.md``."""
_BOX = Path(__file__).resolve().with_name("box")
_DEFAULT_FOLDERS = os.pathsep.join(("models", "../shared/models"))
_OPENVINO_SUFFIX = "_openvino_model"
# INT8 first: on CPUs it is about twice as fast for a few thousandths of accuracy.
_FORMS = (f"_int8{_OPENVINO_SUFFIX}", f"_fp16{_OPENVINO_SUFFIX}", _OPENVINO_SUFFIX, ".onnx", ".pt")
_OPENVINO_FORMS = _FORMS[:3]
_METADATA = "metadata.yaml"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_NO_DETECTOR = re.compile(r".*-(seg|cls|pose|obb)")  # as ultralytics calls its other models


class ModelKind(Enum):
    """What a model's files are."""

    OPENVINO = "openvino"  # a folder with an .xml and a .bin
    ONNX = "onnx"
    PYTORCH = "pytorch"
    OTHER = "other"  # whatever else ultralytics may know: .engine, .torchscript, *_ncnn_model/


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model on this machine.

    Attributes:
        path: a file, or the folder of an OpenVINO model.
        kind: what it is.
    """

    path: Path
    kind: ModelKind

    @property
    def name(self) -> str:
        """The model's name, for people: ``yolo11n_int8``."""
        stem = self.path.parent.name if self.path.suffix == ".xml" else self.path.name
        return stem.removesuffix(_OPENVINO_SUFFIX).removesuffix(self.path.suffix)

    @property
    def family(self) -> str:
        """What all forms of one model are called: ``yolo11n``."""
        return self.name.removesuffix("_int8").removesuffix("_fp16")

    @property
    def in_the_box(self) -> bool:
        """Whether it is the one that comes with the bridge."""
        return self.path.parent == _BOX


@dataclass(frozen=True, slots=True)
class ModelMetadata:
    """What an exported model says of itself.

    Attributes:
        labels: names by class number.
        task: ``detect``, ``segment``, ``classify``, ...
    """

    labels: tuple[str, ...]
    task: str


def cache_dir(environ: Mapping[str, str]) -> Path:
    """Where downloaded and derived files go: ``$XDG_CACHE_HOME/espcam-bridge``, else below ``~/.cache``."""
    home = environ.get("HOME") or tempfile.gettempdir()  # a service may have none
    return Path(environ.get("XDG_CACHE_HOME") or f"{home}/.cache") / "espcam-bridge"


def find(model: str, environ: Mapping[str, str], *, prefer_pytorch: bool = False) -> ModelFiles | None:
    """Look for a model on this machine.

    Args:
        model: a path, a name (``yolo11n``), or ``auto``: the user's own model, if there is one alone, else YOLO11n,
            else the one in the box.
        environ: ``ESPCAM_BRIDGE_MODELS`` lists the folders to search, like PATH (default ``models:../shared/models``);
            then comes the cache, and last the box.
        prefer_pytorch: of several forms of one model take the ``.pt`` first, not the OpenVINO one.

    Returns:
        None: the name is found nowhere.

    Raises:
        ModelUnavailable: a path that is not there, or a name that cannot be one.
    """
    if is_path(model):
        return _at(Path(model).expanduser(), prefer_pytorch=prefer_pytorch)
    if model == "auto":
        own = own_models(environ)
        names = (own[0] if len(own) == 1 else AUTO_MODEL, STARTER)
        found = (_named(name, environ, prefer_pytorch=prefer_pytorch) for name in names)
        return next((files for files in found if files is not None), None)
    return _named(model, environ, prefer_pytorch=prefer_pytorch)


def _named(name: str, environ: Mapping[str, str], *, prefer_pytorch: bool) -> ModelFiles | None:
    if not _NAME.fullmatch(name):
        raise ModelUnavailable(f"{name!r} is no model name", f"set detector.model to a name like {AUTO_MODEL}")
    forms = _FORMS[::-1] if prefer_pytorch else _FORMS
    candidates = (folder / f"{name}{form}" for folder in model_folders(environ) for form in forms)
    return next((ModelFiles(path, kind_of(path)) for path in candidates if path.exists()), None)


def model_folders(environ: Mapping[str, str]) -> list[Path]:
    """The folders that are searched for models, in order."""
    return [*_own_folders(environ), models_cache(environ), _BOX]


def _own_folders(environ: Mapping[str, str]) -> list[Path]:
    listed = environ.get("ESPCAM_BRIDGE_MODELS", _DEFAULT_FOLDERS).split(os.pathsep)
    return [Path(folder).expanduser() for folder in listed if folder]


def own_models(environ: Mapping[str, str]) -> list[str]:
    """The names of the detectors that the user put into the folders of ``ESPCAM_BRIDGE_MODELS``, a name once."""
    families = (files.family for files in _all_in(_own_folders(environ)))
    return [family for family in dict.fromkeys(families) if not _NO_DETECTOR.fullmatch(family)]


def find_all(environ: Mapping[str, str]) -> list[ModelFiles]:
    """Every model in the folders that are searched; a name's forms as ``find`` prefers them."""
    return _all_in(model_folders(environ))


def _all_in(folders: Sequence[Path]) -> list[ModelFiles]:
    found: list[ModelFiles] = []
    for folder in dict.fromkeys(folder.resolve() for folder in folders):
        paths = [path for path in folder.glob("[!.]*") if path.name.endswith(_FORMS)]
        files = [ModelFiles(path, kind_of(path)) for path in paths]
        found += sorted(files, key=lambda one: (one.family, _form(one.path)))
    return found


def _form(path: Path) -> int:
    return next(number for number, form in enumerate(_FORMS) if path.name.endswith(form))


def models_cache(environ: Mapping[str, str]) -> Path:
    """Where fetched models go."""
    return cache_dir(environ) / "models"


def kind_of(path: Path) -> ModelKind:
    """Tell what a model's files are, by their names."""
    if path.suffix == ".xml" or (path.is_dir() and any(path.glob("*.xml"))):
        return ModelKind.OPENVINO
    return {".onnx": ModelKind.ONNX, ".pt": ModelKind.PYTORCH}.get(path.suffix, ModelKind.OTHER)


def read_metadata(folder: Path) -> ModelMetadata | None:
    """Read an exported model's ``metadata.yaml``; None when there is none.

    Raises:
        ModelRefused: it is there and makes no sense.
    """
    content = load_metadata(folder)
    return None if content is None else parse_metadata(content, str(folder / _METADATA))


def load_metadata(folder: Path) -> dict[str, Any] | None:
    """Everything in an exported model's ``metadata.yaml``; None when there is none.

    Raises:
        ModelRefused: it is there and makes no sense.
    """
    file = folder / _METADATA
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ModelRefused(f"{file} cannot be read: {last_line(error)}", "export the model again") from error
    if not isinstance(content, dict):
        raise ModelRefused(f"{file} holds no settings", "export the model again")
    return content


def save_metadata(folder: Path, content: Mapping[str, Any]) -> None:
    """Write ``metadata.yaml`` as ultralytics does."""
    text = yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True)
    (folder / _METADATA).write_text(text, encoding="utf-8")


def parse_metadata(content: Mapping[str, Any], origin: str) -> ModelMetadata:
    """Understand the metadata that ultralytics writes into its exports.

    Args:
        content: from ``metadata.yaml``, or from an ONNX file (values are then Python literals as text).
        origin: where it comes from, for the message.

    Raises:
        ModelRefused: no labels in it.
    """
    names = content.get("names")
    if isinstance(names, str):
        try:
            names = ast.literal_eval(names)
        except (ValueError, SyntaxError):
            names = None
    if isinstance(names, dict):
        by_number = {int(number): name for number, name in names.items() if str(number).isdecimal()}
        names = [by_number.get(number, str(number)) for number in range(max(by_number, default=-1) + 1)]
    if not isinstance(names, list) or not names:
        raise ModelRefused(f"{origin} names no labels", "export the model again with ultralytics")
    return ModelMetadata(tuple(str(name) for name in names), str(content.get("task", "detect")))


def require_detector(metadata: ModelMetadata, name: str) -> None:
    """Refuse a model that was made for something else.

    Raises:
        ModelRefused: its task is not ``detect``.
    """
    if metadata.task != "detect":
        raise ModelRefused(
            f"{name} is no detector: its task is {metadata.task}", f"use a detection model such as {AUTO_MODEL}"
        )


def first_line(error: BaseException) -> str:
    """The first line of an error's text: the reason, with libraries that add advice."""
    return _lines(error)[0]


def last_line(error: BaseException) -> str:
    """The last line of an error's text: the reason, with C++ libraries that say first where they were."""
    return _lines(error)[-1]


def _lines(error: BaseException) -> list[str]:
    return [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]


def is_path(model: str) -> bool:
    """Whether a model is given by its path, not by its name."""
    return (
        "/" in model
        or os.sep in model
        or model.startswith("~")
        or model.endswith((*_FORMS, ".xml", ".engine", "_model"))
    )


def _at(path: Path, *, prefer_pytorch: bool) -> ModelFiles:
    if not path.exists():
        raise ModelUnavailable(f"there is no model at {path}", "correct detector.model, or put the model there")
    found = ModelFiles(path, kind_of(path))
    if found.kind is not ModelKind.PYTORCH or prefer_pytorch:
        return found
    # An export beside a .pt is the same model, three times as fast; unless the .pt was trained anew since.
    exports = (path.with_name(path.stem + form) for form in _OPENVINO_FORMS)
    fresh = (one for one in exports if one.is_dir() and one.stat().st_mtime >= path.stat().st_mtime)
    exported = next(fresh, None)
    return found if exported is None else ModelFiles(exported, kind_of(exported))
