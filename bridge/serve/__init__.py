"""Serve: live streams, page, API and metrics over HTTP."""
