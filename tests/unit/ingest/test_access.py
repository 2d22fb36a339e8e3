"""Who may connect: every rule of ``access.py``, and the close reasons' length for the longest names."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.ingest.access import Accept, PlainAnswer, Refuse, Wait, address_dialled, answer_plain, decide
from bridge.ingest.messages import MAX_REASON_BYTES
from bridge.ingest.protocol import Admission
from bridge.ingest.settings import CameraAccess, IngestSettings, UnknownCameras

TINY = "https://github.com/gilmaimon/TinyWebsockets"
CAMERAS = {"camera": CameraAccess(), "open": CameraAccess(), "locked": CameraAccess("s3cret+/=")}
SETTINGS = IngestSettings(cameras=CAMERAS)
LOCKED_DEFAULT = IngestSettings(cameras=CAMERAS, default_camera="locked")


def code(path: str, authorization: str | None = None, settings: IngestSettings = SETTINGS) -> int:
    """0 for an open door."""
    decision = decide(path, authorization, None, settings)
    return 0 if isinstance(decision, Accept) else decision.code


# --- paths ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "camera_id"),
    [("/ws", "camera"), ("/ws/", "camera"), ("/ws?x=1", "camera"), ("/ws/open", "open"), ("/ws/open/", "open")],
)
def test_a_path_names_its_camera(path: str, camera_id: str) -> None:
    assert decide(path, None, None, SETTINGS) == Accept(camera_id, Admission.ANY)


@pytest.mark.parametrize("path", ["/", "", "/wss", "/ws2/open", "/stream", "//ws", "/api/ws/open", "ws", "/WS", "*"])
def test_nothing_else_is_there(path: str) -> None:
    decision = decide(path, None, None, SETTINGS)
    assert isinstance(decision, Refuse)
    assert decision.code == 404
    assert decision.is_http
    assert "/ws/<camera id>" in decision.reason


@pytest.mark.parametrize(
    "camera_id", ["Open", "front-door", "a/b", "%6fpen", "x" * 33, "bridge", "öffnen", "open ", "/", "a\x00"]
)
def test_an_id_that_cannot_be_configured_is_refused_with_the_rule(camera_id: str) -> None:
    for policy in UnknownCameras:
        decision = decide(f"/ws/{camera_id}", None, None, IngestSettings(cameras=CAMERAS, unknown_cameras=policy))
        assert isinstance(decision, Refuse)
        assert decision.code == 4404
        assert not decision.is_http
        assert "use 1 to 32 of a-z, 0-9 and _" in decision.reason


# --- origins -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", [None, "file://", TINY, TINY.lower(), "https://lab.example"])
def test_camera_clients_and_listed_origins_come_in(origin: str | None) -> None:
    settings = IngestSettings(cameras=CAMERAS, allowed_origins=("https://LAB.example/",))
    assert decide("/ws", None, origin, settings) == Accept("camera", Admission.ANY)


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "", "file:///x", f"{TINY}/", f"{TINY}, http://evil.example", "http://camera:3001"],
)
def test_a_browser_is_refused_whatever_else_it_shows(origin: str) -> None:
    for path in ("/ws", "/ws/open", "/ws/locked?token=s3cret+/=", "/ws/nobody", "/ws/NOT"):
        decision = decide(path, "Bearer s3cret+/=", origin, SETTINGS)
        assert isinstance(decision, Refuse)
        assert decision.code == 403
        assert "ingest.allowed_origins" in decision.reason


# --- tokens --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "authorization"),
    [
        ("/ws/locked", "Bearer s3cret+/="),
        ("/ws/locked", "bearer   s3cret+/= "),
        ("/ws/locked?token=s3cret+/=", None),
        ("/ws/locked?token=s3cret%2B%2F%3D", None),
        ("/ws/locked?a=b&token=s3cret+/=&c=d", None),
        ("/ws/locked?token=s3cret+/=", "Basic dXNlcjpwYXNz"),
        ("/ws/locked?token=wrong", "Bearer s3cret+/="),
    ],
)
def test_the_right_token_comes_in_by_either_way(path: str, authorization: str | None) -> None:
    assert decide(path, authorization, None, SETTINGS) == Accept("locked", Admission.ANY)


@pytest.mark.parametrize(
    ("path", "authorization"),
    [
        ("/ws/locked", "Bearer wrong"),
        ("/ws/locked", "Bearer S3CRET+/="),
        ("/ws/locked", "Bearer s3cret+/= x"),
        ("/ws/locked", "Bearer s3cret+/=, Bearer s3cret+/="),
        ("/ws/locked?token=s3cret", None),
        ("/ws/locked?token=s3cret+/=", "Bearer wrong"),
        ("/ws/locked?token=\udcff", None),
    ],
)
def test_a_wrong_token_is_refused_and_not_repeated(path: str, authorization: str | None) -> None:
    decision = decide(path, authorization, None, SETTINGS)
    assert isinstance(decision, Refuse)
    assert decision.code == 4401
    assert decision.reason == "wrong token: send the one that the configuration has for locked"


@pytest.mark.parametrize(
    ("path", "authorization"),
    [
        ("/ws/locked", None),
        ("/ws/locked", ""),
        ("/ws/locked", "Bearer"),
        ("/ws/locked", "Bearer  "),
        ("/ws/locked", "Basic dXNlcjpwYXNz"),
        ("/ws/locked?token=", None),
        ("/ws/locked?tokens=s3cret+/=", None),
        ("/ws/locked?Token=s3cret+/=", None),
    ],
)
def test_a_missing_token_is_refused_with_both_ways_to_send_one(path: str, authorization: str | None) -> None:
    decision = decide(path, authorization, None, SETTINGS)
    assert isinstance(decision, Refuse)
    assert decision.code == 4401
    assert decision.reason == "no token: camera locked needs 'Authorization: Bearer TOKEN' or ?token="


def test_a_token_beyond_ascii_is_compared_as_it_was_sent() -> None:
    settings = IngestSettings(cameras={"door": CameraAccess("grüße")})
    as_received = "grüße".encode().decode("ascii", "surrogateescape")
    assert code("/ws/door", f"Bearer {as_received}", settings) == 0
    assert code("/ws/door?token=gr%C3%BC%C3%9Fe", None, settings) == 0


def test_a_camera_without_a_token_does_not_mind_one() -> None:
    assert code("/ws/open?token=anything") == 0


def test_an_empty_token_is_none() -> None:
    assert code("/ws/door", None, IngestSettings(cameras={"door": CameraAccess("")})) == 0


def test_a_token_is_not_in_the_settings_text() -> None:
    assert "s3cret" not in repr(SETTINGS)


# --- legacy --------------------------------------------------------------------------------------------------------


def test_the_first_sketch_comes_in_where_nothing_is_configured() -> None:
    assert decide("/ws", None, TINY, IngestSettings()) == Accept("camera", Admission.ANY)


@pytest.mark.parametrize(
    ("allow_legacy", "admission"),
    [(None, Admission.ANY), (True, Admission.ANY), (False, Admission.MODERN_ONLY)],
)
def test_the_bare_path_follows_allow_legacy(allow_legacy: bool | None, admission: Admission) -> None:
    settings = IngestSettings(cameras=CAMERAS, allow_legacy=allow_legacy)
    assert decide("/ws", None, None, settings) == Accept("camera", admission)
    assert decide("/ws?token=anything", None, None, settings) == Accept("camera", admission)
    assert decide("/ws/camera", None, None, settings) == Accept("camera", Admission.ANY)


def test_with_a_token_on_the_default_camera_auto_means_no() -> None:
    assert code("/ws", None, LOCKED_DEFAULT) == 4401
    assert code("/ws", "Bearer s3cret+/=", LOCKED_DEFAULT) == 0


def test_allow_legacy_true_lets_the_first_sketch_in_without_the_token_but_nobody_with_a_wrong_one() -> None:
    settings = IngestSettings(cameras=CAMERAS, default_camera="locked", allow_legacy=True)
    assert decide("/ws", None, TINY, settings) == Accept("locked", Admission.LEGACY_ONLY)
    assert decide("/ws", "Bearer s3cret+/=", None, settings) == Accept("locked", Admission.ANY)
    assert code("/ws", "Bearer wrong", settings) == 4401
    assert code("/ws/locked", None, settings) == 4401


def test_allow_legacy_false_asks_the_right_token_for_nothing_more() -> None:
    settings = IngestSettings(cameras=CAMERAS, default_camera="locked", allow_legacy=False)
    assert decide("/ws?token=s3cret+/=", None, None, settings) == Accept("locked", Admission.ANY)


# --- unknown cameras -----------------------------------------------------------------------------------------------


def test_an_unknown_camera_stays_out_and_hears_why() -> None:
    settings = IngestSettings(cameras=CAMERAS, unknown_cameras=UnknownCameras.REJECT)
    mend = "no camera newcomer: add it under cameras: in the configuration"
    assert decide("/ws/newcomer?token=x", None, None, settings) == Refuse(4404, mend)


def test_an_unknown_camera_waits_with_the_hash_of_what_it_shows() -> None:
    settings = IngestSettings(cameras=CAMERAS)
    key = hashlib.sha256(b"x").hexdigest()
    reason = "newcomer waits for approval: on the bridge's page, or by MQTT request"
    assert decide("/ws/newcomer?token=x", None, None, settings) == Wait("newcomer", key, 4403, reason)
    assert decide("/ws/newcomer", "Bearer x", None, settings) == Wait("newcomer", key, 4403, reason)
    assert decide("/ws/newcomer", None, None, settings) == Wait("newcomer", "", 4403, reason)


def test_an_adopted_camera_comes_in_with_its_key_alone() -> None:
    settings = IngestSettings(cameras=CAMERAS)
    adopted = {"porch": hashlib.sha256(b"its key").hexdigest(), "sketch": ""}
    assert decide("/ws/porch", "Bearer its key", None, settings, adopted) == Accept("porch", Admission.ANY)
    assert decide("/ws/sketch", None, None, settings, adopted) == Accept("sketch", Admission.ANY)
    for shown in ("Bearer another", None):
        waits = decide("/ws/porch", shown, None, settings, adopted)
        assert isinstance(waits, Wait)
        assert (waits.code, waits.known) == (4401, True)
        assert waits.reason == "another key: approve porch again, or give this board another id"


def test_where_nobody_is_approved_another_key_is_refused() -> None:
    settings = IngestSettings(cameras=CAMERAS, unknown_cameras=UnknownCameras.REJECT)
    refused = decide("/ws/porch", "Bearer another", None, settings, {"porch": "ab" * 32})
    assert isinstance(refused, Refuse)
    assert refused.code == 4401


def test_a_configured_camera_is_not_the_adopted_one_of_its_name() -> None:
    settings = IngestSettings(cameras=CAMERAS)
    refused = decide("/ws/locked", "Bearer its key", None, settings, {"locked": hashlib.sha256(b"its key").hexdigest()})
    assert isinstance(refused, Refuse)
    assert refused.code == 4401


def test_an_adopted_camera_shows_its_key_also_when_it_has_an_entry_without_a_token() -> None:
    settings = IngestSettings(cameras={"porch": CameraAccess()})
    adopted = {"porch": hashlib.sha256(b"its key").hexdigest()}
    assert decide("/ws/porch", "Bearer its key", None, settings, adopted) == Accept("porch", Admission.ANY)
    for other in (None, "Bearer another"):
        assert isinstance(decide("/ws/porch", other, None, settings, adopted), Wait)
    assert decide("/ws/porch", None, None, settings, {"porch": ""}) == Accept("porch", Admission.ANY)


def test_the_default_camera_is_unknown_once_another_was_adopted() -> None:
    assert decide("/ws", None, None, IngestSettings()) == Accept("camera", Admission.ANY)
    assert isinstance(decide("/ws", None, None, IngestSettings(), {"porch": ""}), Wait)


def test_an_unknown_camera_comes_in_where_all_are_accepted() -> None:
    settings = IngestSettings(cameras=CAMERAS, unknown_cameras=UnknownCameras.ACCEPT)
    assert decide("/ws/newcomer", None, None, settings) == Accept("newcomer", Admission.ANY)
    assert code("/ws/locked", None, settings) == 4401


def test_the_default_camera_exists_by_itself_only_while_none_is_configured() -> None:
    assert code("/ws", None, IngestSettings(unknown_cameras=UnknownCameras.REJECT)) == 0
    assert code("/ws/camera", None, IngestSettings(unknown_cameras=UnknownCameras.REJECT)) == 0
    assert code("/ws/other", None, IngestSettings(unknown_cameras=UnknownCameras.REJECT)) == 4404
    assert code("/ws", None, IngestSettings(cameras={"door": CameraAccess()})) == 4403


# --- plain requests ------------------------------------------------------------------------------------------------


def redirect_url(host: str) -> str:
    return f"http://{host}:8080/cameras/camera/stream.mjpg"


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("192.168.0.15:3001", "192.168.0.15"),
        ("Bridge.local", "bridge.local"),
        ("[fe80::1]:3001", "[fe80::1]"),
        ("[::1]", "[::1]"),
    ],
)
def test_a_browser_at_the_root_is_sent_to_the_live_stream_on_the_same_host(host: str, name: str) -> None:
    answer = answer_plain("/?from=bookmark", host, redirect_url)
    assert (answer.status, answer.location) == (302, f"http://{name}:8080/cameras/camera/stream.mjpg")


@pytest.mark.parametrize("host", [None, "", ":3001", "a b", "[::1", 'a"><script>', "a, b"])
def test_an_odd_host_is_sent_nowhere(host: str | None) -> None:
    assert answer_plain("/", host, redirect_url) == PlainAnswer(400, "The request lacks a usable Host header.\n")


@pytest.mark.parametrize(("path", "status"), [("/ws", 426), ("/ws/door?token=x", 426), ("/favicon.ico", 404)])
def test_other_plain_requests_hear_where_the_picture_is(path: str, status: int) -> None:
    answer = answer_plain(path, "host", redirect_url)
    assert (answer.status, answer.location) == (status, None)
    assert "Open / for the live picture" in answer.text


# --- all of it -----------------------------------------------------------------------------------------------------


@given(
    path=st.text(max_size=40) | st.from_regex(r"/ws(/[a-zA-Z0-9_%-]{0,40})?(\?token=.{0,20})?", fullmatch=True),
    authorization=st.none() | st.text(max_size=30) | st.from_regex(r"Bearer .{0,20}", fullmatch=True),
    origin=st.none() | st.text(max_size=200),
    policy=st.sampled_from(UnknownCameras),
)
def test_any_handshake_is_decided_with_a_reason_that_fits_a_close_frame(
    path: str, authorization: str | None, origin: str | None, policy: UnknownCameras
) -> None:
    longest = "x" * 32
    settings = IngestSettings(cameras={longest: CameraAccess("t")}, unknown_cameras=policy)
    decision = decide(path, authorization, origin, settings)
    if isinstance(decision, Refuse):
        assert 0 < len(decision.reason.encode()) <= MAX_REASON_BYTES


@pytest.mark.parametrize("policy", UnknownCameras)
def test_the_longest_name_fits_every_reason(policy: UnknownCameras) -> None:
    longest = "x" * 32
    settings = IngestSettings(cameras={longest: CameraAccess("t")}, unknown_cameras=policy)
    for path in (f"/ws/{longest}", f"/ws/{longest}?token=no", f"/ws/{'y' * 32}", f"/ws/{'ü' * 90}"):
        decision = decide(path, None, None, settings)
        if isinstance(decision, Refuse):
            assert len(decision.reason.encode()) <= MAX_REASON_BYTES


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.168.1.5:4001", "192.168.1.5:4001"),
        ("bridge.local", "bridge.local:3001"),
        ("[fe80::1]:4001", "[fe80::1]:4001"),
        ("[fe80::1]", "[fe80::1]:3001"),
        (None, None),
        ("", None),
        ("evil/..", None),
        ("host:port", None),
        ("host:99999", None),
        ("[::1", None),
        ("user@host name", None),
    ],
)
def test_a_camera_finds_its_image_where_it_found_the_bridge(host: str | None, address: str | None) -> None:
    assert address_dialled(host, 3001) == address
