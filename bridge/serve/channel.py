"""Which viewer is sent which picture, and when. No sockets, no threads; time comes in as a value.

Rules
-----
* A viewer has at most one picture on its way. When it has taken that one it gets the newest, whatever it missed.
* A picture is made only when a viewer is free for it, and one at a time: frames that come meanwhile are passed over.
* A camera that is gone shows its notice, at once and again every second; a camera that is slow shows its last picture
  again. So no stream ever looks dead, and who left is noticed (only a write tells).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from bridge.serve.pacing import Pacer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.serve.live import LivePicture

NOTICE_INTERVAL_S = 1.0
REPEAT_INTERVAL_S = 2.0

_NOTHING = b""


class Viewer:
    """What one viewer has, is being sent, and waits for.

    Args:
        now_s: when it came.
        max_fps: fewer pictures a second than the camera's ``max_fps``; None for no limit of its own.
    """

    def __init__(self, now_s: float, max_fps: float | None = None) -> None:
        self.pending: bytes | memoryview = _NOTHING  # what is still to be sent of the picture on its way
        self._pacer = Pacer(max_fps) if max_fps is not None else None
        self._repeat_s = REPEAT_INTERVAL_S if max_fps is None else max(REPEAT_INTERVAL_S, 2.0 / max_fps)
        self._seq = 0
        self._served = False
        self._since_s = now_s  # when it came, or its newest picture was begun

    def wants(self, seq: int, now_s: float) -> bool:
        """Whether it would take the picture of this frame now."""
        if self.pending or seq <= self._seq:
            return False
        return self._pacer is None or self._pacer.wait_s(now_s) <= 0

    def overdue(self, now_s: float, *, online: bool) -> bool:
        """Whether it has been without a picture for so long that it must get something, new or not."""
        if self.pending:
            return False
        if not online and not self._served:
            return True
        return now_s - self._since_s >= (self._repeat_s if online else NOTICE_INTERVAL_S)

    def begin(self, picture: LivePicture, now_s: float, *, new: bool) -> None:
        """Put a picture on its way; ``new`` when it is one that it did not have."""
        self.pending = picture.part
        self._served, self._since_s = True, now_s
        if new:
            self._seq = picture.seq
            if self._pacer is not None:
                self._pacer.accept(now_s)

    def took(self, count: int) -> None:
        """Note how many of the pending bytes are sent."""
        self.pending = memoryview(self.pending)[count:] if count < len(self.pending) else _NOTHING

    def stalled(self, now_s: float, limit_s: float) -> bool:
        """Whether its picture has been on its way for longer than this."""
        return bool(self.pending) and now_s - self._since_s > limit_s


_Any = TypeVar("_Any", bound=Viewer)


class Channel(Generic[_Any]):
    """Those who see the same pictures of one camera.

    Args:
        max_fps: frames over this rate are passed over, for all viewers alike.
    """

    def __init__(self, max_fps: float) -> None:
        # In the order they came, which is how their sockets lie in memory: a fifth cheaper to send to than any order.
        self.viewers: dict[_Any, None] = {}
        self.picture: LivePicture | None = None  # the newest that was made
        self._pacer = Pacer(max_fps)
        self._online = False
        self._seen_seq = 0
        self._wanted_seq = 0  # the newest frame within max_fps
        self._asked_seq = 0  # the newest frame whose picture was made or refused or is being made
        self._making = False

    def set_max_fps(self, max_fps: float) -> None:
        """Change the rate over which frames are passed over."""
        self._pacer = Pacer(max_fps)

    @property
    def online(self) -> bool:
        """Whether the camera sends frames, as far as was told."""
        return self._online

    def set_online(self, *, online: bool) -> None:
        """Tell whether the camera sends frames."""
        if not online:
            self.picture = None  # when it comes back, nobody is shown what was there before
        self._online = online

    def frame(self, seq: int, received_mono_s: float) -> None:
        """Tell of the newest frame."""
        if seq > self._seen_seq:
            self._seen_seq = seq
            if self._pacer.accept(received_mono_s):
                self._wanted_seq = seq

    def ask(self, now_s: float) -> bool:
        """Whether the newest frame's picture is to be made now; a yes is answered with ``made``."""
        if self._making or not self._online or self._wanted_seq <= self._asked_seq:
            return False
        if not any(viewer.wants(self._wanted_seq, now_s) for viewer in self.viewers):
            return False
        self._making, self._asked_seq = True, self._wanted_seq
        return True

    def made(self, picture: LivePicture | None) -> None:
        """Take the picture that was asked for; None when its frame cannot be read."""
        self._making = False
        if picture is not None and self._online:
            self.picture = picture
            self._asked_seq = max(self._asked_seq, picture.seq)

    def deal(self, now_s: float, to: Iterable[_Any] | None = None) -> list[_Any]:
        """Put the newest picture on its way to those (of ``to``) that want it.

        Returns:
            Those whose bytes are now to be sent.
        """
        picture = self.picture
        if picture is None:
            return []
        served = [viewer for viewer in (self.viewers if to is None else to) if viewer.wants(picture.seq, now_s)]
        for viewer in served:
            viewer.begin(picture, now_s, new=True)
        return served

    def lacks(self, now_s: float) -> bool:
        """Whether somebody must get something, new or not (see ``fill``); no notice while the first picture is made."""
        if self._online and self._making and self.picture is None:
            return False
        return any(viewer.overdue(now_s, online=self._online) for viewer in self.viewers)

    def fill(self, picture: LivePicture, now_s: float) -> list[_Any]:
        """Put this picture on its way to those who have been without one for long.

        Returns:
            Those whose bytes are now to be sent.
        """
        served = [viewer for viewer in self.viewers if viewer.overdue(now_s, online=self._online)]
        for viewer in served:
            viewer.begin(picture, now_s, new=False)
        return served
