"""What the bridge keeps in mind from one run to the next, in one small JSON file.

Rules
=====
1. What is put is in memory at once; it reaches the disk with ``save``, which writes only when something changed.
2. A save is all or nothing: a temporary file beside the real one, flushed, then renamed over it. A kill or a power cut
   leaves the old contents or the new ones, never a part.
3. A file that is not ours or not whole is moved aside, said loudly, and the bridge begins anew.
4. A file that cannot be read, or not be moved aside, is never written over: the bridge then remembers in memory only.
5. Sections that this version does not know are kept, so that a newer version finds them again.
6. Nothing here is worth a stop: a disk that fails is logged once, until it works again.

The file may be read by its owner only. It holds no passwords; it does tell when nobody looks.
"""

from __future__ import annotations

import contextlib
import copy
import errno
import itertools
import json
import logging
import os
import stat
import threading
from typing import TYPE_CHECKING, Any, Final, NoReturn

from bridge.runtime.durable import flush_folder, write_flushed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

log = logging.getLogger(__name__)

_MARK: Final = "espcam_bridge_state"  # the file's first key; without it the file is somebody else's
_FORMAT: Final = 1
_MAX_BYTES: Final = 16 * 1024 * 1024  # a hundred cameras fill 100 KB; what is larger is not ours

_MENDS: Final[Mapping[int, str]] = {
    errno.ENOSPC: "make room on that disk",
    errno.EDQUOT: "make room on that disk",
    errno.EACCES: "let the bridge's user read and write there",
    errno.EPERM: "let the bridge's user read and write there",
    errno.EROFS: "mount it for writing; a card that is worn out becomes read-only by itself",
    errno.EBUSY: "in a container, mount the folder and not the single file",
    errno.EIO: "see to the disk",
}


class StateFile:
    """Named sections of JSON values by key; thread-safe, and only ``save`` waits for the disk.

    Args:
        path: where it is kept; its folder is made at the first save. None: in memory only.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._sections: dict[str, dict[str, Any]] = {}
        self._format = _FORMAT
        self._revision = self._saved_revision = 0
        self._problem = ""
        self._blocked = False  # what lies there must not be written over
        self._lock = threading.Lock()  # guards what is above, for moments
        self._disk = threading.Lock()  # one save at a time; held while the disk works
        if path is not None:
            self._load(path)

    @property
    def problem(self) -> str:
        """Why nothing is kept on the disk now, and the mend, in one line; empty = all is well."""
        return self._problem

    def section(self, name: str) -> Mapping[str, Any]:
        """A copy of all that is in a section, by key; empty when there is none."""
        with self._lock:
            return copy.deepcopy(self._sections.get(name, {}))

    def put(self, section: str, key: str, value: object) -> None:
        """Remember a value; None forgets it. Never waits for the disk.

        Raises:
            ValueError: this cannot be said in JSON.
        """
        try:
            text = json.dumps(value, allow_nan=False)
        except (TypeError, RecursionError) as error:
            raise ValueError(f"{section}.{key} cannot be said in JSON: {error}") from error
        kept = json.loads(text)  # a copy that nobody else holds
        with self._lock:
            values = self._sections.get(section, {})
            if json.dumps(values.get(key)) == text:
                return
            if kept is None:
                del values[key]
            else:
                values[key] = kept
                self._sections[section] = values
            if not values:
                del self._sections[section]
            self._revision += 1

    def save(self) -> bool:
        """Write what changed since the last save.

        Returns:
            Whether all is kept now, or nothing has to be; False when the disk does not do it (``problem`` says why).
        """
        if self._path is None:
            return True
        with self._disk:
            with self._lock:
                revision = self._revision
                if self._blocked:
                    return False
                if revision == self._saved_revision:
                    return True
                text = json.dumps({_MARK: self._format, "sections": self._sections}, indent=1)
            try:
                _replace(self._path, text.encode())
            except OSError as error:
                self._failed(f"{self._path} cannot be written: {_explain(error)}")
                return False
            self._saved_revision = revision
            self._works_again()
            return True

    def _load(self, path: Path) -> None:
        try:
            data = _read(path)
        except FileNotFoundError:
            return
        except OSError as error:
            self._block(f"{path} cannot be read: {_explain(error)}")
            return
        try:
            self._format, self._sections = _parse(data)
        except ValueError as error:
            self._move_aside(path, str(error))

    def _move_aside(self, path: Path, reason: str) -> None:
        aside = _free_name(path)
        try:
            path.rename(aside)
        except OSError as error:
            self._block(f"{path} is damaged ({reason}) and cannot be moved aside: {_explain(error)}")
            return
        log.error(
            "%s is damaged (%s): it is now %s, and the bridge begins anew: what was set while it ran is forgotten",
            path,
            reason,
            aside.name,
        )

    def _block(self, problem: str) -> None:
        self._blocked = True
        self._failed(f"{problem}, and start the bridge again")

    def _failed(self, problem: str) -> None:
        if not self._problem:  # one line an outage, not one a save
            log.error("%s; until then, what is set is forgotten when the bridge stops", problem)
        self._problem = problem

    def _works_again(self) -> None:
        if self._problem:
            log.info("%s is written again", self._path)
        self._problem = ""


def _read(path: Path) -> bytes:
    """At most one byte more than a file of ours may have.

    Raises:
        OSError: it cannot be read; a pipe or a device is not even opened, because that may take for ever.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is no file")
    with path.open("rb") as file:
        return file.read(_MAX_BYTES + 1)


def _parse(data: bytes) -> tuple[int, dict[str, dict[str, Any]]]:
    """The format's number and the sections.

    Raises:
        ValueError: this is not a whole file of ours; the message says what is wrong, in a few words.
    """
    if len(data) > _MAX_BYTES:
        raise ValueError(f"more than {_MAX_BYTES} bytes")
    try:
        contents = json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError("not whole JSON" if data else "it is empty") from error
    if not isinstance(contents, dict) or type(contents.get(_MARK)) is not int:
        raise ValueError(f"no {_MARK} in it, another program's file")
    sections = contents.get("sections")
    if not isinstance(sections, dict) or not all(isinstance(values, dict) for values in sections.values()):
        raise ValueError("its sections are no objects")
    return contents[_MARK], sections


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _free_name(path: Path) -> Path:
    names = itertools.chain([".damaged"], (f".damaged-{number}" for number in itertools.count(2)))
    return next(aside for name in names if not os.path.lexists(aside := path.with_name(path.name + name)))


def _replace(path: Path, data: bytes) -> None:
    """Put ``data`` in the place of the file, whole and for good.

    Raises:
        OSError: it cannot be done; the file is as it was.
    """
    path = path.resolve()  # where a link is kept, its target is replaced and not the link
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)  # of a run that was killed, perhaps another user's
    try:
        write_flushed(part, data)
        part.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def _explain(error: OSError) -> str:
    mend = _MENDS.get(error.errno or 0, "see that the path is right")
    return f"{error.strerror or type(error).__name__}; {mend}"
