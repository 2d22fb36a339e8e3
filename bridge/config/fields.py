"""Kinds of values that several sections use, and the base class of all sections.

Values may come as they stand in YAML text (``"1883"``, ``"yes"``): a section turns them into what the key wants, so
that a password ``0123`` or a label ``no`` stays exactly as written.
"""

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationInfo,
    model_validator,
)
from pydantic_core import PydanticCustomError

from bridge.config import polygon

Loc: TypeAlias = tuple[str | int, ...]
"""Where a value is in the tree: ``("cameras", 0, "detect", "max_fps")``."""

Kind: TypeAlias = Literal["refused", "refused_secret"]
REFUSED: Final = "refused"
"""Type of our own errors; the report may repeat what was written."""
REFUSED_SECRET: Final = "refused_secret"  # noqa: S105 - the name of an error type
"""Likewise, for secrets: the report must not repeat what was written."""

_ID = r"^[a-z0-9_]{1,32}$"
_CLIENT_ID = r"^[A-Za-z0-9_-]{1,64}$"
PATTERNS = {
    _ID: "must be 1 to 32 of the characters a-z, 0-9 and _",
    _CLIENT_ID: "must be 1 to 64 of the characters A-Z, a-z, 0-9, _ and - (Home Assistant allows no other)",
}
"""What each pattern asks for, in words."""


def refuse(problem: str, *involves: Loc, kind: Kind = REFUSED) -> PydanticCustomError:
    """An error of ours.

    Args:
        problem: what is wrong and what is allowed.
        involves: the values that do not fit together, relative to the validated one; the first is reported, the others
            are pointed at. None means the validated value itself.
        kind: ``REFUSED_SECRET`` when the report must not repeat what was written.
    """
    return PydanticCustomError(kind, "{problem}", {"problem": problem, "involves": involves})


def is_given(value: object) -> bool:
    """Whether something is written: an empty value counts as if its line were not there."""
    return value is not None and value != ""


def merged(base: Mapping[Any, Any], over: Mapping[Any, Any]) -> dict[Any, Any]:
    """``base`` with everything that ``over`` gives laid over it, deeply; lists are replaced as a whole."""
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            result[key] = merged(below, value)
        elif is_given(value) or key not in result:
            result[key] = value
    return result


class Section(BaseModel):
    """A mapping of the configuration: unknown keys are refused, an empty value means the default, nothing changes."""

    # hide_input_in_errors: pydantic's own text would repeat passwords.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, data: Any) -> Any:  # noqa: ANN401 - whatever the file holds
        if not isinstance(data, Mapping):
            return data
        return {key: value for key, value in data.items() if is_given(value)}


def _auto_or_bool(value: object) -> object:
    if isinstance(value, bool) or value == "auto":
        return value
    words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    if str(value).lower() not in words:
        raise refuse("must be auto, true or false")
    return words[str(value).lower()]


def _number(value: object) -> object:
    """Short digits to a number, for kinds that compare without converting; anything else as it is."""
    # 9 digits: int() refuses some thousands of them.
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 9:  # noqa: PLR2004 - see above
        return int(value)
    return value


def _auto_or_count(value: object) -> object:
    count = _number(value)
    if value == "auto" or (type(count) is int and 1 <= count <= _MAX_WORKERS):
        return count
    raise refuse(f"must be auto or a whole number from 1 to {_MAX_WORKERS}")


def _host(value: str) -> str:
    try:
        ip_address(value)
    except ValueError:
        if "://" in value or "/" in value or "@" in value or any(c.isspace() for c in value):
            raise refuse("must be a host name or an address alone, such as 192.168.1.10") from None
        if ":" in value:
            raise refuse("must be a host name or an address alone (the port has a key of its own)") from None
    return value


def _network(value: str) -> str:
    try:
        return str(ip_network(value, strict=False))
    except ValueError:
        raise refuse("must be an address or a network, such as 192.168.1.10 or 172.16.0.0/12") from None


def _topic(value: str) -> str:
    if any(c in value for c in "+#\0"):
        raise refuse("must be a topic without the wildcards + and # and without NUL")
    if value.startswith("/") or value.endswith("/") or "//" in value:
        raise refuse("must be a topic without / at either end and without an empty level (//)")
    if value.startswith("$"):
        raise refuse("must be a topic that does not begin with $ (those belong to the broker)")
    return value


def _not_bridge(value: str) -> str:
    if value == "bridge":
        raise refuse("must not be 'bridge', whose topics are the bridge's own", ())
    return value


def _token(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    # It travels in an HTTP header and in ?token=: visible ASCII only. 256 is far more than anybody needs.
    if len(text) > 256 or not all("!" <= c <= "~" for c in text):  # noqa: PLR2004 - reason above
        raise refuse("must be at most 256 visible ASCII characters without spaces", kind=REFUSED_SECRET)
    return value


def _origin(value: str) -> str:
    if value != "null" and ("://" not in value or any(c.isspace() for c in value)):
        raise refuse("must be an origin as browsers send it, such as https://host or https://host:8123")
    return value


def _label(value: str) -> str:
    if value != value.strip() or any(ord(c) < ord(" ") or c in "+#/" for c in value):
        raise refuse("must be a label of the model, without +, #, / and without spaces at the ends")
    return value


def _unique(labels: tuple[str, ...]) -> tuple[str, ...]:
    for index, label in enumerate(labels):
        if label in labels[:index]:
            raise refuse(f"the label {label!r} is listed twice", (index,))
    return labels


def _polygon(points: tuple[polygon.Point, ...]) -> tuple[polygon.Point, ...]:
    corners = polygon.opened(points)
    if problem := polygon.fault(corners):
        raise refuse(problem)
    return corners


def _beside_configuration(value: Path, info: ValidationInfo) -> Path:
    """A relative path starts at the configuration's folder when the caller names it as context ``folder``."""
    folder = (info.context or {}).get("folder")
    return value if folder is None else Path(folder) / value


_MAX_WORKERS = 64

AutoOrBool: TypeAlias = Annotated[Literal["auto"] | bool, BeforeValidator(_auto_or_bool)]
AutoOrCount: TypeAlias = Annotated[Literal["auto"] | int, BeforeValidator(_auto_or_count)]
Rotation: TypeAlias = Annotated[Literal[0, 90, 180, 270], BeforeValidator(_number)]
Host: TypeAlias = Annotated[str, AfterValidator(_host)]
Network: TypeAlias = Annotated[str, AfterValidator(_network)]
Topic: TypeAlias = Annotated[str, StringConstraints(max_length=200), AfterValidator(_topic)]
ClientId: TypeAlias = Annotated[str, StringConstraints(pattern=_CLIENT_ID)]
CameraId: TypeAlias = Annotated[str, StringConstraints(pattern=_ID), AfterValidator(_not_bridge)]
ZoneName: TypeAlias = Annotated[str, StringConstraints(pattern=_ID)]
Token: TypeAlias = Annotated[SecretStr, AfterValidator(_token)]
Origin: TypeAlias = Annotated[str, AfterValidator(_origin)]
ConfigFile: TypeAlias = Annotated[Path, AfterValidator(_beside_configuration)]
Label: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_label)]
Labels: TypeAlias = Annotated[tuple[Label, ...], Field(min_length=1), AfterValidator(_unique)]
Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
# 100 corners: more than any hand draws; the check for crossing sides takes 10 ms then.
Polygon: TypeAlias = Annotated[tuple[tuple[Share, Share], ...], Field(max_length=100), AfterValidator(_polygon)]
