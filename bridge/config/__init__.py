"""Configuration: YAML in, validated settings out; every problem with its file and line."""
