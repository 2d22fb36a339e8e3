"""A bridge that is only a front: for tests and benchmarks of the web without the rest of the program."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridge.model import Readiness
from bridge.serve.live import StreamOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass
class FakeBridge:
    """A ``BridgeView`` whose answers are set by hand.

    Attributes:
        parts: what ``readiness`` gives.
        facts: what ``info`` gives.
        options: stream options by camera; a camera that is not named gets the defaults.
    """

    parts: Sequence[Readiness] = (Readiness("broker", ready=True, detail="connected"),)
    facts: Mapping[str, object] = field(default_factory=lambda: {"version": "0.0.0"})
    options: dict[str, StreamOptions] = field(default_factory=dict)

    def readiness(self) -> Sequence[Readiness]:
        """The parts that were set."""
        return self.parts

    def info(self) -> Mapping[str, object]:
        """The facts that were set."""
        return self.facts

    def stream_options(self, camera_id: str) -> StreamOptions:
        """The camera's options, or the defaults."""
        return self.options.get(camera_id, StreamOptions())
