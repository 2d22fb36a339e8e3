"""Cameras that come by themselves: they wait, somebody approves them, and they are kept."""
