"""``espcam-bridge simulate``: what it accepts, and what its cameras are called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.commands.simulate import SimulateOptions, camera_urls, run
from bridge.errors import UsageError
from bridge.simulate.faults import Faults
from bridge.simulate.twin import Looks


@pytest.mark.parametrize(
    ("url", "camera_id"),
    [
        ("ws://bridge:3001/ws/front_door", "front_door"),
        ("ws://bridge:3001/ws/front_door/", "front_door"),
        ("ws://192.168.0.15:3001/ws", "camera"),
        ("wss://[fe80::1]/ws/a?token=x", "a"),
        ("ws://proxy/espcam/ws/door", "door"),
    ],
)
def test_one_camera_dials_the_url_as_it_was_given(url: str, camera_id: str) -> None:
    assert camera_urls(url, 1) == {camera_id: url}


def test_several_cameras_are_numbered_after_the_id() -> None:
    assert camera_urls("ws://bridge:3001/ws/door?token=a%2Fb", 3) == {
        "door_1": "ws://bridge:3001/ws/door_1?token=a%2Fb",
        "door_2": "ws://bridge:3001/ws/door_2?token=a%2Fb",
        "door_3": "ws://bridge:3001/ws/door_3?token=a%2Fb",
    }


def test_several_cameras_on_a_url_without_an_id_get_one() -> None:
    assert list(camera_urls("ws://bridge:3001/ws", 2).values()) == [
        "ws://bridge:3001/ws/camera_1",
        "ws://bridge:3001/ws/camera_2",
    ]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "front_door",
        "http://bridge:3001/ws/door",
        "ws://bridge:3001",
        "ws://bridge:3001/",
        "ws://bridge:3001/camera/door",
        "ws://bridge:3001/ws/Front-Door",
        "ws://bridge:3001/ws/door/hall",
        f"ws://bridge:3001/ws/{'x' * 33}",
        "ws:///ws/door",
    ],
)
def test_what_is_no_camera_link_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(UsageError, match="write ws://HOST:3001/ws/ID"):
        camera_urls(url, 1)


@pytest.mark.parametrize("url", ["ws://bridge:port/ws/door", "ws://[bridge/ws/door", "ws://bridge:99999/ws/door"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="is no URL"):
        camera_urls(url, 1)


def test_a_numbered_id_must_not_grow_too_long() -> None:
    assert len(camera_urls(f"ws://bridge/ws/{'x' * 30}", 9)) == 9
    with pytest.raises(UsageError, match="at most 32 characters"):
        camera_urls(f"ws://bridge/ws/{'x' * 30}", 10)


@given(camera_id=st.from_regex(r"[a-z0-9_]{1,28}", fullmatch=True), cameras=st.integers(2, 64))
def test_every_camera_has_an_id_and_a_url_of_its_own(camera_id: str, cameras: int) -> None:
    urls = camera_urls(f"ws://bridge:3001/ws/{camera_id}", cameras)
    assert len(urls) == len(set(urls.values())) == cameras
    assert all(url.endswith(f"/ws/{name}") and len(name) <= 32 for name, url in urls.items())


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"cameras": 0}, "--cameras must be at least 1"),
        ({"fps": 0.0}, "--fps must be above 0"),
        ({"fps": -1.0}, "--fps must be above 0"),
        ({"duration_s": 0.0}, "--duration must be above 0"),
        ({"cameras": 2, "source": "webcam:0"}, "a webcam can play only one camera"),
        ({"legacy": True, "token": "secret"}, "--legacy sends no credentials"),
        ({"legacy": True, "url": "wss://bridge/ws"}, "--legacy speaks no TLS"),
        ({"legacy": True, "looks": Looks(deaf=True)}, "--legacy is a board of its own"),
        ({"legacy": True, "looks": Looks(faults=Faults(drop=0.5))}, "--legacy is a board of its own"),
        (
            {"looks": Looks(lacks=frozenset({"wings"}))},
            "--without wings: choose from framesize, quality, max_fps, flash",
        ),
    ],
)
def test_options_that_do_not_fit_together_are_refused(options: dict[str, object], problem: str) -> None:
    given_options: dict[str, object] = {"url": "ws://127.0.0.1:1/ws/door", "source": "nothing.mp4"} | options
    with pytest.raises(UsageError, match=problem):
        run(SimulateOptions(**given_options))  # type: ignore[arg-type]  # mixed types on purpose
