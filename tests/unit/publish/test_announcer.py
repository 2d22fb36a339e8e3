from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bridge.model import Control, Offer
from bridge.publish.announcer import BRIDGE, Announcer
from bridge.publish.entities import bridge_device, camera_device
from bridge.publish.settings import DiscoveryFormat, PublishedCamera, PublishSettings
from bridge.runtime.clock import ManualClock
from bridge.runtime.memory import ShortMemory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bridge.publish.messages import Message

DAY_S = 86_400.0
YARD = PublishedCamera("yard", "Yard", ("person", "dog"), {"porch": ("person",)})
CONFIG = "homeassistant/device/espcam-bridge_yard/config"
SINGLE = "homeassistant/{}/espcam-bridge_yard/{}/config"


class Link:
    """Takes down what a link would be told."""

    def __init__(self) -> None:
        self.stages: dict[str, list[list[Message]]] = {}
        self.done: dict[str, Callable[[], None]] = {}
        self.swept: set[str] = set()

    def stage(self, device: str, stages: Sequence[Sequence[Message]], done: Callable[[], None]) -> None:
        self.stages[device] = [list(stage) for stage in stages if stage]
        self.done[device] = done

    def sweep(self, configs: Iterable[str], states: Iterable[str] = ()) -> None:
        self.swept |= {*configs, *states}

    def spare(self, filters: Iterable[str]) -> None:
        self.swept -= set(filters)


class Runs:
    """One run of the bridge after another, on one memory."""

    def __init__(self) -> None:
        self.memory = ShortMemory()
        self.clock = ManualClock()
        self.link = Link()
        self.settings = PublishSettings()
        self.announcer = self._made()

    def _made(self) -> Announcer:
        return Announcer(self.settings, self.link, self.memory, self.clock)

    def start(self, **changed: Any) -> None:  # noqa: ANN401 - fields of PublishSettings
        """A new run."""
        # What a memory on the disk gives back went through JSON.
        for name, value in self.memory.section("announced").items():
            self.memory.put("announced", name, json.loads(json.dumps(value)))
        self.settings = replace(self.settings, **changed)
        self.link = Link()
        self.announcer = self._made()

    def announce(self, camera: PublishedCamera = YARD, *, heard: bool = True) -> list[list[Message]]:
        """The steps of an announcement; whether the broker has them all in the end."""
        self.announcer.announce(camera.id, camera_device(self.settings, camera))
        if heard:
            self.link.done[camera.id]()
        return self.link.stages[camera.id]

    def forget(self, *keep: str) -> set[str]:
        """What is swept when only these cameras are left."""
        self.announcer.forget_others(keep)
        return self.link.swept


@pytest.fixture
def runs() -> Runs:
    return Runs()


def parts(stage: list[Message]) -> dict[str, dict[str, Any]]:
    (message,) = stage
    found: dict[str, dict[str, Any]] = json.loads(message.payload)["cmps"]
    return found


def topics(stage: list[Message], payload: bytes | None = None) -> set[str]:
    return {message.topic for message in stage if payload is None or message.payload == payload}


def without_dog(runs: Runs) -> list[list[Message]]:
    runs.announce()
    runs.start()
    return runs.announce(replace(YARD, labels=("person",)))


def test_what_is_new_takes_one_step(runs: Runs) -> None:
    (stage,) = runs.announce()
    assert topics(stage) == {CONFIG}


def test_what_was_announced_already_is_announced_the_same(runs: Runs) -> None:
    before = runs.announce()
    runs.start()
    assert runs.announce() == before


def test_a_label_that_went_while_the_bridge_was_off_is_taken_out_and_then_its_states_are_emptied(runs: Runs) -> None:
    news, states = without_dog(runs)
    assert {key: part for key, part in parts(news).items() if part.keys() == {"p"}} == {
        "label-dog": {"p": "binary_sensor"},
        "count-dog": {"p": "sensor"},
        "thumbnail-dog": {"p": "image"},
    }
    assert topics(states, b"") == {"espcam/yard/dog", "espcam/yard/dog/count", "espcam/yard/dog/thumbnail"}


def test_zones_and_controls_that_went_are_taken_out_as_well_but_not_what_others_still_read(runs: Runs) -> None:
    rich = Offer(tuple(Control), ("VGA",), reports_health=True)
    runs.announce(replace(YARD, offer=rich))
    news, states = runs.announce(replace(YARD, zones={}))
    gone = {key for key, part in parts(news).items() if part.keys() == {"p"}}
    assert {"zone-porch-person", "flash", "framesize", "quality", "max_fps", "restart", "rssi_dbm"} <= gone
    controls = {f"espcam/yard/{name}/state" for name in ("flash", "framesize", "quality", "max_fps")}
    assert topics(states, b"") == {"espcam/yard/zones/porch/person", *controls}


def test_what_is_gone_is_told_for_thirty_days(runs: Runs) -> None:
    without_dog(runs)
    runs.clock.now_unix_s += 29 * DAY_S
    runs.start()
    assert "label-dog" in parts(runs.announce(replace(YARD, labels=("person",)))[0])
    runs.clock.now_unix_s += 2 * DAY_S
    runs.start()
    (stage,) = runs.announce(replace(YARD, labels=("person",)))
    assert "label-dog" not in parts(stage)


