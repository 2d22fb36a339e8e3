"""espcam-bridge: ESP32-CAM boards in, Home Assistant out, people found on the way."""

__version__ = "0.1.0"
"""Written here and read by the build: looking it up in the installed package's metadata cost every command 40 ms."""

__all__ = ["__version__"]
