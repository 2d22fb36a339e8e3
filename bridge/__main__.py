"""``python -m bridge`` is the same as ``espcam-bridge``: a process of its own, which ends with the command."""

from typing import NoReturn

from bridge.cli import main
from bridge.runtime.worker import leave


def run() -> NoReturn:
    """Run the command line, and end."""
    leave(main())


if __name__ == "__main__":
    run()
