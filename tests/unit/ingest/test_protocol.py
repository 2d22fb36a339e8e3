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
    Admission,
    Ask,
    CameraSession,
    Close,
    FrameReceived,
    FrameRefused,
    HelloReceived,
    Ignored,
    Kind,
    Send,
    TelemetryReceived,
)

if TYPE_CHECKING:
    from tests.unit.ingest.conftest import MakeSession

NOW = 1_800_000_000.0
HELLO = '{"type": "hello", "v": 1, "firmware": "espcam"}'
GREETING = "hello from ESP32 camera stream!"  # the first sketch


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
        session.receive_text(first, NOW)
    assert session.kind is Kind.LEGACY


def test_a_hello_first_makes_a_modern_session_for_good(make_session: MakeSession, jpeg: bytes) -> None:
    session = make_session()
    session.receive_text(HELLO, NOW)
    session.receive_binary(jpeg, NOW)
    session.receive_text(GREETING, NOW)
    assert session.kind is Kind.MODERN


# --- 2: welcome ----------------------------------------------------------------------------------------------------


def test_a_hello_is_answered_with_welcome(make_session: MakeSession) -> None:
    session = make_session(values={"max_fps": 5})
    heard, answer = session.receive_text(HELLO, NOW)
    assert heard == HelloReceived({"v": 1, "firmware": "espcam"})
    assert isinstance(answer, Send)
    welcome = json.loads(answer.text)
    assert (welcome["type"], welcome["camera_id"], welcome["values"]) == ("welcome", "door", {"max_fps": 5})
    assert welcome["server_time_ms"] == int(NOW * 1000)


def test_a_second_hello_is_answered_as_well(make_session: MakeSession) -> None:
    session = make_session()
    session.receive_text(HELLO, NOW)
    assert [type(outcome) for outcome in session.receive_text(HELLO, NOW + 1)] == [HelloReceived, Send]


def test_a_legacy_session_is_never_answered_not_even_a_late_hello(make_session: MakeSession, jpeg: bytes) -> None:
    session = make_session()
    outcomes = [
        *session.receive_binary(jpeg, NOW),
        *session.receive_text(HELLO, NOW),
        *session.receive_text('{"type": "telemetry", "fps": 5}', NOW),
        *session.receive_text(HELLO, NOW),
    ]
    assert [type(outcome) for outcome in outcomes] == [FrameReceived, Ignored, TelemetryReceived]
    assert session.kind is Kind.LEGACY


# --- 3: malformed hello --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hello", ['{"type": "hello"}', '{"type": "hello", "v": 2}', '{"type":"hello","v":1,"mac":7}'])
def test_a_malformed_hello_ends_the_session_with_4400(make_session: MakeSession, hello: str) -> None:
    session = make_session()
    (close,) = session.receive_text(hello, NOW)
    assert isinstance(close, Close)
    assert close.code == 4400
    assert "must be" in close.reason
    assert session.kind is Kind.ENDED


# --- 4: frames -----------------------------------------------------------------------------------------------------


def test_a_bare_jpeg_is_a_frame(make_session: MakeSession, jpeg: bytes) -> None:
    assert make_session().receive_binary(jpeg, NOW) == (FrameReceived(jpeg, 16, 8, None),)


def test_padding_is_cut_off(make_session: MakeSession, jpeg: bytes) -> None:
    assert make_session().receive_binary(jpeg + bytes(64), NOW) == (FrameReceived(jpeg, 16, 8, None),)


def test_a_header_tells_when_the_picture_was_taken(make_session: MakeSession, jpeg: bytes) -> None:
    message = ecf1(jpeg, NOW - 0.25, seq=0xFFFFFFFF, flags=0xFFFFFFFF)
    assert make_session().receive_binary(message, NOW) == (FrameReceived(jpeg, 16, 8, NOW - 0.25),)


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
    make_session: MakeSession, jpeg: bytes, captured_unix_s: float, credible: bool
) -> None:
    (frame,) = make_session().receive_binary(ecf1(jpeg, captured_unix_s), NOW)
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
    make_session: MakeSession, jpeg: bytes, message: bytes, reason: RejectReason
) -> None:
    session = make_session()
    (refused,) = session.receive_binary(message, NOW)
    assert isinstance(refused, FrameRefused)
    assert refused.reason is reason
    assert session.receive_binary(jpeg, NOW) == (FrameReceived(jpeg, 16, 8, None),)


def test_the_byte_limit_does_not_count_the_header(make_session: MakeSession, jpeg: bytes) -> None:
    exactly = jpeg + bytes(1000 - len(jpeg))
    assert isinstance(make_session().receive_binary(ecf1(exactly), NOW)[0], FrameReceived)
    assert isinstance(make_session().receive_binary(ecf1(exactly + b"\0"), NOW)[0], FrameRefused)


# --- 5: other text -------------------------------------------------------------------------------------------------


def test_the_first_sketchs_greeting_is_reported_once(make_session: MakeSession) -> None:
    session = make_session()
    assert session.receive_text(GREETING, NOW) == (Ignored(GREETING),)
    assert session.receive_text(GREETING, NOW) == ()
    assert session.receive_text('{"type": "unheard-of"}', NOW) == ()


@pytest.mark.parametrize("kind", ["state", "ack"])
def test_answers_to_commands_are_no_strangers(make_session: MakeSession, kind: str) -> None:
    session = make_session()
    session.receive_text(HELLO, NOW)
    assert session.receive_text(json.dumps({"type": kind, "id": 1, "ok": True}), NOW) == ()
    assert session.receive_text("stranger", NOW) == (Ignored("stranger"),)


