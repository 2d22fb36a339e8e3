"""What a session with a real Home Assistant showed, as a page to read or as JSON."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.homeassistant.harness.home import HomeAssistant

# We start it like that: a test must not fetch packages.
_OWN_DOING = "Skipping pip installation"


@dataclass(frozen=True, slots=True)
class Restart:
    """One order of restarts.

    Attributes:
        order: what restarted, one after the other.
        seconds: from the last part's answer until every entity was right.
        events: visits that the bridge told of meanwhile, those that its own restart divided included.
        runs: how often each automation ran meanwhile.
    """

    order: str
    seconds: float
    events: int
    runs: dict[str, int]


@dataclass(slots=True)
class Report:
    """Filled by the tests.

    Attributes:
        version: of Home Assistant.
        entities: platform to how many.
        visits: how many there were while nothing restarted.
        runs: automation to how often it ran at those visits.
        restarts: every order that was tried.
        controls: what was set, and the seconds until Home Assistant showed that it took effect.
        problems: what it logged as a warning or worse: text to how often.
    """

    version: str = ""
    entities: dict[str, int] = field(default_factory=dict)
    visits: int = 0
    runs: dict[str, int] = field(default_factory=dict)
    restarts: list[Restart] = field(default_factory=list)
    controls: dict[str, float] = field(default_factory=dict)
    problems: dict[str, int] = field(default_factory=dict)

    def note_entities(self, home: HomeAssistant) -> None:
        """What the bridge brought to it."""
        self.version = home.version
        self.entities = dict(Counter(entity["entity_id"].partition(".")[0] for entity in home.entities()))

    def note_problems(self, home: HomeAssistant) -> None:
        """What it complained of until now."""
        self.version = home.version
        for record in home.problems():
            text = f"{record.level} {record.logger}: {record.text.splitlines()[0]}"
            if _OWN_DOING not in text:
                self.problems[text] = self.problems.get(text, 0) + 1

    def write(self, file: Path) -> None:
        """Write it as JSON, or as Markdown when the file's name ends in ``.md``."""
        file.write_text(self.markdown() if file.suffix == ".md" else json.dumps(asdict(self), indent=2) + "\n")

    def markdown(self) -> str:
        """A page with a table for each part."""
        entities = [f"| {platform} | {count} |" for platform, count in sorted(self.entities.items())]
        restarts = [
            f"| {one.order} | {one.seconds:.1f} | {one.events} | {_counts(one.runs)} |" for one in self.restarts
        ]
        problems = [f"- {count} times `{text}`" for text, count in self.problems.items()] or ["None."]
        return "\n".join(
            [
                f"# Home Assistant {self.version}",
                "",
                "| platform | entities |",
                "|---|---|",
                *entities,
                "",
                f"Automation runs at {self.visits} visits: {_counts(self.runs)}.",
                "",
                "| restarted | right after, s | events | automation runs |",
                "|---|---|---|---|",
                *restarts,
                "",
                "| set in Home Assistant | in force and shown after, s |",
                "|---|---|",
                *(f"| {control} | {seconds:.2f} |" for control, seconds in self.controls.items()),
                "",
                "## Warnings and errors in its log",
                "",
                *problems,
                "",
            ]
        )


def _counts(runs: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in runs.items())
