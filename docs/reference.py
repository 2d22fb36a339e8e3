"""Writes docs/reference.md from what the program itself says: its configuration, topics, addresses, figures, commands.

``python docs/reference.py`` writes it; ``--check`` says whether it is up to date (the tests do).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.cli import parser
from bridge.config.schema import Config
from bridge.model import Control, Offer
from bridge.publish.discovery import discovery_messages
from bridge.publish.settings import PublishedCamera, PublishSettings
from bridge.runtime.metrics import Metrics
from bridge.serve.openapi import description

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PAGE = Path(__file__).with_name("reference.md")


def configuration() -> Iterator[str]:
    """Every key, from the schema."""
    schema = Config.model_json_schema()
    yield "## Configuration\n"
    yield "Every value is also `ESPCAM_BRIDGE__SECTION__KEY` in the environment, and may be `!secret NAME` or"
    yield "`!env NAME`. `defaults` takes the keys of a camera but `id` and `name`.\n"
    yield "| key | takes | default | |"
    yield "|---|---|---|---|"
    for name, entry in schema["properties"].items():
        if name == "defaults":
            continue
        yield from _keys(name, entry, schema["$defs"])


def _keys(path: str, entry: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[str]:
    inner = _section(entry, definitions)
    if inner is None:
        words = str(entry.get("description", "")).replace("|", "\\|")
        default = entry.get("default")
        shown = "" if default is None else f"`{json.dumps(default, ensure_ascii=False)}`"
        yield f"| `{path}` | {_kind(entry, definitions)} | {shown} | {words} |"
        return
    section, suffix = inner
    for name, child in section["properties"].items():
        yield from _keys(f"{path}{suffix}.{name}", child, definitions)


def _section(entry: Mapping[str, Any], definitions: Mapping[str, Any]) -> tuple[Mapping[str, Any], str] | None:
    """The section that a key holds, and what stands between their names; None for a plain value."""
    if "$ref" in entry:
        found = definitions[entry["$ref"].rpartition("/")[2]]
        return (found, "") if "properties" in found else None
    if entry.get("type") == "array" and "$ref" in entry.get("items", {}):
        return definitions[entry["items"]["$ref"].rpartition("/")[2]], "[]"
    more = next(iter(entry.get("patternProperties", {}).values()), entry.get("additionalProperties"))
    if isinstance(more, dict) and "$ref" in more:
        return definitions[more["$ref"].rpartition("/")[2]], ".NAME"
    return None


def _kind(entry: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if "$ref" in entry:
        return _kind(definitions[entry["$ref"].rpartition("/")[2]], definitions)
    if "enum" in entry:
        return ", ".join(f"`{one}`" for one in entry["enum"])
    if "const" in entry:
        return f"`{entry['const']}`"
    if "anyOf" in entry:
        kinds = [_kind(one, definitions) for one in entry["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    low = entry.get("minimum", entry.get("exclusiveMinimum"))
    high = entry.get("maximum", entry.get("exclusiveMaximum"))
    limits = f" {low} to {high}" if low is not None and high is not None else ""
    words = {"integer": "whole number", "number": "number", "boolean": "true, false", "string": "text", "array": "list"}
    return words.get(str(entry.get("type")), str(entry.get("type", ""))) + limits


def topics() -> Iterator[str]:
    """Every entity of a camera that offers everything, with its topics, from the discovery messages."""
    offer = Offer(tuple(Control), framesizes=("QVGA", "VGA"), reports_health=True, takes_updates=True)
    camera = PublishedCamera("CAM", "Camera", ("person",), {"ZONE": ("person",)}, offer)
    yield "\n## Entities and topics\n"
    yield "Of a camera `CAM` with the label `person` and a zone `ZONE`, and of the bridge; what a board does not offer"
    yield "is not there. Payloads are in [interfaces](interfaces.md).\n"
    yield "| entity | platform | state | command |"
    yield "|---|---|---|---|"
    for message in discovery_messages(PublishSettings(), [camera]):
        told = json.loads(message.payload)
        for key, component in (told.get("cmps") or told.get("components") or {}).items():
            platform = component.get("p") or component.get("platform")
            state = next((component[name] for name in _STATES if name in component), "")
            command = component.get("command_topic") or component.get("cmd_t") or ""
            entity = component.get("default_entity_id") or key
            yield f"| `{entity}` | {platform} | `{state}` | {f'`{command}`' if command else ''} |"


_STATES = ("state_topic", "stat_t", "topic", "t", "image_topic", "img_t")


def addresses() -> Iterator[str]:
    """Every address, from the API's description."""
    yield "\n## HTTP\n"
    yield "`/api/openapi.json` is the whole of it, for programs.\n"
    yield "| | |"
    yield "|---|---|"
    for path, entry in description()["paths"].items():
        for method, operation in entry.items():
            if method != "parameters":
                yield f"| `{method.upper()} {path}` | {operation['summary']} |"


def figures() -> Iterator[str]:
    """Every metric, from the registry."""
    yield "\n## Metrics\n"
    yield "| | |"
    yield "|---|---|"
    for line in Metrics().render().decode().splitlines():
        if line.startswith("# HELP ") and not line.split()[2].endswith("_created"):
            _, _, name, words = line.split(" ", 3)
            yield f"| `{name}` | {words} |"


def commands() -> Iterator[str]:
    """Every command, from the command line itself."""
    yield "\n## Commands\n"
    yield "| `espcam-bridge …` | |"
    yield "|---|---|"
    for action in parser()._actions:  # noqa: SLF001 - argparse tells its subcommands in no other way
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - likewise
            for choice in action._choices_actions:  # noqa: SLF001 - likewise
                yield f"| `{choice.dest}` | {choice.help} |"


def page() -> str:
    """The whole page."""
    head = "# Reference\n\nMade by `python docs/reference.py` from the program itself; the tests hold it to that.\n"
    return "\n".join([head, *configuration(), *topics(), *addresses(), *figures(), *commands()]) + "\n"


def main() -> int:
    """Write the page, or compare it."""
    if "--check" in sys.argv[1:]:
        current = PAGE.exists() and PAGE.read_text(encoding="utf-8") == page()
        print("up to date" if current else "stale: run python docs/reference.py")
        return int(not current)
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
