#!/usr/bin/env python3
"""Write what fuzzing begins with into FOLDER/{text,session,bytes}: the link's examples, a small picture, an image."""

from __future__ import annotations

import json
import sys
from pathlib import Path

_VECTORS = Path(__file__).resolve().parents[2] / "protocol" / "vectors.json"
_TINY_JPEG = bytes.fromhex("ffd8ffc0000b080008000801011100ffc4000300ffda0008010100003f0012ff00ffd334ffd9")
_IMPROV = b"IMPROV\x01\x03\x0c\x01\x0a\x04home\x04open"
# Wi-Fi up, open, welcome; then: hear, with a length in fours (fuzz/session.cpp).
_TO_STREAM = bytes([0, 0, 1, 1, 3, 12])
_HEAR = 13


def seeds() -> dict[str, list[bytes]]:
    """The seeds by fuzz target."""
    texts = [entry["text"].encode() for entry in json.loads(_VECTORS.read_text(encoding="utf-8"))["to_camera"]]
    sessions = [
        _TO_STREAM + bytes([_HEAR, (len(text) + 3) // 4]) + text.ljust((len(text) + 3) // 4 * 4) for text in texts
    ]
    improv = _IMPROV + bytes([sum(_IMPROV) % 256])
    image = b"\xe9" + b"ESPCAM-FIRMWARE;board=x;version=1.0.0;\0"
    return {
        "text": texts,
        "session": sessions,
        "bytes": [_TINY_JPEG, _TINY_JPEG + _TINY_JPEG, improv, image, image + b"\x01"],
    }


def main() -> None:
    """Write them."""
    folder = Path(sys.argv[1])
    for target, all_bytes in seeds().items():
        (folder / target).mkdir(parents=True, exist_ok=True)
        for number, data in enumerate(all_bytes):
            (folder / target / f"seed-{number:02}").write_bytes(data)


if __name__ == "__main__":
    main()
