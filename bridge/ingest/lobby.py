"""Where cameras that are not known say who they are, show one picture, and are sent away to come again.

They are heard for a few seconds and never longer, a few at a time, and nothing of what they say reaches the rest of
the bridge but through ``Reception``. No sockets and no waiting, as in ``door``.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from bridge.frames.jpeg import Gate
from bridge.ingest.protocol import Admission, CameraSession, Close, FrameReceived, HelloReceived
from bridge.ingest.quiet import OncePerMinute
from bridge.model import Guest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.ingest.access import Wait
    from bridge.ingest.door import Peer
    from bridge.ingest.reception import Reception
    from bridge.ingest.settings import IngestSettings
    from bridge.runtime.clock import Clock

log = logging.getLogger(__name__)

STAY_S: Final = 5.0
"""How long a camera may take for its hello and a picture; a board's first picture takes a second or two."""

MAX_VISITORS: Final = 16
"""At a time; more are sent away at once."""


@dataclass(slots=True, eq=False)
class Visitor:
    """One connection of a camera that waits, and what came over it."""

    peer: Peer
    session: CameraSession
    wait: Wait
    until_mono_s: float
    hello: Mapping[str, Any] = field(default_factory=dict)
    jpeg: bytes | None = None
    told: bool = False


class Lobby:
    """Hears cameras that wait; all in ingest's thread.

    Args:
        settings: how large pictures may be.
        clock: where the time comes from.
        reception: told of each camera once a visit.
    """

    def __init__(self, settings: IngestSettings, *, clock: Clock, reception: Reception) -> None:
        self._settings = settings
        self._clock = clock
        self._reception = reception
        self._visitors: set[Visitor] = set()
        self._quiet = OncePerMinute()

    def take_up(self, settings: IngestSettings) -> None:
        """Go on by changed rules."""
        self._settings = settings

    def enter(self, peer: Peer, wait: Wait) -> Visitor:
        """Let a connection in for a moment."""
        now_mono_s = self._clock.mono_s()
        if self._quiet.due(f"{peer.address} {wait.camera_id}", now_mono_s) is not None:
            log.warning("%s waits at %s: %d %s", wait.camera_id, peer.address, wait.code, wait.reason)
        session = CameraSession(
            wait.camera_id,
            gate=Gate(max_bytes=self._settings.max_frame_bytes, max_pixels=self._settings.max_frame_pixels),
            admission=Admission.ANY,
            now_mono_s=now_mono_s,
        )
        visitor = Visitor(peer, session, wait, now_mono_s + STAY_S)
        if len(self._visitors) >= MAX_VISITORS:
            visitor.told = True  # it said nothing yet: there is nothing to tell
            peer.close(wait.code, wait.reason)
        else:
            self._visitors.add(visitor)
        return visitor

    def receive(self, visitor: Visitor, message: str | bytes) -> None:
        """Take one whole message; a hello and a picture are all that is wanted."""
        if visitor.told:
            return
        if isinstance(message, bytes):
            outcomes = visitor.session.receive_binary(message, self._clock.unix_s())
        else:
            outcomes = visitor.session.receive_text(message)
        for outcome in outcomes:
            match outcome:
                case FrameReceived(jpeg):
                    visitor.jpeg = jpeg
                case HelloReceived(hello):
                    visitor.hello = hello
                case Close(code, reason):
                    visitor.peer.close(code, reason)
        if visitor.jpeg is not None:  # it comes after the hello, or there is none
            self._send_away(visitor)

    def receive_heartbeat(self, visitor: Visitor) -> None:
        """A sign of life keeps nobody here longer."""

    def refuse_huge(self, visitor: Visitor) -> None:
        """Its picture was too long to be received at all: it is shown without one."""
        self._tell(visitor)

    def leave(self, visitor: Visitor, why: str) -> None:  # noqa: ARG002 - as Door's
        """It went; what it said so far counts."""
        self._tell(visitor)

    def check(self) -> None:
        """Send away whoever has been here long enough; call it every second."""
        now_mono_s = self._clock.mono_s()
        for visitor in [one for one in self._visitors if now_mono_s >= one.until_mono_s]:
            self._send_away(visitor)

    def _send_away(self, visitor: Visitor) -> None:
        self._tell(visitor)
        visitor.peer.close(visitor.wait.code, visitor.wait.reason)

    def _tell(self, visitor: Visitor) -> None:
        self._visitors.discard(visitor)
        if visitor.told:
            return
        visitor.told = True
        wait = visitor.wait
        self._reception.came(
            Guest(wait.camera_id, wait.key_sha256, visitor.peer.address, visitor.hello, visitor.jpeg, wait.known)
        )
