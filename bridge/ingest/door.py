"""The door between the cameras' connections and the bridge: who is connected, and what becomes of what they say.

Pictures and health go to the store, everything else that cameras say to whoever talks with them (``CameraTalk``).

No sockets and no waiting: a connection is a ``Peer`` that can be told something. What a message means is decided in
``protocol``; here the outcomes are carried out. The newest connection of a camera wins: the older one is told so
(4409), and what still comes from it is thrown away.
"""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from bridge.errors import RejectReason, UnknownCamera
from bridge.frames.jpeg import Gate
from bridge.ingest.messages import close_reason, write_welcome
from bridge.ingest.protocol import (
    Acknowledged,
    Ask,
    CameraSession,
    Close,
    FrameReceived,
    FrameRefused,
    HelloReceived,
    Ignored,
    Progressed,
    SettledAsLegacy,
    StateReceived,
    TelemetryReceived,
)
from bridge.ingest.quiet import OncePerMinute
from bridge.link.table import CLOSE_BAD_TOKEN, CLOSE_REPLACED, CLOSE_UNKNOWN_CAMERA

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.frames.store import FrameStore
    from bridge.ingest.access import Accept, Refuse
    from bridge.ingest.protocol import Outcome, Outcomes
    from bridge.ingest.settings import IngestSettings
    from bridge.ingest.talk import CameraTalk
    from bridge.runtime.clock import Clock

log = logging.getLogger(__name__)

STOPPING: Final = 1001
REMOVED: Final = "this camera was removed from the bridge"


class Peer(Protocol):
    """A connection to a camera; none of its methods waits."""

    @property
    def address(self) -> str:
        """Where it comes from, for the log."""

    @property
    def dialled(self) -> str:
        """How it reached us: ``http://host:port`` or ``https://``; empty when it did not say."""

    def send(self, text: str) -> None:
        """Send a text message."""

    def ping(self) -> None:
        """Send a ping."""

    def close(self, code: int, reason: str) -> None:
        """Begin to close; more messages may still arrive."""


@dataclass(frozen=True, slots=True, eq=False)
class Visit:
    """One admitted connection and its session."""

    peer: Peer
    session: CameraSession


