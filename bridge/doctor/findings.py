"""What an examination found, and how it is told. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Level(StrEnum):
    """How much a finding matters, the least first."""

    OK = "ok"  # as it should be
    NOTE = "note"  # worth knowing; nothing needs to be done
    WARNING = "warning"  # something will not work, or not always
    ERROR = "error"  # the bridge cannot do its work


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report.

    Attributes:
        level: how much it matters.
        check: what was looked at, in a word or two.
        text: what was found.
        mend: what helps; empty where nothing has to be done.
    """

    level: Level
    check: str
    text: str
    mend: str = ""

    def __str__(self) -> str:
        mend = f"; {self.mend}" if self.mend else ""
        return f"{self.level.value:8} {self.check}: {self.text}{mend}"

    def as_json(self) -> dict[str, str]:
        """The same for programs; ``mend`` may be empty."""
        return {"level": self.level.value, "check": self.check, "text": self.text, "mend": self.mend}


def exit_code(findings: Iterable[Finding]) -> int:
    """1 when there is an error among them, else 0."""
    return int(any(finding.level is Level.ERROR for finding in findings))
