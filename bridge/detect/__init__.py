"""Detect: pictures in, labelled boxes out; stateless, one port and a runtime a file."""
