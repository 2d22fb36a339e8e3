"""The bridge killed at random moments under load, with a real broker and a real database: nothing is lost or doubled.

Six kills by default; for two hundred, which take a quarter of an hour::

    ESPCAM_BRIDGE_KILLS=200 make test ARGS='tests/integration/killed/test_killed.py -s'
"""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import ListenerFactory, MosquittoFactory
    from tests.integration.killed.conftest import Settle, VictimFactory

pytestmark = pytest.mark.integration

KILLS = int(os.environ.get("ESPCAM_BRIDGE_KILLS", "6"))
SEED = 20261125


@pytest.mark.timeout(90 + 10 * KILLS)
def test_killed_at_random_moments_every_event_has_one_beginning_and_one_end(
    mosquitto: MosquittoFactory,
    mqtt_listener: ListenerFactory,
    victim_on: VictimFactory,
    busy_cameras: int,
    settle: Settle,
) -> None:
    broker = mosquitto(config=("max_queued_messages 0",))
    listener = mqtt_listener(broker.port, "espcam/+/+")
    victim, dice = victim_on(broker.port, busy_cameras), random.Random(SEED)  # noqa: S311 - no secret
    for _ in range(KILLS):
        victim.start()
        time.sleep(dice.uniform(0.0, 2.5))
        victim.end()
    victim.start()
    time.sleep(1)
    told = settle(victim, listener)
    print(f"{KILLS} kills, {len(told.steps)} events: each told once, ended once, and in the history")  # noqa: T201
    assert len(told.steps) > KILLS
