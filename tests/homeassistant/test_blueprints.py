"""The blueprints, the package and the dashboard in a real Home Assistant, driven by what the bridge would publish."""

from __future__ import annotations

import re
import time
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.homeassistant.harness.home import note_run
from tests.homeassistant.harness.house import wait_until
from tests.homeassistant.harness.street import OURS, SETTLED_S, Street, knows_phones, live_stream, phone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.homeassistant, pytest.mark.timeout(180)]

_DELAY_S = 1
_COOL_DOWN_S = 2
_OFFLINE_S = 2  # long enough for an outage that is shorter, on a busy machine too


def _automation(name: str, blueprint: str, **inputs: object) -> dict[str, Any]:
    return {
        "id": name,
        "alias": name,
        "use_blueprint": {"path": f"espcam-bridge/{blueprint}.yaml", "input": inputs},
    }


def _notify(name: str, **inputs: object) -> dict[str, Any]:
    note = note_run(name, "{{ [visit, title, message, picture_path] | to_json }}")
    usual = {"detected": "event.front_door_detected", "cool_down": {"seconds": 0}, "and_then": [note]}
    return _automation(name, "notify_when_seen", **{**usual, **inputs})


def _light(name: str, **inputs: object) -> dict[str, Any]:
    usual = {
        "occupancy": ["binary_sensor.front_door_person", "binary_sensor.garden_person"],
        "lights": ["light.lamp", "light.lantern"],
        "off_delay": {"seconds": _DELAY_S},
    }
    return _automation(name, "light_while_occupied", **{**usual, **inputs})


_OFFLINE_NOTE = note_run("offline", "{{ [back, title, message] | to_json }}")


def _offline(name: str, **inputs: object) -> dict[str, Any]:
    watched = [f"camera.{camera}_snapshot" for camera in ("front_door", "garden", "attic")]
    return _automation(name, "camera_offline", cameras=watched, offline_for={"seconds": _OFFLINE_S}, **inputs)


def _automations(folder: Path) -> list[dict[str, Any]]:
    [example] = re.findall(r"  ```yaml\n(  - action: .*?)```", (OURS / "README.md").read_text(), re.DOTALL)
    media = str(folder / "config" / "media")
    return [
        _automation("as_it_comes", "notify_when_seen", detected="event.front_door_detected"),
        _notify("each"),
        _notify("dogs", labels=["dog"]),
        _notify("porch", zones=["binary_sensor.front_door_zone_porch_person"]),
        _notify("noon_before_midnight", from_time="11:00:00", to_time="06:00:00"),
        _notify("noon_after_midnight", from_time="22:00:00", to_time="14:00:00"),
        _notify("noon_of_one_day", from_time="11:00:00", to_time="14:00:00"),
        _notify("night", from_time="22:00:00", to_time="06:00:00"),
        _notify("evening", from_time="18:00:00", to_time="22:00:00"),
        _notify("patient", cool_down={"seconds": _COOL_DOWN_S}),
        _notify("scene", own_picture="camera.front_door_snapshot", title_template="{{ label }} {{ score }}"),
        _notify("keeper", and_then=yaml.safe_load(example.replace("/media", media))),
        _light("by_brightness", brightness="sensor.brightness"),
        _light("by_sun", lights=["light.lamp_by_sun"]),
        _offline("offline", and_then=[_OFFLINE_NOTE]),
        _offline("offline_as_it_comes"),
    ]


