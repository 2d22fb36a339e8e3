"""Reads the configuration: finds the file, reads YAML with line numbers, lays the environment over it, checks it all.

Of YAML only the structure is used: scalars stay text, so that a password ``0123``, ``1e5`` or ``yes`` and a label
``no`` are what they look like. The schema makes numbers and truth values of them where it wants such.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import yaml

from bridge.config.environment import override
from bridge.config.fields import Loc
from bridge.config.files import unreadable_files
from bridge.config.problems import did_you_mean
from bridge.config.schema import Config
from bridge.config.tree import ENVIRONMENT, Node, Place, Problem
from bridge.config.validation import validate
from bridge.errors import ConfigError

FILE_NAME = "espcam-bridge.yaml"
SECRETS_NAME = "secrets.yaml"
SYSTEM_FILE = Path("/etc/espcam-bridge") / FILE_NAME
VARIABLE = "ESPCAM_BRIDGE_CONFIG"

_Resolver: TypeAlias = Callable[[str], str | None]
"""What a tag's name stands for; raises _Unresolved."""

_STANDARD = "tag:yaml.org,2002:"
_NULL = _STANDARD + "null"
_MERGE = _STANDARD + "merge"
_KINDS = ("bool", "float", "int", "map", "merge", "null", "seq", "str", "timestamp", "value")
_KNOWN_TAGS = {_STANDARD + kind for kind in _KINDS}
# A hundred cameras with zones have about 10 000. Aliases of aliases can make billions out of ten lines.
_MAX_NODES = 50_000

_SYNTAX = (
    (r"found character '\\t'", "a tab; YAML is indented with spaces"),
    (r"found character '(.)' that cannot start", r"a value cannot begin with \1; put it in quotes"),
    (r"undefined alias", "a value cannot begin with * (an alias, and none has this name); put it in quotes"),
    (r"mapping values", "a ':' where none can be; check the indentation, and put a text with ': ' in quotes"),
    (r"tag handle", "a value cannot begin with ! (that is a tag); put it in quotes"),
    (r"expected <block end>", "the indentation, or a quote, does not fit the lines above"),
    (r"could not find expected ':'", "not a line of 'key: value'"),
    (r"but found another document", "a second document begins here; take the line --- out"),
)


def find_config(
    option: Path | None, environ: Mapping[str, str], cwd: Path, system_file: Path = SYSTEM_FILE
) -> Path | None:
    """The configuration file: ``-c``, ``$ESPCAM_BRIDGE_CONFIG``, the working directory's, the system's.

    Returns:
        The file, or None when none was named and none is in its usual places.

    Raises:
        ConfigError: the file that was named does not exist.
    """
    if option is not None:
        named, by = option, "-c"
    elif environ.get(VARIABLE):
        named, by = cwd / environ[VARIABLE], f"${VARIABLE}"
    else:
        return next((file for file in (cwd / FILE_NAME, system_file) if _is_there(file)), None)
    if not _is_there(named):
        raise ConfigError((f"{named}: no such file (named by {by}); 'espcam-bridge init' writes one to begin with",))
    return named


def _is_there(file: Path) -> bool:
    try:
        return file.exists()
    except OSError:  # a folder that we may not look into: reading the file will say so
        return True


def load_config(path: Path | None, environ: Mapping[str, str]) -> Config:
    """Read and check the configuration.

    Args:
        path: the file; None gives the defaults and what the environment sets.
        environ: the environment variables.

    Raises:
        ConfigError: with every problem at once, in the order of the lines.
    """
    problems: list[Problem] = []
    unread: list[Loc] = []
    root = _read(path, environ, problems, unread) if path else Node(Place(ENVIRONMENT, 0), None)
    problems += override(root, environ)
    config, found = validate(root, unread, path.parent if path else None)
    problems += found
    problems += unreadable_files(config, root)
    if problems:
        raise _config_error(problems)
    return config


def _config_error(problems: list[Problem]) -> ConfigError:
    ordered = sorted(problems, key=lambda p: (p.place.source == ENVIRONMENT, p.place.source, p.place.line))
    return ConfigError(tuple(dict.fromkeys(map(str, ordered))))


def _read(path: Path, environ: Mapping[str, str], problems: list[Problem], unread: list[Loc]) -> Node:
    secrets = _Secrets(path.with_name(SECRETS_NAME))
    file = _File(path, {"!secret": secrets.value, "!env": _variables(environ)})
    root = file.read()
    problems += [*file.problems, *secrets.problems]
    unread += file.unread
    if root is None:
        raise _config_error(problems)
    return root


def _variables(environ: Mapping[str, str]) -> _Resolver:
    def value(name: str) -> str:
        if name not in environ:
            raise _Unresolved(f"the environment variable {name} is not set{did_you_mean(name, environ)}")
        return environ[name]

    return value


