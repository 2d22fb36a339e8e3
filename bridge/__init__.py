"""espcam-bridge: ESP32-CAM boards in, Home Assistant out, people found on the way."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("espcam-bridge")
except PackageNotFoundError:  # a checkout that was never installed
    __version__ = "0.0.0"

__all__ = ["__version__"]
