"""Where cameras are updated; any thread may call anything.

Knows what runs on each camera, offers the newest image for its board, has it fetched, and tells how that goes. A failed
update changes nothing and may be tried again. The image goes out under a ticket that is good for this one update.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import threading
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from bridge.errors import UpdateRefused
from bridge.link.table import Capability
from bridge.model import UpdateOrder, UpdateStatus, UpdateStep
from bridge.runtime.errands import Errands
from bridge.updates.course import Course, Step
from bridge.updates.versions import is_newer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bridge.runtime.clock import Clock
    from bridge.runtime.memory import Memory
    from bridge.updates.library import FirmwareImage, ImageLibrary
    from bridge.updates.ports import UpdateAudience, UpdateLine

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 3.0
"""For new images; people copy one and go to the page."""

SECTION: Final = "firmware"
"""Of the memory: ``{camera: {"board": …, "version": …}}``, so that what is offered is known before a camera is back."""

_TICKET_BYTES: Final = 24
_STEPS: Final = {Step.LOADING: UpdateStep.LOADING, Step.RESTARTING: UpdateStep.RESTARTING}


@dataclass(eq=False, slots=True)
class _Camera:
    board: str
    version: str
    course: Course | None = None
    number: int = 0  # of the command that the course began with
    ticket: str = ""
    problem: str = ""  # of the last try
    told: UpdateStatus | None = field(default=None)


class UpdateDesk:
    """Offers images and sees updates through.

    Args:
        library: the images.
        line: sends orders to cameras.
        audience: told how it stands with each camera that can be updated.
        memory: keeps what ran on each camera.
        numbers: gives each command its number; nobody else's command has the same.
        clock: where the time comes from.
    """

    def __init__(
        self,
        *,
        library: ImageLibrary,
        line: UpdateLine,
        audience: UpdateAudience,
        memory: Memory,
        numbers: Iterator[int],
        clock: Clock,
    ) -> None:
        self._library = library
        self._line = line
        self._audience = audience
        self._memory = memory
        self._numbers = numbers
        self._clock = clock
        self._lock = threading.Lock()  # guards all below
        self._errands = Errands(self._lock)
        self._cameras: dict[str, _Camera] = {}
        self._images: dict[str, bytes] = {}  # by ticket
        self._look_mono_s = clock.mono_s()

    def add_camera(self, camera_id: str) -> None:
        """Take up a camera as it was when it was last here."""
        match self._memory.section(SECTION).get(camera_id):
            case {"board": str(board), "version": str(version)}:
                with self._lock:
                    self._tell(camera_id, self._cameras.setdefault(camera_id, _Camera(board, version)))
        self._errands.run()

    def drop(self, camera_id: str) -> None:
        """Let a camera go; what ran on it is remembered, for when it is back."""
        with self._lock:
            camera = self._cameras.pop(camera_id, None)
            if camera is not None:
                self._images.pop(camera.ticket, None)

    def forget(self, camera_id: str) -> None:
        """Drop a camera that was removed, and what is remembered of it."""
        self.drop(camera_id)
        self._memory.put(SECTION, camera_id, None)

    def install(self, camera_id: str) -> UpdateStatus:
        """Have a camera fetch the newest image for its board; how that goes, tells ``status``.

        Raises:
            UpdateRefused: there is nothing newer, the camera cannot be updated or is not there, or an update is under
                way; nothing has changed.
        """
        with self._lock:
            image = self._image_for(camera_id)
        content = self._library.content(image)  # megabytes from a slow card: not with the lock held
        order = UpdateOrder(
            secrets.token_urlsafe(_TICKET_BYTES), hashlib.sha256(content).hexdigest(), len(content), image.version
        )
        number = next(self._numbers)
        with self._lock:
            self._image_for(camera_id)  # whoever else asked meanwhile was first
            camera = self._cameras[camera_id]
            camera.course = Course.begun(image.version, self._clock.mono_s())
            camera.number, camera.ticket, camera.problem = number, order.ticket, ""
            self._images[order.ticket] = content
        if not self._line.update(camera_id, number, order):
            with self._lock:
                camera.course = None
                self._images.pop(order.ticket, None)
                self._tell(camera_id, camera)
            self._errands.run()
            raise UpdateRefused(f"{camera_id} is offline, or takes no commands: see that it has power, and try again")
        log.info("%s: is to go from version %s to %s", camera_id, camera.version, image.version)
        with self._lock:
            self._tell(camera_id, camera)
            status = self._status(camera)
        self._errands.run()
        return status

    def status(self, camera_id: str) -> UpdateStatus | None:
        """How it stands with a camera's firmware; None when nobody knows what runs on it, or it cannot be updated."""
        with self._lock:
            camera = self._cameras.get(camera_id)
            return self._status(camera) if camera is not None else None

    def image(self, ticket: str) -> bytes | None:
        """The image behind a ticket; None when there is none, or not any more."""
        return self._images.get(ticket)  # one look-up in a dict is atomic

    def tick(self) -> None:
        """Give up what takes too long, and look for new images; call it about ten times a second."""
        now_mono_s = self._clock.mono_s()
        if now_mono_s >= self._look_mono_s:
            self._look_mono_s = now_mono_s + LOOK_EVERY_S
            self._library.refresh()
        with self._lock:
            for camera_id, camera in self._cameras.items():
                if camera.course is not None:
                    camera.course.check(now_mono_s)
                self._settle(camera_id, camera)
        self._errands.run()

    # --- of what cameras say (``CameraTalk``) -------------------------------------------------------------------------

    def greeted(self, camera_id: str, hello: Mapping[str, Any]) -> None:
        """A camera said hello: this is what runs on it."""
        board, version = hello.get("board", ""), hello.get("version", "")
        with self._lock:
            camera = self._cameras.get(camera_id)
            if Capability.UPDATE not in hello.get("capabilities", ()) or not (board and version):
                if camera is not None and camera.course is None:  # another firmware, which cannot
                    del self._cameras[camera_id]
                    self._memory.put(SECTION, camera_id, None)
                return
            if camera is None:
                camera = self._cameras[camera_id] = _Camera(board, version)
            if (camera.board, camera.version) != (board, version):
                camera.problem = ""
            camera.board, camera.version = board, version
            self._memory.put(SECTION, camera_id, {"board": board, "version": version})
            if camera.course is not None:
                camera.course.greeted(version, self._clock.mono_s())
            self._settle(camera_id, camera)
        self._errands.run()

    def progressed(self, camera_id: str, command_id: int, written_bytes: int, size_bytes: int) -> None:
        """A camera has so much of its image."""
        with self._lock:
            camera = self._under_way(camera_id, command_id)
            if camera is None or camera.course is None:
                return
            camera.course.progressed(written_bytes, size_bytes, self._clock.mono_s())
            self._settle(camera_id, camera)
        self._errands.run()

    def acknowledged(self, camera_id: str, command_id: int, error: str) -> None:
        """A camera's answer to a command, which may be another desk's."""
        with self._lock:
            camera = self._under_way(camera_id, command_id)
            if camera is None or camera.course is None:
                return
            camera.course.answered(error, self._clock.mono_s())
            self._settle(camera_id, camera)
        self._errands.run()

    def left(self, camera_id: str) -> None:
        """A camera's connection ended."""
        with self._lock:
            camera = self._cameras.get(camera_id)
            if camera is not None and camera.course is not None:
                camera.course.left()

    # --- with the lock held -------------------------------------------------------------------------------------------

    def _image_for(self, camera_id: str) -> FirmwareImage:
        camera = self._cameras.get(camera_id)
        if camera is None:
            raise UpdateRefused(f"{camera_id} cannot be updated over the link: its firmware does not say that it can")
        if camera.course is not None:
            raise UpdateRefused(f"{camera_id} is being updated to {camera.course.version} already")
        image = self._offered(camera)
        if image is None:
            raise UpdateRefused(
                f"there is nothing newer than {camera.version} for the board {camera.board} in firmware.dir"
            )
        return image

    def _offered(self, camera: _Camera) -> FirmwareImage | None:
        image = self._library.newest(camera.board)
        return image if image is not None and is_newer(image.version, camera.version) else None

    def _under_way(self, camera_id: str, command_id: int) -> _Camera | None:
        camera = self._cameras.get(camera_id)
        return camera if camera is not None and camera.course is not None and camera.number == command_id else None

    def _settle(self, camera_id: str, camera: _Camera) -> None:
        """Take note of an end, and tell how it stands when that is news."""
        course = camera.course
        if course is not None and course.ended is not None:
            camera.course, camera.problem = None, course.ended
            self._images.pop(camera.ticket, None)
            if course.ended:
                log.error("%s: the update to %s failed: %s", camera_id, course.version, course.ended)
            else:
                log.info("%s: runs version %s now", camera_id, course.version)
        self._tell(camera_id, camera)

    def _tell(self, camera_id: str, camera: _Camera) -> None:
        status = self._status(camera)
        if status != camera.told:
            camera.told = status
            self._errands.add(partial(self._audience.update_status, camera_id, status))

    def _status(self, camera: _Camera) -> UpdateStatus:
        course = camera.course
        if course is not None:
            return UpdateStatus(camera.version, course.version, _STEPS[course.step], course.percent)
        image = self._offered(camera)
        return UpdateStatus(camera.version, image.version if image else camera.version, problem=camera.problem)
