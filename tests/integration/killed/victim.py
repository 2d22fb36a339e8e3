"""The bridge with a detector of drawn people, to be killed; prints when it started (``killed_bridge.py CONFIG``)."""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path

from bridge.app import App
from bridge.config.loader import load_config
from bridge.detect.fake import FakeDetector

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(threadName)s %(levelname)s %(message)s")
    with App(load_config(Path(sys.argv[1]), os.environ), load=FakeDetector) as app:
        signal.signal(signal.SIGTERM, lambda *_: app.request_stop())
        print("started", flush=True)  # noqa: T201 - the test waits for it
        app.wait()
