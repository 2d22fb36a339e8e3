"""``espcam-bridge run``: the bridge until a signal ends it; SIGHUP takes up a changed configuration."""

from __future__ import annotations

import logging
import signal
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

# How soon a signal is acted on.
_LOOK_EVERY_S = 0.1


class _Signals:
    """What was asked for by signals, whichever app runs or is just starting.

    Plain flags: a handler runs between two steps of the main thread, which may hold an Event's lock just then.
    """

    def __init__(self) -> None:
        self.stop_wanted = False
        self.reload_wanted = False
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGHUP, self._reload)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stop_wanted = True

    def _reload(self, _number: int, _frame: FrameType | None) -> None:
        self.reload_wanted = True


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
        with App(config) as app:
            log.info("page: http%s://%s:%d/", "s" if config.http.tls.enabled else "", config.http.host, app.http_port)
            new_config = _wait(app, signals, path, environ)
            log.info("stopping" if new_config is None else "taking up the changed configuration")
        if new_config is None:
            return 0
        config = new_config


def _wait(app: App, signals: _Signals, path: Path | None, environ: Mapping[str, str]) -> Config | None:
    """Wait for the end (None) or for a changed configuration that is right."""
    while not app.wait(_LOOK_EVERY_S) and not signals.stop_wanted:
        if signals.reload_wanted:
            signals.reload_wanted = False
            try:
                return load_config(path, environ)
            except ConfigError as error:
                log.error("the changed configuration is wrong and not taken up:\n%s", error)  # noqa: TRY400 - for people
    return None
