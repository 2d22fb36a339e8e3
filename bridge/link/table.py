"""The camera link's names, numbers and limits; firmware/protocol/generate.py made it."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

LINK_VERSION: Final = 1

MAX_TEXT_BYTES: Final = 15359
MAX_CAMERA_TEXT_BYTES: Final = 1536
MAX_URL_BYTES: Final = 255
MAX_VERSION_BYTES: Final = 32
PROGRESS_INTERVAL_MS: Final = 500

QUALITY_RANGE: Final = (4, 63)
MAX_FPS_RANGE: Final = (0.5, 60)
FLASH_RANGE: Final = (0, 255)

FRAME_MAGIC: Final = b"ECF1"
FRAME_HEADER_BYTES: Final = 20

IMAGE_FIRST_BYTE: Final = 0xE9
IMAGE_MARKER: Final = b"ESPCAM-FIRMWARE;"
IMAGE_BOARD_KEY: Final = b"board="
IMAGE_VERSION_KEY: Final = b"version="
IMAGE_SEPARATOR: Final = b";"

CLOSE_NORMAL: Final = 1000
CLOSE_GOING_AWAY: Final = 1001
CLOSE_NOT_UTF8: Final = 1007
CLOSE_TOO_BIG: Final = 1009
CLOSE_SILENT: Final = 1011
CLOSE_BAD_HELLO: Final = 4400
CLOSE_BAD_TOKEN: Final = 4401
CLOSE_WAITS_FOR_APPROVAL: Final = 4403
CLOSE_UNKNOWN_CAMERA: Final = 4404
CLOSE_REPLACED: Final = 4409


class Capability(StrEnum):
    """What a board may say that it can do."""

    ECF1 = "ecf1"
    FRAMESIZE = "framesize"
    QUALITY = "quality"
    MAX_FPS = "max_fps"
    FLASH = "flash"
    RESTART = "restart"
    UPDATE = "update"


class MessageType(StrEnum):
    """What a message is."""

    HELLO = "hello"
    TELEMETRY = "telemetry"
    STATE = "state"
    ACK = "ack"
    PROGRESS = "progress"
    WELCOME = "welcome"
    SET = "set"
    RESTART = "restart"
    UPDATE = "update"


FRAMESIZES: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {
        "QQVGA": (160, 120),
        "QVGA": (320, 240),
        "HVGA": (480, 320),
        "VGA": (640, 480),
        "SVGA": (800, 600),
        "XGA": (1024, 768),
        "HD": (1280, 720),
        "SXGA": (1280, 1024),
        "UXGA": (1600, 1200),
    }
)
"""Width and height in pixels, smallest first."""

FIELDS: Final[Mapping[MessageType, Mapping[str, str]]] = MappingProxyType(
    {
        MessageType.HELLO: MappingProxyType(
            {
                "v": "whole",
                "firmware": "text",
                "version": "text",
                "board": "text",
                "chip": "text",
                "psram": "psram",
                "mac": "text",
                "sensor": "text",
                "framesizes": "texts",
                "capabilities": "texts",
                "reset_reason": "text",
            }
        ),
        MessageType.TELEMETRY: MappingProxyType(
            {
                "rssi_dbm": "number",
                "heap_free_bytes": "number",
                "heap_min_bytes": "number",
                "psram_free_bytes": "number",
                "uptime_s": "number",
                "fps": "number",
                "send_ms": "number",
                "frames_sent": "number",
                "frames_failed": "number",
                "frames_dropped": "number",
                "camera_errors": "number",
                "reconnects": "number",
                "temperature_c": "number",
            }
        ),
        MessageType.STATE: MappingProxyType(
            {
                "framesize": "framesize",
                "quality": "quality",
                "max_fps": "rate",
                "fps": "rate",
                "flash": "lamp",
            }
        ),
        MessageType.ACK: MappingProxyType(
            {
                "id": "whole",
                "ok": "flag",
                "error": "text",
            }
        ),
        MessageType.PROGRESS: MappingProxyType(
            {
                "id": "whole",
                "written_bytes": "whole",
                "size": "whole",
            }
        ),
        MessageType.WELCOME: MappingProxyType(
            {
                "v": "whole",
                "camera_id": "text",
                "server_time_ms": "whole",
                "values": "values",
            }
        ),
        MessageType.SET: MappingProxyType(
            {
                "id": "whole",
                "values": "values",
            }
        ),
        MessageType.RESTART: MappingProxyType(
            {
                "id": "whole",
            }
        ),
        MessageType.UPDATE: MappingProxyType(
            {
                "id": "whole",
                "url": "text",
                "sha256": "text",
                "size": "whole",
                "version": "text",
            }
        ),
    }
)
"""Each message's fields and their kinds; link.toml says what the kinds are."""
