"""Configuration: YAML in, validated settings out; every problem with its file and line."""

import os

# pydantic would look through every package that is installed for plugins of its own, before anything else: 40 ms.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
