"""What lies in ``homeassistant/`` is right without a Home Assistant at hand: names, links, entities, cards.

``tests/homeassistant/test_blueprints.py`` runs all of it in a real one.
"""

from __future__ import annotations

import json
import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from bridge.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).resolve().parents[2]
_FOLDER = _ROOT / "homeassistant"
_BLUEPRINTS = sorted((_FOLDER / "blueprints" / "automation" / "espcam-bridge").glob("*.yaml"))
_PACKAGE = _FOLDER / "packages" / "espcam_bridge.yaml"
_DASHBOARD = _FOLDER / "dashboards" / "espcam_bridge.yaml"
_README = (_FOLDER / "README.md").read_text()
_ON_GITHUB = "https://github.com/espcam-bridge/espcam-bridge/blob/main/"

# Of Home Assistant's own frontend, 2025.4 and later.
_CARDS = {"conditional", "entities", "heading", "history-graph", "logbook", "picture-entity", "picture-glance"}
# The user's own (see README.md), and what Home Assistant always has.
_NOT_OURS = {"camera.front_door", "zone.home"}
_OF_THE_PACKAGE = {"binary_sensor.someone_outside", "sensor.visits_today"}


class _Loader(yaml.SafeLoader):
    """YAML with Home Assistant's tags, which become ``(tag, text)``."""


_Loader.add_multi_constructor("!", lambda loader, tag, node: (f"!{tag}", loader.construct_scalar(node)))


def _load(text: str) -> Any:  # noqa: ANN401 - that is what YAML is
    return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader, with tags


def _inputs(blueprint: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """All inputs, those in sections too."""
    found = {}
    for name, content in blueprint["blueprint"]["input"].items():
        found |= content.get("input", {name: content})
    return found


def _texts(part: object) -> Iterator[object]:
    """All values that hold no others."""
    if isinstance(part, dict | list):
        for inner in part.values() if isinstance(part, dict) else part:
            yield from _texts(inner)
    else:
        yield part


def _entity_ids(*parts: object) -> set[str]:
    """What looks like an entity of the kinds that matter here, in values and in templates."""
    domains = "automation|binary_sensor|camera|event|image|sensor|zone"
    texts = " ".join(str(text) for part in parts for text in _texts(part))
    return set(re.findall(rf"(?<![\w./])(?:{domains})\.[a-z0-9_]+\b", texts))


@pytest.fixture(scope="module")
def discovered() -> set[str]:
    """The entity ids that the bridge makes of the example configuration."""
    with redirect_stdout(StringIO()) as printed:
        assert main(["discovery", "-c", str(_ROOT / "config" / "minimal.yaml")]) == 0
    devices = [message["payload"] for message in json.loads(printed.getvalue())]
    return {component["default_entity_id"] for device in devices for component in device["cmps"].values()}


@pytest.mark.parametrize("file", _BLUEPRINTS, ids=lambda file: file.stem)
def test_a_blueprint_tells_what_it_is_and_needs(file: Path) -> None:
    blueprint = _load(file.read_text())
    about = blueprint["blueprint"]
    assert about["domain"] == file.parent.parent.name
    assert about["source_url"] == f"{_ON_GITHUB}{file.relative_to(_ROOT)}"
    assert about["homeassistant"]["min_version"] == "2025.4.0"
    assert {"name", "description", "author"} <= set(about)
    # The plural is what Home Assistant writes since 2024.10.
    assert {"triggers", "actions"} <= set(blueprint)
    assert not {"trigger", "condition", "action"} & set(blueprint)


@pytest.mark.parametrize("file", _BLUEPRINTS, ids=lambda file: file.stem)
def test_every_input_has_a_name_a_description_and_a_selector_and_is_used(file: Path) -> None:
    blueprint = _load(file.read_text())
    inputs = _inputs(blueprint)
    lacking = {
        name: missing
        for name, content in inputs.items()
        if (missing := {"name", "description", "selector"} - {key for key in content if content[key]})
    }
    assert lacking == {}
    assert {text[1] for text in _texts(blueprint) if isinstance(text, tuple)} == set(inputs)


def test_every_blueprint_can_be_imported_by_a_link_to_where_it_is() -> None:
    links = re.findall(r"\((https://my\.home-assistant\.io/redirect/blueprint_import/[^)]+)\)", _README)
    targets = [parse_qs(urlsplit(link).query)["blueprint_url"][0] for link in links]
    assert sorted(targets) == [f"{_ON_GITHUB}{file.relative_to(_ROOT)}" for file in _BLUEPRINTS]


def test_readme_leads_to_files_that_are_there_and_shows_yaml() -> None:
    targets = [target for target in re.findall(r"\]\(([^)#]+)\)", _README) if "://" not in target]
    assert targets
    assert [target for target in targets if not (_FOLDER / target).exists()] == []
    examples = re.findall(r"^( *)```yaml\n(.*?)```", _README, re.DOTALL | re.MULTILINE)
    assert len(examples) == 3
    assert all(_load(example) for _, example in examples)


def test_package_and_dashboard_name_entities_that_the_example_configuration_makes(discovered: set[str]) -> None:
    for file in (_PACKAGE, _DASHBOARD):
        named = _entity_ids(_load(file.read_text())) - _NOT_OURS - _OF_THE_PACKAGE
        assert named
        assert named - discovered == set()


def test_blueprints_presume_entities_that_the_bridge_always_makes(discovered: set[str]) -> None:
    defaults = [
        content["default"]
        for file in _BLUEPRINTS
        for content in _inputs(_load(file.read_text())).values()
        if isinstance(content.get("default"), str)
    ]
    named = _entity_ids(defaults)
    assert named == {"binary_sensor.espcam_bridge_connection"}
    assert named <= discovered


def test_dashboard_has_cards_of_home_assistant_only() -> None:
    used = set(_cards(_load(_DASHBOARD.read_text())))
    assert used == _CARDS


def _cards(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        for key, inner in part.items():
            if key in {"cards", "card"}:
                yield from (card["type"] for card in (inner if isinstance(inner, list) else [inner]))
            yield from _cards(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _cards(inner)


def test_only_an_app_has_a_file_that_the_supervisor_would_take_for_one() -> None:
    named = {file.relative_to(_FOLDER).parts[0] for file in _FOLDER.rglob("config.*")}
    assert named <= {"app"}
