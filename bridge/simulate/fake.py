"""A link without a network, for tests of twins: a bridge that answers as it is told."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from bridge.errors import LinkLost


class FakeLink:
    """Records what a camera sends.

    Args:
        answers: received by the camera, in order.
        breaks_after: the link is lost at the frame after so many; None: never.
        lost: raised to the camera when the answers are used up; None: it waits for ever.
        frame_s: how long the network takes for a frame.
    """

    def __init__(
        self,
        *answers: str | bytes,
        breaks_after: int | None = None,
        lost: LinkLost | None = None,
        frame_s: float = 0.0,
    ) -> None:
        self.texts: list[str] = []
        self.frames: list[bytes] = []
        self.closed = False
        self.aborted = False
        self._answers = list(answers)
        self._breaks_after = breaks_after
        self._lost = lost
        self._frame_s = frame_s

    async def send(self, message: str | bytes) -> None:
        """Record a message, or lose the link."""
        if isinstance(message, str):
            self.texts.append(message)
            return
        if self._breaks_after is not None and len(self.frames) >= self._breaks_after:
            raise LinkLost("the connection broke", 1006)
        await asyncio.sleep(self._frame_s)
        self.frames.append(message)

    async def receive(self) -> str | bytes:
        """The next answer."""
        if self._answers:
            return self._answers.pop(0)
        if self._lost is not None:
            raise self._lost
        forever: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        return await forever

    async def close(self) -> None:
        """Record the end."""
        self.closed = True

    def abort(self) -> None:
        """Record the sudden end."""
        self.aborted = True

    def said(self, kind: str) -> list[dict[str, Any]]:
        """The JSON messages of a type that were sent, in order."""
        messages = [json.loads(text) for text in self.texts]
        return [message for message in messages if message["type"] == kind]
