"""The camera link's rules, one after the other; their numbers are those at the top of ``protocol.py``."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bridge.errors import RejectReason
from bridge.frames.jpeg import Gate
from bridge.ingest.protocol import (
    Acknowledged,
    Admission,
    Ask,
    CameraSession,
    Close,
    FrameReceived,
    FrameRefused,
    HelloReceived,
    Ignored,
    Kind,
    Progressed,
    SettledAsLegacy,
    StateReceived,
    TelemetryReceived,
)

if TYPE_CHECKING:
    from tests.unit.ingest.conftest import MakeSession

NOW = 1_800_000_000.0
HELLO = '{"type": "hello", "v": 1, "firmware": "espcam"}'
GREETING = "hello from ESP32 camera stream!"  # the first sketch


@pytest.fixture
def legacy(make_session: MakeSession) -> CameraSession:
    """A session that has turned out to be a legacy one."""
    session = make_session()
    session.receive_text(GREETING)
    return session


def ecf1(jpeg: bytes, captured_unix_s: float = NOW, seq: int = 1, flags: int = 0) -> bytes:
    return struct.pack(">4sIQI", b"ECF1", seq, int(captured_unix_s * 1e6), flags) + jpeg


# --- 1: the first message decides ----------------------------------------------------------------------------------


def test_a_session_is_undecided_until_the_first_message(make_session: MakeSession) -> None:
    assert make_session().kind is Kind.UNDECIDED


@pytest.mark.parametrize(
    "first",
    [b"", b"\xff\xd8", GREETING, "", "[]", '{"type": "telemetry"}', '{"type": "hello", "v": 1', '{"hello": 1}'],
)
def test_anything_but_a_hello_first_makes_a_legacy_session(make_session: MakeSession, first: str | bytes) -> None:
    session = make_session()
    if isinstance(first, bytes):
        session.receive_binary(first, NOW)
    else:
        session.receive_text(first)
    assert session.kind is Kind.LEGACY


@pytest.mark.parametrize("first", [b"", GREETING, '{"type": "telemetry"}'])
def test_that_a_session_is_a_legacy_one_is_told_once_and_first(
    make_session: MakeSession, jpeg: bytes, first: str | bytes
) -> None:
    session = make_session()
    outcomes = [
        *(session.receive_binary(first, NOW) if isinstance(first, bytes) else session.receive_text(first)),
        *session.receive_binary(jpeg, NOW),
        *session.receive_text(GREETING),
        *session.receive_text(HELLO),
    ]
    assert [place for place, outcome in enumerate(outcomes) if outcome == SettledAsLegacy()] == [0]
    assert FrameReceived(jpeg, 16, 8, None) in outcomes


def test_that_a_session_is_a_modern_one_is_told_by_its_hello_alone(make_session: MakeSession, jpeg: bytes) -> None:
    session = make_session()
    outcomes = [*session.receive_text(HELLO), *session.receive_binary(jpeg, NOW)]
    assert [type(outcome) for outcome in outcomes] == [HelloReceived, FrameReceived]


def test_a_hello_first_makes_a_modern_session_for_good(make_session: MakeSession, jpeg: bytes) -> None:
    session = make_session()
    session.receive_text(HELLO)
    session.receive_binary(jpeg, NOW)
    session.receive_text(GREETING)
    assert session.kind is Kind.MODERN


# --- 2: welcome ----------------------------------------------------------------------------------------------------


def test_a_hello_is_told_of_each_time_so_that_each_is_answered(make_session: MakeSession) -> None:
    session = make_session()
    heard = HelloReceived({"v": 1, "firmware": "espcam"})
    assert [session.receive_text(HELLO) for _ in range(2)] == [(heard,), (heard,)]


def test_a_legacy_session_is_never_answered_not_even_a_late_hello(make_session: MakeSession, jpeg: bytes) -> None:
    session = make_session()
    outcomes = [
        *session.receive_binary(jpeg, NOW),
        *session.receive_text(HELLO),
        *session.receive_text('{"type": "telemetry", "fps": 5}'),
        *session.receive_text(HELLO),
    ]
    assert [type(outcome) for outcome in outcomes] == [SettledAsLegacy, FrameReceived, Ignored, TelemetryReceived]
    assert session.kind is Kind.LEGACY


# --- 3: malformed hello --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hello", ['{"type": "hello"}', '{"type": "hello", "v": 2}', '{"type":"hello","v":1,"mac":7}'])
def test_a_malformed_hello_ends_the_session_with_4400(make_session: MakeSession, hello: str) -> None:
    session = make_session()
    (close,) = session.receive_text(hello)
    assert isinstance(close, Close)
    assert close.code == 4400
    assert "must be" in close.reason
    assert session.kind is Kind.ENDED


# --- 4: frames -----------------------------------------------------------------------------------------------------


def test_a_bare_jpeg_is_a_frame(legacy: CameraSession, jpeg: bytes) -> None:
    assert legacy.receive_binary(jpeg, NOW) == (FrameReceived(jpeg, 16, 8, None),)


def test_padding_is_cut_off(legacy: CameraSession, jpeg: bytes) -> None:
    assert legacy.receive_binary(jpeg + bytes(64), NOW) == (FrameReceived(jpeg, 16, 8, None),)


def test_a_header_tells_when_the_picture_was_taken(legacy: CameraSession, jpeg: bytes) -> None:
    message = ecf1(jpeg, NOW - 0.25, seq=0xFFFFFFFF, flags=0xFFFFFFFF)
    assert legacy.receive_binary(message, NOW) == (FrameReceived(jpeg, 16, 8, NOW - 0.25),)


@pytest.mark.parametrize(
    ("captured_unix_s", "credible"),
    [
        (0.0, False),
        (12_345.0, False),
        (1_577_836_799.0, False),
        (1_577_836_800.0, True),
        (NOW + 86_400, True),
        (NOW + 86_401, False),
        (2**64 / 1e6 - 10_000, False),
    ],
)
def test_an_impossible_capture_time_is_ignored_but_not_the_frame(
    legacy: CameraSession, jpeg: bytes, captured_unix_s: float, credible: bool
) -> None:
    (frame,) = legacy.receive_binary(ecf1(jpeg, captured_unix_s), NOW)
    assert frame == FrameReceived(jpeg, 16, 8, captured_unix_s if credible else None)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", RejectReason.EMPTY),
        (b"text", RejectReason.NOT_JPEG),
        (b"\xff\xd8\xff\xd9", RejectReason.TRUNCATED),
        (b"ECF1", RejectReason.BAD_HEADER),
        (b"ECF1" + bytes(15), RejectReason.BAD_HEADER),
        (b"ECF1" + bytes(16), RejectReason.EMPTY),
        (b"ECF1" + bytes(17), RejectReason.NOT_JPEG),
        (b"ECF2" + bytes(16), RejectReason.NOT_JPEG),
        (b"\xff\xd8" + bytes(999), RejectReason.TOO_MANY_BYTES),
    ],
)
def test_damage_is_refused_with_a_reason_and_the_session_goes_on(
    legacy: CameraSession, jpeg: bytes, message: bytes, reason: RejectReason
) -> None:
    (refused,) = legacy.receive_binary(message, NOW)
    assert isinstance(refused, FrameRefused)
    assert refused.reason is reason
    assert legacy.receive_binary(jpeg, NOW) == (FrameReceived(jpeg, 16, 8, None),)


def test_the_byte_limit_does_not_count_the_header(legacy: CameraSession, jpeg: bytes) -> None:
    exactly = jpeg + bytes(1000 - len(jpeg))
    assert isinstance(legacy.receive_binary(ecf1(exactly), NOW)[0], FrameReceived)
    assert isinstance(legacy.receive_binary(ecf1(exactly + b"\0"), NOW)[0], FrameRefused)


# --- 5: answers to commands ----------------------------------------------------------------------------------------

ACK = '{"type": "ack", "id": 7, "ok": true}'
PROGRESS = '{"type": "progress", "id": 7, "written_bytes": 4096, "size": 1200000}'
STATE = '{"type": "state", "framesize": "VGA", "quality": 12, "fps": 10, "max_fps": null, "flash": true, "x": 1}'


def test_a_modern_session_says_which_settings_are_in_force(make_session: MakeSession) -> None:
    session = make_session()
    session.receive_text(HELLO)
    assert session.receive_text(STATE) == (StateReceived({"framesize": "VGA", "quality": 12, "fps": 10, "flash": 255}),)


@pytest.mark.parametrize(
    ("ack", "outcomes"),
    [
        (ACK, (Acknowledged(7, ""),)),
        ('{"type": "ack", "id": 7, "ok": false, "error": "no lamp"}', (Acknowledged(7, "no lamp"),)),
        ('{"type": "ack", "ok": true}', ()),
        ('{"type": "ack", "id": "7", "ok": true}', ()),
        (PROGRESS, (Progressed(7, 4096, 1_200_000),)),
        ('{"type": "progress", "id": 7, "written_bytes": 9, "size": 8}', ()),
        ('{"type": "progress", "written_bytes": 9, "size": 10}', ()),
    ],
)
def test_a_modern_session_says_what_became_of_a_command(
    make_session: MakeSession, ack: str, outcomes: tuple[object, ...]
) -> None:
    session = make_session()
    session.receive_text(HELLO)
    assert session.receive_text(ack) == outcomes
    assert session.receive_text("stranger") == (Ignored("stranger"),)  # an answer is no strange text


@pytest.mark.parametrize("answer", [STATE, ACK, PROGRESS])
def test_a_legacy_session_takes_no_commands_so_its_answers_are_not_heard(
    make_session: MakeSession, answer: str
) -> None:
    session = make_session()
    assert [type(outcome) for outcome in session.receive_text(answer)] == [SettledAsLegacy, Ignored]
    assert session.receive_text(answer) == ()


# --- 6: other text -------------------------------------------------------------------------------------------------


def test_the_first_sketchs_greeting_is_reported_once(make_session: MakeSession) -> None:
    session = make_session()
    assert session.receive_text(GREETING) == (SettledAsLegacy(), Ignored(GREETING))
    assert session.receive_text(GREETING) == ()
    assert session.receive_text('{"type": "unheard-of"}') == ()


@pytest.mark.parametrize("type_", [None, 5, [], {}, True])
def test_a_type_that_is_no_text_is_ignored(make_session: MakeSession, type_: object) -> None:
    assert isinstance(make_session().receive_text(json.dumps({"type": type_}))[-1], Ignored)


def test_what_is_reported_is_short_and_printable(make_session: MakeSession) -> None:
    _, ignored = make_session().receive_text("line\nbreak \x1b[31m" + "x" * 100_000)
    assert isinstance(ignored, Ignored)
    assert ignored.excerpt.isprintable()
    assert len(ignored.excerpt) <= 123


def test_telemetry_is_taken_from_either_kind(make_session: MakeSession) -> None:
    legacy, modern = make_session(), make_session()
    legacy.receive_text(GREETING)
    modern.receive_text(HELLO)
    for session in (legacy, modern):
        assert session.receive_text('{"type": "telemetry", "rssi_dbm": -60, "x": 1}') == (
            TelemetryReceived({"rssi_dbm": -60}),
        )


# --- 7: admission --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [GREETING, b"\xff\xd8", '{"type": "telemetry"}'])
def test_where_only_modern_sessions_may_come_a_legacy_one_ends(make_session: MakeSession, first: str | bytes) -> None:
    session = make_session(Admission.MODERN_ONLY)
    (close,) = session.receive_binary(first, NOW) if isinstance(first, bytes) else session.receive_text(first)
    assert close == Close(4401, "dial /ws/door, or set ingest.allow_legacy: true")


def test_where_only_legacy_sessions_may_come_a_modern_one_ends(make_session: MakeSession) -> None:
    (close,) = make_session(Admission.LEGACY_ONLY).receive_text(HELLO)
    assert close == Close(4401, "no token: give the board the token of camera door")


def test_the_admitted_kind_comes_in(make_session: MakeSession, jpeg: bytes) -> None:
    assert isinstance(make_session(Admission.LEGACY_ONLY).receive_binary(jpeg, NOW)[-1], FrameReceived)
    assert isinstance(make_session(Admission.MODERN_ONLY).receive_text(HELLO)[0], HelloReceived)


# --- 8: silence ----------------------------------------------------------------------------------------------------


def test_a_legacy_session_is_never_asked_and_ends_after_a_minute(make_session: MakeSession, jpeg: bytes) -> None:
    session = make_session()
    session.receive_binary(jpeg, NOW)
    session.heard(1010.0)
    assert [session.check(1010.0 + silent_s) for silent_s in (0, 19, 21, 59.9)] == [None] * 4
    assert session.check(1070.0) == Close(1011, "nothing heard for 60 s: connect again")
    assert session.check(1071.0) is None


def test_a_connection_that_never_says_anything_ends_after_a_minute(make_session: MakeSession) -> None:
    session = make_session()
    assert session.check(1059.9) is None
    assert isinstance(session.check(1060.0), Close)


def test_a_silent_modern_session_is_asked_every_20_s_then_ended(make_session: MakeSession) -> None:
    session = make_session()
    session.receive_text(HELLO)
    session.heard(1000.0)
    said = {at: session.check(1000.0 + at) for at in (19, 20, 25, 39, 40, 45, 59, 60)}
    assert [at for at, what in said.items() if what == Ask()] == [20, 40]
    assert isinstance(said[60], Close)


def test_a_pong_is_a_sign_of_life(make_session: MakeSession) -> None:
    session = make_session()
    session.receive_text(HELLO)
    for second in range(1000, 2000, 5):
        what = session.check(float(second))
        assert not isinstance(what, Close)
        if what == Ask():
            session.heard(float(second))


# --- 9: after the end ----------------------------------------------------------------------------------------------


def test_after_its_end_a_session_produces_nothing(make_session: MakeSession, jpeg: bytes) -> None:
    session = make_session()
    session.receive_text('{"type": "hello"}')
    assert session.receive_binary(jpeg, NOW) == ()
    assert session.receive_binary(b"", NOW) == ()
    assert session.receive_text(HELLO) == ()
    assert session.receive_text(GREETING) == ()
    assert session.check(9999.0) is None


# --- anything in any order -----------------------------------------------------------------------------------------


@given(st.binary(max_size=60))
def test_any_binary_message_is_a_frame_or_a_refusal(data: bytes) -> None:
    for message in (data, b"ECF1" + data, ecf1(data)):
        session = CameraSession(
            "door",
            gate=Gate(max_bytes=1000, max_pixels=10_000),
            admission=Admission.ANY,
            now_mono_s=0.0,
        )
        assert isinstance(session.receive_binary(message, NOW)[-1], FrameReceived | FrameRefused)


class AnyCamera(RuleBasedStateMachine):
    """A camera that says anything in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.ended = False
        self.ignored = 0
        self.settled = 0
        self.session = CameraSession(
            "door",
            gate=Gate(max_bytes=200, max_pixels=10_000),
            admission=Admission.ANY,
            now_mono_s=0.0,
        )

    def note(self, outcomes: tuple[object, ...]) -> None:
        assert not (self.ended and outcomes)
        self.ended |= any(isinstance(outcome, Close) for outcome in outcomes)
        self.ignored += sum(isinstance(outcome, Ignored) for outcome in outcomes)
        self.settled += sum(isinstance(outcome, SettledAsLegacy) for outcome in outcomes)
        if self.session.kind is Kind.LEGACY:
            assert not any(
                isinstance(outcome, HelloReceived | StateReceived | Acknowledged | Progressed) for outcome in outcomes
            )

    @rule(data=st.binary(max_size=40), header=st.booleans())
    def binary(self, data: bytes, header: bool) -> None:
        self.note(self.session.receive_binary(ecf1(data) if header else data, NOW))

    @rule(text=st.text(max_size=20) | st.sampled_from([GREETING, '{"type":"telemetry","fps":1}', STATE, ACK]))
    def text(self, text: str) -> None:
        self.note(self.session.receive_text(text))

    @rule(version=st.sampled_from([1, 1, 1, 2]))
    def hello(self, version: int) -> None:
        self.note(self.session.receive_text(json.dumps({"type": "hello", "v": version})))

    @rule(seconds=st.sampled_from([0.1, 5.0, 21.0]), alive=st.booleans())
    def wait(self, seconds: float, alive: bool) -> None:
        self.now_s += seconds
        if alive:
            self.session.heard(self.now_s)
        what = self.session.check(self.now_s)
        assert not (self.ended and what)
        assert what != Ask() or self.session.kind is Kind.MODERN
        self.ended |= isinstance(what, Close)

    @invariant()
    def it_is_ended_exactly_when_it_said_close(self) -> None:
        assert (self.session.kind is Kind.ENDED) == self.ended

    @invariant()
    def it_tells_once_that_it_is_a_legacy_one(self) -> None:
        expected = {Kind.UNDECIDED: (0,), Kind.LEGACY: (1,), Kind.MODERN: (0,), Kind.ENDED: (0, 1)}
        assert self.settled in expected[self.session.kind]

    @invariant()
    def it_reports_one_text_at_most(self) -> None:
        assert self.ignored <= 1


TestAnyCamera = AnyCamera.TestCase
TestAnyCamera.settings = settings(stateful_step_count=15)
