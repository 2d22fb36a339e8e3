"""Where cameras are approved, dismissed and removed; any thread may call anything.

Rules
=====
1. Approving binds a camera's name to the key that it shows. A board that shows another key under that name waits again.
2. A camera without a key (the first sketch) is bound to its name alone; whoever approves it is told so.
3. Two boards that wait under one name cannot be told apart by it: none of them is approved until one has gone.
4. What is approved is in the state file, and outlives restarts; a camera in the configuration never waits.
5. The default camera, which exists by itself while there is no other, is kept when it has ever been here.
"""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bridge.adoption.adopted import SECTION, Adopted, adopted_from_json, adopted_to_json, tidy_name
from bridge.adoption.waiting import WaitingRoom
from bridge.errors import AdoptionRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.adoption.ports import Household
    from bridge.model import Guest
    from bridge.runtime.clock import Clock
    from bridge.runtime.memory import Memory

log = logging.getLogger(__name__)


class AdoptionDesk:
    """Knows who waits and who was approved; it is the ``Reception`` of the camera link.

    Args:
        memory: keeps who was approved.
        household: gives approved cameras their place.
        clock: where the time comes from.
    """

    def __init__(self, *, memory: Memory, household: Household, clock: Clock) -> None:
        self._memory = memory
        self._household = household
        self._clock = clock
        self._lock = threading.Lock()  # guards the two below
        self._room = WaitingRoom()
        kept = {key: adopted_from_json(value) for key, value in memory.section(SECTION).items()}
        self._adopted = {camera_id: camera for camera_id, camera in kept.items() if camera is not None}
        self._keys = self._keys_now()
        self._approving = threading.Lock()  # one at a time: the household is told in order

    # --- Reception ---------------------------------------------------------------------------------------------

    def adopted(self) -> Mapping[str, str]:
        """The SHA-256 of each adopted camera's key, by id."""
        return self._keys  # replaced as a whole, never changed

    def came(self, guest: Guest) -> None:
        """A camera that waits was here."""
        with self._lock:
            is_new = self._room.came(guest, self._clock.mono_s())
        if is_new:
            log.info("%s at %s waits for approval%s", guest.camera_id, guest.address, _with_another_key(guest))

    # --- for people --------------------------------------------------------------------------------------------

    def names(self) -> Mapping[str, str]:
        """The adopted cameras by id, with their names; empty ones are made from the id."""
        with self._lock:
            return {camera_id: camera.name for camera_id, camera in self._adopted.items()}

    def count(self) -> int:
        """How many wait."""
        with self._lock:
            self._room.expire(self._clock.mono_s())
            return len(self._room.entries())

    def waiting(self) -> list[dict[str, Any]]:
        """Everybody who waits, as JSON.

        Each with ``id``, ``address``, ``board``, ``firmware``, ``version``, ``mac``, ``has_key``, ``another_key``,
        ``has_picture``, and ``last_seen_s``: how long ago it was here.
        """
        now_mono_s = self._clock.mono_s()
        with self._lock:
            self._room.expire(now_mono_s)
            entries = self._room.entries()
        return [
            {
                "id": entry.guest.camera_id,
                "address": entry.guest.address,
                **{key: entry.guest.hello.get(key, "") for key in ("board", "firmware", "version", "mac")},
                "has_key": bool(entry.guest.key_sha256),
                "another_key": entry.guest.known,
                "has_picture": entry.guest.jpeg is not None,
                "last_seen_s": round(now_mono_s - entry.last_mono_s, 1),
            }
            for entry in entries
        ]

    def picture(self, camera_id: str) -> bytes | None:
        """What a camera that waits has shown, a JPEG; None when there is none."""
        with self._lock:
            shown = [entry.guest.jpeg for entry in self._room.named(camera_id) if entry.guest.jpeg is not None]
        return shown[-1] if shown else None

    def approve(self, camera_id: str, name: str = "") -> dict[str, Any]:
        """Let a camera that waits in, from its next try on.

        Args:
            camera_id: what it calls itself.
            name: what people will call it; empty: made from the id, or as it was called before.

        Returns:
            ``id``, ``name``, and ``bound_to_key``: whether nobody else can come under this name.

        Raises:
            AdoptionRefused: nobody waits under this name, or two do.
        """
        with self._approving:
            with self._lock:
                self._room.expire(self._clock.mono_s())
                guest = self._the_one(camera_id)
                before = self._adopted.get(camera_id)
                kept_name = tidy_name(name) or (before.name if before else "")
                self._keep(camera_id, Adopted(guest.key_sha256, kept_name, self._now()))
                self._room.dismiss(camera_id)
            log.info("%s is approved%s", camera_id, "" if guest.key_sha256 else " by its name alone: it has no key")
            self._household.move_in(camera_id)
        return {"id": camera_id, "name": kept_name, "bound_to_key": bool(guest.key_sha256)}

    def keep(self, camera_id: str) -> None:
        """Keep a camera that is here already and shows no key: the default camera, when others join it."""
        with self._lock:
            if camera_id not in self._adopted:
                self._keep(camera_id, Adopted("", "", self._now()))

    def dismiss(self, camera_id: str) -> None:
        """Forget a camera that waits; it is back when it tries again.

        Raises:
            AdoptionRefused: nobody waits under this name.
        """
        with self._lock:
            if not self._room.dismiss(camera_id):
                raise AdoptionRefused(_nobody(camera_id))

    def remove(self, camera_id: str) -> None:
        """Take an approved camera out of the bridge; when it tries again it waits.

        Raises:
            AdoptionRefused: it was not adopted, or cannot be taken out of the configuration.
        """
        with self._approving:
            if camera_id not in self.names():
                raise AdoptionRefused(f"{camera_id} was not adopted: take it out of the configuration instead")
            # First of all: an entry that stayed behind would let in whoever takes the name, without any key.
            self._household.strike(camera_id)
            with self._lock:
                del self._adopted[camera_id]
                self._memory.put(SECTION, camera_id, None)
                self._keys = self._keys_now()
            log.info("%s is removed", camera_id)
            self._household.move_out(camera_id)

    # --- with the lock held ------------------------------------------------------------------------------------

    def _the_one(self, camera_id: str) -> Guest:
        waiting = self._room.named(camera_id)
        if not waiting:
            raise AdoptionRefused(_nobody(camera_id))
        if len(waiting) > 1:
            where = " and ".join(entry.guest.address for entry in waiting)
            raise AdoptionRefused(
                f"{len(waiting)} boards call themselves {camera_id} ({where}): switch one off, dismiss, wait"
            )
        return waiting[0].guest

    def _keep(self, camera_id: str, camera: Adopted) -> None:
        self._adopted[camera_id] = camera
        self._memory.put(SECTION, camera_id, adopted_to_json(camera))
        self._keys = self._keys_now()

    def _keys_now(self) -> dict[str, str]:
        return {camera_id: camera.key_sha256 for camera_id, camera in self._adopted.items()}

    def _now(self) -> str:
        return datetime.fromtimestamp(self._clock.unix_s(), UTC).isoformat(timespec="seconds")


def _nobody(camera_id: str) -> str:
    return f"nobody waits as {camera_id}: see that the camera has power, and that it dials this bridge"


def _with_another_key(guest: Guest) -> str:
    return ": it shows another key than the one that was approved" if guest.known else ""
