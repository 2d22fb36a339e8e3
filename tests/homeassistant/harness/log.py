"""What Home Assistant logs, read from the text that it writes."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime

PROBLEMS = frozenset({"WARNING", "ERROR", "CRITICAL"})

_LINE = re.compile(
    # Newer releases add the time zone.
    r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+)(\+00:00)? (?P<level>[A-Z]+) \([^)]*\) \[(?P<logger>[^\]]+)\] "
    r"(?P<text>.*)"
)


@dataclass(frozen=True, slots=True)
class Record:
    """One message of the log.

    Attributes:
        at_unix_s: when, to the millisecond.
        level: ``INFO``, ``WARNING``, ...
        logger: ``homeassistant.components.mqtt.client``, ...
        text: the message with its traceback.
    """

    at_unix_s: float
    level: str
    logger: str
    text: str


def parse(log: str) -> list[Record]:
    """All messages of a log whose times are in UTC; what stands before the first one is left out."""
    records: list[Record] = []
    for line in log.splitlines():
        if match := _LINE.fullmatch(line):
            at = datetime.fromisoformat(match["time"]).replace(tzinfo=UTC)
            records.append(Record(at.timestamp(), match["level"], match["logger"], match["text"]))
        elif records:
            records[-1] = replace(records[-1], text=f"{records[-1].text}\n{line}")
    return records