class _Secrets:
    """``secrets.yaml`` beside the configuration; read when the first ``!secret`` asks for it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values: dict[str, Node] | None = None
        self.problems: list[Problem] = []

    def value(self, name: str) -> str | None:
        if self._values is None:
            self._values = self._read()
        node = self._values.get(name)
        if node is None and self.problems:
            raise _Unresolved(f"{self._path} has mistakes, see there")
        if node is None:
            raise _Unresolved(f"no {name!r} in {self._path}{did_you_mean(name, self._values)}")
        if isinstance(node.value, dict | list):
            raise _Unresolved(f"{name!r} in {self._path} must be a single value")
        return node.value

    def _read(self) -> dict[str, Node]:
        if not _is_there(self._path):
            raise _Unresolved(f"there is no {self._path}; put the secret there, as a line 'name: value'")
        file = _File(self._path, {})
        root = file.read()
        self.problems += file.problems
        return root.value if root and isinstance(root.value, dict) else {}


class _File:
    """One YAML file as nodes.

    Attributes:
        problems: what is wrong in it.
        unread: the values that could not be read; they are in the tree as empty ones.
    """

    def __init__(self, path: Path, tags: Mapping[str, _Resolver]) -> None:
        self._path = path
        self._tags = tags
        self._open: list[yaml.Node] = []  # the collections around the one being read
        self._size = 0
        self.problems: list[Problem] = []
        self.unread: list[Loc] = []

    def read(self) -> Node | None:
        """The whole file, always a mapping; None when it cannot be read at all."""
        top = Place(str(self._path), 1)
        try:
            document = self._compose()
            node = Node(top, None) if document is None else self._node(document, top)
        except _Unreadable as error:
            self._refuse(Place(str(self._path), error.line), error.message)
            return None
        except RecursionError:
            self._refuse(top, "the values are nested too deeply")
            return None
        if not isinstance(node.value, dict | None):
            self._refuse(top, "must be a mapping: lines of 'key: value'")
            return None
        return node

    def _compose(self) -> yaml.Node | None:
        text = _text(self._path)
        try:
            loader = yaml.SafeLoader(text)
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            raise _Unreadable(line, f"the character U+{error.character:04X}, which YAML does not allow") from None
        try:
            return loader.get_single_node()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark or loader.get_mark()
            raise _Unreadable(mark.line + 1, _syntax(error, [*text.splitlines(), ""][mark.line])) from None
        except (ValueError, OverflowError):  # "\UFFFFFFFF": PyYAML lets chr() fail
            raise _Unreadable(loader.get_mark().line + 1, "an escape that is no character") from None
        finally:
            loader.dispose()

    def _refuse(self, place: Place, message: str) -> None:
        self.problems.append(Problem(place, message))

    def _no_value(self, place: Place, message: str) -> Node:
        self._refuse(place, message)
        self.unread.append(place.loc)
        return Node(place, None)

    def _node(self, node: yaml.Node, place: Place) -> Node:
        self._size += 1
        if self._size > _MAX_NODES:
            raise _Unreadable(place.line, f"more than {_MAX_NODES} values; check the aliases (*name)")
        if node.tag not in _KNOWN_TAGS and not (node.tag in self._tags and isinstance(node, yaml.ScalarNode)):
            allowed = f"allowed: {', '.join(f'{tag} NAME' for tag in self._tags)}; " if self._tags else ""
            # The tag itself is not repeated: it may be a password that begins with "!".
            return self._no_value(place, f"a tag unknown here, {allowed}put a text that begins with ! in quotes")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, place)
        if node in self._open:
            return self._no_value(place, "an alias (*name) inside of what it stands for")
        self._open.append(node)
        value = self._mapping(node, place) if isinstance(node, yaml.MappingNode) else self._sequence(node, place)
        self._open.pop()
        return Node(place, value)

    def _scalar(self, node: yaml.ScalarNode, place: Place) -> Node:
        if node.tag not in self._tags:
            return Node(place, None if node.tag == _NULL else node.value)
        try:
            return Node(place, self._tags[node.tag](node.value), secret=True)
        except _Unresolved as error:
            return self._no_value(place, str(error))

    def _sequence(self, node: yaml.Node, place: Place) -> list[Node]:
        return [
            self._node(item, Place(place.source, item.start_mark.line + 1, (*place.loc, index)))
            for index, item in enumerate(node.value)
        ]

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Node]:
        result: dict[str, Node] = {}
        merges: list[Node] = []
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.tag == _MERGE:
                merges.append(self._node(value, Place(place.source, line, place.loc)))
                continue
            if not isinstance(key, yaml.ScalarNode):
                self._refuse(Place(place.source, line, place.loc), "a key must be a word; put { and [ in quotes")
                continue
            inside = Place(place.source, line, (*place.loc, key.value))
            if key.value in result:
                self._refuse(inside, f"is written twice, first in line {result[key.value].place.line}")
            else:
                result[key.value] = self._node(value, inside)
        for merge in merges:
            self._merge(merge, result)
        return result

    def _merge(self, merge: Node, result: dict[str, Node]) -> None:
        """``<<: *name`` or ``<<: [*one, *other]``: what is written beside it wins, then the first."""
        for node in merge.value if isinstance(merge.value, list) else [merge]:
            if not isinstance(node.value, dict):
                self._refuse(node.place, "<< takes the alias (*name) of a mapping")
                continue
            for key, value in node.value.items():
                result.setdefault(key, value)


class _Unresolved(Exception):
    """A tag's name stands for nothing; the message says why."""


class _Unreadable(Exception):
    """The file as a whole cannot be read."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _Unreadable(1, f"cannot be read: {error.strerror}") from None
    try:
        return data.decode("utf-8-sig")  # with or without the mark that Windows editors write
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _Unreadable(line, f"not UTF-8 text (byte 0x{data[error.start]:02X}); save the file as UTF-8") from None


def _syntax(error: yaml.MarkedYAMLError, line: str) -> str:
    """PyYAML's words, or better ones where its own are hard to read or repeat a text, which may be a password."""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "a tab; YAML is indented with spaces"
    problem = error.problem or ""
    for pattern, words in _SYNTAX:
        if match := re.search(pattern, problem):
            return match.expand(words)
    opened = error.context_mark if re.search("quoted|flow", error.context or "") else None
    began = f" (in what begins in line {opened.line + 1})" if opened else ""
    return "not valid YAML: " + problem + began
