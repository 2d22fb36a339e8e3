"""Alembic executes this file for each upgrade; ``schema.upgrade`` has put the connection, in a transaction, there."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
