"""Changes one camera's settings in the text of a configuration; every other byte stays as it was.

The text is cut where PyYAML says that a value begins and ends, so comments, order, quotes and blank lines stay.
(Loading and dumping the whole file with ruamel.yaml, which was tried first, loses the comments behind a list of lists
and writes flow mappings anew.) What came of it is compared with what was wanted: a text that is written in a way that
cannot be changed so (an alias, a merge) is refused, not damaged.

Pure: text in, text out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

_PLAIN_TEXT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_ -]*(?<! )")
_MERGE: Final = "tag:yaml.org,2002:merge"
_NULLS: Final = frozenset({"null", "Null", "NULL"})


class NotRewritable(Exception):
    """The text is written in a way that a program cannot change; the message says what."""


def rewritten(text: str, camera_id: str, change: Mapping[str, Any]) -> str:
    """The text with a camera's settings changed.

    Args:
        text: a configuration that can be read.
        camera_id: whose; an entry is added when it has none.
        change: keys of the camera with their values, as JSON has them; a mapping is merged, None takes a key out.

    Raises:
        NotRewritable: it cannot be done without changing anything else.
    """
    wanted = _expected(plain(text), camera_id, change)
    if _entry(_root(text), camera_id) is None:
        text = _with_entry(text, camera_id)
    for path, value in _steps(change):
        text = _assigned(text, camera_id, path, value)
    if plain(text) != wanted:
        raise NotRewritable(
            "the camera's lines are written in a way (aliases, merged keys) that only a person can change"
        )
    return text


def without(text: str, camera_id: str) -> str:
    """The text without a camera's entry.

    Raises:
        NotRewritable: it cannot be done without changing anything else.
    """
    before = plain(text)
    wanted = {**before, "cameras": [one for one in before["cameras"] if one.get("id") != camera_id]}
    root, entry, page = _root(text), _entry(_root(text), camera_id), _Text(text)
    if not isinstance(root, yaml.MappingNode) or entry is None:
        raise NotRewritable("it has no entry")
    at = _find(root, "cameras")
    assert at is not None  # noqa: S101 - the entry is in there
    cameras = root.value[at][1]
    place = next(index for index, one in enumerate(cameras.value) if one.start_mark.index == entry.start_mark.index)
    start, end = entry.start_mark.index, _end(entry)
    if len(cameras.value) == 1:
        text = _replaced(page, cameras, [])
    elif cameras.flow_style:
        last = place == len(cameras.value) - 1
        start, end = (
            (_end(cameras.value[place - 1]), end) if last else (start, cameras.value[place + 1].start_mark.index)
        )
        text = page.cut(start, end)
    else:
        text = page.cut(page.line_start(text.rfind("-", 0, start)), page.next_line(end))
    if plain(text) != wanted:
        raise NotRewritable("the camera's lines are written in a way that only a person can change")
    return text


def plain(text: str) -> Any:  # noqa: ANN401 - whatever YAML holds
    """The values in a text: scalars as they are written, tags in front of them."""
    node = _root(text)
    return None if node is None else _plain(node, ())


def _plain(node: yaml.Node, around: tuple[yaml.Node, ...]) -> Any:  # noqa: ANN401 - likewise
    if any(node is one for one in around):
        raise NotRewritable("an alias stands inside of what it stands for")
    around = (*around, node)
    if isinstance(node, yaml.MappingNode):
        own = {str(key.value): _plain(value, around) for key, value in node.value if key.tag != _MERGE}
        for key, value in node.value:
            merged = _plain(value, around) if key.tag == _MERGE else ()
            for one in merged if isinstance(merged, list) else [merged]:
                own = {**one, **own} if isinstance(one, dict) else own
        return own
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, around) for item in node.value]
    if node.tag == "tag:yaml.org,2002:null":
        return None
    return f"{node.tag} {node.value}" if node.tag.startswith("!") else str(node.value)


def _expected(before: Any, camera_id: str, change: Mapping[str, Any]) -> Any:  # noqa: ANN401 - likewise
    if not isinstance(before, dict | None):
        raise NotRewritable("it is no list of keys and values")
    whole = dict(before or {})
    cameras = list(whole.get("cameras") or [])
    at = next(
        (i for i, camera in enumerate(cameras) if isinstance(camera, dict) and camera.get("id") == camera_id), None
    )
    if at is None:
        cameras.append({"id": camera_id})
        at = len(cameras) - 1
    cameras[at] = _merged(cameras[at], change)
    return {**whole, "cameras": cameras}


def _merged(before: Any, change: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - likewise
    result = dict(before) if isinstance(before, dict) else {}
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping) and value:
            inner = _merged(result.get(key), value)
            result[key] = inner
            if not inner:
                del result[key]
        else:
            result[key] = _written(value)
    return result


def _written(value: Any) -> Any:  # noqa: ANN401 - likewise
    """A value as ``plain`` gives it once it is in a text."""
    if isinstance(value, Mapping):
        return {str(key): _written(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_written(item) for item in value]
    return value if isinstance(value, str) else json.dumps(value)


def _steps(change: Mapping[str, Any], path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """The change as single values at paths; a mapping is taken apart, so that it is merged."""
    steps: list[tuple[tuple[str, ...], Any]] = []
    for key, value in change.items():
        if isinstance(value, Mapping) and value:
            steps += _steps(value, (*path, key))
        else:
            steps.append(((*path, key), value))
    return steps


# --- the tree ----------------------------------------------------------------------------------------------------


def _root(text: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise NotRewritable(f"it is no valid YAML ({error})") from None


def _find(mapping: yaml.MappingNode, key: str) -> int | None:
    return next((i for i, (name, _) in enumerate(mapping.value) if name.value == key), None)


def _entry(root: yaml.Node | None, camera_id: str) -> yaml.MappingNode | None:
    if not isinstance(root, yaml.MappingNode) or (at := _find(root, "cameras")) is None:
        return None
    cameras = root.value[at][1]
    for camera in cameras.value if isinstance(cameras, yaml.SequenceNode) else ():
        if isinstance(camera, yaml.MappingNode):
            found = _find(camera, "id")
            if found is not None and camera.value[found][1].value == camera_id:
                return camera
    return None


def _end(node: yaml.Node) -> int:
    """Where a value's last character is; PyYAML's own mark of a block is behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    end: int = node.end_mark.index
    if isinstance(node, yaml.ScalarNode) and node.style in {"|", ">"}:
        return end - 1  # before its last line's end
    return end


