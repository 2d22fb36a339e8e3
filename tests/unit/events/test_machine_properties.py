"""Whatever happens in front of a camera, the rules of ``bridge/events/machine.py`` hold."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, TypeAlias

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bridge.events.ids import IdMaker
from bridge.events.machine import EventMachine, EventRules
from bridge.events.visit import Moment
from bridge.model import ChangeType, Event, Track
from bridge.track.zones import Zone, ZoneWatch

if TYPE_CHECKING:
    from bridge.events.machine import Step
    from bridge.model import Box

_LABELS = {1: "person", 2: "person", 3: "dog"}
_COLUMNS = 4
_ZONES = (
    Zone("left", ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)), inertia_frames=2),
    Zone("middle", ((0.25, 0.0), (0.75, 0.0), (0.75, 1.0), (0.25, 1.0)), frozenset({"person"}), inertia_frames=1),
)

_Frame: TypeAlias = tuple[Literal["frame"], float, dict[int, int], frozenset[int], float]
_Moment: TypeAlias = tuple[Literal["tick", "close", "jump"], float]

_passing = st.sampled_from([0.0, 0.1, 0.25, 1.0, 2.0, 5.0, 12.0]) | st.floats(0.0, 6.0)
_some = st.frozensets(st.sampled_from(sorted(_LABELS)))
_frame = st.tuples(
    st.just("frame"),
    _passing,
    st.dictionaries(st.sampled_from(sorted(_LABELS)), st.integers(0, _COLUMNS - 1)),  # who is seen, and where
    _some,
    st.floats(0.25, 1.0),
)
_history = st.lists(
    st.one_of(
        _frame,
        _frame,  # frames are what happens most
        _frame,
        st.tuples(st.just("tick"), _passing),
        st.tuples(st.just("jump"), st.floats(-1e5, 1e5)),
        st.tuples(st.just("close"), _passing),
    ),
    max_size=50,
)
# Sights are sure (confidence 0) and nothing settles where the expected visits are told beforehand.
_plain_rules = st.builds(
    EventRules, st.integers(1, 4), st.floats(0.1, 8.0), st.floats(0.2, 12.0), st.just(0.0), st.just(0.0)
)
_any_rules = st.builds(
    EventRules,
    st.integers(1, 4),
    st.floats(0.1, 8.0),
    st.floats(0.2, 12.0),
    st.sampled_from([0.0, 0.5, 0.9]),
    st.sampled_from([0.0, 5.0, 15.0, 30.0]),
)


@dataclass
class _Run:
    """What must become of one object: its sights without a pause that is too long."""

    track_id: int
    start_unix_s: float
    sights_s: list[float] = field(default_factory=list)
    top_score: float = 0.0
    over_s: float | None = None  # when the machine could first know that it is over


@dataclass
class _World:
    """Plays a history to a machine; keeps what it said and, by a simpler way, what it had to say."""

    rules: EventRules
    now_s: float = 1000.0
    wall_s: float = 1_800_000_000.0
    looked_s: float = 0.0  # when the last frame came
    said: list[tuple[float, Step]] = field(default_factory=list)
    runs: list[_Run] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.machine = EventMachine("door", self.rules, IdMaker(lambda _bits: 0))
        self.zones = ZoneWatch(_ZONES)

    def play(self, history: list[_Frame | _Moment]) -> None:
        for moment in history:
            if moment[0] == "jump":
                self.wall_s += moment[1]
                continue
            self.now_s += moment[1]
            self.wall_s += moment[1]
            self._pass_time(everything=moment[0] == "close")
            if moment[0] == "frame":
                self._frame(moment[2], moment[3], moment[4])
            else:
                self._note(self.machine.tick(self.now_s) if moment[0] == "tick" else self.machine.close(self.now_s))

    def _pass_time(self, *, everything: bool) -> None:
        for run in self.going():
            seen_s = run.sights_s[-1]
            pause_s = self.rules.end_after_s if self.looked_s > seen_s else max(self.rules.end_after_s, 3.0)
            if everything or self.now_s - seen_s > pause_s:
                run.over_s = self.now_s

    def _frame(self, seen: dict[int, int], better: frozenset[int], score: float) -> None:
        self.looked_s = self.now_s
        tracks = [Track(number, _LABELS[number], score, _column(seen[number]), 1) for number in sorted(seen)]
        at = Moment(self.now_s, self.wall_s, detected_mono_s=self.now_s + 0.05)
        steps = self.machine.update(tracks, at, zones=self.zones.update(tracks), better_pictures=better)
        assert {step.track_id for step in steps if step.type is not ChangeType.END} <= seen.keys()
        self._note(steps)
        going = {run.track_id: run for run in self.going()}
        for number in seen:
            if number not in going:
                self.runs.append(_Run(number, self.wall_s))
            run = going.get(number, self.runs[-1])
            run.sights_s.append(self.now_s)
            run.top_score = max(run.top_score, score)

    def _note(self, steps: list[Step]) -> None:
        ends = [step.type is ChangeType.END for step in steps]
        assert ends == sorted(ends, reverse=True), "ends come first"
        self.said += [(self.now_s, step) for step in steps]
        self._check_presence()

    def _check_presence(self) -> None:
        """Who is there is who was told to have come and not to have gone; in zones, as was told last."""
        there: dict[str, Event] = {}
        for _, step in self.said:
            there[step.event.id] = step.event
        open_now = [event for event in there.values() if event.end_unix_s is None]
        assert self.machine.present() == Counter(event.label for event in open_now)
        in_zones: dict[str, Counter[str]] = {}
        for event in open_now:
            for zone in event.zones:
                in_zones.setdefault(zone, Counter())[event.label] += 1
        assert self.machine.present_in_zones() == in_zones

    def going(self) -> list[_Run]:
        return [run for run in self.runs if run.over_s is None]

    def visits(self) -> list[_Run]:
        """The runs that had to become events."""
        return [run for run in self.runs if len(run.sights_s) >= self.rules.min_hits]

    def lives(self) -> list[list[tuple[float, Step]]]:
        """What was said, by event."""
        found: dict[str, list[tuple[float, Step]]] = {}
        for at_s, step in self.said:
            found.setdefault(step.event.id, []).append((at_s, step))
        return list(found.values())


def _column(number: int) -> Box:
    return (number / _COLUMNS + 0.02, 0.3, (number + 1) / _COLUMNS - 0.02, 0.9)


@settings(max_examples=100)  # the heart of the product; 5 ms each
@given(_plain_rules, _history)
def test_every_visit_is_told_when_it_is_certain_and_when_it_is_over_and_nothing_else(
    rules: EventRules, history: list[_Frame | _Moment]
) -> None:
    world = _World(rules)
    world.play(history)
    assert set(world.machine.followed()) == {run.track_id for run in world.going()}
    world.play([("close", 0.0)])
    lives = world.lives()
    visits = {(run.track_id, run.sights_s[rules.min_hits - 1], run.over_s): run for run in world.visits()}
    told = {(life[0][1].track_id, life[0][0], life[-1][0]): life[-1][1].event for life in lives}
    assert told.keys() == visits.keys()
    assert len(told) == len(lives)
    for key, event in told.items():
        run = visits[key]
        assert event.start_unix_s == run.start_unix_s
        assert event.end_unix_s == run.start_unix_s + (run.sights_s[-1] - run.sights_s[0])
        assert event.top_score == run.top_score


_STANDS: list[_Frame | _Moment] = [("frame", 5.0, {1: 0}, frozenset(), 0.9)] * 8


@settings(max_examples=150)
@given(_any_rules, _history)
@example(EventRules(1, 8.0, 0.2, 0.0, 15.0), [*_STANDS, ("frame", 1.0, {1: 2, 2: 0}, frozenset(), 0.9), *_STANDS])
@example(EventRules(1, 8.0, 0.2, 0.0, 15.0), [*_STANDS, *[("frame", 1.0, {1: 2}, frozenset(), 0.9)] * 3])
def test_every_history_obeys_the_rules(rules: EventRules, history: list[_Frame | _Moment]) -> None:
    world = _World(rules)
    world.play([*history, ("close", 0.0)])

    news = [step.event.id for _, step in world.said if step.type is ChangeType.NEW]
    assert news == sorted(set(news)), "ids are unique and grow"
    for life in world.lives():
        _check_order(life)
        _check_times(life)
        _check_zones(life)
        _check_pace(rules, life)


def _check_order(life: list[tuple[float, Step]]) -> None:
    types = [step.type for _, step in life]
    assert types[0] is ChangeType.NEW
    assert types[-1] is ChangeType.END
    assert set(types[1:-1]) <= {ChangeType.UPDATE}
    events = [step.event for _, step in life]
    assert len({(event.camera_id, event.label, event.start_unix_s) for event in events}) == 1
    assert [event.end_unix_s is None for event in events] == [True] * (len(events) - 1) + [False]
    assert all(earlier.top_score <= later.top_score for earlier, later in pairwise(events))
    assert all(event.score <= event.top_score for event in events)


def _check_times(life: list[tuple[float, Step]]) -> None:
    events = [step.event for _, step in life]
    assert all(event.start_unix_s <= event.frame_unix_s for event in events)
    assert all(one.frame_unix_s <= other.frame_unix_s for one, other in pairwise(events))
    assert events[-1].end_unix_s == events[-1].frame_unix_s
    assert all(event.detected_unix_s is not None for event in events[:-1])
    assert all(event.detected_unix_s >= event.frame_unix_s for event in events if event.detected_unix_s is not None)
    assert events[-1].detected_unix_s is None


def _check_zones(life: list[tuple[float, Step]]) -> None:
    known = {zone.name for zone in _ZONES if not zone.labels or life[0][1].event.label in zone.labels}
    entered: tuple[str, ...] = ()
    for _, step in life:
        event = step.event
        assert set(event.zones) <= set(event.entered_zones) <= known
        assert event.entered_zones[: len(entered)] == entered, "what was entered stays so, in its order"
        assert len(set(event.entered_zones)) == len(event.entered_zones)
        entered = event.entered_zones


def _check_pace(rules: EventRules, life: list[tuple[float, Step]]) -> None:
    told = [(at_s, step.event) for at_s, step in life if step.type is not ChangeType.END]
    for (earlier_s, earlier), (later_s, later) in pairwise(told):
        if (earlier.zones, earlier.stationary) == (later.zones, later.stationary):
            assert later_s - earlier_s >= min(1.0, rules.update_interval_s)
