"""What the operating system says of files, in words for the user."""

from __future__ import annotations

import errno

from bridge.errors import HistoryError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_NOT_ALLOWED = frozenset({errno.EACCES, errno.EPERM})


def explain_disk(error: OSError, what: str) -> HistoryError:
    """What happened and what helps, in one line each.

    Args:
        error: of a file operation.
        what: was worked on, for a sentence: ``the folder /media``.
    """
    said = error.strerror or type(error).__name__
    if error.errno in _FULL:
        return HistoryError(f"no room for {what}: {said}", "make room on that disk", full=True)
    if error.errno in _NOT_ALLOWED:
        return HistoryError(f"no access to {what}: {said}", "let the bridge's user write there")
    if error.errno == errno.EROFS:
        mend = "mount it for writing; a card that is worn out becomes read-only by itself"
        return HistoryError(f"{what} lies on a disk that may only be read", mend)
    if error.errno == errno.EIO:
        return HistoryError(f"the disk of {what} fails: {said}", "see to the disk")
    return HistoryError(f"{what} cannot be used: {said}", "see that the path in the configuration is right")
