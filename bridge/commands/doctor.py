"""``espcam-bridge doctor``: what keeps the bridge from working, one line a finding, with its mend."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from bridge import wiring
from bridge.config.loader import find_config, load_config
from bridge.doctor.door import Door
from bridge.doctor.examination import Case, Examination
from bridge.doctor.findings import Finding, Level, exit_code
from bridge.doctor.machine import Place
from bridge.doctor.ports import Port
from bridge.history.database import file_of
from bridge.publish.mqtt import PahoConnection
from bridge.serve.origin import is_loopback
from bridge.serve.password import is_hash

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.config.schema import Config


@dataclass(frozen=True, slots=True)
class DoctorOptions:
    """What the command line asks for.

    Attributes:
        config: the file that ``-c`` names; None looks in the usual places.
        fix: clear stale topics, after asking.
        yes: do not ask.
        as_json: one JSON object instead of lines.
    """

    config: Path | None = None
    fix: bool = False
    yes: bool = False
    as_json: bool = False


def run(options: DoctorOptions, environ: Mapping[str, str], out: TextIO) -> int:
    """Examine, tell, and clear what is stale where that is wanted.

    Returns:
        0: fine, or nothing but notes and warnings; 1: an error was found, or something could not be cleared.

    Raises:
        ConfigError: the configuration is wrong.
    """
    file = find_config(options.config, environ, Path())
    config = load_config(file, environ)
    report = _Report(out, as_json=options.as_json)
    report.add(Finding(Level.OK, "configuration", str(file or "none found, the defaults apply")))
    examination = Examination(case_of(config, environ), PahoConnection)
    for finding in examination.findings():
        report.add(finding)
    topics = examination.verdict.topics
    if topics and options.fix and _agreed(topics, options, out):
        for finding in examination.cure():
            report.add(finding)
    report.end(topics)
    return exit_code(report.findings)


def case_of(config: Config, environ: Mapping[str, str]) -> Case:
    """What there is to examine of a configuration."""
    accepts = config.ingest.unknown_cameras == "accept"
    return Case(
        publish=wiring.publish_settings(config),
        cameras=tuple(wiring.published_camera(camera) for camera in config.first_cameras()),
        accepted=(lambda camera_id: wiring.published_camera(config.camera_for(camera_id))) if accepts else None,
        biggest_bytes=config.ingest.max_frame_bytes,
        ports=(
            Port("ingest", config.ingest.host, config.ingest.port, config.ingest.tls.enabled),
            Port("http", config.http.host, config.http.port, config.http.tls.enabled),
        ),
        detector=wiring.detector_settings(config),
        places=_places(config),
        door=_door(config),
        environ=environ,
    )


def _door(config: Config) -> Door:
    http = wiring.http_settings(config)
    return Door(
        closed=any((http.password, http.api_token, http.viewer_password, http.viewer_token)),
        hashed=all(is_hash(password) for password in (http.password, http.viewer_password) if password),
        reached_by_others=not is_loopback(http.host),
    )


def _places(config: Config) -> tuple[Place, ...]:
    state = Place(config.state_file, "state", "state_file")
    if not config.history.enabled:
        return (state,)
    database = file_of(config.history.url.get_secret_value())
    pictures = Place(config.history.media_dir, "pictures of events", "history.media_dir")
    return (state, Place(database, "history", "history.url"), pictures) if database else (state, pictures)


class _Report:
    """Tells findings as they come, or all at the end."""

    def __init__(self, out: TextIO, *, as_json: bool) -> None:
        self.findings: list[Finding] = []
        self._out = out
        self._as_json = as_json

    def add(self, finding: Finding) -> None:
        """Tell one."""
        self.findings.append(finding)
        if not self._as_json:
            print(finding, file=self._out, flush=True)

    def end(self, stale: tuple[str, ...]) -> None:
        """Nothing more comes."""
        if self._as_json:
            told = {"findings": [finding.as_json() for finding in self.findings], "stale": stale}
            print(json.dumps(told, indent=2, ensure_ascii=False), file=self._out)


def _agreed(topics: tuple[str, ...], options: DoctorOptions, out: TextIO) -> bool:
    """Whether these may be cleared; what is cleared is gone."""
    if options.yes:
        return True
    if options.as_json or not sys.stdin.isatty():
        print("nothing was cleared: nobody can be asked here; --yes clears without asking", file=sys.stderr)
        return False
    print("\n".join(f"  {topic}" for topic in topics), file=out)
    return input(f"clear these {len(topics)} topics? [y/N] ").strip().lower() in {"y", "yes"}