@pytest.mark.parametrize("type_", [None, 5, [], {}, True])
def test_a_type_that_is_no_text_is_ignored(make_session: MakeSession, type_: object) -> None:
    assert isinstance(make_session().receive_text(json.dumps({"type": type_}), NOW)[0], Ignored)


def test_what_is_reported_is_short_and_printable(make_session: MakeSession) -> None:
    (ignored,) = make_session().receive_text("line\nbreak \x1b[31m" + "x" * 100_000, NOW)
    assert isinstance(ignored, Ignored)
    assert ignored.excerpt.isprintable()
    assert len(ignored.excerpt) <= 123


def test_telemetry_is_taken_from_either_kind(make_session: MakeSession) -> None:
    legacy, modern = make_session(), make_session()
    modern.receive_text(HELLO, NOW)
    for session in (legacy, modern):
        assert session.receive_text('{"type": "telemetry", "rssi_dbm": -60, "x": 1}', NOW) == (
            TelemetryReceived({"rssi_dbm": -60}),
        )


# --- 6: admission --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [GREETING, b"\xff\xd8", '{"type": "telemetry"}'])
def test_where_only_modern_sessions_may_come_a_legacy_one_ends(make_session: MakeSession, first: str | bytes) -> None:
    session = make_session(Admission.MODERN_ONLY)
    receive = session.receive_binary if isinstance(first, bytes) else session.receive_text
    (close,) = receive(first, NOW)  # type: ignore[arg-type]
    assert close == Close(4401, "dial /ws/door, or set ingest.allow_legacy: true")


def test_where_only_legacy_sessions_may_come_a_modern_one_ends(make_session: MakeSession) -> None:
    (close,) = make_session(Admission.LEGACY_ONLY).receive_text(HELLO, NOW)
    assert close == Close(4401, "no token: give the board the token of camera door")


def test_the_admitted_kind_comes_in(make_session: MakeSession, jpeg: bytes) -> None:
    assert isinstance(make_session(Admission.LEGACY_ONLY).receive_binary(jpeg, NOW)[0], FrameReceived)
    assert isinstance(make_session(Admission.MODERN_ONLY).receive_text(HELLO, NOW)[0], HelloReceived)


# --- 7: silence ----------------------------------------------------------------------------------------------------


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
    session.receive_text(HELLO, NOW)
    session.heard(1000.0)
    said = {at: session.check(1000.0 + at) for at in (19, 20, 25, 39, 40, 45, 59, 60)}
    assert [at for at, what in said.items() if what == Ask()] == [20, 40]
    assert isinstance(said[60], Close)


def test_a_pong_is_a_sign_of_life(make_session: MakeSession) -> None:
    session = make_session()
    session.receive_text(HELLO, NOW)
    for second in range(1000, 2000, 5):
        what = session.check(float(second))
        assert not isinstance(what, Close)
        if what == Ask():
            session.heard(float(second))


# --- 8: after the end ----------------------------------------------------------------------------------------------


def test_after_its_end_a_session_produces_nothing(make_session: MakeSession, jpeg: bytes) -> None:
    session = make_session()
    session.receive_text('{"type": "hello"}', NOW)
    assert session.receive_binary(jpeg, NOW) == ()
    assert session.receive_binary(b"", NOW) == ()
    assert session.receive_text(HELLO, NOW) == ()
    assert session.receive_text(GREETING, NOW) == ()
    assert session.check(9999.0) is None


# --- anything in any order -----------------------------------------------------------------------------------------


@given(st.binary(max_size=60))
def test_any_binary_message_is_a_frame_or_a_refusal(data: bytes) -> None:
    for message in (data, b"ECF1" + data, ecf1(data)):
        session = CameraSession(
            "door",
            gate=Gate(max_bytes=1000, max_pixels=10_000),
            welcome_values={},
            admission=Admission.ANY,
            now_mono_s=0.0,
        )
        assert isinstance(session.receive_binary(message, NOW)[0], FrameReceived | FrameRefused)


class AnyCamera(RuleBasedStateMachine):
    """A camera that says anything in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.ended = False
        self.ignored = 0
        self.session = CameraSession(
            "door",
            gate=Gate(max_bytes=200, max_pixels=10_000),
            welcome_values={"max_fps": 5},
            admission=Admission.ANY,
            now_mono_s=0.0,
        )

    def note(self, outcomes: tuple[object, ...]) -> None:
        assert not (self.ended and outcomes)
        self.ended |= any(isinstance(outcome, Close) for outcome in outcomes)
        self.ignored += sum(isinstance(outcome, Ignored) for outcome in outcomes)
        if self.session.kind is Kind.LEGACY:
            assert not any(isinstance(outcome, Send | HelloReceived) for outcome in outcomes)

    @rule(data=st.binary(max_size=40), header=st.booleans())
    def binary(self, data: bytes, header: bool) -> None:
        self.note(self.session.receive_binary(ecf1(data) if header else data, NOW))

    @rule(text=st.text(max_size=20) | st.sampled_from([GREETING, '{"type":"telemetry","fps":1}', '{"type":"ack"}']))
    def text(self, text: str) -> None:
        self.note(self.session.receive_text(text, NOW))

    @rule(version=st.sampled_from([1, 1, 1, 2]))
    def hello(self, version: int) -> None:
        self.note(self.session.receive_text(json.dumps({"type": "hello", "v": version}), NOW))

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
    def it_reports_one_text_at_most(self) -> None:
        assert self.ignored <= 1


TestAnyCamera = AnyCamera.TestCase
TestAnyCamera.settings = settings(stateful_step_count=15)
