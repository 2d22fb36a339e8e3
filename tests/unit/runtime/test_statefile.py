from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.runtime.statefile import StateFile

_JSON = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
_NAMES = st.sampled_from(["controls", "offers", "front", "a b", ""])


def _written(path: Path, **sections: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"espcam_bridge_state": 1, "sections": sections}), encoding="utf-8")
    return path


# --- In memory -----------------------------------------------------------------------------------------------------


def test_what_is_put_is_there_at_once_and_none_forgets_it() -> None:
    state = StateFile(None)
    state.put("controls", "front", {"detect": False})
    assert state.section("controls") == {"front": {"detect": False}}
    state.put("controls", "front", None)
    state.put("controls", "back", None)
    assert state.section("controls") == {}
    assert state.section("never heard of") == {}


def test_nobody_changes_what_is_remembered_from_outside() -> None:
    state = StateFile(None)
    mine = {"names": ["VGA"]}
    state.put("offers", "front", mine)
    mine["names"].append("UXGA")
    state.section("offers")["front"]["names"].append("SVGA")
    assert state.section("offers") == {"front": {"names": ["VGA"]}}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}, b"bytes"])
def test_what_json_cannot_say_is_refused_at_the_door(value: object) -> None:
    state = StateFile(None)
    with pytest.raises(ValueError, match=r".+"):
        state.put("controls", "front", value)
    assert state.section("controls") == {}


def test_without_a_path_nothing_is_written_and_that_is_no_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    state = StateFile(None)
    state.put("controls", "front", 1)
    assert state.save()
    assert state.problem == ""
    assert list(tmp_path.iterdir()) == []


# --- On the disk ---------------------------------------------------------------------------------------------------


def test_the_next_run_knows_what_was_saved_and_not_what_was_only_put(tmp_path: Path) -> None:
    path = tmp_path / "not" / "yet" / "there" / "state.json"
    state = StateFile(path)
    assert state.problem == ""
    state.put("controls", "front", {"quality": 12})
    assert state.save()
    state.put("controls", "front", {"quality": 60})
    assert StateFile(path).section("controls") == {"front": {"quality": 12}}


@settings(max_examples=40, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.just("put"), _NAMES, _NAMES, st.none() | _JSON) | st.just(("save",)) | st.just(("restart",)),
        max_size=15,
    )
)
def test_a_restart_brings_back_exactly_the_last_save(steps: list[tuple[Any, ...]]) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        state = StateFile(folder / "state.json")
        now: dict[str, dict[str, Any]] = {}
        saved: dict[str, dict[str, Any]] = {}
        for step in [*steps, ("save",), ("restart",)]:
            match step:
                case ("put", section, key, value):
                    state.put(section, key, value)
                    now = {**now, section: {**now.get(section, {}), key: value}}
                case ("save",):
                    assert state.save()
                    saved = now
                case _:
                    state, now = StateFile(folder / "state.json"), saved
            for name, values in now.items():
                assert state.section(name) == {key: value for key, value in values.items() if value is not None}
    finally:
        shutil.rmtree(folder)