class Door:
    """Lets cameras in, feeds the store, and watches for silence. All but ``modern`` happens in one thread.

    Args:
        settings: the cameras and the limits.
        store: takes what they send.
        clock: where the time comes from.
        admit: called with the id of a camera that is not configured before anything of it goes anywhere.
        talk: hears what they say of themselves, and says what to welcome them with.
    """

    def __init__(
        self,
        settings: IngestSettings,
        store: FrameStore,
        *,
        clock: Clock,
        admit: Callable[[str], None],
        talk: CameraTalk,
    ) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._admit = admit
        self._talk = talk
        self._visits: dict[str, Visit] = {}
        self._modern: dict[str, Visit] = {}  # those of them that take commands
        self._greeted: set[str] = set()  # cameras of whose departure ``talk`` must hear
        self._quiet = OncePerMinute()

    def take_up(self, settings: IngestSettings) -> None:
        """Go on by changed rules; who came in by a token that is not in force any more must show the new one."""
        before, self._settings = self._settings, settings
        for camera_id in list(self._visits):
            if _token(before, camera_id) != _token(settings, camera_id):
                self.dismiss(camera_id, CLOSE_BAD_TOKEN, "the token was changed: connect with the new one")

    def dismiss(self, camera_id: str, code: int, reason: str) -> None:
        """Send a camera away, if it is here; nothing that still comes from it counts."""
        visit = self._visits.get(camera_id)
        if visit is not None:
            log.info("%s: sent away: %d %s", camera_id, code, reason)
            self._forget(visit)
            visit.peer.close(code, reason)

    def enter(self, peer: Peer, accept: Accept) -> Visit:
        """Let a connection in; an older one of the same camera is sent away."""
        camera_id = accept.camera_id
        if camera_id not in self._settings.cameras:
            self._admit(camera_id)
        session = CameraSession(
            camera_id,
            gate=Gate(max_bytes=self._settings.max_frame_bytes, max_pixels=self._settings.max_frame_pixels),
            admission=accept.admission,
            now_mono_s=self._clock.mono_s(),
        )
        log.info("%s: connected from %s", camera_id, peer.address)
        older = self._visits.get(camera_id)
        if older is not None:
            self._forget(older)
            older.peer.close(CLOSE_REPLACED, f"replaced by a newer connection: one board only as {camera_id}")
        visit = self._visits[camera_id] = Visit(peer, session)
        return visit

    def turn_away(self, peer: Peer, path: str, refuse: Refuse) -> None:
        """Log a refusal, at most once a minute for each address and code."""
        passed_over = self._quiet.due(f"{peer.address} {refuse.code}", self._clock.mono_s())
        if passed_over is not None:
            where = close_reason(path.partition("?")[0], 60)  # the query may hold a token
            more = _more(passed_over)
            log.warning("refused %s on %s: %d %s%s", peer.address, where, refuse.code, refuse.reason, more)

    def no_handshake(self, peer: Peer, why: str) -> None:
        """Log what was no WebSocket handshake at all (port scanners), at most once a minute for each address."""
        if self._quiet.due(peer.address, self._clock.mono_s()) is not None:
            log.info("%s: no WebSocket handshake: %s", peer.address, close_reason(why))

    def receive(self, visit: Visit, message: str | bytes) -> None:
        """Take one whole message."""
        if self._visits.get(visit.session.camera_id) is not visit:
            return  # it was replaced: its frames are older than what the store has
        visit.session.heard(self._clock.mono_s())
        if isinstance(message, bytes):
            outcomes: Outcomes = visit.session.receive_binary(message, self._clock.unix_s())
        else:
            outcomes = visit.session.receive_text(message)
        try:
            for outcome in outcomes:
                self._carry_out(visit, outcome)
        except UnknownCamera:
            self.dismiss(visit.session.camera_id, CLOSE_UNKNOWN_CAMERA, REMOVED)

    def receive_heartbeat(self, visit: Visit) -> None:
        """Take a ping (Links2004's client sends them) or a pong: the camera lives."""
        visit.session.heard(self._clock.mono_s())

    def refuse_huge(self, visit: Visit) -> None:
        """Count a message that was too long to be received at all (1009)."""
        with contextlib.suppress(UnknownCamera):
            cut_off = FrameRefused(RejectReason.TOO_MANY_BYTES, "so many that it was cut off")
            self._reject(visit.session.camera_id, cut_off)

    def leave(self, visit: Visit, why: str) -> None:
        """Forget a connection that has ended."""
        camera_id = visit.session.camera_id
        log.info("%s: disconnected: %s", camera_id, why)
        if self._visits.get(camera_id) is visit:
            self._forget(visit)

    def modern(self, camera_id: str) -> Visit | None:
        """The camera's connection if it takes commands; may be asked from any thread."""
        return self._modern.get(camera_id)  # one look-up in a dict is atomic

    def command(self, visit: Visit, text: str) -> bool:
        """Send a command on the very connection that it was meant for.

        Returns:
            False when that one takes none any more: ``talk`` has heard, or will, that it left.
        """
        if self._modern.get(visit.session.camera_id) is not visit:
            return False
        log.debug("%s: sent %s", visit.session.camera_id, text)
        visit.peer.send(text)
        return True

    def check_silence(self) -> None:
        """Ask or close connections that have been silent; call it every few seconds."""
        now_mono_s = self._clock.mono_s()
        for visit in list(self._visits.values()):
            match visit.session.check(now_mono_s):
                case Ask():
                    visit.peer.ping()
                case Close() as close:
                    self._carry_out(visit, close)

    def say_goodbye(self) -> None:
        """Tell every camera that the bridge is stopping."""
        for visit in list(self._visits.values()):
            visit.peer.close(STOPPING, "the bridge is stopping: connect again in a moment")

    def _carry_out(self, visit: Visit, outcome: Outcome) -> None:
        camera_id = visit.session.camera_id
        match outcome:
            case FrameReceived():
                self._store.put(camera_id, outcome.jpeg, outcome.width_px, outcome.height_px, outcome.captured_unix_s)
            case FrameRefused():
                self._reject(camera_id, outcome)
            case TelemetryReceived():
                self._store.note_telemetry(camera_id, outcome.values)
            case Close(code, reason):
                log.warning("%s: closing: %d %s", camera_id, code, reason)
                self._modern.pop(camera_id, None)
                visit.peer.close(code, reason)
            case Ignored(excerpt):
                log.info("%s: ignored the text %r (and any later one)", camera_id, excerpt)
            case _:
                self._pass_on(visit, outcome)

    def _pass_on(self, visit: Visit, said: Outcome) -> None:
        """What a camera says of itself goes to ``talk``."""
        camera_id = visit.session.camera_id
        match said:
            case StateReceived(values):
                self._talk.told_state(camera_id, values)
            case Acknowledged(command_id, error):
                self._talk.acknowledged(camera_id, command_id, error)
            case Progressed(command_id, written_bytes, size_bytes):
                self._talk.progressed(camera_id, command_id, written_bytes, size_bytes)
            case HelloReceived(hello):
                self._greet(visit, hello)
            case SettledAsLegacy():
                self._greeted.add(camera_id)
                self._talk.greeted(camera_id, {})

    def _greet(self, visit: Visit, hello: Mapping[str, Any]) -> None:
        camera_id = visit.session.camera_id
        log.info("%s: hello from %s %s", camera_id, hello.get("firmware", "?"), hello.get("version", "?"))
        self._store.note_hello(camera_id, hello)
        self._greeted.add(camera_id)
        self._modern[camera_id] = visit  # before the others hear: they may have commands at once
        self._talk.greeted(camera_id, hello)
        visit.peer.send(write_welcome(camera_id, self._clock.unix_s(), self._talk.welcome_values(camera_id)))

    def _forget(self, visit: Visit) -> None:
        """Take a camera's connection out of the books.

        First no more commands, then the news: who was told that a command is on its way hears afterwards that it is
        lost, never before.
        """
        camera_id = visit.session.camera_id
        del self._visits[camera_id]
        self._modern.pop(camera_id, None)
        if camera_id in self._greeted:
            self._greeted.remove(camera_id)
            self._talk.left(camera_id)

    def _reject(self, camera_id: str, refused: FrameRefused) -> None:
        self._store.reject(camera_id, refused.reason)
        passed_over = self._quiet.due(camera_id, self._clock.mono_s())
        if passed_over is not None:
            more = _more(passed_over)
            log.warning("%s: dropped a damaged frame: %s: %s%s", camera_id, refused.reason, refused.detail, more)


def _token(settings: IngestSettings, camera_id: str) -> str | None:
    access = settings.cameras.get(camera_id)
    return access.token or None if access is not None else None


def _more(passed_over: int) -> str:
    return f" ({passed_over} more since the last such line)" if passed_over else ""
