"""``espcam-bridge run``: the bridge until a signal ends it; SIGHUP or a request takes up a changed configuration."""

from __future__ import annotations

import logging
import os
import signal
import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.app import App
from bridge.config.loader import find_config
from bridge.errors import ConfigError
from bridge.operator import FileOperator
from bridge.runtime.notify import Notifier

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType

    from bridge.config.schema import Config

log = logging.getLogger(__name__)

# How soon a signal is acted on.
_LOOK_EVERY_S = 0.1


class _End(Enum):
    """Why a bridge is stopped, in words."""

    STOP = "stopping"
    RELOAD = "taking up the changed configuration"
    RESTART = "restarting, as was asked for"


class _Operator(FileOperator):
    """What was asked for by signals and requests, whichever app runs or is just starting.

    Of signals plain attributes: a handler runs between two steps of the main thread, which may hold a lock just then.

    Args:
        path: the configuration's file; None for the defaults.
        environ: the environment variables.
    """

    def __init__(self, path: Path | None, environ: Mapping[str, str]) -> None:
        super().__init__(path, environ)
        self._stop_wanted = False
        self._hangup = False
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_hangup)

    def hung_up(self) -> bool:
        """Whether a signal asked for the configuration to be taken up; once for each."""
        asked, self._hangup = self._hangup, False
        return asked

    def wanted(self) -> _End | None:
        """What is to happen now."""
        if self._stop_wanted:
            return _End.STOP
        if self.restart_wanted:
            return _End.RESTART
        return _End.RELOAD if self.next is not None else None

    def take(self) -> Config:
        """The configuration to go on with."""
        config, self.next = self.next, None
        assert config is not None  # noqa: S101 - only after RELOAD
        return config

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stop_wanted = True

    def _on_hangup(self, _number: int, _frame: FrameType | None) -> None:
        self._hangup = True


def run(config_option: Path | None, environ: Mapping[str, str]) -> int:
    """Run the bridge until SIGTERM or SIGINT.

    Returns:
        The exit code.

    Raises:
        ConfigError: the configuration is wrong at the start.
        WorkerCrashed: a part of the bridge died.
    """
    path = find_config(config_option, environ, Path.cwd())
    operator = _Operator(path, environ)
    config, manager = operator.load(), Notifier(environ)
    log.info("configuration: %s", path or "none found, the defaults apply (espcam-bridge init writes one)")
    while True:
        with App(config, operator=operator) as app:
            operator.serve(app, config)
            log.info("page: http%s://%s:%d/", "s" if config.http.tls.enabled else "", config.http.host, app.http_port)
            manager.ready(_where(app))
            end = _wait(app, operator, manager)
            operator.serve(None, config)
            log.info("%s", end.value)
            if end is _End.STOP:
                manager.stopping()
            else:
                manager.reloading()
        match end:
            case _End.STOP:
                return 0
            case _End.RELOAD:
                config = operator.take()
            case _End.RESTART:
                _begin_anew()


def _wait(app: App, operator: _Operator, manager: Notifier) -> _End:
    while not app.wait(_LOOK_EVERY_S):
        manager.alive()  # and if a part has died, wait raises
        if operator.hung_up():
            manager.reloading()
            try:
                operator.reload()
            except ConfigError as error:
                log.error("the changed configuration is wrong and not taken up:\n%s", error)  # noqa: TRY400 - for people
            if operator.wanted() is None:
                manager.ready(_where(app))
        if (end := operator.wanted()) is not None:
            return end
    return _End.STOP


def _where(app: App) -> str:
    return f"page at port {app.http_port}, cameras dial port {app.ingest_port}"


def _begin_anew() -> None:
    """Become a new program with the same process id, so that systemd, Docker or a terminal see no end."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-m", "bridge", *sys.argv[1:]])  # noqa: S606 - our own program, as it was called
