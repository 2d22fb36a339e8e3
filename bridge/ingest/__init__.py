"""Ingest: the camera link; WebSocket messages in, frames into the store."""
