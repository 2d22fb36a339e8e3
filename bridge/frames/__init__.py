"""Frames: JPEG headers, the codec, and the newest frame and result of every camera."""
