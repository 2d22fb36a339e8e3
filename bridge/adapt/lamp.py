"""When a camera's lamp is to help at night. Pure: the time comes in as a value.

Rules
=====
1. The lamp goes on when the picture is dark and something moves, or an event is open.
2. It goes off ``MOTION_S`` after that unless an event is open: with the lamp on, its own light is what changes in the
   picture, so motion does not keep it on; an event does, and ``AFTER_EVENT_S`` more.
3. For ``REST_S`` after it went off, motion does not count: that is the light that went.
4. Whether it is dark is known only while the lamp is off.
5. Who sets the lamp by hand has it: nothing is done while it is on, and for ``HANDS_OFF_S`` after it was set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DARK: Final = 45.0
"""Mean grey (0..255) below which a picture is dark: a street lamp's light; a room with a lamp on has 80 and more."""

BRIGHT: Final = 65.0
"""Above it is not dark any more; between the two it stays what it was."""

MOTION_S: Final = 20.0
AFTER_EVENT_S: Final = 10.0
REST_S: Final = 15.0
HANDS_OFF_S: Final = 600.0


@dataclass(slots=True)
class NightLamp:
    """Decides for one camera's lamp."""

    is_on: bool = False
    _is_dark: bool = False
    _on_until_mono_s: float = 0.0
    _rests_until_mono_s: float = float("-inf")
    _hands_off_until_mono_s: float = float("-inf")

    def set_by_hand(self, now_mono_s: float) -> None:
        """Somebody has switched it on or off."""
        self.is_on = False
        self._hands_off_until_mono_s = now_mono_s + HANDS_OFF_S

    def decide(self, brightness: float | None, now_mono_s: float, *, moving: bool, eventful: bool) -> bool:
        """Whether it is to be on.

        Args:
            brightness: mean grey of the newest picture, 0..255; None: not known.
            now_mono_s: the time.
            moving: something moves in the picture.
            eventful: an event is open.
        """
        if self.is_on:
            if eventful:
                self._on_until_mono_s = max(self._on_until_mono_s, now_mono_s + AFTER_EVENT_S)
            if now_mono_s >= self._on_until_mono_s:
                self.is_on = False
                self._rests_until_mono_s = now_mono_s + REST_S
            return self.is_on
        if brightness is not None and now_mono_s >= self._rests_until_mono_s:
            self._is_dark = brightness < (BRIGHT if self._is_dark else DARK)
        wanted = eventful or (moving and now_mono_s >= self._rests_until_mono_s)
        if self._is_dark and wanted and now_mono_s >= self._hands_off_until_mono_s:
            self.is_on = True
            self._on_until_mono_s = now_mono_s + MOTION_S
        return self.is_on