@pytest.fixture(scope="module")
def street(home_assistant_is_there: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:  # noqa: ARG001
    folder = tmp_path_factory.mktemp("street")
    with Street(folder, _automations(folder)) as street:
        yield street


# --- somebody is seen ----------------------------------------------------------------------------------------------


def test_blueprints_load_without_a_complaint(street: Street) -> None:
    known = street.home.ask("blueprint/list", domain="automation")
    files = {f"espcam-bridge/{file.name}" for file in (OURS / "blueprints").rglob("*.yaml")}
    assert {path for path in known if path.startswith("espcam-bridge/")} == files
    assert [path for path in files if "error" in known[path]] == []


def test_a_visit_makes_one_message_that_says_who_and_when(street: Street) -> None:
    visit, _ = street.visit()
    [[_, title, said, path]] = street.notes_of("each", visit)
    assert title == "Front door"
    assert re.fullmatch(r"Person, \d\d:\d\d", said)
    assert path == "/api/image_proxy/image.front_door_person_thumbnail"


def test_the_message_shows_the_picture_of_its_own_visit(street: Street) -> None:
    for _ in range(2):
        visit, shown = street.visit()
        [[_, _, _, path]] = street.notes_of("each", visit)
        answer = street.home.get(path)
        assert (answer.status, answer.content_type, answer.body) == (200, "image/jpeg", shown)


def test_as_it_comes_the_newest_visit_and_its_picture_are_in_home_assistants_notifications(street: Street) -> None:
    # Its cool-down of a minute lets the first visit of all these tests through only.
    visit, _ = street.visit()
    street.notes_of("each", visit)
    note = street.notification("espcam_bridge_event_front_door_detected")
    assert note is not None
    assert note["title"] == "Front door"
    said, _, linked = note["message"].partition("\n\n")
    assert re.fullmatch(r"Person, \d\d:\d\d", said)
    # A browser has no token to send: the address must hold its own.
    address = linked.removeprefix("![](").removesuffix(")")
    assert address.startswith("/api/image_proxy/image.front_door_person_thumbnail?token=")
    assert _status_for_a_stranger(street.home.port, address) == 200


def _status_for_a_stranger(port: int, address: str) -> int:
    with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", address)
        return connection.getresponse().status


def test_the_same_visit_told_twice_makes_one_message(street: Street) -> None:
    visit, _ = street.visit(number=90)
    street.visit(number=90)
    assert len(street.notes_of("each", visit)) == 1


def test_a_camera_that_comes_back_makes_no_message(street: Street) -> None:
    visit, _ = street.visit()
    assert len(street.notes_of("each", visit)) == 1
    before = len(street.notes("each"))
    street.tell("bridge/state", "offline")
    street.home.wait_for("event.front_door_detected", "unavailable")
    street.tell("bridge/state", "online")
    street.home.wait_for("event.front_door_detected", lambda state: state != "unavailable")
    visit, _ = street.visit()
    assert len(street.notes_of("each", visit)) == 1
    assert len(street.notes("each")) == before + 1


def test_labels_choose_what_makes_a_message(street: Street) -> None:
    person, _ = street.visit("person")
    dog, _ = street.visit("dog")
    [[_, _, said, path]] = street.notes_of("dogs", dog)
    assert said.startswith("Dog, ")
    assert path == "/api/image_proxy/image.front_door_dog_thumbnail"
    assert [note for note in street.notes("dogs") if note[0] == person] == []


def test_zones_at_first_sight_are_named(street: Street) -> None:
    visit, _ = street.visit("person", "porch", "front_steps")
    [[_, _, said, _]] = street.notes_of("each", visit)
    assert said.startswith("Person in porch, front steps, ")


def test_with_a_zone_only_who_enters_it_makes_a_message(street: Street) -> None:
    before = len(street.notes("porch"))
    visit, _ = street.visit()
    street.notes_of("each", visit)
    assert len(street.notes("porch")) == before
    street.tell("front_door/zones/porch/person", "ON")
    street.home.wait_for("binary_sensor.front_door_zone_porch_person", "on")
    time.sleep(SETTLED_S)
    street.tell("front_door/zones/porch/person", "OFF")
    [*_, [visit_of_zone, title, said, path]] = street.notes("porch")
    assert len(street.notes("porch")) == before + 1
    assert (visit_of_zone, title) == (None, "Front door")
    assert said.startswith("Person in porch, ")
    assert path == "/api/image_proxy/image.front_door_person_thumbnail"


def test_a_zone_that_is_occupied_when_the_bridge_comes_back_makes_no_message(street: Street) -> None:
    before = len(street.notes("porch"))
    street.tell("bridge/state", "offline")
    street.home.wait_for("binary_sensor.front_door_zone_porch_person", "unavailable")
    street.tell("front_door/zones/porch/person", "ON")
    street.tell("bridge/state", "online")
    street.home.wait_for("binary_sensor.front_door_zone_porch_person", "on")
    time.sleep(SETTLED_S)
    street.tell("front_door/zones/porch/person", "OFF")
    assert len(street.notes("porch")) == before


def test_hours_hold_within_a_day_and_across_midnight(street: Street) -> None:
    visit, _ = street.visit()
    for inside in ("noon_before_midnight", "noon_after_midnight", "noon_of_one_day"):
        assert len(street.notes_of(inside, visit)) == 1
    for outside in ("night", "evening"):
        assert street.notes(outside) == []


def test_a_cool_down_lets_one_message_through(street: Street) -> None:
    time.sleep(_COOL_DOWN_S)  # after the visits of other tests
    visits = [street.visit()[0] for _ in range(3)]
    for visit in visits:
        street.notes_of("each", visit)
    assert [note[0] for note in street.notes("patient") if note[0] in visits] == visits[:1]
    time.sleep(_COOL_DOWN_S)
    visit, _ = street.visit()
    assert len(street.notes_of("patient", visit)) == 1


def test_title_and_picture_can_be_others(street: Street) -> None:
    visit, _ = street.visit()
    [[_, title, _, path]] = street.notes_of("scene", visit)
    assert (title, path) == ("person 0.9", "/api/camera_proxy/camera.front_door_snapshot")


def test_run_by_hand_it_shows_the_newest_visit(street: Street) -> None:
    visit, _ = street.visit()
    street.notes_of("each", visit)
    street.home.call_service("automation.trigger", "automation.each")
    assert len(street.notes_of("each", visit, 2)) == 2


def test_every_picture_can_be_kept_as_the_documentation_shows(street: Street) -> None:
    visit, shown = street.visit()
    street.notes_of("each", visit)
    kept = (street.home.config_dir / "media").glob("Front door 20*.jpg")
    assert shown in [file.read_bytes() for file in kept]


def test_phones_get_the_message_with_the_picture(street: Street) -> None:
    _skip_without_phones()
    with phone(street, "My old phone") as (device_id, received):
        content = _notify("to_phones", phones=[device_id], critical=True, link="/espcam-bridge")
        with _added(street, content):
            visit, _ = street.visit()
            wait_until(lambda: received, 5, "a message on the phone")
            assert len(street.notes_of("to_phones", visit)) == 1
    [message] = received
    assert message["title"] == "Front door"
    assert message["message"].startswith("Person, ")
    sound = {"name": "default", "critical": 1, "volume": 1.0}
    assert message["data"] == {
        "image": "/api/image_proxy/image.front_door_person_thumbnail",
        "url": "/espcam-bridge",
        "clickAction": "/espcam-bridge",
        "group": "Front door",
        "ttl": 0,
        "priority": "high",
        "channel": "alarm_stream",
        "push": {"interruption-level": "critical", "sound": sound},
    }


def _skip_without_phones() -> None:
    if not knows_phones():
        pytest.skip("Home Assistant's part for phones (mobile_app) needs PyNaCl")


@contextmanager
def _added(street: Street, content: dict[str, Any]) -> Iterator[None]:
    """An automation as Home Assistant's own editor saves it; switched off afterwards."""
    street.api.post(f"/api/config/automation/config/{content['id']}", content)
    street.home.wait_for(f"automation.{content['id']}", "on")
    yield
    street.home.call_service("automation.turn_off", f"automation.{content['id']}")


# --- light ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def evening(street: Street) -> Iterator[Street]:
    """It is dark, nobody is there, all lamps are off; and so it is afterwards."""
    street.illuminate(5)
    yield street
    street.tell("front_door/person", "OFF")
    street.home.call_service("light.turn_off", "light.lantern")
    street.home.wait_for("light.lamp", "off")
    wait_until(lambda: street.idle("by_brightness") and street.idle("by_sun"), 5, "the end of the visit")


def test_light_is_on_while_somebody_is_there_and_for_a_while_after(evening: Street) -> None:
    evening.tell("front_door/person", "ON")
    evening.home.wait_for("light.lamp", "on")
    time.sleep(_DELAY_S + SETTLED_S)
    assert evening.home.state("light.lamp") == "on"
    evening.tell("front_door/person", "OFF")
    took_s = evening.home.wait_for("light.lamp", "off")
    assert took_s > _DELAY_S / 2


def test_light_that_was_on_before_stays_on(evening: Street) -> None:
    evening.home.call_service("light.turn_on", "light.lantern")
    evening.tell("front_door/person", "ON")
    evening.home.wait_for("light.lamp", "on")
    evening.tell("front_door/person", "OFF")
    evening.home.wait_for("light.lamp", "off")
    assert evening.home.state("light.lantern") == "on"


def test_who_comes_back_in_time_finds_the_light_on_and_it_still_goes_off_in_the_end(evening: Street) -> None:
    evening.tell("front_door/person", "ON")
    evening.home.wait_for("light.lamp", "on")
    for camera in ("garden", "front_door"):  # from one camera's view into the other's, and back
        evening.tell("front_door/person", "OFF")
        time.sleep(_DELAY_S / 2)
        evening.tell(f"{camera}/person", "ON")
        time.sleep(_DELAY_S)
        assert evening.home.state("light.lamp") == "on"
        evening.tell(f"{camera}/person", "OFF")
    evening.home.wait_for("light.lamp", "off")


def test_light_goes_off_when_the_camera_is_gone(evening: Street) -> None:
    evening.tell("front_door/person", "ON")
    evening.home.wait_for("light.lamp", "on")
    evening.tell("front_door/availability", "offline")
    evening.home.wait_for("light.lamp", "off")
    evening.tell("front_door/person", "OFF")
    evening.tell("front_door/availability", "online")
    evening.home.wait_for("binary_sensor.front_door_person", "off")


def test_light_stays_off_by_day(evening: Street) -> None:
    evening.illuminate(500)
    evening.tell("front_door/person", "ON")
    evening.home.wait_for("binary_sensor.front_door_person", "on")
    time.sleep(SETTLED_S)
    assert evening.home.state("light.lamp") == "off"


def test_without_a_brightness_sensor_the_sun_decides(evening: Street) -> None:
    is_dark = evening.home.state("sun.sun") == "below_horizon"
    evening.tell("garden/person", "ON")
    evening.home.wait_for("light.lamp", "on")
    time.sleep(SETTLED_S)
    evening.tell("garden/person", "OFF")
    assert evening.home.state("light.lamp_by_sun") == ("on" if is_dark else "off")


# --- offline -------------------------------------------------------------------------------------------------------


def test_a_camera_that_is_offline_and_comes_back_is_told_once_each(street: Street) -> None:
    before = len(street.notes("offline"))
    street.tell("garden/availability", "offline")
    wait_until(lambda: len(street.notes("offline")) > before, _OFFLINE_S + 8, "the alert")
    street.tell("garden/availability", "online")
    wait_until(lambda: len(street.notes("offline")) > before + 1, 8, "the recovery")
    time.sleep(_OFFLINE_S + SETTLED_S)
    gone, back = street.notes("offline")[before:]
    assert gone[:2] == [False, "Garden is offline"]
    assert "look at the camera's power and Wi-Fi" in gone[2]
    assert back[:2] == [True, "Garden is back"]
    assert re.fullmatch(r"Pictures arrive again since \d\d:\d\d\.", back[2])
    as_it_comes = street.notification("espcam_bridge_offline_camera_garden_snapshot")
    assert as_it_comes is not None
    assert (as_it_comes["title"], as_it_comes["message"]) == ("Garden is back", back[2])


def test_a_short_outage_of_a_camera_is_not_told(street: Street) -> None:
    before = len(street.notes("offline"))
    street.tell("garden/availability", "offline")
    street.home.wait_for("camera.garden_snapshot", "unavailable")
    street.tell("garden/availability", "online")
    time.sleep(_OFFLINE_S + SETTLED_S)
    assert len(street.notes("offline")) == before


def test_when_the_bridge_is_gone_the_message_says_so(street: Street) -> None:
    before = len(street.notes("offline"))
    street.tell("bridge/state", "offline")
    wait_until(lambda: len(street.notes("offline")) >= before + 2, _OFFLINE_S + 8, "an alert for each camera")
    street.tell("bridge/state", "online")
    wait_until(lambda: len(street.notes("offline")) >= before + 4, 8, "both recoveries")
    assert {(back, title) for back, title, _ in street.notes("offline")[before:]} == {
        (False, "Front door is offline"),
        (False, "Garden is offline"),
        (True, "Front door is back"),
        (True, "Garden is back"),
    }
    assert all("The bridge is out of reach" in said for _, _, said in street.notes("offline")[before : before + 2])


def test_phones_are_told_of_a_camera_that_is_offline_and_comes_back(street: Street) -> None:
    _skip_without_phones()
    with (
        phone(street, "My new phone") as (device_id, received),
        _added(street, _offline("to_phone", phones=[device_id])),
    ):
        street.tell("garden/availability", "offline")
        wait_until(lambda: received, _OFFLINE_S + 8, "the alert")
        street.tell("garden/availability", "online")
        wait_until(lambda: len(received) > 1, 8, "the recovery")
    assert [message["title"] for message in received] == ["Garden is offline", "Garden is back"]
    # The same tag: on the phone, the recovery takes the alert's place.
    assert {message["data"]["tag"] for message in received} == {"espcam_bridge_offline_camera.garden_snapshot"}


def test_a_camera_that_was_offline_when_home_assistant_started_is_told_once(street: Street) -> None:
    wait_until(lambda: street.notes("offline"), _OFFLINE_S + 8, "the alert")
    assert [note[:2] for note in street.notes("offline") if "Attic" in note[1]] == [[False, "Attic is offline"]]


# --- package and dashboard -----------------------------------------------------------------------------------------


def test_package_counts_the_visits_of_today(street: Street) -> None:
    visit, _ = street.visit()
    street.notes_of("each", visit)
    first = int(street.home.state("sensor.visits_today") or 0)
    visit, _ = street.visit()
    street.notes_of("each", visit)
    assert street.home.state("sensor.visits_today") == str(first + 1)
    yesterday = {"state": "7", "attributes": {"day": "2001-01-01"}}
    street.api.post("/api/states/sensor.visits_today", yesterday)
    visit, _ = street.visit()
    street.notes_of("each", visit)
    assert street.home.state("sensor.visits_today") == "1"


def test_package_sees_somebody_outside_and_says_so_while_nobody_is_at_home(street: Street) -> None:
    assert street.home.state("zone.home") == "0"
    street.tell("front_door/person", "ON")
    street.home.wait_for("binary_sensor.someone_outside", "on")
    time.sleep(SETTLED_S)
    street.tell("front_door/person", "OFF")
    street.home.wait_for("binary_sensor.someone_outside", "off")
    note = street.notification("espcam_bridge_outside_while_away")
    assert note is not None
    assert re.fullmatch(r"Nobody is at home\. Seen at \d\d:\d\d\.", note["message"])


def test_dashboard_names_only_entities_that_there_are(street: Street) -> None:
    with live_stream() as address:
        form = {"name": "Front door", "mjpeg_url": address, "still_image_url": address}
        added = street.home.config_flow("mjpeg", {**form, "password": "", "verify_ssl": True})
        assert added["type"] == "create_entry"
    shown = street.home.ask("lovelace/config", url_path="espcam-bridge")
    named = set(_entities(shown))
    assert len(named) > 10
    assert named - set(street.home.states()) == set()


def _entities(card: object) -> Iterator[str]:
    """The entity ids in a dashboard's configuration."""
    if isinstance(card, dict):
        for part in card.values():
            yield from _entities(part)
    elif isinstance(card, list):
        for part in card:
            yield from _entities(part)
    elif isinstance(card, str) and re.fullmatch(r"[a-z_]+\.[a-z0-9_]+", card):
        yield card


def test_none_of_this_made_home_assistant_complain(street: Street) -> None:
    # Other parts of it miss what this machine has not, such as ffmpeg, and dislike how it was installed.
    ours = re.compile(
        r"automation|blueprint|config|group|lovelace|mobile_app|mqtt|notification|script|template|trigger"
    )
    assert [record.text for record in street.home.problems() if ours.search(record.logger)] == []
    issues = street.home.ask("repairs/list_issues")["issues"]
    assert [(issue["domain"], issue["issue_id"]) for issue in issues if ours.search(issue["domain"])] == []
