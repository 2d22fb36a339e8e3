"""Who lives here: gives cameras their place in every part, changes it while they send, and takes it away.

A changed configuration is taken up as far as it can be without anybody noticing: cameras stay connected, viewers go on
watching and open events go on. What cannot be changed so (``wiring.begins_anew``) is for the bridge's beginning anew.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Protocol

from bridge import wiring
from bridge.model import Control

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bridge.adapt.steward import Steward
    from bridge.config.camera import CameraConfig
    from bridge.config.schema import Config
    from bridge.frames.store import FrameStore
    from bridge.pipeline import Pipeline
    from bridge.publish.publisher import Publisher
    from bridge.switchboard import Switchboard
    from bridge.updates.desk import UpdateDesk

log = logging.getLogger(__name__)

# A batch under way must end first: half a second on a Raspberry Pi 3.
_LEAVE_WITHIN_S = 10.0


class Doors(Protocol):
    """Through which cameras and viewers come; they are sent away from what is gone."""

    def dismiss(self, camera_id: str) -> None:
        """Send a camera and its viewers away."""


class Household:
    """See the module. All methods are thread-safe.

    Args:
        config: as it is at the start.
        store: the cameras' frames.
        pipeline: their analysis.
        publisher: tells the broker of them.
        switchboard: sets them.
        updates: their firmware.
        steward: steers them.
        adopted: the names of adopted cameras, by id.
        keep: takes a camera that is here for one that was adopted.
    """

    def __init__(
        self,
        config: Config,
        *,
        store: FrameStore,
        pipeline: Pipeline,
        publisher: Publisher,
        switchboard: Switchboard,
        updates: UpdateDesk,
        steward: Steward,
        adopted: Callable[[], Mapping[str, str]],
        keep: Callable[[str], None],
    ) -> None:
        self.config = config
        self._store = store
        self._pipeline = pipeline
        self._publisher = publisher
        self._switchboard = switchboard
        self._updates = updates
        self._steward = steward
        self._adopted = adopted
        self._keep = keep
        self._doors: Doors | None = None
        self._changing = threading.RLock()  # one at a time comes, changes or goes
        self._strangers: set[str] = set()  # let in by unknown_cameras: accept

    def connect(self, doors: Doors) -> None:
        """Say through which doors cameras and viewers come."""
        self._doors = doors

    def camera(self, camera_id: str) -> CameraConfig:
        """As configured, else as the defaults say, under the name that it was adopted with."""
        return self._camera(self.config, camera_id)

    def residents(self) -> Sequence[str]:
        """The cameras that exist from the start."""
        adopted, config = self._adopted(), self.config
        first = () if adopted and not config.cameras else config.first_cameras()
        return tuple(dict.fromkeys((*(camera.id for camera in first), *adopted)))

    def begin(self) -> None:
        """Give everybody who lives here a place, before anything else starts."""
        if self.config.ingest.unknown_cameras != "accept":  # else others may dial in again, and are known then
            self._publisher.forget_others(self.residents())
        for camera_id in self.residents():
            self.admit(camera_id)

    def admit(self, camera_id: str) -> None:
        """Give a camera its place in every part, once; from whichever thread lets it in."""
        with self._changing:
            if camera_id in self._store.camera_ids():
                return
            if camera_id not in self.residents():
                self._strangers.add(camera_id)
            self._place(camera_id)

    def move_in(self, camera_id: str) -> None:
        """A camera was approved: it gets its place, or its new name."""
        with self._changing:
            default = self.config.ingest.default_camera
            if not self.config.cameras and default not in self._adopted() and self._has_come(default):
                self._keep(default)  # it was there for want of another camera; one that never came goes
            self._strangers.discard(camera_id)
            if camera_id in self._store.camera_ids():
                self._alter(camera_id)
            self._settle()

    def move_out(self, camera_id: str) -> None:
        """An adopted camera was removed: it goes, with what is remembered of it."""
        with self._changing:
            self._settle()
            if camera_id not in self._store.camera_ids():
                self._switchboard.desk.forget(camera_id)
                self._updates.forget(camera_id)
                self._steward.forget(camera_id)

    def take_up(self, config: Config) -> None:
        """Go on with a changed configuration."""
        with self._changing:
            before, self.config = self.config, config
            if before.detector.iou != config.detector.iou:
                self._pipeline.set_iou(config.detector.iou)
            self._settle()
            for camera_id in self._store.camera_ids():
                was, now = self._camera(before, camera_id), self.camera(camera_id)
                if (was, before.detector.confidence) != (now, config.detector.confidence):
                    log.info("%s: its changed settings are in force", camera_id)
                    self._alter(camera_id)

    # --- with the lock held --------------------------------------------------------------------------------------

    def _has_come(self, camera_id: str) -> bool:
        return camera_id in self._store.camera_ids() and bool(self._store.status(camera_id).received)

    def _camera(self, config: Config, camera_id: str) -> CameraConfig:
        camera, name = config.camera_for(camera_id), self._adopted().get(camera_id)
        unnamed = "name" not in camera.model_fields_set
        return camera.model_copy(update={"name": name}) if name and unnamed else camera

    def _settle(self) -> None:
        """Let those go who live here no more, then place those who do now."""
        residents = self.residents()
        self._strangers -= set(residents)
        if self.config.ingest.unknown_cameras != "accept":
            self._strangers.clear()
        for camera_id in self._store.camera_ids():
            if camera_id not in residents and camera_id not in self._strangers:
                self._evict(camera_id)
        for camera_id in residents:
            self.admit(camera_id)

    def _place(self, camera_id: str) -> None:
        camera = self.camera(camera_id)
        self._pipeline.add_camera(wiring.camera_plan(self.config, camera))
        offer = self._switchboard.desk.add_camera(camera_id, wiring.configured_controls(self.config, camera))
        self._publisher.add_camera(wiring.published_camera(camera, offer))
        self._updates.add_camera(camera_id)
        self._steward.add_camera(camera_id, wiring.adapt_plan(camera))
        self._store.add_camera(
            camera_id,
            name=camera.name,
            offline_after_s=camera.offline_after_s,
            detect_max_fps=camera.detect.max_fps,
        )

    def _alter(self, camera_id: str) -> None:
        camera = self.camera(camera_id)
        desk = self._switchboard.desk
        offer = desk.add_camera(camera_id, wiring.configured_controls(self.config, camera))
        # What a user set is in force before, during and after: an open event must not end for a moment's sake.
        in_force = desk.values(camera_id)
        plan = wiring.camera_plan(
            self.config,
            camera,
            detect=in_force.get(Control.DETECT),
            confidence=in_force.get(Control.CONFIDENCE),
        )
        self._pipeline.change_camera(plan)
        self._publisher.update_camera(wiring.published_camera(camera, offer))
        self._steward.change_camera(camera_id, wiring.adapt_plan(camera))
        self._store.change_camera(
            camera_id,
            name=camera.name,
            offline_after_s=camera.offline_after_s,
            detect_max_fps=camera.detect.max_fps,
        )

    def _evict(self, camera_id: str) -> None:
        log.info("%s lives here no more", camera_id)
        if not self._pipeline.remove_camera(camera_id, _LEAVE_WITHIN_S):
            log.error("%s: the detector is stuck, and the camera goes with the next change only", camera_id)
            return
        self._store.remove_camera(camera_id)
        if self._doors is not None:
            self._doors.dismiss(camera_id)
        self._steward.drop(camera_id)
        self._updates.drop(camera_id)
        self._switchboard.desk.drop(camera_id)
        self._publisher.remove_camera(camera_id, self._store.camera_ids())
