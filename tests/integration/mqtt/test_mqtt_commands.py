"""What a real Mosquitto does with commands, and with what is taken back."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bridge.model import Control
from bridge.publish.commands import Request, SetControl
from bridge.publish.publisher import Publisher
from bridge.publish.settings import DiscoveryFormat, PublishedCamera, PublishSettings
from bridge.runtime.clock import SystemClock
from bridge.runtime.memory import ShortMemory
from bridge.runtime.metrics import Metrics
from bridge.runtime.worker import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.publish.commands import Command
    from tests.conftest import ListenerFactory, MosquittoFactory, WaitUntil

    MakePublisher = Callable[..., Publisher]

pytestmark = pytest.mark.integration

YARD = PublishedCamera("yard", "Yard", ("person", "dog"))
CONFIG = "homeassistant/device/espcam-bridge_yard/config"


class House:
    """Bridges one after another, with one memory."""

    def __init__(self) -> None:
        self.memory = ShortMemory()
        self.commands: list[Command] = []
        self.running: Publisher | None = None

    def start(self, port: int, *cameras: PublishedCamera, **settings: Any) -> Publisher:  # noqa: ANN401 - fields of it
        """The next bridge; the one before is stopped."""
        self.stop()
        self.running = Publisher(
            replace(PublishSettings(port=port), **settings),
            clock=SystemClock(),
            metrics=Metrics(),
            supervisor=Supervisor(),
            commands=self.commands.append,
            memory=self.memory,
        )
        for camera in cameras:
            self.running.add_camera(camera)
        self.running.forget_others([camera.id for camera in cameras])
        self.running.start()
        return self.running

    def stop(self) -> None:
        """Nobody is there."""
        if self.running is not None:
            self.running.stop()


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.stop()


def test_commands_arrive_within_a_second(
    mosquitto: MosquittoFactory, mqtt_listener: ListenerFactory, house: House, wait_until: WaitUntil
) -> None:
    broker = mosquitto()
    listener = mqtt_listener(broker.port)
    house.start(broker.port, YARD)
    listener.wait_for("espcam/bridge/state", b"online")
    began_s = time.monotonic()
    listener.publish("espcam/yard/quality/set", b"12")
    listener.publish("espcam/bridge/request/reload", b"")
    wait_until(lambda: len(house.commands) == 2)
    assert time.monotonic() - began_s < 1
    assert house.commands == [SetControl("yard", Control.QUALITY, 12), Request("reload")]


def test_a_command_for_a_bridge_that_is_away_is_not_carried_out_when_it_comes_back(
    mosquitto: MosquittoFactory, mqtt_listener: ListenerFactory, house: House, wait_until: WaitUntil
) -> None:
    broker = mosquitto()
    listener = mqtt_listener(broker.port)
    house.start(broker.port, YARD, durable=True)
    listener.wait_for("espcam/bridge/state", b"online")
    house.stop()
    listener.wait_for("espcam/bridge/state", b"offline")
    listener.publish("espcam/yard/flash/set", b"ON")
    listener.clear()
    house.start(broker.port, YARD, durable=True)
    listener.wait_for("espcam/bridge/state", b"online")
    listener.publish("espcam/yard/detect/set", b"OFF")
    wait_until(lambda: bool(house.commands))
    assert house.commands == [SetControl("yard", Control.DETECT, value=False)]


def test_a_camera_that_left_the_configuration_leaves_nothing_on_the_broker(
    mosquitto: MosquittoFactory, mqtt_listener: ListenerFactory, house: House, wait_until: WaitUntil
) -> None:
    broker = mosquitto()
    listener = mqtt_listener(broker.port)
    gate = replace(YARD, id="gate")
    running = house.start(broker.port, YARD, gate)
    running.snapshot("yard", b"jpeg")
    listener.wait_for("espcam/yard/snapshot")
    listener.wait_for("espcam/bridge/state", b"online")
    house.start(broker.port, gate)

    def left() -> set[str]:
        time.sleep(0.5)
        newcomer = mqtt_listener(broker.port)
        newcomer.wait_for("espcam/gate/person")
        time.sleep(0.1)
        return {heard.topic for heard in newcomer.heard if "yard" in heard.topic}

    wait_until(lambda: left() == set(), timeout_s=15)
    newcomer = mqtt_listener(broker.port)
    newcomer.wait_for("homeassistant/device/espcam-bridge_gate/config")


def test_a_move_to_the_single_form_is_told_step_by_step_and_leaves_nothing_of_the_old(
    mosquitto: MosquittoFactory, mqtt_listener: ListenerFactory, house: House
) -> None:
    broker = mosquitto()
    listener = mqtt_listener(broker.port, "homeassistant/#")
    house.start(broker.port, YARD)
    listener.wait_for(CONFIG)
    listener.clear()
    house.start(broker.port, YARD, discovery_format=DiscoveryFormat.SINGLE)
    single = "homeassistant/binary_sensor/espcam-bridge_yard/motion/config"
    listener.wait_for(single, timeout_s=10)
    told = [(heard.topic, heard.payload) for heard in listener.heard if heard.topic in {CONFIG, single}]
    assert [topic for topic, _payload in told] == [CONFIG, CONFIG, single]
    assert json.loads(told[0][1]) == {"migrate_discovery": True}
    assert told[1][1] == b""
    newcomer = mqtt_listener(broker.port, "homeassistant/#")
    newcomer.wait_for(single)
    assert newcomer.on(CONFIG) == []
