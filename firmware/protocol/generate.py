#!/usr/bin/env python3
"""Write the link's table for the firmware and for the bridge from link.toml; with --check only say whether they fit."""

from __future__ import annotations

import argparse
import sys
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PYTHON = ROOT / "bridge" / "link" / "table.py"
CPP = ROOT / "firmware" / "lib" / "camlink" / "src" / "camlink" / "table.h"

_PYTHON_HEAD = '''"""The camera link's names, numbers and limits; firmware/protocol/generate.py made it."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
'''
_CPP_HEAD = """// The camera link's names, numbers and limits; written by firmware/protocol/generate.py from link.toml.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace camlink {
namespace table {
"""


def python_table(link: dict[str, Any]) -> str:
    """The bridge's side."""
    lines = [_PYTHON_HEAD, f"LINK_VERSION: Final = {link['version']}", ""]
    lines += [f"{name.upper()}: Final = {value}" for name, value in link["limits"].items()]
    lines += ["", *(f"{name.upper()}_RANGE: Final = ({low}, {high})" for name, (low, high) in link["ranges"].items())]
    lines += ["", f"FRAME_MAGIC: Final = {_bytes(link['frame']['magic'])}"]
    lines += [f"FRAME_HEADER_BYTES: Final = {link['frame']['header_bytes']}", ""]
    image = link["image"]
    lines += [f"IMAGE_FIRST_BYTE: Final = 0x{image['first_byte']:02X}"]
    lines += [f"IMAGE_{name.upper()}: Final = {_bytes(image[name])}" for name in image if name != "first_byte"]
    lines += ["", *(f"CLOSE_{name.upper()}: Final = {code}" for name, code in link["close_codes"].items())]
    lines += ["", "", "class Capability(StrEnum):", '    """What a board may say that it can do."""', ""]
    lines += [f'    {name.upper()} = "{name}"' for name in link["capabilities"]["names"]]
    lines += ["", "", "class MessageType(StrEnum):", '    """What a message is."""', ""]
    lines += [f'    {name.upper()} = "{name}"' for name in link["messages"]]
    lines += ["", "", "FRAMESIZES: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(", "    {"]
    lines += [f'        "{name}": ({width}, {height}),' for name, (width, height) in link["framesizes"].items()]
    lines += ["    }", ")", '"""Width and height in pixels, smallest first."""', ""]
    lines += ["FIELDS: Final[Mapping[MessageType, Mapping[str, str]]] = MappingProxyType(", "    {"]
    for name, message in link["messages"].items():
        lines += [f"        MessageType.{name.upper()}: MappingProxyType(", "            {"]
        lines += [f'                "{field}": "{kind}",' for field, kind in message["fields"].items()]
        lines += ["            }", "        ),"]
    lines += ["    }", ")", '"""Each message\'s fields and their kinds; link.toml says what the kinds are."""', ""]
    return "\n".join(lines)


def cpp_table(link: dict[str, Any]) -> str:
    """The firmware's side."""
    lines = [_CPP_HEAD, f"constexpr int kLinkVersion = {link['version']};", ""]
    lines += [f"constexpr std::size_t k{_camel(name)} = {value};" for name, value in link["limits"].items()]
    lines.append("")
    for name, (low, high) in link["ranges"].items():
        kind, ends = (
            ("float", (f"{float(low)}F", f"{float(high)}F")) if name == "max_fps" else ("std::uint8_t", (low, high))
        )
        lines += [
            f"constexpr {kind} k{_camel(name)}Lowest = {ends[0]};",
            f"constexpr {kind} k{_camel(name)}Highest = {ends[1]};",
        ]
    lines += ["", f'constexpr std::string_view kFrameMagic = "{link["frame"]["magic"]}";']
    lines += [f"constexpr std::size_t kFrameHeaderBytes = {link['frame']['header_bytes']};", ""]
    image = link["image"]
    lines += [f"constexpr std::uint8_t kImageFirstByte = 0x{image['first_byte']:02X};"]
    lines += [
        f'constexpr std::string_view kImage{_camel(name)} = "{image[name]}";' for name in image if name != "first_byte"
    ]
    lines += [
        "",
        *(f"constexpr std::uint16_t kClose{_camel(name)} = {code};" for name, code in link["close_codes"].items()),
    ]
    lines += ["", "// One bit each, in this order."]
    names = link["capabilities"]["names"]
    quoted = ", ".join(f'"{name}"' for name in names)
    lines += [f"constexpr std::array<std::string_view, {len(names)}> kCapabilities = {{", f"    {quoted},", "};", ""]
    lines += [
        "struct NamedSize {",
        "  std::string_view name;",
        "  std::uint16_t width_px;",
        "  std::uint16_t height_px;",
        "};",
    ]
    sizes = link["framesizes"]
    lines += [f"constexpr std::array<NamedSize, {len(sizes)}> kFramesizes = {{{{"]
    lines += [f'    {{"{name}", {width}, {height}}},' for name, (width, height) in sizes.items()] + ["}};", ""]
    lines += [f'constexpr std::string_view kType{_camel(name)} = "{name}";' for name in link["messages"]]
    fields = dict.fromkeys(field for message in link["messages"].values() for field in message["fields"])
    lines += ["", 'constexpr std::string_view kKeyType = "type";']
    lines += [f'constexpr std::string_view kKey{_camel(field)} = "{field}";' for field in fields]
    lines += ["", "}  // namespace table", "}  // namespace camlink", ""]
    return "\n".join(lines)


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _bytes(text: str) -> str:
    return f'b"{text}"'


def main() -> int:
    """Write both, or with --check compare; 1 when one does not fit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file does not fit link.toml")
    options = parser.parse_args()
    link = tomllib.loads((HERE / "link.toml").read_text(encoding="utf-8"))
    stale = []
    for path, text in ((PYTHON, python_table(link)), (CPP, cpp_table(link))):
        if options.check:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(str(path.relative_to(ROOT)))
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if stale:
        sys.stderr.write(f"{' and '.join(stale)} do not fit link.toml: run firmware/protocol/generate.py\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
