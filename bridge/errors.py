"""Every exception that the bridge raises on purpose, one root.

::

    BridgeError
    ├── ConfigError            the configuration is wrong; carries every problem found   (exit 2)
    ├── UsageError             the command line is wrong                                 (exit 2)
    ├── DependencyMissing      a package or system library is not there; says the mend
    ├── ModelError
    │   ├── ModelUnavailable   no model can be had now; trying again later may help
    │   └── ModelRefused       the model is there but broken, or no detector; trying again will not help
    ├── FrameRejected          a camera's picture is damaged; counted by reason, never fatal
    ├── PeerError              the other side broke the camera link's rules; carries the close code
    ├── BrokerError            the MQTT broker cannot be reached, refuses us, or went away; carries the mend
    ├── ControlRefused         a control cannot be set as asked; says why and what is allowed
    ├── UnknownCamera          there is no such camera, or not any more
    ├── AdoptionRefused        a camera cannot be approved or removed as asked; says why and the mend
    ├── HistoryError           the history cannot be read or written; carries the mend and whether the disk is full
    ├── LinkLost               a simulated camera's link to the bridge ended; carries the close code
    ├── SourceError            footage for the simulator cannot be read
    ├── ListenError            a port cannot be listened on
    └── WorkerCrashed          a thread of ours died; carries its name and the cause    (exit 1)
"""

from __future__ import annotations

from enum import StrEnum


class BridgeError(Exception):
    """Root of all errors that the bridge raises on purpose."""


class ConfigError(BridgeError):
    """The configuration is wrong.

    Args:
        problems: one line each, ready to print: ``file:line: path: what is wrong, what is allowed``.
    """

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class UsageError(BridgeError):
    """The command line asks for something that cannot be done as written."""


class DependencyMissing(BridgeError):
    """A package or a system library is not installed.

    Args:
        what: the package or library.
        mend: the command that installs it.
    """

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(f"{what} is not installed; {mend}")
        self.what = what
        self.mend = mend


class UnknownCamera(BridgeError, KeyError):
    """There is no such camera, or not any more.

    Args:
        camera_id: which.
    """

    def __init__(self, camera_id: str) -> None:
        super().__init__(camera_id)
        self.camera_id = camera_id

    def __str__(self) -> str:
        """One line for people."""
        return f"there is no camera {self.camera_id!r}"


class ModelError(BridgeError):
    """The detection model cannot be used.

    Args:
        reason: what is wrong, in one line.
        mend: what the user can do about it, in one line.
    """

    def __init__(self, reason: str, mend: str) -> None:
        super().__init__(f"{reason}; {mend}")
        self.reason = reason
        self.mend = mend


class ModelUnavailable(ModelError):
    """No model can be had now (no file, no network, not enough memory); a later try may succeed."""


class ModelRefused(ModelError):
    """The model is there, but it is broken or no detector; only another model helps."""


class RejectReason(StrEnum):
    """Why a frame was refused; the value is the ``reason`` label in ``/metrics``."""

    EMPTY = "empty"  # no bytes at all
    NOT_JPEG = "not_jpeg"  # text, PNG, no SOI marker
    TRUNCATED = "truncated"  # SOI but no EOI, or EOI before any picture data
    GLUED = "glued"  # a second picture begins inside the first
    TOO_MANY_BYTES = "too_many_bytes"
    TOO_MANY_PIXELS = "too_many_pixels"
    BAD_HEADER = "bad_header"  # an ECF1 header or JPEG segments that cannot be read
    UNDECODABLE = "undecodable"  # passed every cheap check, but the decoder refuses it


class FrameRejected(BridgeError):
    """A picture is damaged.

    Args:
        reason: what is wrong with it.
        detail: for the log, for example the size found.
    """

    def __init__(self, reason: RejectReason, detail: str = "") -> None:
        super().__init__(f"{reason.value}: {detail}" if detail else reason.value)
        self.reason = reason
        self.detail = detail


class PeerError(BridgeError):
    """The camera broke the link's rules; it is told so and the connection closes.

    Args:
        close_code: WebSocket close code of the contract (4400, 4401, ...).
        reason: what is wrong and how to mend it; at most 123 bytes of UTF-8 (RFC 6455, section 5.5).
    """

    def __init__(self, close_code: int, reason: str) -> None:
        super().__init__(f"{close_code}: {reason}")
        self.close_code = close_code
        self.reason = reason


class BrokerError(BridgeError):
    """The MQTT broker cannot be reached, refuses us, or went away; trying again later may help.

    Args:
        reason: what happened, in one line.
        mend: what the user can do about it, in one line; empty when there is nothing to do but wait.
    """

    def __init__(self, reason: str, mend: str = "") -> None:
        super().__init__(f"{reason}; {mend}" if mend else reason)
        self.reason = reason
        self.mend = mend


class HistoryError(BridgeError):
    """The history's database or its folder of pictures cannot be used; trying again later may help.

    Args:
        reason: what happened, in one line.
        mend: what the user can do about it, in one line.
        full: there is no room left on the disk.
    """

    def __init__(self, reason: str, mend: str, *, full: bool = False) -> None:
        super().__init__(f"{reason}; {mend}")
        self.reason = reason
        self.mend = mend
        self.full = full


class ControlRefused(BridgeError):
    """A control cannot be set as asked; the message says why and what is allowed."""


class AdoptionRefused(BridgeError):
    """A camera cannot be approved, dismissed or removed as asked; the message says why and the mend."""


class UpdateRefused(BridgeError):
    """A camera's firmware cannot be updated as asked; the message says why and the mend."""


class LinkLost(BridgeError):
    """A simulated camera's link could not be made, or ended.

    Args:
        reason: why, in one line; what the bridge said when it said something.
        close_code: WebSocket close code; None when there was no link yet.
        refused: the bridge does not want this camera as it is; trying again soon will not help.
    """

    def __init__(self, reason: str, close_code: int | None = None, *, refused: bool = False) -> None:
        super().__init__(reason if close_code is None else f"{close_code} {reason}".rstrip())
        self.reason = reason
        self.close_code = close_code
        self.refused = refused


class SourceError(BridgeError):
    """Footage cannot be opened or read."""


class ListenError(BridgeError):
    """A port cannot be listened on, because it is taken or not allowed."""


class WorkerCrashed(BridgeError):
    """A thread of ours ended with an exception; the whole process stops.

    Args:
        worker: the thread's name.
        cause: what it died of.
    """

    def __init__(self, worker: str, cause: BaseException) -> None:
        super().__init__(f"{worker} crashed: {cause!r}")
        self.worker = worker
        self.cause = cause
