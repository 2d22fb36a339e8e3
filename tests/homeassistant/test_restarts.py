"""Whatever restarts, and in whatever order: everything is right again within half a minute, and nothing happens twice.

Somebody stands on the porch all the while. A few orders by default; for all of them, which take half an hour::

    ESPCAM_BRIDGE_ALL_ORDERS=1 make test-homeassistant ARGS='-k restarts --ha-report restarts.md'
"""

from __future__ import annotations

import itertools
import json
import os
import re
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.homeassistant.harness.drawn import Somebody
from tests.homeassistant.harness.house import House, wait_until
from tests.homeassistant.harness.report import Restart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.homeassistant.harness.log import Record
    from tests.homeassistant.harness.report import Report

pytestmark = [pytest.mark.homeassistant, pytest.mark.timeout(240)]

RIGHT_AGAIN_S = 30.0
# What Home Assistant says of a broker that is away, whoever speaks to it.
_BROKER_AWAY = re.compile(
    r"(Disconnected from|Failed to connect to|Error returned from) MQTT server|failed to receive on socket"
)


class Order(NamedTuple):
    """What restarts, one after the other.

    Attributes:
        parts: ``home``, ``broker`` and ``bridge`` in some order.
        forgets: whether the broker has lost its retained messages.
        killed: whether the bridge is killed, instead of stopped.
        together: whether all are down before the first one comes up again, in the same order.
    """

    parts: tuple[str, ...]
    forgets: bool = False
    killed: bool = False
    together: bool = False

    def __str__(self) -> str:
        """Such as ``home broker(forgets) bridge(killed), all down``."""
        notes = {"broker": "(forgets)" * self.forgets, "bridge": "(killed)" * self.killed}
        return " ".join(part + notes.get(part, "") for part in self.parts) + ", all down" * self.together


ALONE = [
    Order(("home",)),
    Order(("broker",)),
    Order(("broker",), forgets=True),
    Order(("bridge",)),
    Order(("bridge",), killed=True),
]
ALL_THREE = [
    Order(parts, forgets, killed, together)
    for parts in itertools.permutations(("home", "broker", "bridge"))
    for forgets, killed, together in itertools.product((False, True), repeat=3)
]
CHOSEN = [
    Order(("home",)),
    Order(("broker",), forgets=True),
    Order(("bridge",), killed=True),
    Order(("home", "broker", "bridge"), forgets=True, killed=True, together=True),
    Order(("bridge", "home", "broker")),
    Order(("broker", "bridge", "home"), forgets=True),
]
ORDERS = [*ALONE, *ALL_THREE] if os.environ.get("ESPCAM_BRIDGE_ALL_ORDERS") else CHOSEN


@pytest.fixture(scope="module")
def restarted(
    home_assistant_is_there: None,  # noqa: ARG001 - it skips
    tmp_path_factory: pytest.TempPathFactory,
    report: Report,
) -> Iterator[House]:
    """A house of its own, whose broker can keep what is retained."""
    with House(tmp_path_factory.mktemp("restarts"), persistence=True) as house:
        yield house
        report.note_problems(house.home)


def restart(house: House, order: Order) -> None:
    """Carry it out; returns when all that was started answers."""
    down = {
        "home": house.home.stop,
        "broker": house.make_broker_forget if order.forgets else house.broker.stop,
        "bridge": house.bridge.kill if order.killed else house.bridge.stop,
    }
    up = {"home": house.home.launch, "broker": house.broker.start, "bridge": house.bridge.launch}
    if order.together:
        steps = [down[part] for part in order.parts] + [up[part] for part in order.parts]
    else:
        steps = [step for part in order.parts for step in (down[part], up[part])]
    for step in steps:
        step()
    house.bridge.wait()
    house.home.wait()


def unavailable(house: House) -> list[str]:
    """Entities that the bridge brought and that are unavailable."""
    states = house.home.states()
    return [one["entity_id"] for one in house.home.entities() if states[one["entity_id"]]["state"] == "unavailable"]


def complaints(house: House, since_unix_s: float) -> list[Record]:
    """What its MQTT complains of, but for a broker that really is away."""
    found = house.home.problems("mqtt", since_unix_s)
    return [record for record in found if not _BROKER_AWAY.search(record.text)]


def events_since(house: House, unix_s: float) -> list[str]:
    """The ids of the porch's events that began since then, as the history has them."""
    answer = json.loads(house.bridge.get("/api/events?camera=porch&limit=100")[1])
    return [event["id"] for event in answer["events"] if int(event["id"].partition("-")[0]) / 1000 >= unix_s]


def right_again(house: House) -> float:
    """Wait until somebody is on the porch, no entity is unavailable, and all say what the broker says.

    Returns:
        The seconds that this took.
    """
    began_s = time.monotonic()
    home = house.home
    wait_until(lambda: home.state("binary_sensor.porch_person") == "on", RIGHT_AGAIN_S, "somebody is on the porch")
    wait_until(lambda: not unavailable(house), RIGHT_AGAIN_S, "nothing is unavailable")
    house.settle(RIGHT_AGAIN_S)
    return time.monotonic() - began_s


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_after_restarts_everything_is_right_again_and_nothing_ran_twice(
    restarted: House, order: Order, report: Report
) -> None:
    house, home, began_unix_s = restarted, restarted.home, time.time()
    house.cameras["porch"].show(Somebody())
    home.wait_for("binary_sensor.porch_person", "on")

    restart(house, order)
    took_s = right_again(house)
    assert took_s < RIGHT_AGAIN_S
    house.cameras["porch"].show()
    home.wait_for("binary_sensor.porch_person", "off")

    visited_unix_s = time.time()
    house.visit()
    time.sleep(0.5)  # for what must not come
    (visit,) = events_since(house, visited_unix_s)
    events = events_since(house, began_unix_s)
    runs = {name: home.runs(name, began_unix_s) for name in ("event", "mqtt", "occupancy")}
    for name in ("event", "mqtt"):
        ids = Counter(run.detail for run in runs[name])
        assert set(ids) <= set(events), "it ran for visits only"
        assert max(ids.values()) == 1, "it ran for none of them twice"
        assert ids[visit] == 1, "it runs as before"
    assert len(runs["occupancy"]) <= len(events)
    assert sum(run.at_unix_s >= visited_unix_s for run in runs["occupancy"]) == 1
    assert unavailable(house) == []
    assert complaints(house, began_unix_s) == []
    counts = {name: len(found) for name, found in runs.items()}
    report.restarts.append(Restart(str(order), round(took_s, 1), len(events), counts))