# --- the text ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Text:
    text: str

    @property
    def newline(self) -> str:
        return "\r\n" if "\r\n" in self.text else "\n"

    def cut(self, start: int, end: int, between: str = "") -> str:
        return self.text[:start] + between + self.text[end:]

    def line_start(self, at: int) -> int:
        return self.text.rfind("\n", 0, at) + 1

    def line_end(self, at: int) -> int:
        """Behind the line, before its end."""
        end = self.text.find("\n", at)
        end = len(self.text) if end < 0 else end
        return end - 1 if end and self.text[end - 1] == "\r" else end

    def next_line(self, at: int) -> int:
        end = self.text.find("\n", at)
        return len(self.text) if end < 0 else end + 1


def _with_entry(text: str, camera_id: str) -> str:
    """The text with an entry for a camera that has none, at the end of the list."""
    root, page = _root(text), _Text(text)
    if root is not None and not isinstance(root, yaml.MappingNode):
        raise NotRewritable("it is no list of keys and values")
    if isinstance(root, yaml.MappingNode) and root.flow_style:
        return _with_entry_in_braces(page, root, camera_id)
    at = _find(root, "cameras") if root is not None else None
    if root is None or at is None:
        start = len(text)
        gap = "" if not text or text.endswith("\n") else page.newline
        return page.cut(start, start, f"{gap}cameras:{page.newline}  - id: {camera_id}{page.newline}")
    key, cameras = root.value[at]
    if isinstance(cameras, yaml.SequenceNode) and cameras.value:
        if cameras.flow_style:
            end = _end(cameras.value[-1])
            return page.cut(end, end, f", {{id: {camera_id}}}")
        end = page.line_end(_end(cameras))
        dash = text.rfind("-", 0, cameras.value[-1].start_mark.index)
        indent = " " * (dash - page.line_start(dash))
        return page.cut(end, end, f"{page.newline}{indent}- id: {camera_id}")
    colon = text.index(":", key.end_mark.index) + 1
    end = max(colon, _end(cameras))
    rest = page.line_end(end)
    return text[:colon] + text[end:rest] + f"{page.newline}  - id: {camera_id}" + text[rest:]


