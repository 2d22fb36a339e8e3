from __future__ import annotations

from dataclasses import dataclass, field

from bridge.adapt.lamp import AFTER_EVENT_S, BRIGHT, DARK, HANDS_OFF_S, MOTION_S, REST_S, NightLamp

NIGHT, DAY = DARK - 1, BRIGHT + 1


@dataclass
class Yard:
    """A lamp that is asked once a second."""

    lamp: NightLamp = field(default_factory=NightLamp)
    now_s: float = 1000.0

    def run(
        self, seconds: float, brightness: float | None, *, moving: bool = False, eventful: bool = False
    ) -> list[bool]:
        """So long with a picture like this; whether it was on in each second."""
        states = []
        for _ in range(int(seconds)):
            self.now_s += 1
            states.append(self.lamp.decide(brightness, self.now_s, moving=moving, eventful=eventful))
        return states


def test_it_helps_when_it_is_dark_and_something_moves_and_not_by_day() -> None:
    yard = Yard()
    assert not any(yard.run(60, NIGHT))
    assert not any(Yard().run(60, DAY, moving=True, eventful=True))
    assert not any(Yard().run(60, None, moving=True))
    assert all(yard.run(1, NIGHT, moving=True))


def test_its_own_light_keeps_it_on_no_longer_and_does_not_bring_it_back() -> None:
    yard = Yard()
    yard.run(1, NIGHT, moving=True)
    on = yard.run(100, DAY, moving=True)  # what the lamp shows is bright, and moves
    assert sum(on) == MOTION_S - 1
    yard = Yard()
    yard.run(1, NIGHT, moving=True)
    yard.run(MOTION_S, DAY, moving=True)
    assert not any(yard.run(REST_S - 1, NIGHT, moving=True)), "that is the light that went"
    assert any(yard.run(3, NIGHT, moving=True))


def test_an_event_keeps_it_on_and_some_seconds_more() -> None:
    yard = Yard()
    yard.run(1, NIGHT, moving=True)
    assert all(yard.run(300, DAY, eventful=True))
    assert sum(yard.run(60, DAY)) == AFTER_EVENT_S - 1


def test_an_event_at_dusk_brings_it_on_even_while_it_rests() -> None:
    yard = Yard()
    yard.run(1, NIGHT, moving=True)
    yard.run(MOTION_S, DAY)
    assert all(yard.run(3, NIGHT, eventful=True))


def test_between_dark_and_bright_it_stays_what_it_was() -> None:
    between = (DARK + BRIGHT) / 2
    yard = Yard()
    yard.run(2, between, moving=True)
    assert not yard.lamp.is_on, "it was bright"
    yard.run(1, NIGHT)
    assert all(yard.run(2, between, moving=True)), "it was dark"


def test_who_sets_it_by_hand_has_it() -> None:
    yard = Yard()
    yard.run(1, NIGHT, moving=True)
    yard.lamp.set_by_hand(yard.now_s)
    assert not any(yard.run(HANDS_OFF_S - 1, NIGHT, moving=True, eventful=True))
    assert any(yard.run(2, NIGHT, moving=True))
