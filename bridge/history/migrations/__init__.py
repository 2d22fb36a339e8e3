"""The way from each version of the history's schema to the next; Alembic runs it."""