def test_a_true_that_becomes_a_one_is_a_change(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    state = StateFile(path)
    for value in ({"flash": True}, {"flash": 1}):
        state.put("controls", "front", value)
        state.save()
    assert StateFile(path).section("controls")["front"]["flash"] is not True


def test_only_a_change_is_written(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    state = StateFile(path)
    assert state.save()
    assert not path.exists()
    state.put("controls", "front", [1, 2])
    assert state.save()
    path.unlink()
    state.put("controls", "front", [1, 2])
    assert state.save()
    assert not path.exists()


def test_only_the_owner_may_read_it_whatever_lay_there_before(tmp_path: Path) -> None:
    path = _written(tmp_path / "state.json")
    path.chmod(0o644)
    state = StateFile(path)
    state.put("controls", "front", 1)
    assert state.save()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_nothing_else_is_left_in_the_folder_and_a_killed_runs_rest_goes(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    (tmp_path / "state.json.part").write_text("half a f")
    state = StateFile(path)
    state.put("controls", "front", 1)
    assert state.save()
    assert [file.name for file in tmp_path.iterdir()] == ["state.json"]


def test_a_link_stays_a_link_to_what_is_replaced(tmp_path: Path) -> None:
    real = _written(tmp_path / "real.json", controls={"front": 1})
    (link := tmp_path / "state.json").symlink_to(real)
    state = StateFile(link)
    state.put("controls", "back", 2)
    assert state.save()
    assert link.is_symlink()
    assert StateFile(real).section("controls") == {"front": 1, "back": 2}


def test_sections_of_a_newer_version_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text('{"espcam_bridge_state": 7, "sections": {"of 2031": {"key": [1, null]}, "controls": {}}}')
    state = StateFile(path)
    state.put("controls", "front", 1)
    assert state.save()
    assert json.loads(path.read_text()) == {
        "espcam_bridge_state": 7,
        "sections": {"of 2031": {"key": [1, None]}, "controls": {"front": 1}},
    }


# --- Damage and trouble --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "contents",
    [
        b"",
        b"\x00" * 512,
        b"\xff\xfe{}",
        b'{"espcam_bridge_state": 1, "sections": {"controls": {"front": 1',
        b'{"espcam_bridge_state": 1, "sections": {"controls": {"front": NaN}}}',
        b'{"espcam_bridge_state": 1, "sections": {"controls": [1]}}',
        b'{"espcam_bridge_state": 1}',
        b'{"espcam_bridge_state": true, "sections": {}}',
        b'{"name": "somebody else\'s"}',
        b"[1, 2]",
        b"[" * 100_000,
        b"9" * 10_000,
        b'{"espcam_bridge_state": 1, "sections": {}}' + b" " * (16 * 1024 * 1024),
    ],
    ids=lambda contents: f"{contents[:30]!r}, {len(contents)}",
)
def test_a_damaged_or_foreign_file_is_moved_aside_loudly_and_the_bridge_begins_anew(
    contents: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(contents)
    state = StateFile(path)
    assert "is now state.json.damaged" in caplog.text
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert (tmp_path / "state.json.damaged").read_bytes() == contents
    state.put("controls", "front", 1)
    assert state.save()
    assert state.problem == ""
    assert StateFile(path).section("controls") == {"front": 1}


@given(contents=st.binary(max_size=60))
@settings(max_examples=40, deadline=None)
def test_no_rubbish_stops_the_bridge(contents: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.json"
        path.write_bytes(contents)
        state = StateFile(path)
        state.put("controls", "front", 1)
        assert state.save()


def test_every_damaged_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    for contents in ("first", "second", "third"):
        path.write_text(contents)
        StateFile(path)
    aside = sorted(file for file in tmp_path.iterdir())
    assert [(file.name, file.read_text()) for file in aside] == [
        ("state.json.damaged", "first"),
        ("state.json.damaged-2", "second"),
        ("state.json.damaged-3", "third"),
    ]


def test_what_cannot_be_read_is_never_written_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "state.json"
    os.mkfifo(path)  # reading it would wait for ever
    state = StateFile(path)
    state.put("controls", "front", 1)
    assert not state.save()
    assert not state.save()
    assert state.section("controls") == {"front": 1}
    assert str(path) in state.problem
    assert "start the bridge again" in state.problem
    assert len(caplog.records) == 1
    assert stat.S_ISFIFO(path.stat().st_mode)


_AS_NOBODY = """
import os, sys
from pathlib import Path
from bridge.runtime.statefile import StateFile
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
state = StateFile(Path(sys.argv[1]))
state.put("controls", "front", 1)
print(state.save(), state.problem)
"""


@pytest.mark.parametrize(
    ("contents", "mode"), [('{"espcam_bridge_state": 1, "sections": {}}', 0o000), ("rubbish", 0o444)]
)
def test_a_file_that_permissions_keep_from_us_stays_as_it_is_and_the_mend_is_said(contents: str, mode: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.json"
        path.write_text(contents)
        path.chmod(mode)
        Path(folder).chmod(0o555)
        said = _python(_AS_NOBODY, path).stdout
        assert said.startswith("False ")
        assert "let the bridge's user read and write there" in said
        Path(folder).chmod(0o755)
        path.chmod(0o600)
        assert [(file.name, file.read_text()) for file in Path(folder).iterdir()] == [("state.json", contents)]


def test_a_failure_is_logged_once_until_it_works_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    folder = tmp_path / "folder"
    folder.mkdir()
    state = StateFile(folder / "state.json")
    for _outage in range(2):
        folder.rmdir()
        folder.write_text("a file where the folder was")
        for value in range(3):
            state.put("controls", "front", value + 10 * _outage)
            assert not state.save()
        assert str(folder) in state.problem
        folder.unlink()
        assert state.save()
        assert state.problem == ""
        assert state.save()
        (folder / "state.json").unlink()
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.INFO] * 2


_TOO_BIG = """
import resource, sys
from pathlib import Path
from bridge.runtime.statefile import StateFile
state = StateFile(Path(sys.argv[1]))
state.put("controls", "front", "small")
assert state.save()
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
state.put("controls", "front", "x" * 10_000)
print(state.save(), state.problem)
"""


def test_a_disk_that_takes_only_a_part_leaves_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    assert _python(_TOO_BIG, path).stdout.startswith(f"False {path} cannot be written: File too large")
    assert [file.name for file in tmp_path.iterdir()] == ["state.json"]
    assert StateFile(path).section("controls") == {"front": "small"}


_SAVE_FOR_EVER = """
import itertools, sys
from pathlib import Path
from bridge.runtime.statefile import StateFile
state = StateFile(Path(sys.argv[1]))
print("ready", flush=True)
for number in itertools.count(state.section("numbers").get("first", 0) + 1):
    state.put("numbers", "first", number)
    state.put("filling", "text", "x" * (number % 50_000))
    state.put("numbers", "second", number)
    assert state.save(), state.problem
"""


def test_a_kill_at_any_moment_leaves_a_whole_file_of_one_save(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    last = 0
    for run in range(8):
        process = subprocess.Popen([sys.executable, "-c", _SAVE_FOR_EVER, path], stdout=subprocess.PIPE)
        with process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.03 + run * 0.0137)
            process.send_signal(signal.SIGKILL)
        numbers = StateFile(path).section("numbers")
        assert not list(tmp_path.glob("*.damaged*"))
        if numbers:
            assert numbers["first"] == numbers["second"] >= last
            last = numbers["first"]
    assert last > 0


def test_threads_that_put_and_save_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    state = StateFile(path)

    def work(name: str) -> None:
        for number in range(25):
            state.put("controls", f"{name}-{number}", number)
            assert state.save()
            assert state.section("controls")[f"{name}-{number}"] == number

    threads = [threading.Thread(target=work, args=(f"thread{index}",)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(StateFile(path).section("controls")) == 100


def _python(code: str, *args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
