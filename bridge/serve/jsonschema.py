"""The words of JSON Schema that the API's description needs. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def text(**more: object) -> dict[str, Any]:
    """A string; ``more`` is what else JSON Schema says of it, as with the others."""
    return {"type": "string", **more}


def number(**more: object) -> dict[str, Any]:
    """A number."""
    return {"type": "number", **more}


def or_none(schema: Mapping[str, Any]) -> dict[str, Any]:
    """What a schema describes, or null."""
    return (
        {**schema, "type": [schema["type"], "null"]}
        if isinstance(schema.get("type"), str)
        else {"anyOf": [schema, {"type": "null"}]}
    )


def list_of(items: Mapping[str, Any], **more: object) -> dict[str, Any]:
    """An array of such items."""
    return {"type": "array", "items": items, **more}


def object_with(required: Mapping[str, Any], **more: object) -> dict[str, Any]:
    """An object that has all of these."""
    return {"type": "object", "properties": dict(required), "required": list(required), **more}


def map_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """An object whose keys are anything, its values such."""
    return {"type": "object", "additionalProperties": values}


def ref(name: str) -> dict[str, Any]:
    """One of the schemas that have names."""
    return {"$ref": f"#/components/schemas/{name}"}
