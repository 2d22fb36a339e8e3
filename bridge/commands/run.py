"""``espcam-bridge run``: the bridge until a signal ends it; SIGHUP takes up a changed configuration."""

from __future__ import annotations

import logging
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.app import App
from bridge.config.loader import find_config, load_config
from bridge.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType

    from bridge.config.schema import Config

log = logging.getLogger(__name__)


class _Signals:
    """Turns signals into a stop or a reload of the app that runs now."""

    def __init__(self) -> None:
        self.app: App | None = None
        self.reload_wanted = threading.Event()
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGHUP, self._reload)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.reload_wanted.clear()
        if self.app is None:
            raise KeyboardInterrupt
        self.app.request_stop()

    def _reload(self, _number: int, _frame: FrameType | None) -> None:
        self.reload_wanted.set()


def run(config_option: Path | None, environ: Mapping[str, str]) -> int:
    """Run the bridge until SIGTERM or SIGINT.

    Returns:
        The exit code.

    Raises:
        ConfigError: the configuration is wrong at the start.
        WorkerCrashed: a part of the bridge died.
    """
    path = find_config(config_option, environ, Path.cwd())
    config = load_config(path, environ)
    log.info("configuration: %s", path or "none found, the defaults apply (espcam-bridge init writes one)")
    signals = _Signals()
    while True:
        signals.reload_wanted.clear()
        with App(config) as app:
            signals.app = app
            log.info("page: http%s://%s:%d/", "s" if config.http.tls.enabled else "", config.http.host, app.http_port)
            new_config = _wait(app, signals, path, environ)
            log.info("stopping" if new_config is None else "taking up the changed configuration")
        if new_config is None:
            return 0
        config = new_config


def _wait(app: App, signals: _Signals, path: Path | None, environ: Mapping[str, str]) -> Config | None:
    """Wait for the end (None) or for a changed configuration that is right."""
    while not app.wait(0.2):
        if signals.reload_wanted.is_set():
            signals.reload_wanted.clear()
            try:
                return load_config(path, environ)
            except ConfigError as error:
                log.error("the changed configuration is wrong and not taken up:\n%s", error)  # noqa: TRY400 - for people
    return None
