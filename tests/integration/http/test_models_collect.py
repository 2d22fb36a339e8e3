"""Frames for ``models export`` and ``models bench``, collected from a bridge's real web server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.commands.footage import Collector, FootageOptions, gather
from bridge.errors import SourceError
from bridge.frames.codec import decode

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.http.conftest import Site, SiteFactory

pytestmark = pytest.mark.integration


def collector(site: Site, folder: Path, told: list[str], on_turn: object = None, **options: str) -> Collector:
    url = f"http://127.0.0.1:{site.server.port}"
    sleep = on_turn if callable(on_turn) else lambda _: None
    return Collector(FootageOptions(bridge_url=url, collect_s=10, **options), folder, told.append, sleep=sleep)  # type: ignore[arg-type]


def test_every_camera_gives_pictures_as_it_sent_them_and_none_twice(site: Site, tmp_path: Path) -> None:
    site.store.add_camera("yard", name="Yard", offline_after_s=60.0)
    site.store.add_camera("gone", name="Gone", offline_after_s=60.0)
    shade = iter(range(0, 250, 10))

    def next_turn(_: float) -> None:
        site.send(next(shade), "door")

    site.send(255)
    sent = site.send(201, "yard").jpeg  # and nothing after it
    told: list[str] = []
    files = collector(site, tmp_path, told, next_turn).collect(9)
    assert sorted(file.name.split("-")[0] for file in files) == ["door", "door", "door", "yard"]
    assert next(file for file in files if file.name.startswith("yard")).read_bytes() == sent
    assert all(decode(file.read_bytes()).shape == (240, 320, 3) for file in files)
    assert told == ["collecting frames of door, yard, gone for 10 s"]


def test_a_camera_that_is_offline_gives_no_notice(site: Site, tmp_path: Path) -> None:
    assert collector(site, tmp_path, []).collect(3) == []


def test_the_token_and_the_password_open_the_door(make_site: SiteFactory, tmp_path: Path) -> None:
    site = make_site(password="geheim", api_token="abc")
    site.send()
    with pytest.raises(SourceError, match="answers 401 to /api/cameras: give --token or --password"):
        collector(site, tmp_path, []).collect(1)
    assert len(collector(site, tmp_path, [], token="abc").collect(1)) == 1
    assert len(collector(site, tmp_path, [], password="geheim").collect(1)) == 1
    url = f"http://admin:geheim@127.0.0.1:{site.server.port}/"
    assert len(gather(FootageOptions(bridge_url=url, collect_s=0.1), 1, tmp_path, print)) == 1


def test_a_bridge_that_is_not_there_is_said_in_one_line(free_port: int, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=rf"the bridge at http://127.0.0.1:{free_port} does not answer") as caught:
        gather(FootageOptions(bridge_url=f"http://127.0.0.1:{free_port}"), 1, tmp_path, print)
    assert "\n" not in str(caught.value)
