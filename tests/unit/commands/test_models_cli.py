from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from bridge.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """The command sets up the logs of its process, which here is pytest's."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


@pytest.fixture(autouse=True)
def _no_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPCAM_BRIDGE_MODELS", str(tmp_path / "none"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["models"], "required: ACTION"),
        (["models", "export"], "required: MODEL"),
        (["models", "export", "m", "--size", "333"], "must be a multiple of 32"),
        (["models", "export", "m", "--aspect", "wide"], "must be WIDTH:HEIGHT"),
        (["models", "export", "m", "--aspect", "4:0"], "must be WIDTH:HEIGHT"),
        (["models", "export", "m", "--precision", "int4"], "invalid choice"),
        (["models", "bench", "--sizes", "640,100"], "must be a multiple of 32"),
    ],
)
def test_wrong_usage_says_what_is_allowed(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert said in capsys.readouterr().err


def test_the_actions_say_what_they_lack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list"]) == 0
    assert "* starter_int8" in capsys.readouterr().out
    assert main(["models", "bench"]) == 2
    assert "--frames PATH, or --bridge URL" in capsys.readouterr().err
    assert main(["models", "bench", "--no-accuracy", "--model", "yolo11n"]) == 1
    assert "there is no model yolo11n on this machine" in capsys.readouterr().err
    assert main(["models", "export", str(tmp_path / "none.pt")]) == 1
    assert "there is no model at" in capsys.readouterr().err
