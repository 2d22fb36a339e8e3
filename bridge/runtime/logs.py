"""Logs go to stderr: lines for people on a terminal, JSON lines for machines on request."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from typing import Literal

LogFormat = Literal["text", "json"]


_CAMERA_ID = re.compile(r"[a-z0-9_]{1,32}")
_EVENT_ID = re.compile(r"[0-9]{13}-[0-9a-f]{6}")


def subjects(record: logging.LogRecord) -> dict[str, str]:
    """What a record is about, by the rule that every message of ours keeps.

    One that begins with ``%s: `` and a camera's id is about that camera; an event's id among its values is its event.
    """
    values = record.args if isinstance(record.args, tuple) else ()
    texts = [value for value in values if isinstance(value, str)]
    found: dict[str, str] = {}
    if str(record.msg).startswith("%s: ") and texts and texts[0] is values[0] and _CAMERA_ID.fullmatch(texts[0]):
        found["camera"] = texts[0]
    event = next((text for text in texts if _EVENT_ID.fullmatch(text)), None)
    return found if event is None else {**found, "event": event}


class _JsonFormatter(logging.Formatter):
    """One JSON object a line: time (ISO 8601 UTC), level, thread, logger, message.

    ``camera``, ``event`` and ``traceback`` are there when there is any.
    """

    def format(self, record: logging.LogRecord) -> str:
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "time": f"{seconds}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "thread": record.threadName,
            "logger": record.name,
            "message": record.getMessage(),
            **subjects(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure(log_format: LogFormat = "text", level: str = "info") -> None:
    """Send the logs of this process to stderr.

    Args:
        log_format: ``text`` or ``json``.
        level: ``debug``, ``info``, ``warning`` or ``error``.
    """
    handler = logging.StreamHandler(sys.stderr)
    if log_format == "json":
        handler.setFormatter(_JsonFormatter())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(threadName)s: %(message)s", "%H:%M:%S"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
