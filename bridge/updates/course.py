"""The course of one update, from the order to the camera's return. Pure: the time comes in as a value.

Rules
=====
1. An update begins **LOADING**: the camera was told, and fetches the image. What it reports is the progress; a camera
   that says nothing for ``SILENCE_S`` has failed. It may lose its connection and come back meanwhile: it goes on.
2. Its answer ends that: an error means that nothing has changed, none that the image is in place. The camera starts
   again then: **RESTARTING**.
3. The update has succeeded when the camera greets with the new version, whatever was heard before.
4. One that greets with another version after it went away has taken the old image back: the new one did not reach the
   bridge. One that does not come back for ``RETURN_S`` is given up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

SILENCE_S: Final = 90.0
"""The firmware itself gives up after a minute without a byte."""

RETURN_S: Final = 420.0
"""The firmware takes the old image back after five minutes without a welcome; a start and a way back on top."""


class Step(Enum):
    """Where an update is."""

    LOADING = auto()
    RESTARTING = auto()


@dataclass(slots=True)
class Course:
    """One update under way.

    Attributes:
        version: that the camera will have.
        step: where it is.
        percent: of the image that the camera has, 0..100.
        ended: None while it goes on; "" when it succeeded; else why it failed.
    """

    version: str
    deadline_mono_s: float
    step: Step = Step.LOADING
    percent: int = 0
    ended: str | None = None
    _went_away: bool = field(default=False)

    @classmethod
    def begun(cls, version: str, now_mono_s: float) -> Course:
        """One that the camera was just told of."""
        return cls(version, now_mono_s + SILENCE_S)

    def progressed(self, written_bytes: int, size_bytes: int, now_mono_s: float) -> None:
        """The camera has so much of the image."""
        if self.step is Step.LOADING:
            self.percent = 100 * written_bytes // max(1, size_bytes)
            self.deadline_mono_s = now_mono_s + SILENCE_S

    def answered(self, error: str, now_mono_s: float) -> None:
        """The camera has the image in place, or says why not."""
        if error:
            self.ended = error
        else:
            self.step, self.percent = Step.RESTARTING, 100
            self.deadline_mono_s = now_mono_s + RETURN_S

    def left(self) -> None:
        """The camera's connection ended."""
        self._went_away = True

    def greeted(self, version: str, now_mono_s: float) -> None:
        """The camera says hello, perhaps not for the first time on its connection."""
        if version == self.version:
            self.ended = ""
        elif self.step is Step.LOADING:
            self.deadline_mono_s = now_mono_s + SILENCE_S
        elif self._went_away:
            self.ended = f"version {self.version} did not reach the bridge: the camera went back to {version}"

    def check(self, now_mono_s: float) -> None:
        """Give up when it has taken too long."""
        if now_mono_s < self.deadline_mono_s:
            return
        if self.step is Step.LOADING:
            self.ended = f"the camera said nothing for {SILENCE_S:g} s: its Wi-Fi may be weak; nothing has changed"
        else:
            self.ended = f"the camera has not come back for {RETURN_S / 60:g} minutes: see that it has power"