def _with_entry_in_braces(page: _Text, root: yaml.MappingNode, camera_id: str) -> str:
    """The same for a file that is one pair of braces, as JSON is."""
    at = _find(root, "cameras")
    entry = {"id": camera_id}
    if at is None:
        return _inserted(page, root, "cameras", [entry])
    cameras = root.value[at][1]
    if isinstance(cameras, yaml.SequenceNode) and cameras.value:
        end = _end(cameras.value[-1])
        return page.cut(end, end, f", {_flow(entry)}")
    return _replaced(page, cameras, [entry])


def _assigned(text: str, camera_id: str, path: tuple[str, ...], value: Any) -> str:  # noqa: ANN401 - JSON
    mapping = _entry(_root(text), camera_id)
    if mapping is None:
        raise NotRewritable("the camera's entry cannot be found")
    trail: list[tuple[yaml.MappingNode, str]] = []
    for position, key in enumerate(path):
        at = _find(mapping, key)
        if at is None:
            if value is None:
                return text
            return _inserted(_Text(text), mapping, key, _nested(path[position + 1 :], value))
        trail.append((mapping, key))
        inner = mapping.value[at][1]
        if inner.start_mark.index < mapping.value[at][0].end_mark.index:
            raise NotRewritable(f"{key} is an alias (*name)")
        if position == len(path) - 1:
            return _removed(_Text(text), trail) if value is None else _replaced(_Text(text), inner, value)
        if not isinstance(inner, yaml.MappingNode):
            return text if value is None else _replaced(_Text(text), inner, _nested(path[position + 1 :], value))
        mapping = inner
    return text


def _nested(path: tuple[str, ...], value: Any) -> Any:  # noqa: ANN401 - JSON
    for key in reversed(path):
        value = {key: value}
    return value


def _replaced(page: _Text, node: yaml.Node, value: Any) -> str:  # noqa: ANN401 - JSON
    start, end = node.start_mark.index, _end(node)
    block = isinstance(node, yaml.CollectionNode) and not node.flow_style
    if block and isinstance(value, Mapping | list) and value:
        indent = page.newline + " " * node.start_mark.column
        if isinstance(value, Mapping):
            lines = [f"{_flow(str(key))}: {_flow(inner)}" for key, inner in value.items()]
        else:
            lines = [f"- {_flow(item)}" for item in value]
        return page.cut(start, end, indent.join(lines))
    if block:  # what was on lines of its own goes behind its key
        colon = page.text.rfind(":", 0, start) + 1
        comment = page.text[colon:start]
        if comment.strip():
            raise NotRewritable("a comment stands between a key and its value")
        start = colon
    gap = "" if page.text[start - 1 : start].isspace() or page.text[start - 1 : start] in "[{" else " "
    return page.cut(start, end, gap + _flow(value))


def _inserted(page: _Text, mapping: yaml.MappingNode, key: str, value: Any) -> str:  # noqa: ANN401 - JSON
    line = f"{_flow(key)}: {_flow(value)}"
    if mapping.flow_style or not mapping.value:
        end = _end(mapping.value[-1][1]) if mapping.value else mapping.end_mark.index - 1
        return page.cut(end, end, f", {line}" if mapping.value else line)
    end = page.line_end(max(_end(mapping.value[-1][1]), mapping.value[-1][0].end_mark.index))
    return page.cut(end, end, page.newline + " " * mapping.value[0][0].start_mark.column + line)


def _removed(page: _Text, trail: list[tuple[yaml.MappingNode, str]]) -> str:
    """Take the last key of the trail out, and those above it that hold nothing else."""
    while len(trail) > 1 and len(trail[-1][0].value) == 1:
        trail.pop()
    mapping, key = trail[-1]
    at = _find(mapping, key)
    assert at is not None  # noqa: S101 - the trail was walked
    name, value = mapping.value[at]
    start, end = name.start_mark.index, max(_end(value), name.end_mark.index)
    last = at == len(mapping.value) - 1
    if mapping.flow_style:
        if not last:
            return page.cut(start, mapping.value[at + 1][0].start_mark.index)
        return page.cut(_end(mapping.value[at - 1][1]) if at else start, end)
    line = page.line_start(start)
    if page.text[line:start].strip() and not last:  # behind the dash of its list
        return page.cut(start, mapping.value[at + 1][0].start_mark.index)
    return page.cut(line, page.next_line(end))


def _flow(value: Any) -> str:  # noqa: ANN401 - JSON
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_flow(str(key))}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str) and _PLAIN_TEXT.fullmatch(value) and value not in _NULLS:
        return value
    return json.dumps(value, ensure_ascii=not (isinstance(value, str) and value.isprintable()))
