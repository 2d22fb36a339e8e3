"""Which frames the model looks at. Pure; one a camera.

Rules
-----
* The first frame, and every frame that the gate finds worth a look, and those of the next ``_HOLD_S``.
* Every frame while somebody is followed: whoever stands still must not vanish.
* One frame every ``_LONGEST_BLIND_S`` whatever the gate says: somebody too slow or too pale for it is found then, and
  followed from there on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.motion.gate import Motion

# A detector misses a walker in some frames; a second gives it several chances at any frame rate.
_HOLD_S = 1.0
_LONGEST_BLIND_S = 3.0


class Attention:
    """Decides for one camera; not thread-safe."""

    def __init__(self) -> None:
        self._open_until_s = float("-inf")
        self._looked_s = float("-inf")

    def wants(self, motion: Motion, *, tracked: bool, now_mono_s: float) -> bool:
        """Whether the model shall look at this frame; a frame that is wanted counts as looked at.

        Args:
            motion: what the gate says of the frame.
            tracked: whether an object is followed or an event open (``EventMachine.followed()`` is not empty).
            now_mono_s: when the frame was received.
        """
        if motion.worth_a_look:
            self._open_until_s = now_mono_s + _HOLD_S
        blind_s = now_mono_s - self._looked_s
        # A clock that steps back must not leave the camera blind until it has caught up.
        if not (tracked or now_mono_s <= self._open_until_s or not 0 <= blind_s < _LONGEST_BLIND_S):
            return False
        self._looked_s = now_mono_s
        return True
