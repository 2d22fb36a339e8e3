"""Picture files as pictures, decoded when they are asked for: hundreds of them would be hundreds of megabytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, overload

from bridge.frames.codec import decode

if TYPE_CHECKING:
    from bridge.model import Image


class Frames(Sequence["Image"]):
    """The pictures in files.

    Args:
        files: each holds one picture that can be decoded.
    """

    def __init__(self, files: Sequence[str | Path]) -> None:
        self._files = files

    def __len__(self) -> int:
        return len(self._files)

    @overload
    def __getitem__(self, index: int) -> Image: ...
    @overload
    def __getitem__(self, index: slice) -> Frames: ...
    def __getitem__(self, index: int | slice) -> Image | Frames:
        if isinstance(index, slice):
            return Frames(self._files[index])
        return decode(Path(self._files[index]).read_bytes())
