"""Keeps a running bridge and its configuration's file together: takes up what changed there, and writes into it."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from bridge import wiring
from bridge.config import writing
from bridge.config.loader import load_config
from bridge.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bridge.app import App
    from bridge.config.schema import Config

log = logging.getLogger(__name__)


class FileOperator:
    """An ``app.Operator`` for a configuration's file; thread-safe.

    Args:
        path: the file; None for the defaults.
        environ: the environment variables.
    """

    def __init__(self, path: Path | None, environ: Mapping[str, str]) -> None:
        self._path = path
        self._environ = environ
        self._app: App | None = None
        self._config: Config | None = None  # that it runs with
        self._changing = threading.Lock()
        self.next: Config | None = None  # to begin anew with
        self.restart_wanted = False

    def load(self) -> Config:
        """Read the configuration as it is now.

        Raises:
            ConfigError: it is wrong.
        """
        return load_config(self._path, self._environ)

    def serve(self, app: App | None, config: Config) -> None:
        """This app runs now, with this configuration; None: none does, and what is asked for waits for the next."""
        with self._changing:
            self._app, self._config = app, config

    def reload(self) -> Sequence[str]:
        """See ``app.Operator``."""
        with self._changing:
            return self._take_up(self.load())

    def settings(self, camera_id: str) -> Mapping[str, Any]:
        """See ``app.Operator``."""
        with self._changing:
            config = self._config or self.load()
        return config.camera_for(camera_id).model_dump(mode="json", exclude={"id", "token"})

    def change_settings(self, camera_id: str, change: Mapping[str, Any]) -> Sequence[str]:
        """See ``app.Operator``."""
        if self._path is None:
            raise ConfigError(
                ("there is no configuration file to write to: 'espcam-bridge init' writes one to begin with",)
            )
        with self._changing:
            config = writing.change_camera(self._path, camera_id, change, self._environ)
            log.info("%s: %s changed in %s", camera_id, ", ".join(map(str, change)), self._path)
            return self._take_up(config)

    def remove_settings(self, camera_id: str) -> Sequence[str]:
        """See ``app.Operator``."""
        if self._path is None:
            return ()
        with self._changing:
            config = writing.remove_camera(self._path, camera_id, self._environ)
            log.info("%s: taken out of %s", camera_id, self._path)
            return self._take_up(config)

    def _take_up(self, config: Config) -> Sequence[str]:
        """With the lock held: go on with it, or let the bridge begin anew."""
        if self._app is None or self._config is None:
            self.next = config
            return ("start",)
        anew = wiring.begins_anew(self._config, config)
        if anew:
            log.info("changed: %s; for these the bridge begins anew", ", ".join(anew))
            self.next = config
        else:
            self._config, self.next = config, None
            self._app.take_up(config)
        return anew

    def restart(self) -> None:
        """Begin anew as a new program; raises ConfigError, and goes on, when that could not start."""
        self.load()
        self.restart_wanted = True
