"""Builds the history's rooms from its settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from bridge.history.archive import Archive
from bridge.history.database import file_of
from bridge.history.ledger import Ledger
from bridge.history.media import MediaFolder
from bridge.history.off import NoLedger
from bridge.history.reserve import Reserve
from bridge.history.retention import Retention
from bridge.history.store import EventStore

if TYPE_CHECKING:
    from pathlib import Path

_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class HistorySettings:
    """The ``history:`` section.

    Attributes:
        url: the database, as an SQLAlchemy address; may hold a password.
        media_dir: where pictures are kept.
        retain_days: events that began longer ago go.
        max_media_mb: megabytes of pictures; the oldest go first.
    """

    url: str = field(repr=False)
    media_dir: Path
    retain_days: int = 14
    max_media_mb: int = 2048


@dataclass(frozen=True, slots=True)
class House:
    """Who writes the history, and who reads it (None when there is none)."""

    ledger: Ledger | NoLedger
    archive: Archive | None


def build(settings: HistorySettings | None) -> House:
    """Make everything; nothing is opened or written yet. None: no history."""
    if settings is None:
        return House(NoLedger(), None)
    store = EventStore(settings.url)
    media = MediaFolder(settings.media_dir)
    retention = Retention(store, media, retain_days=settings.retain_days, max_media_bytes=settings.max_media_mb * _MB)
    database = file_of(settings.url)
    reserve = Reserve(database.with_name(f"{database.name}-reserve") if database else settings.media_dir / "reserve")
    one_disk = partial(_one_disk, database, settings.media_dir)
    return House(Ledger(store, media, reserve, retention, one_disk), Archive(store, media))


def _one_disk(database: Path | None, media_dir: Path) -> bool:
    """Whether both are on one file system; a database server's disk is not ours to make room on."""
    try:
        return database is not None and database.stat().st_dev == media_dir.stat().st_dev
    except OSError:
        return False  # there are no pictures yet
