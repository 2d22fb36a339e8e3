"""How a live stream is cut into parts: ``multipart/x-mixed-replace`` (RFC 2046, section 5.1).

Every part carries ``Content-Length``, and the boundary line that opens the next part is sent together with the end
of this one: Chromium shows a picture only when it has read the next boundary; it would otherwise always be one frame
late.
"""

from __future__ import annotations

BOUNDARY = "frame"
CONTENT_TYPE = f"multipart/x-mixed-replace; boundary={BOUNDARY}"

_BOUNDARY_LINE = f"--{BOUNDARY}\r\n".encode()


def opening() -> bytes:
    """What goes before the first part: the boundary line that opens it."""
    return _BOUNDARY_LINE


def part(jpeg: bytes, unix_s: float) -> bytes:
    """One picture, up to and with the boundary line of the part that will follow.

    Args:
        jpeg: the picture.
        unix_s: when it was received; ``X-Timestamp`` carries it, as mjpg-streamer does.
    """
    head = f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\nX-Timestamp: {unix_s:.3f}\r\n\r\n"
    return b"".join((head.encode(), jpeg, b"\r\n", _BOUNDARY_LINE))
