"""``espcam-bridge check``, ``init`` and ``schema``: everything about the configuration file."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import bridge.config
from bridge.config.loader import FILE_NAME, SECRETS_NAME, find_config, load_config
from bridge.config.schema import Config
from bridge.errors import ConfigError

_STARTER = Path(bridge.config.__file__).with_name("starter.yaml")
_SECRETS = """\
# Secrets of espcam-bridge. Readable by you alone, and not for sharing: keep it out of version control.
# 'name: value' here, '!secret name' in espcam-bridge.yaml. For example:
#mqtt_password: change-me
#front_door_token: change-me
"""


def check(path: Path | None, environ: Mapping[str, str]) -> int:
    """Validate a configuration; prints ``OK`` and what it holds, or every problem.

    Args:
        path: the file that ``-c`` names; None looks in the usual places.
        environ: the environment variables.

    Returns:
        The exit code: 0 good, 2 wrong.
    """
    try:
        file = find_config(path, environ, Path())
        config = load_config(file, environ)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"OK: {file or 'no configuration file, the defaults'}: {_cameras(config)}\n")
    return 0


def _cameras(config: Config) -> str:
    ids = ", ".join(camera.id for camera in config.first_cameras())
    if not config.cameras:
        return f"0 cameras configured, {ids} exists by itself"
    return f"{len(config.cameras)} camera{'s' * (len(config.cameras) != 1)} ({ids})"


def init(directory: Path) -> int:
    """Write a commented starter configuration and a template for its secrets; never overwrites.

    Returns:
        The exit code: 0 written, 1 when a file exists already or the folder cannot be written to.
    """
    config, secrets = directory / FILE_NAME, directory / SECRETS_NAME
    if there := [str(file) for file in (config, secrets) if os.path.lexists(file)]:
        verb = "exist" if len(there) > 1 else "exists"
        sys.stderr.write(f"{' and '.join(there)} {verb} already; nothing was written\n")
        return 1
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _write_new(secrets, _SECRETS, 0o600)
        _write_new(config, _STARTER.read_text(encoding="utf-8"), 0o666)
    except OSError as error:
        sys.stderr.write(f"cannot write to {directory}: {error.strerror}\n")
        return 1
    sys.stdout.write(f"{config} and {secrets} written; next: edit them, then 'espcam-bridge check -c {config}'\n")
    return 0


def _write_new(file: Path, text: str, mode: int) -> None:
    """Create a file that must not exist; the mode holds from the start (less what the umask takes away)."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)


def schema() -> int:
    """Print the configuration's JSON Schema (draft 2020-12), for the completion of editors; returns exit code 0."""
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Config.model_json_schema(),
        "title": "espcam-bridge.yaml",
    }
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
    return 0
