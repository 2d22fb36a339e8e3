"""A frame's pixels, as small as the model needs them; whole only when somebody asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.frames.codec import decode, shrink_for

if TYPE_CHECKING:
    from bridge.frames.codec import Rotation
    from bridge.model import Frame, Image


class Shot:
    """A decoded frame.

    Decoding UXGA whole takes 2.7 ms, at half its size, which is still more than the model's 640 px, 1.1 ms.

    Args:
        frame: what to decode.
        rotate: degrees clockwise that turn it upright.
        longest_px: the longer side that ``image`` needs; None: whole.

    Attributes:
        frame: where it comes from.
        image: ``(height, width, 3)`` uint8, BGR, upright; maybe at 1/2 or 1/4 of the frame's size.

    Raises:
        FrameRejected: the frame cannot be decoded.
    """

    def __init__(self, frame: Frame, rotate: Rotation = 0, longest_px: int | None = None) -> None:
        self.frame = frame
        self._rotate = rotate
        shrink = shrink_for(frame.width_px, frame.height_px, longest_px) if longest_px else 1
        self.image = decode(frame.jpeg, rotate, shrink=shrink)
        self._whole = self.image if shrink == 1 else None

    def whole(self) -> Image:
        """The picture at its full size; the same array each time.

        Raises:
            FrameRejected: the frame cannot be decoded.
        """
        if self._whole is None:
            self._whole = decode(self.frame.jpeg, self._rotate)
        return self._whole
