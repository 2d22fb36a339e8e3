"""A house: broker, Home Assistant, the bridge and two cameras, all real, all in processes of their own."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.homeassistant.harness.home import why_missing
from tests.homeassistant.harness.house import House
from tests.homeassistant.harness.report import Report
from tests.homeassistant.harness.workshop import workshop as built_workshop

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--ha-report``."""
    parser.addoption(
        "--ha-report", type=Path, metavar="FILE", help="write what Home Assistant showed to a .json or .md file"
    )
    parser.addoption(
        "--ha-screenshots", type=Path, metavar="DIR", help="write pictures of Home Assistant's pages there"
    )


@pytest.fixture(scope="session")
def home_assistant_is_there() -> None:
    """Skip where no Home Assistant is installed."""
    if reason := why_missing():
        pytest.skip(reason)


@pytest.fixture(scope="session")
def report(request: pytest.FixtureRequest) -> Iterator[Report]:
    """What the session showed; written at its end when ``--ha-report`` names a file."""
    report = Report()
    yield report
    file: Path | None = request.config.getoption("--ha-report")
    if file is not None:
        report.write(file)


@pytest.fixture(scope="session")
def shared_house(
    home_assistant_is_there: None,  # noqa: ARG001 - it skips
    tmp_path_factory: pytest.TempPathFactory,
    report: Report,
) -> Iterator[House]:
    """The one house of most tests; use ``house``."""
    with House(tmp_path_factory.mktemp("house")) as house:
        report.note_entities(house.home)
        yield house
        report.note_problems(house.home)


@pytest.fixture
def house(shared_house: House) -> Iterator[House]:
    """The house that most tests share, everything running, nobody there; they leave it like that.

    Home Assistant's MQTT must have nothing to complain of meanwhile.
    """
    began_unix_s = time.time()
    yield shared_house
    assert shared_house.home.problems("mqtt", began_unix_s) == []


@pytest.fixture(scope="session")
def shared_workshop(
    home_assistant_is_there: None,  # noqa: ARG001 - it skips
    tmp_path_factory: pytest.TempPathFactory,
    report: Report,
) -> Iterator[House]:
    """The one house in which tests change things; use ``workshop``."""
    with built_workshop(tmp_path_factory.mktemp("workshop")) as house:
        yield house
        report.note_problems(house.home)


@pytest.fixture
def workshop(shared_workshop: House) -> Iterator[House]:
    """The house in which tests set, add and take away; they leave it as it was configured.

    Home Assistant's MQTT must have nothing to complain of meanwhile.
    """
    began_unix_s = time.time()
    yield shared_workshop
    assert shared_workshop.home.problems("mqtt", began_unix_s) == []
