"""What the bridge needs of this machine besides ports: a model, room for its history, the right time."""

from __future__ import annotations

import ctypes
import importlib.util
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bridge.detect.fetch import can_fetch
from bridge.detect.inventory import describe
from bridge.detect.load import choose_runtime, prefers_ultralytics
from bridge.detect.models import AUTO_MODEL, STARTER, find
from bridge.doctor.findings import Finding, Level
from bridge.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from bridge.detect.models import ModelFiles
    from bridge.detect.port import DetectorSettings

# This program did not exist before: boards without a battery wake up in 1970, or at their last shutdown.
_FIRST_RELEASE_UNIX_S = datetime(2025, 11, 1, tzinfo=UTC).timestamp()
_DAY_S = 86_400.0
_TIME_ERROR = 5
_TIMEX_BYTES = 512  # more than struct timex has anywhere; all zero: only ask
_SCARCE_BYTES = 256_000_000
"""A day of events of a busy camera; what the history keeps in reserve comes on top."""
_GONE_BYTES = 16_000_000
_PACKAGES = {"openvino": "openvino", "ultralytics": "ultralytics"}
_INSTALL = {"openvino": "pip install openvino", "ultralytics": "pip install 'espcam-bridge[yolo]'"}


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere that the bridge writes.

    Attributes:
        path: a file or a folder; need not exist yet.
        what: it is, for people.
        key: of the configuration.
    """

    path: Path
    what: str
    key: str


def check_clock(now_unix_s: float, installed_unix_s: float) -> Finding:
    """Whether the machine's time can be right.

    Args:
        now_unix_s: the time, as the machine believes.
        installed_unix_s: when this program's files were written: it cannot be earlier now.
    """
    shown = f"{datetime.fromtimestamp(now_unix_s, UTC):%Y-%m-%d %H:%M:%S} UTC"
    if now_unix_s >= max(_FIRST_RELEASE_UNIX_S, installed_unix_s - _DAY_S):
        return Finding(Level.OK, "clock", shown)
    mend = "set it: timedatectl set-ntp true; events get its time, and certificates are judged by it"
    return Finding(Level.ERROR, "clock", f"{shown} is in the past", mend)


def check_time_service(keeps: Callable[[], bool | None] | None = None) -> Iterator[Finding]:
    """Whether anything keeps the clock right; nothing is said where that cannot be known."""
    if (keeps or _clock_is_kept)() is False:
        mend = "let something: sudo timedatectl set-ntp true"
        yield Finding(Level.NOTE, "time service", "nothing keeps this machine's clock right: it will wander", mend)


def _clock_is_kept() -> bool | None:
    """Whether the kernel's clock is disciplined (adjtimex(2): ``TIME_ERROR`` says that it is not); None: unknown."""
    try:
        library = ctypes.CDLL(None, use_errno=True)
        state = library.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):  # no Linux
        return None
    return None if state < 0 else state != _TIME_ERROR


def check_model(settings: DetectorSettings, environ: Mapping[str, str]) -> Finding:
    """Which model would be loaded; nothing is downloaded, and no runtime is loaded."""
    try:
        files = find(settings.model, environ, prefer_pytorch=prefers_ultralytics(settings))
        if files is None or (settings.model == "auto" and files.in_the_box):
            return _not_here(settings.model, in_the_box=files is not None)
        return _judge_model(settings, files)
    except ModelError as error:
        return Finding(Level.ERROR, "model", error.reason, error.mend)


def _not_here(model: str, *, in_the_box: bool) -> Finding:
    text = f"{AUTO_MODEL if model == 'auto' else model} is not on this machine"
    if can_fetch():
        return Finding(Level.NOTE, "model", f"{text}: it is downloaded at the first start, which takes minutes")
    mend = f"run: {_INSTALL['ultralytics']}, which downloads it; or set detector.model to the path of a YOLO model"
    if in_the_box:
        text += f": the one in the box does its work ({STARTER}: persons alone, and fewer of them)"
        return Finding(Level.NOTE, "model", text, mend)
    return Finding(Level.ERROR, "model", text, mend)


def _judge_model(settings: DetectorSettings, files: ModelFiles) -> Finding:
    runtime = choose_runtime(settings, files)
    facts = describe(files)
    if facts.problem:
        return Finding(Level.ERROR, "model", facts.problem, "export it again, or set another detector.model")
    if facts.task not in {"", "detect"}:
        return Finding(Level.ERROR, "model", f"{files.path} is made to {facts.task}", "set a detection model")
    if importlib.util.find_spec(_PACKAGES[runtime]) is None:
        return Finding(Level.ERROR, "model", f"{files.path} needs {runtime}", f"run: {_INSTALL[runtime]}")
    return Finding(Level.OK, "model", f"{files.name} ({facts.precision}) by {runtime}: {files.path}")


def check_places(places: tuple[Place, ...]) -> Iterator[Finding]:
    """Whether the bridge's user may write where it has to."""
    for place in places:
        try:
            _try_to_write(place.path)
        except OSError as error:
            said = error.strerror or type(error).__name__
            mend = f"let the bridge's user write there, or change {place.key}"
            yield Finding(Level.ERROR, place.what, f"{place.path} cannot be written: {said}", mend)
        else:
            yield _judge_room(place)


def _judge_room(place: Place) -> Finding:
    folder = _existing(place.path)
    free_bytes = shutil.disk_usage(folder).free
    shown = str(place.path.absolute())
    if free_bytes >= _SCARCE_BYTES:
        return Finding(Level.OK, place.what, shown)
    level = Level.ERROR if free_bytes < _GONE_BYTES else Level.WARNING
    mend = "make room on that disk, lower history.max_media_mb and history.retain_days, or choose another place"
    return Finding(level, place.what, f"{shown}: the disk is full but for {free_bytes / 1e6:.0f} MB", mend)


def _existing(path: Path) -> Path:
    """The folder that is there, of a path that need not be."""
    folder = path if path.is_dir() else path.parent
    while not folder.exists():
        folder = folder.parent
    return folder


def _try_to_write(path: Path) -> None:
    """Write, and leave no trace: asking for permissions alone would not see a disk that is read-only.

    Raises:
        OSError: it cannot be written, or made.
    """
    if path.is_file():
        with path.open("ab"):
            pass
    with tempfile.TemporaryFile(dir=_existing(path)) as file:
        file.write(bytes(4096))  # an empty file finds room on a full disk
