"""Events, the zones that they were in, and the letters that wait for the broker."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make everything."""
    _make_events()
    _make_event_zones()
    op.create_table(
        "letters",
        sa.Column("number", _NUMBER, sa.Identity(), primary_key=True),
        sa.Column("camera_id", sa.Text, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )


def _make_events() -> None:
    numbers = ("score", "top_score", "box_left_norm", "box_top_norm", "box_right_norm", "box_bottom_norm")
    events = op.create_table(
        "events",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("camera_id", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        *(sa.Column(name, sa.Double, nullable=False) for name in numbers),
        sa.Column("start_unix_s", sa.Double, nullable=False),
        sa.Column("end_unix_s", sa.Double),
        sa.Column("frame_unix_s", sa.Double, nullable=False),
        sa.Column("captured_unix_s", sa.Double),
        sa.Column("detected_unix_s", sa.Double),
        sa.Column("zones", sa.Text, nullable=False),
        sa.Column("entered_zones", sa.Text, nullable=False),
        sa.Column("stationary", sa.Boolean, nullable=False),
        sa.Column("has_thumbnail", sa.Boolean, nullable=False),
        sa.Column("has_snapshot", sa.Boolean, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("events_of_camera", "events", ["camera_id", "id"])
    op.create_index("events_of_label", "events", ["label", "id"])
    op.create_index("events_of_camera_and_label", "events", ["camera_id", "label", "id"])
    still_open = events.c.end_unix_s.is_(None)
    op.create_index("events_open", "events", ["id"], sqlite_where=still_open, postgresql_where=still_open)
    pictures = sa.or_(events.c.has_thumbnail, events.c.has_snapshot)
    op.create_index("events_with_pictures", "events", ["id"], sqlite_where=pictures, postgresql_where=pictures)


def _make_event_zones() -> None:
    op.create_table(
        "event_zones",
        sa.Column("event_id", _ID, primary_key=True),
        sa.Column("zone", sa.Text, primary_key=True),
        sa.Column("camera_id", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("events_in_zone", "event_zones", ["zone", "event_id"])
    op.create_index("events_in_zone_of_camera", "event_zones", ["zone", "camera_id", "event_id"])
    op.create_index("events_in_zone_of_label", "event_zones", ["zone", "label", "event_id"])
    op.create_index("events_in_zone_of_camera_and_label", "event_zones", ["zone", "camera_id", "label", "event_id"])
