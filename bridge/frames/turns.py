"""Whose frame the model looks at next: one ``Turns`` a camera. Pure: time comes in as a value.

Rules
-----
* ``max_fps`` is a promise: a camera is due every ``1 / max_fps``. Due times form a grid, so that a frame that came a
  little late does not push all later ones back; after a pause the grid begins anew, so that the camera does not catch
  up in a burst.
* Of the cameras that are due, the one with the earliest deadline comes first. A turn taken moves a camera's deadline on
  by one interval; deadlines are of a time of their own that stands still while the model cannot keep up (stride
  scheduling, Waldspurger 1995). Every camera then gets the same share of what it was promised, whatever that was.
* A camera where something happens goes before all where nothing does, but not before one that has waited for
  ``_PATIENCE_S``: nobody starves.
* A turn that passed, while frames were there, without one being looked at is a dropped one. Frames beyond ``max_fps``
  are not: nobody promised to look at them.
"""

from __future__ import annotations

# One look a second is the least at which a visitor can be followed (``bridge.track``).
_PATIENCE_S = 1.0
_ROUNDING = 1e-6  # of an interval


class Turns:
    """One camera's turns.

    Args:
        interval_s: ``1 / max_fps``.

    Attributes:
        due_mono_s: when the next turn begins.
        deadline_s: its place among the others; see the rules.
        eventful: whether something happens in front of the camera.
    """

    def __init__(self, interval_s: float) -> None:
        self.interval_s = interval_s
        self.due_mono_s = float("-inf")
        self.deadline_s = 0.0
        self.eventful = False
        self._waiting_since_s = 0.0
        self._overtaken = 0  # frames, since the first one that waits

    def first_frame(self, now_mono_s: float, earliest_deadline_s: float) -> None:
        """A frame came, and none was waiting; a camera that paused saves nothing up."""
        self.deadline_s = max(self.deadline_s, earliest_deadline_s)
        self._waiting_since_s = now_mono_s
        self._overtaken = 0

    def newer_frame(self) -> None:
        """A frame came and took the place of one that was waiting."""
        self._overtaken += 1

    def rank(self, now_mono_s: float) -> tuple[bool, float]:
        """The place in the queue, lowest first; only of a camera that is due and has a frame waiting."""
        patient = now_mono_s - self._begun_s() < _PATIENCE_S
        return (patient and not self.eventful, self.deadline_s)

    def take(self, now_mono_s: float, earliest_deadline_s: float) -> int:
        """Use the turn.

        Args:
            now_mono_s: the time.
            earliest_deadline_s: of all cameras that are due.

        Returns:
            How many turns were missed since a frame was there.
        """
        begun_s = self._begun_s()
        passed = int((now_mono_s - begun_s) / self.interval_s + _ROUNDING)
        self.due_mono_s = begun_s + (passed + 1) * self.interval_s
        # What an eventful camera was given before its time is not held against it for longer than a turn.
        self.deadline_s = min(self.deadline_s, earliest_deadline_s + self.interval_s) + self.interval_s
        return min(passed, self._overtaken)

    def _begun_s(self) -> float:
        """When this turn began: by the grid, unless no frame was there for a whole interval."""
        late = self._waiting_since_s - self.due_mono_s < self.interval_s
        return self.due_mono_s if late else self._waiting_since_s
