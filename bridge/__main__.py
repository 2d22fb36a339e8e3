"""``python -m bridge`` is the same as ``espcam-bridge``."""

import sys

from bridge.cli import main

sys.exit(main())
