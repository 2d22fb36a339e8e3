"""A history on SQLite, in a folder of the test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.history.store import EventStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Where the database is."""
    return f"sqlite:///{tmp_path}/history.db"


@pytest.fixture
def store(url: str) -> Iterator[EventStore]:
    """An open, empty history."""
    store = EventStore(url)
    store.open()
    yield store
    store.close()
