"""A configuration file in a folder of its own, and what the loader says about it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bridge.config.loader import load_config
from bridge.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.config.schema import Config

EXAMPLE = Path(__file__).parents[3] / "config" / "espcam-bridge.example.yaml"


class Files:
    """Writes ``espcam-bridge.yaml`` (and ``secrets.yaml``) and loads it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "espcam-bridge.yaml"

    def load(
        self, text: str | bytes, environ: Mapping[str, str] | None = None, secrets: str | bytes | None = None
    ) -> Config:
        self.path.write_bytes(text.encode() if isinstance(text, str) else text)
        if secrets is not None:
            (self.folder / "secrets.yaml").write_bytes(secrets.encode() if isinstance(secrets, str) else secrets)
        return load_config(self.path, environ or {})

    def tried(self, text: str | bytes) -> tuple[str, ...]:
        """The problems, if any; anything but settings or problems fails."""
        try:
            self.load(text)
        except ConfigError as error:
            return error.problems
        return ()

    def problems(
        self, text: str | bytes, environ: Mapping[str, str] | None = None, secrets: str | bytes | None = None
    ) -> list[str]:
        """Every problem, without the folder's name; fails when there is none."""
        with pytest.raises(ConfigError) as caught:
            self.load(text, environ, secrets)
        return [problem.replace(f"{self.folder}/", "") for problem in caught.value.problems]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.fixture(scope="session")
def example_text() -> str:
    return EXAMPLE.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def full_text(example_text: str) -> str:
    """The example with every option switched on and the explanations left out."""
    switched_on = re.sub(r"(?m)^( *)#(?=[a-z-])", r"\1", example_text)
    return "".join(f"{line}\n" for line in switched_on.splitlines() if line and not line.lstrip().startswith("#"))
