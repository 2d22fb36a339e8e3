"""Whatever happens in front of a camera, the rules of ``bridge/events/machine.py`` hold."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.events.ids import IdMaker
from bridge.events.machine import EventMachine, EventRules
from bridge.model import ChangeType, Track

if TYPE_CHECKING:
    from bridge.events.machine import Step

_LABELS = {1: "person", 2: "person", 3: "dog"}

_Frame: TypeAlias = tuple[Literal["frame"], float, frozenset[int], frozenset[int], float]
_Moment: TypeAlias = tuple[Literal["tick", "close", "jump"], float]

_passing = st.sampled_from([0.0, 0.1, 0.25, 1.0, 2.0, 5.0, 12.0]) | st.floats(0.0, 6.0)
_some = st.frozensets(st.sampled_from(sorted(_LABELS)))
_frame = st.tuples(st.just("frame"), _passing, _some, _some, st.floats(0.25, 1.0))
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
_rules = st.builds(EventRules, st.integers(1, 4), st.floats(0.1, 8.0), st.floats(0.2, 12.0))


@dataclass
class _Run:
    """What must become of one object: its sights without a pause that is longer than ``end_after_s``."""

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
    said: list[tuple[float, Step]] = field(default_factory=list)
    runs: list[_Run] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.machine = EventMachine("door", self.rules, IdMaker(lambda _bits: 0))

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
            self._check_what_it_tells_of_itself()

    def _pass_time(self, *, everything: bool) -> None:
        for run in self._going():
            if everything or self.now_s - run.sights_s[-1] > self.rules.end_after_s:
                run.over_s = self.now_s

    def _frame(self, seen: frozenset[int], better: frozenset[int], score: float) -> None:
        tracks = [Track(number, _LABELS[number], score, (0.1, 0.1, 0.2, 0.2), 1) for number in sorted(seen)]
        steps = self.machine.update(tracks, self.now_s, self.wall_s, better)
        assert {step.track_id for step in steps if step.type is not ChangeType.END} <= seen
        self._note(steps)
        going = {run.track_id: run for run in self._going()}
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

    def _going(self) -> list[_Run]:
        return [run for run in self.runs if run.over_s is None]

    def _visible(self, run: _Run) -> bool:
        return len(run.sights_s) >= self.rules.min_hits

    def _check_what_it_tells_of_itself(self) -> None:
        assert set(self.machine.followed()) == {run.track_id for run in self._going()}
        there = Counter(_LABELS[run.track_id] for run in self._going() if self._visible(run))
        assert self.machine.present() == there

    def visits(self) -> list[_Run]:
        """The runs that had to become events."""
        return [run for run in self.runs if self._visible(run)]

    def lives(self) -> list[list[tuple[float, Step]]]:
        """What was said, by event."""
        found: dict[str, list[tuple[float, Step]]] = {}
        for at_s, step in self.said:
            found.setdefault(step.event.id, []).append((at_s, step))
        return list(found.values())


@settings(max_examples=100)  # the heart of the product; 3 ms each
@given(_rules, _history)
def test_every_history_obeys_the_rules(rules: EventRules, history: list[_Frame | _Moment]) -> None:
    world = _World(rules)
    world.play([*history, ("close", 0.0)])

    news = [step.event.id for _, step in world.said if step.type is ChangeType.NEW]
    assert news == sorted(set(news)), "ids are unique and grow"
    lives = world.lives()
    for life in lives:
        _check_order(life)
        _check_pace(rules, life)
    visits = {(run.track_id, run.sights_s[rules.min_hits - 1], run.over_s): run for run in world.visits()}
    told = {(life[0][1].track_id, life[0][0], life[-1][0]): life[-1][1].event for life in lives}
    assert told.keys() == visits.keys(), "every visit is told when it is certain and when it is over, and nothing else"
    assert len(told) == len(lives)
    for key, event in told.items():
        run = visits[key]
        assert event.start_unix_s == run.start_unix_s
        assert event.end_unix_s == run.start_unix_s + (run.sights_s[-1] - run.sights_s[0])
        assert event.end_unix_s >= event.start_unix_s
        assert event.top_score == run.top_score


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


def _check_pace(rules: EventRules, life: list[tuple[float, Step]]) -> None:
    told_s = [at_s for at_s, step in life if step.type is not ChangeType.END]
    for earlier_s, later_s in pairwise(told_s):
        assert later_s - earlier_s >= min(1.0, rules.update_interval_s)