def test_what_comes_back_is_not_gone_any_more(runs: Runs) -> None:
    without_dog(runs)
    (stage,) = runs.announce()
    assert parts(stage)["label-dog"]["unique_id"] == "espcam-bridge-yard-label-dog"


def test_in_the_single_form_what_is_gone_leaves_its_topics_empty(runs: Runs) -> None:
    runs.start(discovery_format=DiscoveryFormat.SINGLE)
    news, _states = without_dog(runs)
    assert topics(news, b"") == {
        SINGLE.format("binary_sensor", "label-dog"),
        SINGLE.format("sensor", "count-dog"),
        SINGLE.format("image", "thumbnail-dog"),
    }


def test_a_move_to_the_other_form_and_back_lets_go_then_empties_then_tells(runs: Runs) -> None:
    (device,) = runs.announce()
    runs.start(discovery_format=DiscoveryFormat.SINGLE)
    ask, news = runs.announce()
    assert [(m.topic, json.loads(m.payload)) for m in ask] == [(CONFIG, {"migrate_discovery": True})]
    assert (news[0].topic, news[0].payload) == (CONFIG, b"")
    singles = topics(news[1:])
    assert all(message.payload for message in news[1:])
    runs.start(discovery_format=DiscoveryFormat.DEVICE)
    ask, news = runs.announce()
    assert topics(ask) == singles
    assert topics(news, b"") == singles
    assert news[-1:] == device


def test_a_move_that_was_not_heard_to_the_end_begins_again(runs: Runs) -> None:
    runs.announce()
    runs.start(discovery_format=DiscoveryFormat.SINGLE)
    moved = runs.announce(heard=False)
    runs.start()
    assert runs.announce() == moved
    runs.start()
    assert len(runs.announce()) == 1


def test_what_went_together_with_a_move_goes_first_in_the_form_in_which_it_is_known(runs: Runs) -> None:
    runs.announce()
    runs.start(discovery_format=DiscoveryFormat.SINGLE)
    news, ask, moved, _states = runs.announce(replace(YARD, labels=("person",)))
    assert parts(news)["label-dog"] == {"p": "binary_sensor"}
    assert topics(ask) == {CONFIG}
    assert not any("dog" in topic for topic in topics(moved))


def test_a_camera_that_went_is_swept_at_each_start_for_thirty_days(runs: Runs) -> None:
    runs.announce()
    everything = {CONFIG, "homeassistant/+/espcam-bridge_yard/+/config", "espcam/yard/#"}
    for wait_s in (0.0, 29 * DAY_S, 2 * DAY_S):
        runs.clock.now_unix_s += wait_s
        runs.start()
        assert runs.forget() == everything
    runs.start()
    assert runs.forget() == set()


def test_cameras_that_are_there_and_the_bridge_are_never_swept(runs: Runs) -> None:
    runs.announce()
    runs.announcer.announce(BRIDGE, bridge_device(runs.settings))
    assert runs.forget("yard", "gate") == set()


def test_a_camera_that_comes_back_is_spared(runs: Runs) -> None:
    runs.announce()
    runs.forget()
    runs.announce()
    assert runs.link.swept == set()
    runs.start()
    assert runs.forget("yard") == set()


def test_discovery_that_is_switched_off_takes_back_what_was_announced_but_not_the_cameras_topics(runs: Runs) -> None:
    runs.announce()
    runs.start(discovery=False)
    runs.announcer.announce("yard", camera_device(runs.settings, YARD))
    assert runs.link.stages == {}
    assert runs.link.swept == {CONFIG, "homeassistant/+/espcam-bridge_yard/+/config"}


def test_discovery_that_was_never_on_takes_nothing_back(runs: Runs) -> None:
    runs.start(discovery=False)
    runs.announcer.announce("yard", camera_device(runs.settings, YARD))
    assert runs.link.swept == set()
    assert runs.memory.section("announced") == {}


def test_discovery_that_is_switched_on_again_tells_all(runs: Runs) -> None:
    before = runs.announce()
    runs.start(discovery=False)
    runs.announcer.announce("yard", camera_device(runs.settings, YARD))
    runs.start(discovery=True)
    assert runs.announce() == before
    assert runs.link.swept == set()


def test_under_another_client_id_it_is_another_device_and_the_old_one_goes(runs: Runs) -> None:
    runs.announce()
    runs.start(client_id="second")
    (stage,) = runs.announce()
    assert topics(stage) == {"homeassistant/device/second_yard/config"}
    assert runs.link.swept == {CONFIG, "homeassistant/+/espcam-bridge_yard/+/config"}


@pytest.mark.parametrize(
    "told",
    [None, 7, [], {}, {"v": 2}, {"v": 1}, {"v": 1, "node": "n", "forms": ["x"], "parts": {}, "gone": None}]
    + [{"v": 1, "node": "n", "forms": [], "parts": parts, "gone": None} for parts in (None, [1], {"a": 1}, {"a": [1]})],
)
def test_a_memory_that_cannot_be_read_is_no_memory(runs: Runs, told: object) -> None:
    fresh = runs.announce()
    runs.start()
    runs.memory.put("announced", "yard", told)
    assert runs.announce() == fresh
