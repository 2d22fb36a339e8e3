"""Nothing phones home: switches off what the inference libraries would send, before they load.

What they do when left alone, read in their installed files: ``import openvino`` (2025.0 to 2026.4) posts an event to
Google Analytics through ``openvino_telemetry`` unless a consent file in the home directory says no. ``ultralytics``
(8.4) posts one a run, resolves two public DNS names at import to see whether it is online, asks PyPI for updates, and
runs ``pip install`` for packages that it misses.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def silence_openvino() -> None:
    """Call before anything imports ``openvino``, directly or through ``ultralytics``.

    None in ``sys.modules`` makes the import of that module fail (documented in the language reference), and OpenVINO
    then takes the stub that it carries for installations without telemetry. No file and no variable is touched.
    """
    if "openvino_telemetry" not in sys.modules:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]


def silence_ultralytics(settings_dir: Path) -> None:
    """Call before anything imports ``ultralytics``; it reads these variables then.

    Args:
        settings_dir: where it keeps its settings, so that the user's own stay as they are.
    """
    silence_openvino()
    os.environ["YOLO_OFFLINE"] = "true"  # no analytics, no update check, no DNS probe; downloads still work
    os.environ["YOLO_AUTOINSTALL"] = "false"
    os.environ["YOLO_VERBOSE"] = "false"  # it logs to stdout, where `detect --json` writes
    os.environ["YOLO_CONFIG_DIR"] = str(settings_dir)
