"""Writes a changed configuration: checked before, with a copy of the one before it, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING, Any, Final

from bridge.config.loader import load_config
from bridge.config.rewrite import NotRewritable, rewritten, without
from bridge.errors import ConfigError
from bridge.runtime.durable import flush_folder, write_flushed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from bridge.config.schema import Config

BACKUP_SUFFIX: Final = ".bak"
"""Behind the file's name: the configuration as it was before the last change by the bridge."""

_NOT_HERE: Final = ("id", "token")


def change_camera(path: Path, camera_id: str, change: Mapping[str, Any], environ: Mapping[str, str]) -> Config:
    """Change one camera's settings in the configuration's file.

    Args:
        path: the file.
        camera_id: whose; gets an entry when it has none.
        change: keys of the camera with their values, as JSON has them; a mapping is merged, None takes a key out.
        environ: the environment variables.

    Returns:
        The configuration as it is now.

    Raises:
        ConfigError: the change is wrong or cannot be written; the file is as it was.
    """
    for key in _NOT_HERE:
        if key in change:
            raise ConfigError((f"{key}: is not changed here but in {path}",))
    return _rewrite(path, camera_id, lambda text: rewritten(text, camera_id, change), environ)


def remove_camera(path: Path, camera_id: str, environ: Mapping[str, str]) -> Config:
    """Take one camera's entry out of the configuration's file; as ``change_camera`` otherwise."""
    return _rewrite(path, camera_id, lambda text: without(text, camera_id), environ)


def _rewrite(path: Path, camera_id: str, change: Callable[[str], str], environ: Mapping[str, str]) -> Config:
    path = path.resolve()  # the file itself, not a link to it
    before = _bytes(path)
    try:
        text = change(before.decode("utf-8-sig"))
    except (NotRewritable, UnicodeDecodeError, RecursionError) as problem:
        raise ConfigError((f"{path}: {camera_id} cannot be changed from here: {problem}; do it by hand",)) from None
    mark = before[: len(before) - len(before.decode("utf-8-sig").encode())]
    try:
        after = mark + text.encode()
    except UnicodeEncodeError:
        raise ConfigError((f"{path}: a text with half a character in it cannot be written",)) from None
    with _draft(path, after) as draft:
        config = _checked(draft, path, environ)
        if _bytes(path) != before:
            raise ConfigError((f"{path}: somebody else changed it at the same moment; try again",))
        try:
            shutil.copy2(path, path.with_name(path.name + BACKUP_SUFFIX))
            draft.replace(path)
        except OSError as error:
            raise _not_writable(path, error) from None
        flush_folder(path.parent)
    return config


def _checked(draft: Path, path: Path, environ: Mapping[str, str]) -> Config:
    try:
        return load_config(draft, environ)
    except ConfigError as error:
        raise ConfigError(tuple(line.replace(str(draft), str(path)) for line in error.problems)) from None


@contextlib.contextmanager
def _draft(path: Path, content: bytes) -> Iterator[Path]:
    """The new content beside the file, on the disk for good; gone at the end if nobody took it."""
    draft = path.with_name(f".{path.name}.new")
    try:
        draft.unlink(missing_ok=True)  # of a run that was killed
        write_flushed(draft, content)
        shutil.copymode(path, draft)
        with contextlib.suppress(OSError):  # only root may give files away
            owner = path.stat()
            os.chown(draft, owner.st_uid, owner.st_gid)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise _not_writable(path, error) from None
    try:
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError((f"{path}: cannot be read: {error.strerror}",)) from None


def _not_writable(path: Path, error: OSError) -> ConfigError:
    mend = f"the folder {path.parent} must be writable for the bridge (in Docker: mount the folder, not the file)"
    return ConfigError((f"{path}: cannot be written: {error.strerror}; {mend}",))
