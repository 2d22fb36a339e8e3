"""Certificates and keys that the configuration names: can they be read?"""

from pathlib import Path

from bridge.config.schema import Config
from bridge.config.tree import Node, Problem, trail

_FILES = (
    ("mqtt", "ca_file"),
    ("mqtt", "cert_file"),
    ("mqtt", "key_file"),
    ("ingest", "cert_file"),
    ("ingest", "key_file"),
    ("http", "cert_file"),
    ("http", "key_file"),
)


def unreadable_files(config: Config, root: Node) -> list[Problem]:
    """The files that TLS needs and that cannot be opened, each at the place that names it."""
    problems = []
    for section, key in _FILES:
        tls = getattr(config, section).tls
        file: Path | None = getattr(tls, key)
        if tls.enabled and file is not None and (reason := _unreadable(file)):
            place = list(trail(root, (section, "tls", key)))[-1].place
            problems.append(Problem(place, f"{file} cannot be read: {reason}"))
    return problems


def _unreadable(file: Path) -> str | None:
    try:
        with file.open("rb"):
            return None
    except OSError as error:
        return error.strerror or type(error).__name__
    except ValueError:  # a NUL character
        return "not a path"
