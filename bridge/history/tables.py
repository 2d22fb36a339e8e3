"""The tables, as the newest migration leaves them; a test holds the two together.

Every question that ``EventQuery`` can ask has an index that answers it alone: the columns that must be equal, then the
id, which is the order of time. A page is then a walk along one index that stops after ``limit`` rows, whether a million
events fit or none, and whatever the database believes about how often a label occurs. That is four indexes for
events (the primary key is the one for no filter) and four for zones, about 750 bytes an event in all.

On SQLite the tables of events are without rowid: their rows lie in the order of the primary key, and the indexes end
in that key anyway.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    or_,
)

metadata = MetaData()

# Ids compare byte by byte: quicker than by a language's rules, and an update of the system's locales does not spoil
# the index.
_ID = Text().with_variant(Text(collation="C"), "postgresql")

events = Table(
    "events",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("camera_id", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("score", Double, nullable=False),
    Column("top_score", Double, nullable=False),
    Column("box_left_norm", Double, nullable=False),
    Column("box_top_norm", Double, nullable=False),
    Column("box_right_norm", Double, nullable=False),
    Column("box_bottom_norm", Double, nullable=False),
    Column("start_unix_s", Double, nullable=False),
    Column("end_unix_s", Double),  # null while it lasts
    Column("frame_unix_s", Double, nullable=False),
    Column("captured_unix_s", Double),
    Column("detected_unix_s", Double),
    Column("zones", Text, nullable=False),  # JSON, a list of names; in order
    Column("entered_zones", Text, nullable=False),  # likewise
    Column("stationary", Boolean, nullable=False),
    Column("has_thumbnail", Boolean, nullable=False),
    Column("has_snapshot", Boolean, nullable=False),
    sqlite_with_rowid=False,
)
Index("events_of_camera", events.c.camera_id, events.c.id)
Index("events_of_label", events.c.label, events.c.id)
Index("events_of_camera_and_label", events.c.camera_id, events.c.label, events.c.id)

still_open = events.c.end_unix_s.is_(None)
"""Begun and not ended."""
Index("events_open", events.c.id, sqlite_where=still_open, postgresql_where=still_open)

with_pictures = or_(events.c.has_thumbnail, events.c.has_snapshot)
"""With a picture at least."""
Index("events_with_pictures", events.c.id, sqlite_where=with_pictures, postgresql_where=with_pictures)

event_zones = Table(
    "event_zones",
    metadata,
    Column("event_id", _ID, primary_key=True),
    Column("zone", Text, primary_key=True),
    Column("camera_id", Text, nullable=False),  # the event's own, so that one index holds all that is asked for
    Column("label", Text, nullable=False),  # likewise
    sqlite_with_rowid=False,
)
Index("events_in_zone", event_zones.c.zone, event_zones.c.event_id)
Index("events_in_zone_of_camera", event_zones.c.zone, event_zones.c.camera_id, event_zones.c.event_id)
Index("events_in_zone_of_label", event_zones.c.zone, event_zones.c.label, event_zones.c.event_id)
Index(
    "events_in_zone_of_camera_and_label",
    event_zones.c.zone,
    event_zones.c.camera_id,
    event_zones.c.label,
    event_zones.c.event_id,
)

letters = Table(
    "letters",
    metadata,
    # AUTOINCREMENT: a number never comes again, also after the newest letter has gone.
    Column("number", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
    Column("camera_id", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)
